// Headers that are ready to be copied in front of a packet, by source and destination.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/base/address.h"
#include "engine/base/hash.h"
#include "engine/base/prefetch.h"
#include "engine/base/time.h"
#include "engine/net/address_hash.h"

namespace millrace::net {

/// All that the way of a packet costs when it was gone before: a comparison, a copy of 64 bytes and
/// three fields.
struct alignas(64) CachedRoute {
  static constexpr std::size_t kHeaderBytes = 64;

  IpAddress source;       // as the caller gave it, unspecified included
  IpAddress destination;  // unspecified: the slot is empty
  // Ethernet and IP header at the end; lengths, traffic class and IPv4 checksum are zero in it.
  std::array<std::uint8_t, kHeaderBytes> headers{};
  Time valid_until;            // not resolved: in the past
  std::uint32_t epoch = 0;     // of the neighbour table
  std::uint32_t ipv4_sum = 0;  // sum of the IPv4 header as it is in `headers`
  std::uint16_t mtu = 0;
  std::uint8_t link_bytes = 0;  // Ethernet header; 0: to ourselves
  std::uint8_t ip_bytes = 0;
  std::uint8_t port = 0;
  std::uint8_t interface_index = 0;
  bool checksum_by_port = false;

  bool is_local() const { return link_bytes == 0; }
  bool is_v4() const { return ip_bytes == 20; }
  std::uint8_t* ip_header() { return headers.data() + kHeaderBytes - ip_bytes; }
  std::uint8_t* link_header() { return ip_header() - link_bytes; }
};
static_assert(sizeof(CachedRoute) == 128);

/// Two places for each hash, beside each other: more would be more lines to ask for ahead.
class RouteCache {
 public:
  explicit RouteCache(const HashKey& key) : key_(key), sets_(kSets) {}

  /// The route of these two, or the place where it is to lie. It stays theirs until others are
  /// asked for.
  CachedRoute& slot(const IpAddress& source, const IpAddress& destination) {
    const std::uint64_t hash = hash_address_pair(key_, source, destination);
    Set& set = sets_[hash % kSets];
    for (CachedRoute& route : set) {
      if (route.destination == destination && route.source == source) return route;
    }
    for (CachedRoute& route : set) {
      if (route.destination.is_unspecified()) return route;
    }
    return set[++changes_ % set.size()];
  }
  /// Starts to bring nearer where slot() will look.
  void prefetch(const IpAddress& source, const IpAddress& destination) const {
    millrace::prefetch(&sets_[hash_address_pair(key_, source, destination) % kSets], sizeof(Set));
  }
  /// Stable for a pair of addresses, different between pairs (RFC 6437).
  std::uint32_t flow_label(const IpAddress& source, const IpAddress& destination) const {
    return static_cast<std::uint32_t>(hash_address_pair(key_, source, destination) >> 40) & 0xfffff;
  }

 private:
  static constexpr std::size_t kSets = 2048;

  using Set = std::array<CachedRoute, 2>;

  HashKey key_;
  std::vector<Set> sets_;
  std::uint32_t changes_ = 0;  // of routes for others
};

}  // namespace millrace::net
