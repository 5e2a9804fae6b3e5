// What is like nearly all has short ways of its own, and they come to what the long ones come to.
#include <catch2/catch.hpp>

#include "engine/base/hash.h"
#include "tests/support/shard_pair.h"

namespace millrace::test {
namespace {

/// All that is to be seen of a run: packets, byte for byte, with their times, and what was told.
struct Story {
  std::vector<std::string> packets, told;
};

std::string text_of(Time now, const PacketOut& out, Bytes packet) {
  return std::to_string(now.ns) + " " + out.destination.to_string() + " " +
         std::to_string(out.fragment_above) + " " + std::string(packet.begin(), packet.end());
}

Parameters draw_parameters(Random& random) {
  Parameters parameters;
  parameters.rto_min = milliseconds(10);  // so that each measurement of a round trip shows
  parameters.receive_buffer = random.below(2) == 0 ? 1u << 20 : 20'000;
  parameters.partial_delivery_point = parameters.receive_buffer / 2;
  parameters.sack_frequency = static_cast<std::uint8_t>(1 + random.below(4));
  parameters.max_burst = static_cast<std::uint8_t>(random.below(2) * 4);
  parameters.fragment_max = static_cast<std::uint16_t>(random.below(3) == 0 ? 500 : 0);
  return parameters;
}

std::string draw_message(Random& random) {
  const std::uint32_t size = random.below(10) == 0  ? 1 + random.below(9000)
                             : random.below(3) == 0 ? 1400 + random.below(100)
                                                    : 1 + random.below(200);
  return std::string(size, static_cast<char>('a' + random.below(26)));
}

/// Both ends send what the seed says, over a wire that loses some of it.
Story play(std::uint64_t seed, bool short_ways) {
  Random random({seed, 11});
  ShardPair pair(draw_parameters(random), {address("10.0.0.1"), address("10.0.1.1")},
                 {address("10.0.0.2"), address("10.0.1.2")});
  pair.traces = false;
  pair.a.shard().set_short_ways(short_ways);
  pair.b.shard().set_short_ways(short_ways);
  Story story;
  std::uint32_t loss = 0;  // in a hundred
  const Filter wire = [&](const PacketOut& out, Bytes packet) {
    story.packets.push_back(text_of(pair.now, out, packet));
    return random.below(100) >= loss;
  };
  pair.from_a = pair.from_b = wire;
  const AssociationHandle from_a = pair.associate();
  const AssociationHandle from_b = pair.b.told.front().handle;
  loss = random.below(2) * random.below(10);
  for (int turn = 0; turn < 60; ++turn) {
    const bool by_a = random.below(3) != 0;
    for (std::uint32_t left = random.below(60); left > 0; --left) {
      const std::uint8_t flags = random.below(20) == 0   ? kUnordered
                                 : random.below(40) == 0 ? kSackImmediately
                                                         : 0;
      (by_a ? pair.a : pair.b)
          .send(pair.now, by_a ? from_a : from_b, draw_message(random),
                static_cast<std::uint16_t>(random.below(3)), flags);
    }
    if (random.below(8) == 0) pair.b.reads = !pair.b.reads;
    pair.run_for(milliseconds(random.below(50)));
  }
  loss = 0;
  pair.run_for(seconds(200));
  for (const End* end : {&pair.a, &pair.b}) {
    for (const Told& told : end->told) {
      story.told.push_back(std::to_string(static_cast<int>(told.type)) + " " +
                           std::to_string(told.event.stream) + " " + told.payload);
    }
  }
  return story;
}

}  // namespace

TEST_CASE("The short ways and the long ones send the same packets and tell the same", "[bursts]") {
  const std::uint64_t seed = GENERATE(range(1, 41));
  const Story by_short = play(seed, true);
  const Story by_long = play(seed, false);
  CHECK(by_short.packets.size() > 300);
  const std::size_t both = std::min(by_short.packets.size(), by_long.packets.size());
  for (std::size_t i = 0; i < both; ++i) {
    INFO("seed " << seed << ", packet " << i);
    REQUIRE((by_short.packets[i] == by_long.packets[i]));
  }
  REQUIRE(by_short.packets.size() == by_long.packets.size());
  REQUIRE((by_short.told == by_long.told));
}

}  // namespace millrace::test
