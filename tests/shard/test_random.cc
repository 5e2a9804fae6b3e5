// Random and mutated packets against an association: whatever comes, it is a counted drop at worst.
#include <catch2/catch.hpp>

#include "engine/base/hash.h"
#include "tests/support/packet_driver.h"

namespace millrace::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kPackets = 200'000;
#else
constexpr std::uint64_t kPackets = 600'000;
#endif

TEST_CASE("random packets, calls and times leave nothing behind") {
  std::uint64_t packets = 0;
  for (std::uint64_t seed = 1; packets < kPackets; ++seed) {
    Random random({seed, 21});
    std::vector<std::uint8_t> bytes(20000);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next_u32());
    PacketDriver driver(bytes);
    INFO("seed " << seed);
    REQUIRE(driver.run());
    packets += driver.packets();
  }
}

/// Damages packets of a real conversation on their way, as if no checksum were there.
TEST_CASE("packets between two engines that are damaged past their checksums break no engine") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random({seed, 22});
    Parameters parameters;
    parameters.rto_min = parameters.rto_initial = milliseconds(50);
    parameters.rto_max = milliseconds(400);
    ShardPair pair(parameters);
    const AssociationHandle handle = pair.associate();
    // The filter sees the packet before it is copied to the wire.
    const Filter damage = [&](const PacketOut&, Bytes packet) {
      if (random.below(4) != 0) return true;
      auto* bytes = const_cast<std::uint8_t*>(packet.data());
      for (std::uint32_t i = 1 + random.below(4); i > 0; --i) {
        const std::size_t at = random.below(4) == 0
                                   ? random.below(static_cast<std::uint32_t>(packet.size()))
                                   : 12 + random.below(static_cast<std::uint32_t>(
                                              std::min<std::size_t>(packet.size() - 12, 40)));
        bytes[at] = static_cast<std::uint8_t>(random.next_u32());
      }
      return random.below(20) != 0;
    };
    pair.from_a = pair.from_b = damage;
    for (std::size_t i = 0; i < 400; ++i) {
      pair.a.send(pair.now, handle, std::string(1 + random.below(3000), 'x'),
                  static_cast<std::uint16_t>(random.below(8)));
      pair.run_for(milliseconds(5));
    }
    for (End* end : {&pair.a, &pair.b}) {
      end->shard().drop_owner(pair.now, End::kOwner, false);
      pair.run_for(seconds(1));
      REQUIRE(end->shard().associations() == 0);
      REQUIRE(end->has_all_buffers());
    }
  }
}

}  // namespace
}  // namespace millrace::test
