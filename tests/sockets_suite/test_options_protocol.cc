// Options that are the protocol's parameters of an association, and what goes with messages.
#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "protocol options";

CASE("SCTP_RTOINFO: the first timeout") {
  EQUAL(get<sctp_rtoinfo>(make(), SCTP_RTOINFO).srto_initial, 3000);
}

CASE("SCTP_RTOINFO: defaults, set and read back") {
  const int fd = make();
  auto info = get<sctp_rtoinfo>(fd, SCTP_RTOINFO);
  EQUAL(info.srto_max, 60'000);
  EQUAL(info.srto_min, 1000);
  OK(put(fd, SCTP_RTOINFO, sctp_rtoinfo{0, 500, 2000, 100}));
  info = get<sctp_rtoinfo>(fd, SCTP_RTOINFO);
  EQUAL(info.srto_initial, 500);
  EQUAL(info.srto_max, 2000);
  EQUAL(info.srto_min, 100);
}

CASE("SCTP_RTOINFO: 0 changes nothing") {
  const int fd = make();
  OK(put(fd, SCTP_RTOINFO, sctp_rtoinfo{0, 4000, 0, 0}));
  const auto info = get<sctp_rtoinfo>(fd, SCTP_RTOINFO);
  EQUAL(info.srto_initial, 4000);
  EQUAL(info.srto_max, 60'000);
}

CASE("SCTP_RTOINFO: the least above the most") {
  FAILS(put(make(), SCTP_RTOINFO, sctp_rtoinfo{0, 0, 100, 500}), EINVAL);
}

CASE("SCTP_RTOINFO of an association") {
  const Many two = many();
  OK(put(two.client, SCTP_RTOINFO, sctp_rtoinfo{two.client_id, 0, 0, 400}));
  EQUAL(get(two.client, SCTP_RTOINFO, sctp_rtoinfo{two.client_id, 0, 0, 0}).srto_min, 400);
  EQUAL(get<sctp_rtoinfo>(two.client, SCTP_RTOINFO).srto_min, 1000);
  FAILS(put(two.client, SCTP_RTOINFO, sctp_rtoinfo{5000, 0, 0, 400}), EINVAL);
}

CASE("SCTP_ASSOCINFO: defaults, set and read back") {
  const int fd = make();
  auto info = get<sctp_assocparams>(fd, SCTP_ASSOCINFO);
  EQUAL(info.sasoc_asocmaxrxt, 10);
  EQUAL(info.sasoc_cookie_life, 60'000);
  EQUAL(info.sasoc_number_peer_destinations, 0);
  info = {};
  info.sasoc_asocmaxrxt = 5;
  info.sasoc_cookie_life = 20'000;
  OK(put(fd, SCTP_ASSOCINFO, info));
  info = get<sctp_assocparams>(fd, SCTP_ASSOCINFO);
  EQUAL(info.sasoc_asocmaxrxt, 5);
  EQUAL(info.sasoc_cookie_life, 20'000);
}

CASE("SCTP_ASSOCINFO: more than 255 retransmissions") {
  sctp_assocparams info{};
  info.sasoc_asocmaxrxt = 300;
  OK(put(make(), SCTP_ASSOCINFO, info));
}

CASE("SCTP_ASSOCINFO: a cookie that lives for more than an hour") {
  sctp_assocparams info{};
  info.sasoc_cookie_life = 2 * 3'600'000;
  OK(put(make(), SCTP_ASSOCINFO, info));
}

CASE("SCTP_RTOINFO: more than a day") {
  OK(put(make(), SCTP_RTOINFO, sctp_rtoinfo{0, 0, 100'000'000, 0}));
}

CASE("SCTP_ASSOCINFO of an association tells the peer's window and addresses") {
  const Pair two = pair();
  const auto info = get<sctp_assocparams>(two.client, SCTP_ASSOCINFO);
  CHECK(info.sasoc_number_peer_destinations >= 1);
  CHECK(info.sasoc_peer_rwnd > 0);
  CHECK(info.sasoc_local_rwnd > 0);
}

CASE("SCTP_INITMSG: how many streams are asked for and allowed") {
  const auto init = get<sctp_initmsg>(make(), SCTP_INITMSG);
  EQUAL(init.sinit_num_ostreams, 10);
  EQUAL(init.sinit_max_instreams, 65535);
}

CASE("SCTP_INITMSG: defaults, set and read back") {
  const int fd = make();
  auto init = get<sctp_initmsg>(fd, SCTP_INITMSG);
  EQUAL(init.sinit_max_attempts, 8);
  EQUAL(init.sinit_max_init_timeo, 60'000);
  OK(put(fd, SCTP_INITMSG, sctp_initmsg{3, 4, 5, 600}));
  init = get<sctp_initmsg>(fd, SCTP_INITMSG);
  EQUAL(init.sinit_num_ostreams, 3);
  EQUAL(init.sinit_max_instreams, 4);
  EQUAL(init.sinit_max_attempts, 5);
  EQUAL(init.sinit_max_init_timeo, 600);
}

CASE("SCTP_INITMSG decides how many streams there are") {
  const int listener = make();
  OK(put(listener, SCTP_INITMSG, sctp_initmsg{6, 3, 0, 0}));
  OK(listen(listener, 1));
  const int fd = make();
  OK(put(fd, SCTP_INITMSG, sctp_initmsg{9, 2, 0, 0}));
  OK(connect_to(fd, at(kLoopback, name_of(listener).port())));
  const auto status = get<sctp_status>(fd, SCTP_STATUS);
  EQUAL(status.sstat_outstrms, 3);
  EQUAL(status.sstat_instrms, 2);
}

CASE("SCTP_STATUS tells what an association is") {
  const Pair two = pair();
  const auto status = get<sctp_status>(two.client, SCTP_STATUS);
  EQUAL(status.sstat_state, SCTP_ESTABLISHED);
  CHECK(status.sstat_rwnd > 0);
  EQUAL(status.sstat_unackdata, 0);
  EQUAL(status.sstat_penddata, 0);
  EQUAL(status.sstat_primary.spinfo_state, SCTP_ACTIVE);
  CHECK(status.sstat_fragmentation_point > 0);
  CHECK(status.sstat_primary.spinfo_cwnd > 0);
}

CASE("SCTP_STATUS of nobody") {
  sctp_status status{};
  socklen_t length = sizeof status;
  FAILS(getsockopt(make(), IPPROTO_SCTP, SCTP_STATUS, &status, &length), EINVAL);
  FAILS(getsockopt(make(SOCK_SEQPACKET), IPPROTO_SCTP, SCTP_STATUS, &status, &length), EINVAL);
}

CASE("SCTP_STATUS cannot be set") {
  const Pair two = pair();
  FAILS(put(two.client, SCTP_STATUS, sctp_status{}), ENOPROTOOPT);
}

CASE("SCTP_GET_PEER_ADDR_INFO") {
  const Pair two = pair();
  sctp_paddrinfo wanted{};
  const Address peer = peer_of(two.client);
  memcpy(&wanted.spinfo_address, &peer.storage, sizeof wanted.spinfo_address);
  const auto info = get(two.client, SCTP_GET_PEER_ADDR_INFO, wanted);
  EQUAL(info.spinfo_state, SCTP_ACTIVE);
  CHECK(info.spinfo_mtu > 0 && info.spinfo_cwnd > 0 && info.spinfo_rto > 0);
  const Address other = at(kNowhere, peer.port());
  memcpy(&wanted.spinfo_address, &other.storage, sizeof wanted.spinfo_address);
  socklen_t length = sizeof wanted;
  FAILS(getsockopt(two.client, IPPROTO_SCTP, SCTP_GET_PEER_ADDR_INFO, &wanted, &length), EINVAL);
}

CASE("SCTP_PRIMARY_ADDR is told and set") {
  const int listener = listening(SOCK_STREAM, at("0.0.0.0"));
  const int fd = make();
  OK(connect_to(fd, at(kFirst, name_of(listener).port())));
  auto primary = get<sctp_prim>(fd, SCTP_PRIMARY_ADDR);
  Address address;
  memcpy(&address.storage, &primary.ssp_addr, sizeof address.storage);
  CHECK(address.is(kFirst));
  address = at(kSecond, name_of(listener).port());
  memcpy(&primary.ssp_addr, &address.storage, sizeof address.storage);
  OK(put(fd, SCTP_PRIMARY_ADDR, primary));
  primary = get<sctp_prim>(fd, SCTP_PRIMARY_ADDR);
  memcpy(&address.storage, &primary.ssp_addr, sizeof address.storage);
  CHECK(address.is(kSecond));
}

CASE("SCTP_PRIMARY_ADDR is one of the peer's") {
  const Pair two = pair();
  sctp_prim primary{};
  const Address address = at(kNowhere, peer_of(two.client).port());
  memcpy(&primary.ssp_addr, &address.storage, sizeof address.storage);
  FAILS(put(two.client, SCTP_PRIMARY_ADDR, primary), EINVAL);
}

CASE("SCTP_DEFAULT_SEND_PARAM is what messages without control data get") {
  const Pair two = pair();
  EQUAL(get<sctp_sndrcvinfo>(two.client, SCTP_DEFAULT_SEND_PARAM).sinfo_stream, 0);
  sctp_sndrcvinfo info{};
  info.sinfo_stream = 4;
  info.sinfo_ppid = htonl(99);
  info.sinfo_context = 6;
  OK(put(two.client, SCTP_DEFAULT_SEND_PARAM, info));
  info = get<sctp_sndrcvinfo>(two.client, SCTP_DEFAULT_SEND_PARAM);
  EQUAL(info.sinfo_stream, 4);
  EQUAL(info.sinfo_context, 6);
  want_info(two.server);
  say(two.client, "x");
  const Message message = receive(two.server);
  EQUAL(message.sndrcv.sinfo_stream, 4);
  EQUAL(ntohl(message.sndrcv.sinfo_ppid), 99);
}

CASE("SCTP_DEFAULT_SEND_PARAM: flags that are none") {
  sctp_sndrcvinfo info{};
  info.sinfo_flags = 0x1000;
  FAILS(put(make(), SCTP_DEFAULT_SEND_PARAM, info), EINVAL);
}

CASE("SCTP_DEFAULT_SNDINFO is the same in newer words") {
  const Pair two = pair();
  sctp_sndinfo info{};
  info.snd_sid = 5;
  info.snd_ppid = htonl(98);
  OK(put(two.client, SCTP_DEFAULT_SNDINFO, info));
  EQUAL(get<sctp_sndinfo>(two.client, SCTP_DEFAULT_SNDINFO).snd_sid, 5);
  EQUAL(get<sctp_sndrcvinfo>(two.client, SCTP_DEFAULT_SEND_PARAM).sinfo_stream, 5);
}

CASE("values that are too short") {
  char bytes[256] = {};
  const struct {
    int name;
    socklen_t size;
  } options[] = {{SCTP_RTOINFO, sizeof(sctp_rtoinfo)},
                 {SCTP_ASSOCINFO, sizeof(sctp_assocparams)},
                 {SCTP_INITMSG, sizeof(sctp_initmsg)},
                 {SCTP_PRIMARY_ADDR, sizeof(sctp_prim)},
                 {SCTP_DEFAULT_SEND_PARAM, sizeof(sctp_sndrcvinfo)},
                 {SCTP_DEFAULT_SNDINFO, sizeof(sctp_sndinfo)},
                 {SCTP_PEER_ADDR_THLDS, sizeof(sctp_paddrthlds)},
                 {SCTP_CONTEXT, sizeof(sctp_assoc_value)},
                 {SCTP_EVENT, sizeof(sctp_event)}};
  const Pair two = pair();
  for (const auto& one : options) {
    socklen_t length = one.size - 1;
    FAILS(setsockopt(two.client, IPPROTO_SCTP, one.name, bytes, length), EINVAL);
    FAILS(getsockopt(two.client, IPPROTO_SCTP, one.name, bytes, &length), EINVAL);
  }
}
