// The flood comes in whole, and what is done for it is what the limits say.
#include <catch2/catch.hpp>

#include "bench/flood.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kSize = 300;
constexpr std::uint64_t kMessages = 2000;

/// Two engines, of which one is flooded after a time of quiet.
struct Flooded {
  Flooded(Flood flood, std::uint32_t limit) : pair(limits(limit)) {
    const FloodedWork quiet = pair.run(flood, 0, kSize, kMessages);
    CHECK(quiet.messages == kMessages);
    CHECK(quiet.flood_packets == 0);
    CHECK(quiet.answers == 0);
    work = pair.run(flood, 2.5, kSize, kMessages);
    CHECK(work.messages == kMessages);
    CHECK(work.flood_packets == kMessages * 5 / 2);
  }
  static ShardLimits limits(std::uint32_t limit) {
    ShardLimits limits;
    limits.inits.half_open = limit;
    limits.out_of_the_blue_answers = limit;
    return limits;
  }

  FloodedPair pair;
  FloodedWork work;
};

TEST_CASE("without a limit each packet of a flood that may be answered is", "[bench]") {
  const Flood flood = GENERATE(Flood::kInit, Flood::kOutOfTheBlue);
  const Flooded flooded(flood, 0);
  // All but those that wait for the gateway's address.
  CHECK(flooded.work.answers > flooded.work.flood_packets - 64);
}

TEST_CASE("without a limit the MAC of each cookie of a flood is computed", "[bench]") {
  const Flooded flooded(Flood::kCookieEcho, 0);
  CHECK(flooded.work.answers == 0);
  CHECK(flooded.pair.count(Counter::drop_bad_cookie) == flooded.work.flood_packets);
}

// A second's worth at once, and twenty seconds at the most.
constexpr std::uint64_t kMost = 100 + 100 * 20;

TEST_CASE("with a limit few of them are, and all messages arrive as before", "[bench]") {
  const Flood flood = GENERATE(Flood::kInit, Flood::kOutOfTheBlue);
  const Flooded flooded(flood, 100);
  const Counter dropped =
      flood == Flood::kInit ? Counter::drop_half_open : Counter::drop_out_of_the_blue_rate;
  CHECK(flooded.work.answers <= kMost);
  CHECK(flooded.pair.count(dropped) >= flooded.work.flood_packets - kMost);
}

TEST_CASE("with a limit the MACs of few cookies are computed", "[bench]") {
  const Flooded flooded(Flood::kCookieEcho, 100);
  const std::uint64_t looked_at = flooded.pair.count(Counter::drop_bad_cookie);
  CHECK(looked_at >= 100);
  CHECK(looked_at <= kMost);
  CHECK(flooded.pair.count(Counter::drop_half_open) == flooded.work.flood_packets - looked_at);
}

}  // namespace
}  // namespace millrace::bench
