// Asks neighbours for their link-layer addresses and answers them: ARP and neighbour discovery.
#pragma once

#include "engine/base/buffer.h"
#include "engine/base/counters.h"
#include "engine/base/time.h"
#include "engine/net/arp.h"
#include "engine/net/bounded_ring.h"
#include "engine/net/interfaces.h"
#include "engine/net/neighbour_discovery.h"
#include "engine/net/neighbour_table.h"
#include "engine/net/packet.h"
#include "engine/net/transmit_queues.h"

namespace millrace::net {

/// Knows the two protocols. When to ask and what to believe is the NeighbourTable's business.
class Resolver {
 public:
  Resolver(const StackConfig& config, const Interfaces& interfaces, TransmitQueues& queues,
           BufferPool& pool, Counters& counters);

  // For the sender. `use` may have put questions on their way: they leave with send_questions().
  Neighbour& use(Time now, std::uint8_t interface_index, const IpAddress& address,
                 const IpAddress& source) {
    return table_.use(now, interface_index, address, source);
  }
  Time valid_until(const Neighbour& neighbour) const { return table_.valid_until(neighbour); }
  std::uint32_t epoch() const { return table_.epoch(); }
  bool hold(Neighbour& neighbour, Buffer* frame) { return table_.hold(neighbour, frame); }
  void send_questions();

  // For the receiver.
  void on_arp(Time now, std::uint8_t interface_index, Bytes bytes);
  void on_discovery(Time now, std::uint8_t interface_index, const IpPacket& packet,
                    const MacAddress& frame_source);

  void on_neighbour_learnt(Time now, const LearntNeighbour& neighbour);
  void announce();
  void on_deadline(Time now);
  Time next_deadline() const { return table_.next_deadline(); }
  bool next_learnt(LearntNeighbour& out) { return learnt_.pop(out); }
  const NeighbourTable& table() const { return table_; }

 private:
  bool is_ours(std::uint8_t interface_index, const IpAddress& address) const {
    return interfaces_.owner_of(address) == interface_index;
  }
  bool is_conflict(const IpAddress& claimed, const MacAddress& mac);
  void on_solicitation(Time now, std::uint8_t interface_index, const IpPacket& packet,
                       const NeighbourMessage& message, const MacAddress& frame_source);
  void on_advertisement(Time now, std::uint8_t interface_index, const NeighbourMessage& message);
  void answered(Time now, std::uint8_t interface_index, const IpAddress& address,
                const MacAddress& mac);
  void hinted(Time now, std::uint8_t interface_index, const IpAddress& address,
              const MacAddress& mac);
  void release_held();
  void send_arp(std::uint8_t interface_index, const MacAddress& to, const ArpMessage& message);
  void send_discovery(std::uint8_t interface_index, const MacAddress& to,
                      const IpAddress& destination, const IpAddress& source,
                      const NeighbourMessage& message);
  std::uint8_t* start_frame(std::uint8_t interface_index, const MacAddress& to, std::uint16_t type,
                            std::size_t payload_length);
  void finish_frame(std::uint8_t interface_index);

  const bool share_;
  const Interfaces& interfaces_;
  TransmitQueues& queues_;
  BufferPool& pool_;
  Counters& counters_;
  NeighbourTable table_;
  BoundedRing<LearntNeighbour, 64> learnt_;  // full: the rest is found out again when asked again
  Buffer* frame_ = nullptr;                  // between start_frame and finish_frame
};

}  // namespace millrace::net
