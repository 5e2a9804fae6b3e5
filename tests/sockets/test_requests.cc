// Options that are protocol parameters reach the engine: the right parameter with the right value,
// of an association, of one address of it, and of associations to come.
#include <functional>
#include <string>
#include <vector>

#include "api/sockets/process.h"
#include "tests/sockets/engine.h"
#include "tests/sockets/requests.h"

namespace millrace::sockets {
namespace {

struct Wanted {
  int parameter;
  std::uint32_t value;
};

struct Setting {
  std::string text;
  std::function<int(const Handle&)> set;
  std::vector<Wanted> wanted;
};

template <class Value>
std::function<int(const Handle&)> option(int name, Value value) {
  return [=](const Handle& socket) { return socket.set(IPPROTO_SCTP, name, value); };
}

sctp_paddrparams path(std::uint32_t flags, std::uint32_t interval_ms = 0,
                      std::uint16_t retransmissions = 0, std::uint32_t delay_ms = 0) {
  sctp_paddrparams info{};
  info.spp_flags = flags;
  info.spp_hbinterval = interval_ms;
  info.spp_pathmaxrxt = retransmissions;
  info.spp_sackdelay = delay_ms;
  return info;
}

template <class Layout>
Layout limits(std::uint16_t failed, std::uint16_t doubtful) {
  Layout info{};
  info.spt_pathmaxrxt = failed;
  info.spt_pathpfthld = doubtful;
  return info;
}

sctp_paddrthlds_v2 with_switchover(std::uint16_t switchover) {
  auto info = limits<sctp_paddrthlds_v2>(7, 1);
  info.spt_pathcpthld = switchover;
  return info;
}

sctp_assocparams association(std::uint16_t retransmissions, std::uint32_t cookie_life_ms) {
  sctp_assocparams info{};
  info.sasoc_asocmaxrxt = retransmissions;
  info.sasoc_cookie_life = cookie_life_ms;
  return info;
}

// Those of a path come first.
std::vector<Setting> path_settings() {
  return {
      {"heartbeats",
       option(SCTP_PEER_ADDR_PARAMS, path(SPP_HB_ENABLE, 7000)),
       {{MR_HEARTBEAT_INTERVAL_MS, 7000}}},
      {"no heartbeats",
       option(SCTP_PEER_ADDR_PARAMS, path(SPP_HB_DISABLE)),
       {{MR_HEARTBEAT_INTERVAL_MS, 0}}},
      {"heartbeats at once",
       option(SCTP_PEER_ADDR_PARAMS, path(SPP_HB_ENABLE | SPP_HB_TIME_IS_ZERO)),
       {{MR_HEARTBEAT_INTERVAL_MS, 1}}},
      {"retransmissions of a path",
       option(SCTP_PEER_ADDR_PARAMS, path(0, 0, 3)),
       {{MR_PATH_MAX_RETRANS, 3}}},
      {"thresholds",
       option(SCTP_PEER_ADDR_THLDS, limits<sctp_paddrthlds>(6, 2)),
       {{MR_PATH_MAX_RETRANS, 6}, {MR_POTENTIALLY_FAILED_MAX_RETRANS, 2}}},
      {"thresholds and switchover",
       option(SCTP_PEER_ADDR_THLDS_V2, with_switchover(4)),
       {{MR_PATH_MAX_RETRANS, 7},
        {MR_POTENTIALLY_FAILED_MAX_RETRANS, 1},
        {MR_PRIMARY_SWITCHOVER_MAX_RETRANS, 4}}},
      {"no switchover",
       option(SCTP_PEER_ADDR_THLDS_V2, with_switchover(65535)),
       {{MR_PRIMARY_SWITCHOVER_MAX_RETRANS, 255}}},
  };
}

std::vector<Setting> association_settings() {
  return {
      {"SACKs",
       option(SCTP_DELAYED_SACK, sctp_sack_info{0, 70, 5}),
       {{MR_SACK_DELAY_MS, 70}, {MR_SACK_FREQUENCY, 5}}},
      {"the delay alone",
       option(SCTP_DELAYED_ACK_TIME, sctp_assoc_value{0, 60}),
       {{MR_SACK_DELAY_MS, 60}, {MR_SACK_FREQUENCY, 2}}},
      {"no delay", option(SCTP_DELAYED_ACK_TIME, sctp_assoc_value{0, 0}), {{MR_SACK_FREQUENCY, 1}}},
      {"no delay of a path's",
       option(SCTP_PEER_ADDR_PARAMS, path(SPP_SACKDELAY_DISABLE)),
       {{MR_SACK_FREQUENCY, 1}}},
      {"a delay of a path's",
       option(SCTP_PEER_ADDR_PARAMS, path(SPP_SACKDELAY_ENABLE, 0, 0, 40)),
       {{MR_SACK_DELAY_MS, 40}, {MR_SACK_FREQUENCY, 2}}},
      {"bursts", option(SCTP_MAX_BURST, sctp_assoc_value{0, 9}), {{MR_MAX_BURST, 9}}},
      {"bursts without a bound",
       option(SCTP_MAX_BURST, sctp_assoc_value{0, 0}),
       {{MR_MAX_BURST, 255}}},
      {"retransmissions and cookies",
       option(SCTP_ASSOCINFO, association(6, 20'000)),
       {{MR_ASSOCIATION_MAX_RETRANS, 6}, {MR_COOKIE_LIFETIME_MS, 20'000}}},
      {"timeouts",
       option(SCTP_RTOINFO, sctp_rtoinfo{0, 500, 3000, 250}),
       {{MR_RTO_INITIAL_MS, 500}, {MR_RTO_MAX_MS, 3000}, {MR_RTO_MIN_MS, 250}}},
      {"chunks", option(SCTP_MAXSEG, sctp_assoc_value{0, 700}), {{MR_FRAGMENT_MAX, 700}}},
  };
}

std::vector<Setting> settings() {
  std::vector<Setting> all = path_settings();
  for (Setting& one : association_settings()) all.push_back(std::move(one));
  return all;
}

/// A round trip: what was asked for before is answered.
void settle(const Handle& socket) {
  sctp_status status{};
  REQUIRE(socket.get(IPPROTO_SCTP, SCTP_STATUS, status) == 0);
}

TEST_CASE("what is set for an association is set at the engine") {
  for (const Setting& one : settings()) {
    CAPTURE(one.text);
    const Pair pair;
    settle(pair.client);
    forget_requests();
    REQUIRE(one.set(pair.client) == 0);
    settle(pair.client);
    for (const Wanted& wanted : one.wanted) {
      CAPTURE(wanted.parameter);
      CHECK(set_value(wanted.parameter) == wanted.value);
    }
    CHECK(request_count() >= static_cast<int>(one.wanted.size()));
    CHECK(carried_out_count() == request_count());
  }
}

TEST_CASE("what is set for a socket is what its associations begin with at the engine") {
  const Handle listener(SOCK_STREAM);
  REQUIRE(listener.bind("0.0.0.0", 0) == 0);
  REQUIRE(calls::listen(listener.number, 50) == 0);
  std::vector<Setting> all = settings();
  all.push_back({"INITs",
                 option(SCTP_INITMSG, sctp_initmsg{0, 0, 5, 600}),
                 {{MR_INIT_MAX_RETRANS, 5}, {MR_INIT_RTO_MAX_MS, 600}}});
  for (const Setting& one : all) {
    CAPTURE(one.text);
    const Handle socket(SOCK_STREAM);
    REQUIRE(one.set(socket) == 0);
    forget_requests();
    REQUIRE(socket.connect("10.0.0.1", listener.port()) == 0);
    for (const Wanted& wanted : one.wanted) {
      CAPTURE(wanted.parameter);
      CHECK(preset_value(wanted.parameter) == wanted.value);
    }
  }
}

TEST_CASE("the life of cookies that is set of a listener is that of the ones that it sends") {
  const Handle listener(SOCK_STREAM);
  REQUIRE(listener.bind("0.0.0.0", 0) == 0);
  REQUIRE(calls::listen(listener.number, 50) == 0);
  forget_requests();
  sctp_assocparams wanted{};
  wanted.sasoc_cookie_life = 5000;
  REQUIRE(listener.set(IPPROTO_SCTP, SCTP_ASSOCINFO, wanted) == 0);
  CHECK(preset_value(MR_COOKIE_LIFETIME_MS) == 5000);
  const Handle client(SOCK_STREAM);
  CHECK(client.connect("10.0.0.1", listener.port()) == 0);
}

TEST_CASE("what is set for one address is set for that one at the engine") {
  const Pair pair;
  const sockaddr_in peer = at("10.0.0.1", pair.listener.port());
  sctp_paddrparams own = path(SPP_HB_ENABLE, 8000, 4);
  std::memcpy(&own.spp_address, &peer, sizeof peer);
  sctp_paddrthlds_v2 thresholds = with_switchover(3);
  std::memcpy(&thresholds.spt_address, &peer, sizeof peer);
  settle(pair.client);
  forget_requests();
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, own) == 0);
  CHECK(path_value(MR_HEARTBEAT_INTERVAL_MS) == 8000u);
  CHECK(path_value(MR_PATH_MAX_RETRANS) == 4u);
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS_V2, thresholds) == 0);
  CHECK(path_value(MR_PATH_MAX_RETRANS) == 7u);
  CHECK(path_value(MR_POTENTIALLY_FAILED_MAX_RETRANS) == 1u);
  CHECK(path_value(MR_PRIMARY_SWITCHOVER_MAX_RETRANS) == 3u);
  // Off for all, and on again: each with what it has.
  for (const std::uint32_t flag : {SPP_HB_DISABLE, SPP_HB_ENABLE})
    REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, path(flag)) == 0);
  CHECK(path_value(MR_HEARTBEAT_INTERVAL_MS) == 8000u);
  CHECK(set_value(MR_HEARTBEAT_INTERVAL_MS) == 30'000u);
  settle(pair.client);
  CHECK(set_value(MR_PATH_MAX_RETRANS) == std::nullopt);
  CHECK(carried_out_count() == request_count());
}

/// As if the state of its association had been asked for long ago.
void forget_when(const Handle& socket) {
  const Process::Guard guard(Process::get());
  Process::get().find(socket.number)->association(0)->chunk_fits_until_us = 0;
}

TEST_CASE("without fragments what paths carry is asked ten times a second at most") {
  const Pair pair;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, 1) == 0);
  const std::string text(1000, 'x');
  REQUIRE(pair.client.send(text) == 1000);
  forget_requests();
  const std::int64_t begun = monotonic_us();
  for (int i = 0; i < 500; ++i) {
    REQUIRE(pair.client.send(text) == 1000);
    REQUIRE(receive(pair.server).size == 1000);
  }
  CHECK(question_count() <= 1 + (monotonic_us() - begun) / 100'000);
  forget_requests();
  forget_when(pair.client);
  CHECK(pair.client.send(text) == 1000);
  CHECK(question_count() == 1);
}

TEST_CASE("without fragments no call waits for what paths carry if it is known") {
  const Pair pair;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, 1) == 0);
  const std::string text(1000, 'x');
  REQUIRE(pair.client.send(text) == 1000);
  forget_when(pair.client);
  const auto pause = pause_engine();  // which answers nothing
  CHECK(pair.client.send(text) == 1000);
}

TEST_CASE("a listener that the engine refuses after a restart says so") {
  const Handle listener(SOCK_STREAM);
  REQUIRE(listener.bind("10.0.0.1", 0) == 0);
  REQUIRE(calls::listen(listener.number, 5) == 0);
  Process& process = Process::get();
  const auto refuse = [&] {
    const Process::Guard guard(process);
    mr_event event{};
    event.type = MR_EVENT_LISTENING;
    event.status = -EADDRNOTAVAIL;
    event.context = process.find(listener.number)->listener;
    invent(event);
    process.drain();
  };
  refuse();
  CHECK(listener.becomes(POLLIN));
  CHECK(calls::accept(listener.number, nullptr, nullptr, 0) == -1);
  CHECK(errno == EADDRNOTAVAIL);
  CHECK(calls::accept(listener.number, nullptr, nullptr, 0) == -1);
  CHECK(errno == EINVAL);
  CHECK(listener.ready() == 0);
  REQUIRE(calls::listen(listener.number, 5) == 0);
  listener.set_non_blocking();
  CHECK(calls::accept(listener.number, nullptr, nullptr, 0) == -1);
  CHECK(errno == EAGAIN);
  refuse();
  int error = 0;
  REQUIRE(listener.get(SOL_SOCKET, SO_ERROR, error) == 0);
  CHECK(error == EADDRNOTAVAIL);
}

TEST_CASE("an engine that is back is asked for its addresses") {
  const Handle any(SOCK_STREAM);
  Process& process = Process::get();
  const Process::Guard guard(process);
  const int before = engine_count();
  mr_event event{};
  event.type = MR_EVENT_ENGINE_BACK;
  invent(event);
  CHECK(process.await([before] { return engine_count() > before; }) == 0);
}

}  // namespace
}  // namespace millrace::sockets
