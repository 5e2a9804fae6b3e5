// Frames that nobody in his right mind would send, from a seed.

#include "engine/base/hash.h"
#include "tests/net/allocations.h"
#include "tests/net/rig.h"

namespace millrace::net {
namespace {

std::vector<Octets> samples() {
  std::vector<Octets> frames;
  const auto add = [&](const Octets& packet, unsigned vlan = 0) {
    const unsigned type = packet[0] >> 4 == 4 ? 0x0800 : 0x86dd;
    frames.push_back(ethernet(kOurMac, kPeerMac, type, packet, vlan));
  };
  Ipv4Options options;
  options.options = {7, 7, 4, 0, 0, 0, 0, 0};
  add(ipv4("192.0.2.2", "192.0.2.1", 132, sctp(40)));
  add(ipv4("192.0.2.2", "192.0.2.1", 132, sctp(40), options));
  add(ipv4("192.0.2.2", "192.0.2.1", 132, sctp(40), {.flags_and_offset = 0x2000, .options = {}}));
  add(ipv4("192.0.2.2", "192.0.2.1", 132, sctp(40), {.flags_and_offset = 7, .options = {}}));
  add(ipv4("192.0.2.2", "192.0.2.1", 1, icmp4(8, 0, 1, Octets(32))));
  add(ipv4("192.0.2.2", "192.0.2.1", 1,
           icmp4(3, 4, 1400, ipv4("192.0.2.1", "192.0.2.2", 132, sctp()))));
  add(ipv6("2001:db8::2", "2001:db8::1", 132, sctp(40)));
  Octets chain{43, 0, 1, 4, 0, 0, 0, 0};
  append(chain, Octets{44, 0, 4, 0, 0, 0, 0, 0});
  append(chain, Octets{60, 0, 0, 1, 0, 0, 0, 9});
  append(chain, Octets{132, 0, 1, 4, 0, 0, 0, 0});
  append(chain, sctp(40));
  add(ipv6("2001:db8::2", "2001:db8::1", 0, chain));
  add(icmp6("2001:db8::2", "2001:db8::1", 128, 0, 1, Octets(32)));
  add(icmp6("2001:db8::2", "2001:db8::1", 2, 0, 1300,
            ipv6("2001:db8::1", "2001:db8::2", 132, sctp())));
  add(discovery(135, "2001:db8::2", "2001:db8::1", 0, "2001:db8::1", kPeerMac));
  add(discovery(136, "2001:db8::2", "2001:db8::1", 0x60000000, "2001:db8::2", kPeerMac));
  frames.push_back(
      ethernet(kEveryone, kPeerMac, 0x0806, arp(1, kPeerMac, "192.0.2.2", {}, "192.0.2.1")));
  frames.push_back(
      ethernet(kOurMac, kPeerMac, 0x0806, arp(2, kPeerMac, "192.0.2.2", kOurMac, "192.0.2.1")));
  return frames;
}

void mutate(Octets& frame, Random& random) {
  switch (random.below(4)) {
    case 0:
      frame.resize(random.below(static_cast<std::uint32_t>(frame.size() + 1)));
      break;
    case 1:
      frame.resize(frame.size() + random.below(64), 0xa5);
      break;
    default:
      break;
  }
  const std::uint32_t flips = random.below(4);
  for (std::uint32_t i = 0; i < flips && !frame.empty(); ++i) {
    frame[random.below(static_cast<std::uint32_t>(frame.size()))] =
        static_cast<std::uint8_t>(random.next_u32());
  }
}

// Makes the IPv4 header's checksum right again, so that mutations get behind it.
void mend(Octets& frame) {
  if (frame.size() < 34 || frame[12] != 0x08 || frame[13] != 0x00) return;
  const std::size_t length = std::min<std::size_t>((frame[14] & 15) * 4u, frame.size() - 14);
  if (length < 20) return;
  frame[24] = frame[25] = 0;
  const std::uint16_t checksum =
      slow_checksum(Octets(frame.begin() + 14, frame.begin() + 14 + static_cast<int>(length)));
  frame[24] = static_cast<std::uint8_t>(checksum >> 8);
  frame[25] = static_cast<std::uint8_t>(checksum);
}

std::uint64_t drops_of(const Counters& counters) {
  std::uint64_t drops = 0;
  for (std::size_t i = 0; i < kCounters; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (counter_name(counter).substr(0, 5) == "drop_") drops += counters.get(counter);
  }
  return drops;
}

TEST_CASE("mutated frames are counted and lose no buffer") {
  const std::uint64_t seed = GENERATE(1u, 2u, 3u);
  INFO("seed " << seed);
  Random random({seed, 99});
  const std::vector<Octets> originals = samples();
  Rig rig;
  rig.meet_v4();
  for (int i = 0; i < 100'000; ++i) {
    Octets frame = originals[random.below(static_cast<std::uint32_t>(originals.size()))];
    mutate(frame, random);
    if (random.below(2) == 0) mend(frame);
    rig.receive(frame, random.below(2), 0, random.below(50) == 0 ? 5 : 0);
    for (const SctpPacket& packet : rig.received) rig.pool.release(packet.buffer);
    rig.received.clear();
    IcmpError error;
    while (rig.stack->next_icmp_error(error)) CHECK(error.quoted_sctp().size() >= 8);
    if (i % 64 == 0) {
      if (random.below(4) == 0) rig.send(sctp(), "192.0.2.1", "192.0.2.2");
      rig.pass(milliseconds(100));
      rig.sent();
      rig.sent(1);
    }
  }
  CHECK(drops_of(rig.counters) > 30'000);
  CHECK(rig.count(Counter::sctp_packets_received) > 1'000);
}

TEST_CASE("noise is counted and loses no buffer") {
  Random random({7, 7});
  Rig rig;
  for (int i = 0; i < 50'000; ++i) {
    Octets frame(random.below(200));
    for (std::uint8_t& byte : frame) byte = static_cast<std::uint8_t>(random.next_u32());
    if (frame.size() > 14) {
      std::copy(kOurMac.begin(), kOurMac.end(), frame.begin());
      constexpr std::uint8_t kTypes[][2] = {{8, 0}, {8, 6}, {0x86, 0xdd}};
      std::copy_n(kTypes[i % 3], 2, frame.begin() + 12);
      frame[14] = i % 3 == 0 ? 0x45 : 0x60;
    }
    CHECK(rig.receive(frame) == 0);
  }
  CHECK(drops_of(rig.counters) == 50'000);
}

TEST_CASE("nothing is allocated once a stack is there") {
  struct Sink final : PortQueue {
    explicit Sink(BufferPool& p) : pool(p) {}
    std::size_t receive(std::span<Buffer*>) override { return 0; }
    std::size_t send(std::span<Buffer* const> frames) override {
      for (Buffer* frame : frames) pool.release(frame);
      return frames.size();
    }
    BufferPool& pool;
  };
  BufferPool pool(256);
  BufferSlab slab(pool, 256);
  Counters counters;
  Sink sink(pool);
  PortQueue* ports[] = {&sink, &sink};
  Stack stack(two_interfaces(), ports, pool, counters);
  const std::vector<Octets> frames = samples();
  const Octets packet = sctp(100);
  const IpAddress peers[] = {ip("192.0.2.2"), ip("192.0.2.3"), ip("2001:db8::2")};
  Time now{1};
  std::vector<SctpPacket> out(1);
  const std::size_t before = allocation_count();
  for (int i = 0; i < 20'000; ++i) {
    const Octets& frame = frames[static_cast<std::size_t>(i) % frames.size()];
    Buffer* buffer = pool.acquire();
    std::memcpy(buffer->data, frame.data(), frame.size());
    buffer->length = static_cast<std::uint32_t>(frame.size());
    if (stack.on_frames(now, 0, {&buffer, 1}, out) == 1) pool.release(out[0].buffer);
    buffer = pool.acquire();
    std::memcpy(buffer->data, packet.data(), packet.size());
    buffer->length = static_cast<std::uint32_t>(packet.size());
    stack.send(now, buffer, {}, peers[i % 3]);
    now = now + milliseconds(5);
    if (stack.next_deadline() <= now) stack.on_deadline(now);
    stack.flush();
  }
  CHECK(allocation_count() == before);
  CHECK(counters.get(Counter::sctp_packets_received) > 1'000);
  CHECK(counters.get(Counter::packets_sent) > 10'000);
}

}  // namespace
}  // namespace millrace::net
