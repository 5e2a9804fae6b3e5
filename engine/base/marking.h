// What an IP header tells routers of a packet beside its addresses.
#pragma once

#include <cstdint>

namespace millrace {

struct Marking {
  /// A label that follows from the addresses, the same for all packets between them (RFC 6437).
  static constexpr std::uint32_t kLabelOfAddresses = 1u << 20;

  std::uint32_t flow_label = kLabelOfAddresses;  ///< of IPv6: 20 bits
  std::uint8_t dscp = 0;                         ///< differentiated services code point, 0 to 63
  std::uint8_t hops = 64;                        ///< TTL of IPv4, hop limit of IPv6

  bool operator==(const Marking&) const = default;
};

}  // namespace millrace
