// ICMP (RFC 792) and ICMPv6 (RFC 4443): echo, and errors about packets of ours.
#pragma once

#include <optional>

#include "engine/net/ip.h"
#include "engine/net/packet.h"

namespace millrace::net {

inline constexpr std::size_t kIcmpBytes = 8;

enum class IcmpClass : std::uint8_t {
  kMalformed,
  kEchoRequest,
  kError,
  kNeighbourDiscovery,  ///< ICMPv6 only
  kOther,
};

/// Checks length and checksum of an ICMP or ICMPv6 message, by `packet.protocol`.
IcmpClass classify_icmp(const IpPacket& packet);

/// The SCTP packet that an error (IcmpClass::kError) quotes and what is said of it. Nothing if it
/// quotes anything else, too little of it, or says what is not to be believed.
std::optional<IcmpError> parse_icmp_error(const IpPacket& packet);

/// Makes the reply out of an echo request in place; the IP header is not touched.
void make_echo_reply(const IpPacket& request, std::uint8_t* message);

}  // namespace millrace::net
