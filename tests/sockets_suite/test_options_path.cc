// Options that one address of the peer's may have of its own, and SCTP_DELAYED_SACK beside them.
#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "path options";

CASE("SCTP_PEER_ADDR_PARAMS: defaults") {
  const auto info = get<sctp_paddrparams>(make(), SCTP_PEER_ADDR_PARAMS);
  EQUAL(info.spp_hbinterval, 30'000);
  EQUAL(info.spp_pathmaxrxt, 5);
  EQUAL(info.spp_sackdelay, 200);
  EQUAL(info.spp_flags & SPP_HB, SPP_HB_ENABLE);
  EQUAL(info.spp_flags & SPP_PMTUD, SPP_PMTUD_ENABLE);
  EQUAL(info.spp_flags & SPP_SACKDELAY, SPP_SACKDELAY_ENABLE);
}

CASE("SCTP_PEER_ADDR_PARAMS: set and read back") {
  const int fd = make();
  sctp_paddrparams info{};
  info.spp_hbinterval = 7000;
  info.spp_pathmaxrxt = 3;
  info.spp_flags = SPP_HB_ENABLE;
  OK(put(fd, SCTP_PEER_ADDR_PARAMS, info));
  info = get<sctp_paddrparams>(fd, SCTP_PEER_ADDR_PARAMS);
  EQUAL(info.spp_hbinterval, 7000);
  EQUAL(info.spp_pathmaxrxt, 3);
}

CASE("SCTP_PEER_ADDR_PARAMS: no heartbeats") {
  const int fd = make();
  sctp_paddrparams info{};
  info.spp_flags = SPP_HB_DISABLE;
  OK(put(fd, SCTP_PEER_ADDR_PARAMS, info));
  EQUAL(get<sctp_paddrparams>(fd, SCTP_PEER_ADDR_PARAMS).spp_flags & SPP_HB, SPP_HB_DISABLE);
}

CASE("SCTP_PEER_ADDR_PARAMS: heartbeats come back with the interval that they had") {
  const int fd = make();
  sctp_paddrparams info{};
  info.spp_flags = SPP_HB_ENABLE;
  info.spp_hbinterval = 7000;
  OK(put(fd, SCTP_PEER_ADDR_PARAMS, info));
  info = {};
  info.spp_flags = SPP_HB_DISABLE;
  OK(put(fd, SCTP_PEER_ADDR_PARAMS, info));
  EQUAL(get<sctp_paddrparams>(fd, SCTP_PEER_ADDR_PARAMS).spp_hbinterval, 7000);
  info = {};
  info.spp_flags = SPP_HB_ENABLE;
  OK(put(fd, SCTP_PEER_ADDR_PARAMS, info));
  info = get<sctp_paddrparams>(fd, SCTP_PEER_ADDR_PARAMS);
  EQUAL(info.spp_flags & SPP_HB, SPP_HB_ENABLE);
  EQUAL(info.spp_hbinterval, 7000);
}

CASE("SCTP_PEER_ADDR_PARAMS: each address keeps its interval when heartbeats come back") {
  const Pair two = pair();
  sctp_paddrparams own{};
  const Address peer = peer_of(two.client);
  memcpy(&own.spp_address, &peer.storage, sizeof own.spp_address);
  own.spp_flags = SPP_HB_ENABLE;
  own.spp_hbinterval = 9000;
  OK(put(two.client, SCTP_PEER_ADDR_PARAMS, own));
  for (const unsigned flag : {SPP_HB_DISABLE, SPP_HB_ENABLE}) {
    sctp_paddrparams all{};
    all.spp_flags = flag;
    OK(put(two.client, SCTP_PEER_ADDR_PARAMS, all));
    EQUAL(get(two.client, SCTP_PEER_ADDR_PARAMS, own).spp_flags & SPP_HB, flag);
  }
  EQUAL(get(two.client, SCTP_PEER_ADDR_PARAMS, own).spp_hbinterval, 9000);
  EQUAL(get<sctp_paddrparams>(two.client, SCTP_PEER_ADDR_PARAMS).spp_hbinterval, 30'000);
}

CASE("SCTP_PEER_ADDR_PARAMS: an interval of 0 has a flag of its own") {
  const int fd = make();
  sctp_paddrparams info{};
  info.spp_flags = SPP_HB_TIME_IS_ZERO;
  OK(put(fd, SCTP_PEER_ADDR_PARAMS, info));
  EQUAL(get<sctp_paddrparams>(fd, SCTP_PEER_ADDR_PARAMS).spp_hbinterval, 30'000);
  info.spp_flags = SPP_HB_ENABLE | SPP_HB_TIME_IS_ZERO;
  OK(put(fd, SCTP_PEER_ADDR_PARAMS, info));
  info = get<sctp_paddrparams>(fd, SCTP_PEER_ADDR_PARAMS);
  EQUAL(info.spp_hbinterval, 0);
  EQUAL(info.spp_flags & SPP_HB, SPP_HB_ENABLE);
}

CASE("SCTP_PEER_ADDR_PARAMS: SACKs are delayed again as they were") {
  const int fd = make();
  OK(put(fd, SCTP_DELAYED_SACK, sctp_sack_info{0, 80, 3}));
  sctp_paddrparams info{};
  info.spp_flags = SPP_SACKDELAY_DISABLE;
  OK(put(fd, SCTP_PEER_ADDR_PARAMS, info));
  info = get<sctp_paddrparams>(fd, SCTP_PEER_ADDR_PARAMS);
  EQUAL(info.spp_flags & SPP_SACKDELAY, SPP_SACKDELAY_DISABLE);
  auto sacks = get<sctp_sack_info>(fd, SCTP_DELAYED_SACK);
  EQUAL(sacks.sack_delay, 0);
  EQUAL(sacks.sack_freq, 1);
  info = {};
  info.spp_flags = SPP_SACKDELAY_ENABLE;
  OK(put(fd, SCTP_PEER_ADDR_PARAMS, info));
  info = get<sctp_paddrparams>(fd, SCTP_PEER_ADDR_PARAMS);
  EQUAL(info.spp_flags & SPP_SACKDELAY, SPP_SACKDELAY_ENABLE);
  EQUAL(info.spp_sackdelay, 80);
  sacks = get<sctp_sack_info>(fd, SCTP_DELAYED_SACK);
  EQUAL(sacks.sack_delay, 80);
  EQUAL(sacks.sack_freq, 3);
}

CASE("SCTP_PEER_ADDR_PARAMS: flags that contradict each other") {
  for (const unsigned flags : {SPP_HB, SPP_PMTUD, SPP_SACKDELAY}) {
    sctp_paddrparams info{};
    info.spp_flags = flags;
    FAILS(put(make(), SCTP_PEER_ADDR_PARAMS, info), EINVAL);
  }
}

CASE("SCTP_PEER_ADDR_PARAMS: a delay that is too long") {
  sctp_paddrparams info{};
  info.spp_flags = SPP_SACKDELAY_ENABLE;
  info.spp_sackdelay = 501;
  FAILS(put(make(), SCTP_PEER_ADDR_PARAMS, info), EINVAL);
}

CASE("SCTP_PEER_ADDR_PARAMS of one address of the peer's") {
  const Pair two = pair();
  sctp_paddrparams info{};
  const Address peer = peer_of(two.client);
  memcpy(&info.spp_address, &peer.storage, sizeof info.spp_address);
  info.spp_pathmaxrxt = 2;
  OK(put(two.client, SCTP_PEER_ADDR_PARAMS, info));
  EQUAL(get(two.client, SCTP_PEER_ADDR_PARAMS, info).spp_pathmaxrxt, 2);
  const Address other = at(kNowhere, peer.port());
  memcpy(&info.spp_address, &other.storage, sizeof info.spp_address);
  FAILS(put(two.client, SCTP_PEER_ADDR_PARAMS, info), EINVAL);
}

CASE("SCTP_PEER_ADDR_THLDS: set and read back") {
  const int fd = make();
  sctp_paddrthlds info{};
  info.spt_pathmaxrxt = 4;
  info.spt_pathpfthld = 1;
  OK(put(fd, SCTP_PEER_ADDR_THLDS, info));
  const auto got = get<sctp_paddrthlds>(fd, SCTP_PEER_ADDR_THLDS);
  EQUAL(got.spt_pathmaxrxt, 4);
  EQUAL(got.spt_pathpfthld, 1);
}

CASE("SCTP_PEER_ADDR_THLDS_V2: set, read back, and in order") {
  const int fd = make();
  auto info = get<sctp_paddrthlds_v2>(fd, SCTP_PEER_ADDR_THLDS_V2);
  EQUAL(info.spt_pathmaxrxt, 5);
  EQUAL(info.spt_pathcpthld, 65535);
  info.spt_pathmaxrxt = 4;
  info.spt_pathpfthld = 1;
  info.spt_pathcpthld = 2;
  OK(put(fd, SCTP_PEER_ADDR_THLDS_V2, info));
  info = get<sctp_paddrthlds_v2>(fd, SCTP_PEER_ADDR_THLDS_V2);
  EQUAL(info.spt_pathmaxrxt, 4);
  EQUAL(info.spt_pathpfthld, 1);
  EQUAL(info.spt_pathcpthld, 2);
  info.spt_pathpfthld = 3;
  FAILS(put(fd, SCTP_PEER_ADDR_THLDS_V2, info), EINVAL);
}

CASE("SCTP_EXPOSE_POTENTIALLY_FAILED_STATE has three values") {
  const int fd = make();
  auto value = get<sctp_assoc_value>(fd, SCTP_EXPOSE_POTENTIALLY_FAILED_STATE);
  EQUAL(value.assoc_value, 0);
  for (const unsigned number : {1u, 2u}) {
    value.assoc_value = number;
    OK(put(fd, SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, value));
    EQUAL(get<sctp_assoc_value>(fd, SCTP_EXPOSE_POTENTIALLY_FAILED_STATE).assoc_value, number);
  }
  value.assoc_value = 3;
  FAILS(put(fd, SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, value), EINVAL);
}

CASE("SCTP_DELAYED_SACK: defaults, both layouts") {
  const int fd = make();
  const auto info = get<sctp_sack_info>(fd, SCTP_DELAYED_SACK);
  EQUAL(info.sack_delay, 200);
  EQUAL(info.sack_freq, 2);
  EQUAL(get<sctp_assoc_value>(fd, SCTP_DELAYED_SACK).assoc_value, 200);
}

CASE("SCTP_DELAYED_SACK: set and read back") {
  const int fd = make();
  OK(put(fd, SCTP_DELAYED_SACK, sctp_sack_info{0, 50, 3}));
  auto info = get<sctp_sack_info>(fd, SCTP_DELAYED_SACK);
  EQUAL(info.sack_delay, 50);
  EQUAL(info.sack_freq, 3);
  FAILS(put(fd, SCTP_DELAYED_SACK, sctp_sack_info{0, 501, 3}), EINVAL);
}

CASE("SCTP_DELAYED_SACK: a frequency of 1 is no delay, and a delay brings the frequency back") {
  const int fd = make();
  OK(put(fd, SCTP_DELAYED_SACK, sctp_sack_info{0, 50, 3}));
  OK(put(fd, SCTP_DELAYED_SACK, sctp_sack_info{0, 0, 1}));
  auto info = get<sctp_sack_info>(fd, SCTP_DELAYED_SACK);
  EQUAL(info.sack_freq, 1);
  EQUAL(info.sack_delay, 0);
  EQUAL(get<sctp_paddrparams>(fd, SCTP_PEER_ADDR_PARAMS).spp_flags & SPP_SACKDELAY,
        SPP_SACKDELAY_DISABLE);
  OK(put(fd, SCTP_DELAYED_SACK, sctp_sack_info{0, 90, 0}));
  info = get<sctp_sack_info>(fd, SCTP_DELAYED_SACK);
  EQUAL(info.sack_freq, 3);
  EQUAL(info.sack_delay, 90);
}

CASE("SCTP_DELAYED_SACK: nothing is changed by nothing") {
  const int fd = make();
  OK(put(fd, SCTP_DELAYED_SACK, sctp_sack_info{0, 0, 1}));
  OK(put(fd, SCTP_DELAYED_SACK, sctp_sack_info{0, 0, 0}));
  EQUAL(get<sctp_sack_info>(fd, SCTP_DELAYED_SACK).sack_freq, 1);
}

CASE("SCTP_DELAYED_SACK in the older layout: 0 is no delay, and another number a delay alone") {
  const int fd = make();
  OK(put(fd, SCTP_DELAYED_SACK, sctp_sack_info{0, 50, 3}));
  OK(put(fd, SCTP_DELAYED_SACK, sctp_assoc_value{0, 0}));
  EQUAL(get<sctp_assoc_value>(fd, SCTP_DELAYED_SACK).assoc_value, 0);
  OK(put(fd, SCTP_DELAYED_SACK, sctp_assoc_value{0, 100}));
  const auto info = get<sctp_sack_info>(fd, SCTP_DELAYED_SACK);
  EQUAL(info.sack_delay, 100);
  EQUAL(info.sack_freq, 3);
}

CASE("SCTP_PEER_ADDR_PARAMS: more than 255 retransmissions") {
  sctp_paddrparams wanted{};
  wanted.spp_pathmaxrxt = 300;
  OK(put(make(), SCTP_PEER_ADDR_PARAMS, wanted));
}

CASE("SCTP_PEER_ADDR_PARAMS: heartbeats more than a day apart") {
  sctp_paddrparams wanted{};
  wanted.spp_flags = SPP_HB_ENABLE;
  wanted.spp_hbinterval = 100'000'000;
  OK(put(make(), SCTP_PEER_ADDR_PARAMS, wanted));
}

CASE("SCTP_DELAYED_SACK: for more than 255 packets") {
  OK(put(make(), SCTP_DELAYED_SACK, sctp_sack_info{0, 0, 300}));
}
