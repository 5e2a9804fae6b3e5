// What begins a handshake while too many come to nothing.
#include <catch2/catch.hpp>
#include <cstring>

#include "engine/base/crc32c.h"
#include "engine/lcore/turnstile.h"
#include "tests/lcore/two_networks.h"
#include "tests/net/frames.h"

using namespace millrace;

namespace {

constexpr std::uint32_t kHalfOpen = 10;  // handshakes a second that may come to nothing

ShardLimits limits() {
  ShardLimits limits;
  limits.inits.half_open = kHalfOpen;
  return limits;
}

/// From a port of the client to the server's, with one chunk of 20 bytes.
net::Octets packet(ChunkType type, std::uint16_t from, std::uint32_t tag) {
  net::Octets packet;
  net::append16(packet, from);
  net::append16(packet, 3868);
  net::append32(packet, tag);
  net::append32(packet, 0);
  packet.push_back(static_cast<std::uint8_t>(type));
  packet.push_back(0);
  net::append16(packet, 20);
  net::append32(packet, 0x12345678);  // an INIT's tag, window, streams and TSN
  net::append32(packet, 65536);
  net::append16(packet, 10);
  net::append16(packet, 10);
  net::append32(packet, 1);
  store_sctp_checksum(packet);
  return packet;
}

struct Flooded : TwoNetworks {
  Flooded() : TwoNetworks(limits()) {
    connect(*this);
    std::array<AssociationStatus, 1> status;
    std::uint32_t cursor = 0;
    owner = server_host.worker(0).shard().associations() == 1 ? 0 : 1;
    REQUIRE(server_host.worker(owner).shard().snapshot(cursor, status) == 1);
    port = status[0].peer_port;
    tag = status[0].local_tag;
    // The other lcore answers no more.
    for (std::uint16_t i = 0; i < kHalfOpen; ++i)
      arrive(packet(ChunkType::kInit, static_cast<std::uint16_t>(1000 + i), 0));
    poll();
    before = server_host.count(Counter::drop_half_open);
  }

  /// At the lcore that is not the association's.
  void arrive(const net::Octets& bytes, const net::Ipv4Options& options = {}) {
    const bool is_first = owner == 1;
    arrive_in(0x0800, net::ipv4(is_first ? "10.0.0.1" : "10.0.1.1",
                                is_first ? "10.0.0.2" : "10.0.1.2", 132, bytes, options));
  }
  void arrive_in(unsigned type, const net::Octets& bytes) {
    const bool is_first = owner == 1;
    const net::Octets frame = net::ethernet(drivers::MemoryWire::traits(1).mac,
                                            drivers::MemoryWire::traits(0).mac, type, bytes);
    Buffer* buffer = pool.acquire();
    REQUIRE(buffer != nullptr);
    buffer->length = static_cast<std::uint32_t>(frame.size());
    std::memcpy(buffer->data, frame.data(), frame.size());
    REQUIRE((is_first ? first : second).end(0).send({&buffer, 1}) == 1);
  }
  void poll() { server_host.poll(now); }
  std::uint64_t turned_away() const { return server_host.count(Counter::drop_half_open) - before; }

  std::size_t owner = 0;
  std::uint16_t port = 0;  // the client's
  std::uint32_t tag = 0;   // the server's
  std::uint64_t before = 0;
};

}  // namespace

TEST_CASE("In a flood what begins a handshake is dropped before it is looked at", "[lcore]") {
  Flooded hosts;
  // With a tag no INIT is right, for who looks at it.
  hosts.arrive(packet(ChunkType::kInit, 999, 1));
  hosts.poll();
  CHECK(hosts.turned_away() == 1);
  CHECK(hosts.server_host.count(Counter::drop_bad_bundling) == 0);
}

TEST_CASE("In a flood it is dropped before anything of its frame is checked", "[lcore]") {
  Flooded hosts;
  const std::uint64_t frames = hosts.server_host.count(Counter::packets_received);
  net::Octets bad = packet(ChunkType::kInit, 999, 0);
  bad[8] ^= 1;  // its checksum
  hosts.arrive(bad);
  hosts.arrive_in(0x86dd, net::ipv6("fd00::1", "fd00::2", 132, bad));
  hosts.poll();
  CHECK(hosts.turned_away() == 2);
  CHECK(hosts.server_host.count(Counter::drop_bad_checksum) == 0);
  CHECK(hosts.server_host.count(Counter::packets_received) == frames + 2);
}

TEST_CASE("In a flood what is not where nearly all have it is looked for", "[lcore]") {
  Flooded hosts;
  // With an option of no operation, an INIT is found when the frame has been taken apart.
  hosts.arrive(packet(ChunkType::kInit, 999, 1), {.options = {1, 1, 1, 0}});
  hosts.poll();
  CHECK(hosts.turned_away() == 1);
  CHECK(hosts.server_host.count(Counter::drop_bad_bundling) == 0);
  // What only looks like one: a fragment, another protocol, a frame that is too short.
  net::Octets bytes = packet(ChunkType::kInit, 999, 0);
  hosts.arrive(bytes, {.flags_and_offset = 0x2000});
  hosts.arrive_in(0x0800, net::ipv4("10.0.0.1", "10.0.0.2", 17, bytes));
  hosts.arrive_in(0x0800,
                  net::ipv4("10.0.0.1", "10.0.0.2", 132, {bytes.begin(), bytes.begin() + 12}));
  hosts.poll();
  CHECK(hosts.turned_away() == 1);
}

TEST_CASE("In a flood what another lcore has to answer is handed over to it", "[lcore]") {
  Flooded hosts;
  const std::uint64_t handed = hosts.server_host.count(Counter::handoff_out);
  hosts.arrive(packet(ChunkType::kInit, hosts.port, 0));
  hosts.arrive(packet(ChunkType::kCookieEcho, hosts.port, hosts.tag));
  hosts.poll();
  CHECK(hosts.server_host.count(Counter::handoff_out) == handed + 2);
  CHECK(hosts.turned_away() == 0);
}

TEST_CASE("In a flood a frame whose VLAN tag the port has taken off is checked first", "[lcore]") {
  Flooded hosts;
  const net::Octets bytes =
      net::ethernet(drivers::MemoryWire::traits(1).mac, drivers::MemoryWire::traits(0).mac, 0x0800,
                    net::ipv4("10.0.0.1", "10.0.0.2", 132, packet(ChunkType::kInit, 999, 0)));
  Buffer* frame = hosts.pool.acquire();
  REQUIRE(frame != nullptr);
  frame->length = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(frame->data, bytes.data(), bytes.size());
  CHECK(glimpse_of(*frame).has_value());
  frame->vlan = 7;
  CHECK_FALSE(glimpse_of(*frame).has_value());
  hosts.pool.release(frame);
}
