// One destination: its timeout, its congestion window, and whether it is alive.
#include <catch2/catch.hpp>

#include "engine/assoc/path/path.h"
#include "engine/base/hash.h"
#include "engine/base/limits.h"

namespace millrace {
namespace {

constexpr std::uint32_t kPmdcs = 1468;  // MTU 1500 over IPv4

Congestion started() {
  Congestion congestion;
  congestion.start(kPmdcs, true);
  return congestion;
}

// RFC 9260 6.3.1
TEST_CASE("the retransmission timeout follows the RFC's arithmetic") {
  Parameters parameters;
  parameters.rto_min = milliseconds(1);
  Rto rto(parameters);
  CHECK(rto.value() == seconds(1));
  rto.on_measurement(milliseconds(100), parameters);  // SRTT = R, RTTVAR = R/2
  CHECK(rto.srtt() == milliseconds(100));
  CHECK(rto.value() == milliseconds(300));
  rto.on_measurement(milliseconds(200), parameters);  // RTTVAR = 62.5 ms, SRTT = 112.5 ms
  CHECK(rto.srtt() == microseconds(112500));
  CHECK(rto.value() == microseconds(362500));
  rto.on_measurement(microseconds(112500), parameters);
  CHECK(rto.srtt() == microseconds(112500));
  CHECK(rto.value() == microseconds(112500 + 4 * 46875));
}

// RFC 9260 6.3.1
TEST_CASE("the timeout stays between its bounds") {
  Parameters parameters;
  Rto rto(parameters);
  rto.on_measurement(microseconds(50), parameters);
  CHECK(rto.value() == parameters.rto_min);
  rto.on_measurement(seconds(1000), parameters);
  CHECK(rto.value() == parameters.rto_max);
}

// RFC 9260 6.3.3
TEST_CASE(
    "the timeout doubles with each expiration up to its maximum, and a measurement ends that") {
  Parameters parameters;
  Rto rto(parameters);
  rto.on_measurement(milliseconds(500), parameters);
  const Duration measured = rto.value();
  rto.back_off(parameters);
  CHECK(rto.value() == measured * 2);
  for (int i = 0; i < 20; ++i) rto.back_off(parameters);
  CHECK(rto.value() == parameters.rto_max);
  rto.on_measurement(milliseconds(500), parameters);
  CHECK(rto.value() < measured);
}

// RFC 9260 6.3.3
TEST_CASE("a heartbeat's answer ends the doubling once data is acknowledged, and not before") {
  Parameters parameters;
  Rto rto(parameters);
  rto.on_measurement(milliseconds(800), parameters);
  const Duration measured = rto.value();
  rto.back_off(parameters);
  rto.back_off(parameters);
  rto.on_heartbeat(milliseconds(800), true, parameters);
  CHECK(rto.value() == measured * 4);
  rto.back_off(parameters);
  CHECK(rto.value() == measured * 8);
  rto.on_data_acked();
  CHECK(rto.value() < measured);
  const Duration now = rto.value();
  rto.on_data_acked();
  CHECK(rto.value() == now);
  rto.back_off(parameters);
  rto.on_heartbeat(milliseconds(800), false, parameters);  // nothing waits
  CHECK(rto.value() < now);
  rto.back_off(parameters);
  rto.on_heartbeat(milliseconds(800), true, parameters);
  rto.on_measurement(seconds(5), parameters);  // of data, and newer
  const Duration of_data = rto.value();
  rto.on_data_acked();
  CHECK(rto.value() == of_data);
}

// RFC 9260 7.2.1
TEST_CASE("the first congestion window") {
  Congestion congestion;
  congestion.start(1468, true);
  CHECK(congestion.cwnd() == 4404);  // min(4 * PMDCS, max(2 * PMDCS, 4404))
  congestion.start(1448, false);
  CHECK(congestion.cwnd() == 4344);
  congestion.start(544, true);
  CHECK(congestion.cwnd() == 4 * 544);
  congestion.start(8960, true);
  CHECK(congestion.cwnd() == 2 * 8960);
}

// RFC 9260 7.2.1
TEST_CASE("slow start grows by what was acknowledged, a packet at most, while the window is used") {
  Congestion congestion = started();
  const std::uint32_t before = congestion.cwnd();
  SECTION("full") {
    congestion.on_sack(1000, before, true, false);
    CHECK(congestion.cwnd() == before + 1000);
    congestion.on_sack(10 * kPmdcs, congestion.cwnd(), true, false);
    CHECK(congestion.cwnd() == before + 1000 + kPmdcs);
  }
  SECTION("not full") {
    congestion.on_sack(1000, before - 1, true, false);
  }
  SECTION("the cumulative TSN did not move") {
    congestion.on_sack(1000, before, false, false);
  }
  SECTION("in fast recovery") {
    congestion.on_sack(1000, before, true, true);
  }
  CHECK(congestion.cwnd() >= before);
  if (congestion.cwnd() != before) CHECK(congestion.cwnd() > before + 1000);
}

// RFC 9260 7.2.2
TEST_CASE("congestion avoidance grows by a packet for each window that was acknowledged") {
  Congestion congestion = started();
  for (int i = 0; i < 20; ++i) congestion.on_sack(kPmdcs, congestion.cwnd(), true, false);
  congestion.on_fast_retransmit();
  congestion.on_sack(kPmdcs, congestion.cwnd(), true, false);  // cwnd == ssthresh: slow start
  const std::uint32_t before = congestion.cwnd();
  REQUIRE(before > congestion.ssthresh());
  std::uint32_t acked = 0;
  while (congestion.cwnd() == before) {
    congestion.on_sack(kPmdcs, before, true, false);
    acked += kPmdcs;
  }
  CHECK(congestion.cwnd() == before + kPmdcs);
  CHECK(acked >= before);
  CHECK(acked < before + kPmdcs);
}

// RFC 9260 7.2.3
TEST_CASE("loss halves the window, a timeout leaves one packet") {
  Congestion congestion = started();
  for (int i = 0; i < 20; ++i) congestion.on_sack(kPmdcs, congestion.cwnd(), true, false);
  const std::uint32_t before = congestion.cwnd();
  SECTION("fast retransmit") {
    congestion.on_fast_retransmit();
    CHECK(congestion.cwnd() == before / 2);
    CHECK(congestion.ssthresh() == before / 2);
    for (int i = 0; i < 10; ++i) congestion.on_fast_retransmit();
    CHECK(congestion.cwnd() == 4 * kPmdcs);
  }
  SECTION("timeout") {
    congestion.on_timeout();
    CHECK(congestion.cwnd() == kPmdcs);
    CHECK(congestion.ssthresh() == before / 2);
    congestion.on_timeout();
    CHECK(congestion.ssthresh() == 4 * kPmdcs);
  }
}

// RFC 9260 7.2.1
TEST_CASE("a window that is not used decays to four packets and remembers what it was") {
  Parameters parameters;
  Path path(*IpAddress::parse("10.0.0.2"), parameters);
  for (int i = 0; i < 40; ++i) path.congestion.on_sack(kPmdcs, path.congestion.cwnd(), true, false);
  const std::uint32_t before = path.congestion.cwnd();
  const Time now = Time{} + seconds(5);
  path.on_data_sent(now);
  path.on_data_sent(now + path.rto.value() - nanoseconds(1));
  CHECK(path.congestion.cwnd() == before);
  path.on_data_sent(now + path.rto.value() * 3);
  const std::uint32_t between = path.congestion.cwnd();
  CHECK(between < before);
  CHECK(path.congestion.ssthresh() == before);
  path.on_data_sent(now + seconds(1000));
  CHECK(path.congestion.cwnd() == 4 * kPmdcs);
  CHECK(path.congestion.ssthresh() == between);
  path.on_data_sent(now + seconds(2000));
  CHECK(path.congestion.ssthresh() == between);
}

//= rfc9260 16#1,2 type=test
TEST_CASE("parameters are as recommended unless they are configured") {
  const Parameters parameters;
  CHECK(parameters.rto_initial == seconds(1));
  CHECK(parameters.rto_min == seconds(1));
  CHECK(parameters.rto_max == seconds(60));
  CHECK(parameters.max_burst == 4);
  CHECK(parameters.cookie_lifetime == seconds(60));
  CHECK(parameters.association_max_retrans == 10);
  CHECK(parameters.path_max_retrans == 5);
  CHECK(parameters.init_max_retrans == 8);
  CHECK(parameters.heartbeat_interval == seconds(30));
  CHECK(parameters.sack_delay == milliseconds(200));
}

// RFC 9260 8.2
TEST_CASE(
    "a path is given up after Path.Max.Retrans errors in a row, and an answer brings it back") {
  Parameters parameters;
  parameters.path_max_retrans = 3;
  Path path(*IpAddress::parse("10.0.0.2"), parameters);
  const auto on_error = [&] { return path.on_error(false); };
  for (int i = 0; i < 3; ++i) CHECK(on_error() == Path::Judgement::kNoChange);
  CHECK_FALSE(path.on_answer(Time{}));
  for (int i = 0; i < 3; ++i) CHECK(on_error() == Path::Judgement::kNoChange);
  CHECK(path.is_active());
  CHECK(on_error() == Path::Judgement::kInactive);
  CHECK_FALSE(path.is_active());
  CHECK(path.state() == PathState::kInactive);
  CHECK(on_error() == Path::Judgement::kNoChange);
  CHECK(path.on_answer(Time{}));
  CHECK(path.is_active());
  CHECK(path.error_count() == 0);
}

// RFC 9260 5.4
TEST_CASE("a path carries no data before it is confirmed") {
  Parameters parameters;
  Path path(*IpAddress::parse("2001:db8::2"), parameters);
  CHECK(path.is_active());
  CHECK_FALSE(path.is_usable());
  CHECK(path.state() == PathState::kUnconfirmed);
  path.confirm();
  CHECK(path.is_usable());
  CHECK(path.state() == PathState::kConfirmed);
  path.on_state_told();
  CHECK(path.state() == PathState::kActive);
}

// RFC 9260 8.3
TEST_CASE("heartbeats come every HB.interval and RTO, give or take half of it") {
  Parameters parameters;
  Path path(*IpAddress::parse("10.0.0.2"), parameters);
  path.confirm();
  const Time now = Time{} + seconds(5);
  Random random({1, 1});
  Duration least = seconds(1000), most{};
  for (int i = 0; i < 1000; ++i) {
    path.arm_heartbeat(now, random.next_u32());
    least = std::min(least, path.heartbeat_deadline - now);
    most = std::max(most, path.heartbeat_deadline - now);
  }
  CHECK(least >= parameters.heartbeat_interval + path.rto.value() / 2);
  CHECK(most <= parameters.heartbeat_interval + path.rto.value() * 3 / 2);
  CHECK(most - least > path.rto.value() / 2);
  parameters.heartbeat_interval = {};
  path.set_settings(now, PathSettings(parameters), parameters.path_mtu);
  path.arm_heartbeat(now, 0);
  CHECK(path.heartbeat_deadline == kNever);
}

// RFC 9260 7.3
TEST_CASE("a path believes a smaller MTU, but not any") {
  Parameters parameters;
  Path path(*IpAddress::parse("10.0.0.2"), parameters);
  CHECK_FALSE(path.lower_mtu(Time{}, 1500));
  CHECK_FALSE(path.lower_mtu(Time{}, kMtuMin - 1));
  CHECK_FALSE(path.lower_mtu(Time{}, 0));
  CHECK(path.lower_mtu(Time{}, 1280));
  CHECK(path.congestion.pmdcs() == 1280 - 20 - 12);
  CHECK_FALSE(path.lower_mtu(Time{}, 1400));
  CHECK(pmdcs_of(1500, *IpAddress::parse("2001:db8::2")) == 1448);
}

}  // namespace
}  // namespace millrace
