// What a peer may have and ask for: associations by its address, looks at what is in flight.
#include <catch2/catch.hpp>
#include <map>

#include "tests/support/raw_peer.h"

namespace millrace::test {
namespace {

TEST_CASE("associations are counted by address, whatever comes and goes") {
  constexpr std::size_t kAddresses = 200;
  PeerCounts counts(kAddresses, {5, 6});
  std::map<std::size_t, std::uint32_t> expected;
  Random random({7, 8});
  const auto address_of = [](std::size_t number) {
    IpAddress made = address("10.0.0.0");
    made.bytes[14] = static_cast<std::uint8_t>(number >> 8);
    made.bytes[15] = static_cast<std::uint8_t>(number);
    return made;
  };
  for (int step = 0; step < 20000; ++step) {
    const std::size_t number = random.below(kAddresses);
    const bool adds = expected[number] == 0 || (expected[number] < 5 && random.below(2) == 0);
    adds ? counts.add(address_of(number)) : counts.remove(address_of(number));
    expected[number] += adds ? 1u : ~0u;
    const std::size_t other = random.below(kAddresses);
    REQUIRE(counts.of(address_of(number)) == expected[number]);
    REQUIRE(counts.of(address_of(other)) == expected[other]);
  }
}

Packet sack_with_gap(std::uint32_t cumulative, std::uint16_t at) {
  Packet value = be32(cumulative);
  append(value, be32(1 << 20));
  append(value, be16(1));
  append(value, be16(0));
  append(value, be16(at));
  append(value, be16(at));
  return chunk_of(ChunkType::kSack, 0, value);
}

// What a packet asks for is counted, not timed.
TEST_CASE("a packet full of SACKs costs no more looks than one of them") {
  const std::size_t sacks = GENERATE(1, 2, 70);
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  for (int i = 0; i < 110; ++i) peer.end.send(peer.now, handle, std::string(20, 'x'));
  peer.collect();
  AssociationStatus status;
  REQUIRE(peer.end.shard().status(End::kOwner, handle, status) == Status::kOk);
  REQUIRE(status.unacked_chunks == 110);
  Packet all;
  for (std::size_t i = 0; i < sacks; ++i) {
    append(all, sack_with_gap(peer.end_tsn, static_cast<std::uint16_t>(108 - i)));
  }
  peer.send_packet(peer.end_tag, all);
  CHECK(peer.end.count(Counter::sacks_received) == sacks);
  CHECK(peer.end.count(Counter::drop_repeated_sack) == sacks - 1);
  CHECK(peer.end.count(Counter::sack_looks) <= 2 * 110);
  CHECK(peer.end.count(Counter::sack_looks) >= 110);
}

}  // namespace
}  // namespace millrace::test
