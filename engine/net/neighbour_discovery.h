// Neighbour solicitations and advertisements of IPv6 (RFC 4861).
#pragma once

#include <optional>

#include "engine/net/ethernet.h"
#include "engine/net/ip.h"
#include "engine/net/ipv6.h"

namespace millrace::net {

enum class NeighbourMessageType : std::uint8_t { kSolicitation = 135, kAdvertisement = 136 };

struct NeighbourMessage {
  /// Bytes of the IPv6 packet that write() makes, with the link-layer address option.
  static constexpr std::size_t kPacketBytes = kIpv6Bytes + 32;

  NeighbourMessageType type = NeighbourMessageType::kSolicitation;
  bool is_solicited = false;      ///< advertisement: answers a solicitation
  bool does_override = false;     ///< advertisement: replaces what is known
  IpAddress target;               ///< whose link-layer address is asked for or told
  std::optional<MacAddress> mac;  ///< solicitation: the asker's; advertisement: the target's

  /// From an ICMPv6 packet whose checksum is right. False if it is malformed (RFC 4861 7.1).
  bool parse(const IpPacket& packet);

  /// Writes an IPv6 packet of kPacketBytes; `mac` must be known.
  void write(std::uint8_t* to, const IpAddress& source, const IpAddress& destination) const;
};

/// The multicast address that those who have `address` listen on (RFC 4291 2.7.1).
IpAddress solicited_node_address(const IpAddress& address);
IpAddress all_nodes_address();
/// The link-layer address that an IPv6 multicast address is sent to (RFC 2464).
MacAddress multicast_mac(const IpAddress& address);

}  // namespace millrace::net
