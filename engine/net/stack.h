// What is under SCTP for one lcore: frames in, SCTP packets out, and back.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "engine/base/address.h"
#include "engine/base/buffer.h"
#include "engine/base/counters.h"
#include "engine/base/time.h"
#include "engine/net/config.h"
#include "engine/net/interfaces.h"
#include "engine/net/packet.h"
#include "engine/net/port.h"
#include "engine/net/sender.h"

namespace millrace::net {

/// Decides: which frames are for us, what is answered below SCTP (ARP, neighbour discovery, echo),
/// by which interface and to which neighbour a packet leaves.
/// Does not know: associations, ports of SCTP, other lcores, the clock, DPDK.
///
/// Sans-IO but for PortQueue::send in flush(). Deterministic: the same calls give the same frames.
/// Allocates in its constructor only. One thread.
///
/// A turn of the poll loop:
///   n = port->receive(frames);  k = stack.on_frames(now, port_index, frames.first(n), packets);
///   k = stack.next_local(packets);            // packets that we sent to ourselves
///   while (stack.next_icmp_error(error)) ...
///   stack.send(now, buffer, source, destination) ...
///   if (stack.next_deadline() <= now) stack.on_deadline(now);
///   stack.flush();
class Stack {
 public:
  /// `config` passes find_fault(). `ports[i]` is this lcore's queue pair of port i, or nullptr if
  /// it has none: what would leave by that port is then dropped as drop_port_full.
  /// `ports` is copied; the queues, `pool` and `counters` outlive the Stack.
  Stack(const StackConfig& config, std::span<PortQueue* const> ports, BufferPool& pool,
        Counters& counters);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  // Inputs.

  /// Takes over the frames received from `port`. Fills `out` from the front with the SCTP packets
  /// among them and returns how many; `out` is at least as long as `frames`. Replies to what is
  /// answered here leave with the next flush().
  std::size_t on_frames(Time now, std::size_t port, std::span<Buffer* const> frames,
                        std::span<SctpPacket> out);

  /// What is to come is of many: the memory that on_frames() looks into for a frame, and send() for
  /// a packet, is asked for ahead. Changes nothing but when it is there.
  void expect(const Buffer& frame) const;
  void expect(const IpAddress& source, const IpAddress& destination) const;

  /// Sends an SCTP packet. `packet` holds it from the common header on, in one piece, with at least
  /// kBufferHeadroom bytes of head room; the checksum field is filled in here or by the port. Takes
  /// over one reference, which must be the only one, whatever it returns. `source` is an address of
  /// ours, or unspecified to take source_for(destination). The interface of `source` is preferred
  /// when it has a route to the destination, so that the paths of a multihomed association use
  /// different interfaces. False: dropped and counted (no route, too big, neighbour's queue full).
  bool send(Time now, Buffer* packet, const IpAddress& source, const IpAddress& destination,
            SendOptions options = {});

  void on_deadline(Time now);

  /// Another lcore's stack has learnt of a neighbour. Used if this stack is asking for it.
  void on_neighbour_learnt(Time now, const LearntNeighbour& neighbour);

  /// Tells the neighbours our addresses: gratuitous ARP and unsolicited advertisements. To be
  /// called by one lcore when the link is up.
  void announce();

  // Outputs.

  /// Gives what waits to the ports.
  void flush();

  /// Packets that were sent to addresses of our own, as received ones. Fills `out` from the front.
  std::size_t next_local(std::span<SctpPacket> out);

  /// The next ICMP error about an SCTP packet of ours; false if there is none.
  bool next_icmp_error(IcmpError& out);

  /// The next neighbour that other lcores' stacks should be told of; false if there is none. Always
  /// false unless StackConfig::share_neighbours.
  bool next_learnt(LearntNeighbour& out);

  /// When on_deadline() is to be called next; kNever if nothing is armed.
  Time next_deadline() const;

  // Questions.

  /// The largest IP packet, in bytes, that may leave from `source` (may be unspecified) to
  /// `destination`; 0 if there is no route.
  std::uint16_t route_mtu(const IpAddress& source, const IpAddress& destination) const;
  /// The address of ours to send from; unspecified if there is no route or no address of that
  /// version on the interface.
  IpAddress source_for(const IpAddress& destination) const;
  /// The longest prefix first.
  std::span<const Route> routes() const;
  /// Whether it is an address of ours, loopback included.
  bool is_local(const IpAddress& address) const;
  /// Our addresses in the order of the configuration, without loopback ones.
  std::span<const LocalAddress> local_addresses() const;
  std::string_view interface_name(std::size_t interface_index) const;
  /// Fills in neighbours from entry `first` on; returns how many, and where to go on in `first`.
  std::size_t neighbours(std::uint32_t& first, std::span<NeighbourStatus> out) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace::net
