// IPv6 headers and extension headers (RFC 8200).
#pragma once

#include "engine/net/ip.h"

namespace millrace::net {

inline constexpr std::size_t kIpv6Bytes = 40;
inline constexpr std::size_t kIpv6FragmentBytes = 8;
/// The smallest MTU that a link may have.
inline constexpr std::uint16_t kIpv6MtuMin = 1280;

/// Fills `packet` from bytes that start with an IPv6 header. Steps over hop-by-hop options,
/// destination options, routing headers that are at their end, and fragment headers of packets that
/// are not in pieces (RFC 6946). False if a header is malformed, says more than is there, or has an
/// option that must not be stepped over.
bool parse_ipv6(Bytes bytes, IpPacket& packet);

/// Like parse_ipv6 for the packet that an ICMPv6 error quotes, which may be cut anywhere.
bool parse_quoted_ipv6(Bytes bytes, IpPacket& packet);

struct Ipv6Fields {
  IpAddress source;
  IpAddress destination;
  std::uint8_t next_header = 0;
  std::uint8_t traffic_class = 0;
  std::uint8_t hop_limit = kHopLimit;
  std::uint32_t flow_label = 0;
  std::size_t payload_length = 0;
};

/// Writes a header of kIpv6Bytes.
void write_ipv6(std::uint8_t* to, const Ipv6Fields& fields);

}  // namespace millrace::net
