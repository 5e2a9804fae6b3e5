// A stack on two recorded ports: 192.0.2.1/24 and 2001:db8::1/64 on the first ("a"),
// 198.51.100.1/24 and 2001:db8:1::1/64 on the second ("b").
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "engine/net/stack.h"
#include "tests/net/frames.h"

namespace millrace::net {

/// Keeps what is sent; takes `room` frames at most.
class RecordingPort final : public PortQueue {
 public:
  std::size_t receive(std::span<Buffer*>) override { return 0; }
  std::size_t send(std::span<Buffer* const> frames) override {
    ++calls;
    std::size_t count = 0;
    for (; count < frames.size() && room > 0; ++count, --room) {
      sent.emplace_back(frames[count]->bytes().begin(), frames[count]->bytes().end());
      flags.push_back(frames[count]->flags);
      pool->release(frames[count]);
    }
    return count;
  }

  BufferPool* pool = nullptr;
  std::size_t room = ~std::size_t{0};
  std::size_t calls = 0;
  std::deque<Octets> sent;
  std::vector<std::uint8_t> flags;
};

inline StackConfig two_interfaces() {
  StackConfig config;
  config.seed = {1, 2};
  config.interfaces.resize(2);
  config.interfaces[0].name = "a";
  config.interfaces[0].traits.mac = kOurMac;
  config.interfaces[0].addresses = {*Prefix::parse("192.0.2.1/24"),
                                    *Prefix::parse("2001:db8::1/64")};
  config.interfaces[1].name = "b";
  config.interfaces[1].port = 1;
  config.interfaces[1].traits.mac = kOurSecondMac;
  config.interfaces[1].addresses = {*Prefix::parse("198.51.100.1/24"),
                                    *Prefix::parse("2001:db8:1::1/64")};
  return config;
}

/// Its destructor checks that no buffer is lost.
class Rig {
 public:
  static constexpr std::size_t kBuffers = 512;

  explicit Rig(const StackConfig& config = two_interfaces()) {
    for (RecordingPort& port : ports) port.pool = &pool;
    PortQueue* queues[] = {&ports[0], &ports[1]};
    stack = std::make_unique<Stack>(config, queues, pool, counters);
  }
  ~Rig() {
    for (const SctpPacket& packet : received) pool.release(packet.buffer);
    stack.reset();
    CHECK(pool.free_count() == kBuffers);
  }

  Buffer* buffer_of(const Octets& bytes) {
    Buffer* buffer = pool.acquire();
    REQUIRE(buffer != nullptr);
    std::copy(bytes.begin(), bytes.end(), buffer->data);
    buffer->length = static_cast<std::uint32_t>(bytes.size());
    return buffer;
  }

  /// Gives a frame to the stack; returns how many SCTP packets came out (0 or 1).
  std::size_t receive(const Octets& frame, std::size_t port = 0, std::uint8_t flags = 0,
                      std::uint16_t stripped_tag = 0) {
    Buffer* buffer = buffer_of(frame);
    buffer->flags = flags;
    buffer->vlan = stripped_tag;
    SctpPacket packet;
    const std::size_t count = stack->on_frames(now, port, {&buffer, 1}, {&packet, 1});
    if (count == 1) received.push_back(packet);
    return count;
  }

  bool send(const Octets& packet, std::string_view from, std::string_view to,
            SendOptions options = {}) {
    const IpAddress source = from.empty() ? IpAddress{} : ip(from);
    return stack->send(now, buffer_of(packet), source, ip(to), options);
  }

  /// What has been sent by a port since the last call.
  std::deque<Octets> sent(std::size_t port = 0) {
    stack->flush();
    return std::exchange(ports[port].sent, {});
  }

  /// Lets time pass, with all deadlines in it.
  void pass(Duration span) {
    const Time until = now + span;
    while (stack->next_deadline() <= until) {
      now = stack->next_deadline();
      stack->on_deadline(now);
    }
    now = until;
  }

  /// Makes a neighbour on interface a known: 192.0.2.2 or 2001:db8::2 at kPeerMac.
  void meet_v4() {
    send(sctp(), "192.0.2.1", "192.0.2.2");
    receive(
        ethernet(kOurMac, kPeerMac, 0x0806, arp(2, kPeerMac, "192.0.2.2", kOurMac, "192.0.2.1")));
    sent();
  }
  void meet_v6() {
    send(sctp(), "2001:db8::1", "2001:db8::2");
    receive(ethernet(
        kOurMac, kPeerMac, 0x86dd,
        discovery(136, "2001:db8::2", "2001:db8::1", 0x60000000, "2001:db8::2", kPeerMac)));
    sent();
  }

  std::uint64_t count(Counter counter) const { return counters.get(counter); }

  BufferPool pool{kBuffers};
  BufferSlab slab{pool, kBuffers};
  Counters counters;
  RecordingPort ports[2];
  Time now{1'000'000'000};
  std::vector<SctpPacket> received;
  std::unique_ptr<Stack> stack;
};

}  // namespace millrace::net
