// The way out: from an SCTP packet to a frame on the right interface.
#pragma once

#include "engine/base/buffer.h"
#include "engine/base/counters.h"
#include "engine/base/marking.h"
#include "engine/base/time.h"
#include "engine/net/bounded_ring.h"
#include "engine/net/interfaces.h"
#include "engine/net/packet.h"
#include "engine/net/resolver.h"
#include "engine/net/route_cache.h"
#include "engine/net/routes.h"
#include "engine/net/transmit_queues.h"

namespace millrace::net {

/// How one packet is to be sent.
struct SendOptions {
  Marking marking{};
  std::uint16_t fragment_above = 0; /**< 0: the packet must not be fragmented (DF); otherwise IP
                                         packets above this many bytes leave as fragments, for
                                         DATA that was cut before the path's MTU shrank */
};

/// Decides interface and neighbour of a packet and writes what stands in front of it. See Stack for
/// the contracts.
class Sender {
 public:
  Sender(const StackConfig& config, const Interfaces& interfaces, Resolver& resolver,
         TransmitQueues& queues, BufferPool& pool, Counters& counters);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  bool send(Time now, Buffer* packet, const IpAddress& source, const IpAddress& destination,
            SendOptions options);

  void expect(const IpAddress& source, const IpAddress& destination) const {
    cache_.prefetch(source, destination);
  }

  /// The next packet that was sent to an address of ours, with its IP header in front; or nullptr.
  Buffer* next_local();

  std::uint16_t route_mtu(const IpAddress& source, const IpAddress& destination) const;
  std::span<const Route> routes() const { return routes_.all(); }
  IpAddress source_for(const IpAddress& destination) const;
  bool is_local(const IpAddress& address) const {
    return address.is_loopback() || interfaces_.owner_of(address) != Interfaces::kNone;
  }

 private:
  /// Of IPv4: flags and offset, identification. Of a packet that is not in pieces: the default.
  struct FragmentFields {
    std::uint16_t flags_and_offset = 0x4000;  // DF
    std::uint16_t identification = 0;
  };

  NextHop hop_to(const IpAddress& source, const IpAddress& destination) const;
  bool find_way(Time now, const IpAddress& source, const IpAddress& destination,
                CachedRoute& route);
  void write_headers(CachedRoute& route, const IpAddress& source, const IpAddress& destination,
                     const MacAddress& mac);
  bool send_large(CachedRoute& route, Buffer* packet, SendOptions options);
  Buffer* make_fragment(CachedRoute& route, Bytes packet, std::size_t offset, std::size_t length,
                        Marking marking);
  void put_headers(CachedRoute& route, Buffer* packet, Marking marking, FragmentFields fragment);
  bool dispatch(CachedRoute& route, Buffer* frame);
  bool drop(Counter why, Buffer* packet);

  const Interfaces& interfaces_;
  const Routes routes_;
  RouteCache cache_;
  Resolver& resolver_;
  TransmitQueues& queues_;
  BufferPool& pool_;
  Counters& counters_;
  CachedRoute* last_ = nullptr;      // in cache_: of the packet before
  Neighbour* waited_for_ = nullptr;  // set by find_way() when the neighbour is not known
  std::uint32_t fragment_identification_ = 0;
  BoundedRing<Buffer*, 256> local_;
};

}  // namespace millrace::net
