// The way in: from a frame to an SCTP packet, an answer, or a counted drop.
#pragma once

#include <span>

#include "engine/base/buffer.h"
#include "engine/base/counters.h"
#include "engine/base/time.h"
#include "engine/net/bounded_ring.h"
#include "engine/net/ethernet.h"
#include "engine/net/fragments.h"
#include "engine/net/heard_pairs.h"
#include "engine/net/interfaces.h"
#include "engine/net/ip.h"
#include "engine/net/ipv4.h"
#include "engine/net/packet.h"
#include "engine/net/resolver.h"
#include "engine/net/transmit_queues.h"

namespace millrace::net {

/// Decides what a received frame is. See Stack for the contracts.
class Receiver {
 public:
  Receiver(const StackConfig& config, const Interfaces& interfaces, Resolver& resolver,
           TransmitQueues& queues, BufferPool& pool, Counters& counters);

  std::size_t on_frames(Time now, std::size_t port, std::span<Buffer* const> frames,
                        std::span<SctpPacket> out);
  void expect(const Buffer& frame) const {
    if (frame.length >= kEthernetBytes + kIpv4Bytes) {
      heard_.prefetch(frame.data + kEthernetBytes + 12);
    }
  }
  bool next_icmp_error(IcmpError& out) { return errors_.pop(out); }
  void on_deadline(Time now) { fragments_.on_deadline(now); }
  Time next_deadline() const { return fragments_.next_deadline(); }

 private:
  /// What is known of a frame while its IP packet is looked at.
  struct Frame {
    Time now;
    std::uint8_t interface_index = 0;
    bool is_reassembled = false;
    MacAddress source;
    bool is_to_group = false;
  };

  bool is_plain(const Interface& interface, const Buffer& buffer) const;

  // Each takes over the buffer. True: `out` is filled.
  bool on_plain(std::uint8_t interface_index, Buffer* buffer, SctpPacket& out);
  bool on_frame(Time now, std::size_t port, Buffer* buffer, SctpPacket& out);
  bool on_ipv4(const Frame& frame, Buffer* buffer, Bytes bytes, SctpPacket& out);
  bool on_ipv6(const Frame& frame, Buffer* buffer, Bytes bytes, SctpPacket& out);
  bool on_packet(const Frame& frame, Buffer* buffer, const IpPacket& packet, SctpPacket& out);
  bool on_fragment(const Frame& frame, Buffer* buffer, const IpPacket& packet, SctpPacket& out);
  bool on_sctp(const Frame& frame, Buffer* buffer, const IpPacket& packet, SctpPacket& out);
  void on_icmp(const Frame& frame, Buffer* buffer, const IpPacket& packet);
  void on_icmp_error(Buffer* buffer, const IpPacket& packet);
  void on_echo_request(const Frame& frame, Buffer* buffer, const IpPacket& packet);
  bool take_sctp(std::uint8_t interface_index, Buffer* buffer, const std::uint8_t* ip, Bytes sctp,
                 SctpPacket& out);
  bool is_from_another(const IpPacket& packet) const;
  bool drop(Counter why, Buffer* buffer);

  const Interfaces& interfaces_;
  Resolver& resolver_;
  TransmitQueues& queues_;
  BufferPool& pool_;
  Counters& counters_;
  Fragments fragments_;
  HeardPairs heard_;
  BoundedRing<IcmpError, 64> errors_;
};

}  // namespace millrace::net
