// The flood comes in whole, and what is done for it is what the limits say.
#include <catch2/catch.hpp>

#include "bench/flood.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kSize = 300;
constexpr std::uint64_t kMessages = 2000;

FloodedWork flooded(Flood flood, std::uint32_t limit) {
  ShardLimits limits;
  limits.inits.half_open = limit;
  limits.out_of_the_blue_answers = limit;
  FloodedPair pair(limits);
  const FloodedWork quiet = pair.run(flood, 0, kSize, kMessages);
  CHECK(quiet.messages == kMessages);
  CHECK(quiet.flood_packets == 0);
  CHECK(quiet.answers == 0);
  return pair.run(flood, 2.5, kSize, kMessages);
}

TEST_CASE("without a limit each packet of a flood that may be answered is", "[bench]") {
  const Flood flood = GENERATE(Flood::kInit, Flood::kOutOfTheBlue);
  const FloodedWork work = flooded(flood, 0);
  CHECK(work.messages == kMessages);
  CHECK(work.flood_packets == kMessages * 5 / 2);
  // All but those that wait for the gateway's address.
  CHECK(work.answers > work.flood_packets - 64);
}

TEST_CASE("with a limit few of them are, and all messages arrive as before", "[bench]") {
  const Flood flood = GENERATE(Flood::kInit, Flood::kCookieEcho, Flood::kOutOfTheBlue);
  const FloodedWork work = flooded(flood, 100);
  CHECK(work.messages == kMessages);
  CHECK(work.flood_packets == kMessages * 5 / 2);
  CHECK(work.answers <=
        100 + 100 * 20);  // a second's worth at once, and twenty seconds at the most
}

}  // namespace
}  // namespace millrace::bench
