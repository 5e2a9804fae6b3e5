// Potentially failed paths (RFC 7829): how soon data leaves a path, and when it comes back.
#include <catch2/catch.hpp>

#include "tests/support/two_homed.h"

namespace millrace::test {
namespace {

/// Both paths confirmed, with the carrier's timers.
struct Carrier : TwoHomed {
  explicit Carrier(const Parameters& parameters = carrier_parameters()) : TwoHomed(parameters) {
    run_for(milliseconds(5));
    answer_heartbeats({kSecond});
    REQUIRE(path(1).confirmed);
  }
  /// Sends one message and tells where it went.
  IpAddress send_one() {
    REQUIRE(end.send(now, handle, "message") == Status::kOk);
    collect();
    const std::vector<IpAddress> went = take_data_destinations();
    REQUIRE(went.size() == 1);
    ++sent;
    return went.front();
  }
  void acknowledge(const IpAddress& from) {
    send_from(from, end_tag, sack_of(end_tsn + sent - 1));
    take();
  }
  std::uint32_t sent = 0;
};

//= rfc7829 3.2 type=test
TEST_CASE("with the carrier's timers data is on the other path in less than half a second") {
  Carrier peer;
  CHECK(peer.send_one() == kFirst);
  peer.acknowledge(kFirst);
  const Time cut = peer.now;
  CHECK(peer.send_one() == kFirst);
  std::vector<IpAddress> again;
  while (again.empty() && peer.now - cut < seconds(2)) {
    peer.run_for(milliseconds(1));
    again = peer.take_data_destinations();
  }
  CHECK(peer.now - cut < milliseconds(500));
  REQUIRE(again.size() == 1);
  CHECK(again[0] == kSecond);
  CHECK(peer.path(0).potentially_failed);
  CHECK(peer.path(0).active);
  CHECK(peer.end.told.back().event.path_state == PathState::kPotentiallyFailed);
  CHECK(peer.end.count(Counter::path_potential_failures) == 1);
  CHECK(peer.send_one() == kSecond);
}

//= rfc7829 3.2 type=test
TEST_CASE("an answer to a heartbeat brings data back to a potentially failed path") {
  Carrier peer;
  CHECK(peer.send_one() == kFirst);
  peer.run_for(milliseconds(301));
  REQUIRE(peer.path(0).potentially_failed);
  // The heartbeat went out at once.
  peer.answer_heartbeats({kFirst});
  CHECK_FALSE(peer.path(0).potentially_failed);
  CHECK(peer.path(0).error_count == 0);
  CHECK(peer.end.told.back().event.path_state == PathState::kActive);
  peer.acknowledge(kSecond);
  CHECK(peer.send_one() == kFirst);
}

//= rfc7829 3.2 type=test
TEST_CASE("a potentially failed path is asked without HB.interval, and becomes inactive") {
  Parameters parameters = carrier_parameters();
  parameters.heartbeat_interval = seconds(0);
  Carrier peer(parameters);
  CHECK(peer.send_one() == kFirst);
  peer.run_for(milliseconds(301));
  REQUIRE(peer.path(0).potentially_failed);
  peer.acknowledge(kSecond);
  const std::uint64_t before = peer.end.count(Counter::heartbeats_sent);
  peer.run_for(seconds(4));
  CHECK(peer.end.count(Counter::heartbeats_sent) - before <= parameters.path_max_retrans + 1u);
  CHECK_FALSE(peer.path(0).active);
  CHECK_FALSE(peer.path(0).potentially_failed);
  CHECK(peer.path(1).active);
  CHECK(peer.state(peer.handle) == "ESTABLISHED");
}

TEST_CASE("with potential failure switched off data stays until Path.Max.Retrans is exceeded") {
  Parameters parameters = carrier_parameters();
  parameters.potentially_failed_max_retrans = parameters.path_max_retrans;
  Carrier peer(parameters);
  CHECK(peer.send_one() == kFirst);
  peer.run_for(milliseconds(301));
  CHECK_FALSE(peer.path(0).potentially_failed);
  CHECK(peer.path(0).active);
  peer.acknowledge(kSecond);
  CHECK(peer.send_one() == kFirst);
}

//= rfc7829 5 type=test
TEST_CASE("a primary that failed too often is not the primary any more when it is back") {
  const bool is_switched = GENERATE(true, false);
  Parameters parameters = carrier_parameters();
  if (is_switched) parameters.primary_switchover_max_retrans = 0;
  Carrier peer(parameters);
  CHECK(peer.path(0).primary);
  CHECK(peer.send_one() == kFirst);
  peer.run_for(milliseconds(301));
  peer.answer_heartbeats({kFirst});
  peer.acknowledge(kSecond);
  CHECK(peer.path(1).primary == is_switched);
  CHECK(peer.send_one().to_string() == (is_switched ? kSecond : kFirst).to_string());
}

}  // namespace
}  // namespace millrace::test
