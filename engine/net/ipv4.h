// IPv4 headers (RFC 791).
#pragma once

#include "engine/net/internet_checksum.h"
#include "engine/net/ip.h"

namespace millrace::net {

inline constexpr std::size_t kIpv4Bytes = 20;
inline constexpr std::uint16_t kIpv4DontFragment = 0x4000;
inline constexpr std::uint16_t kIpv4MoreFragments = 0x2000;
inline constexpr std::uint16_t kIpv4FragmentMask = 0x3fff;  ///< 0 under it: not a fragment

/// Fills `packet` from bytes that start with an IPv4 header. False if the header is malformed, has
/// a wrong checksum, asks for source routing, or says more than is there.
bool parse_ipv4(Bytes bytes, IpPacket& packet);

/// Like parse_ipv4 for the packet that an ICMP error quotes: it may be cut anywhere behind its
/// header, and its checksum is not looked at.
bool parse_quoted_ipv4(Bytes bytes, IpPacket& packet);

struct Ipv4Fields {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;
  std::uint8_t traffic_class = 0;
  std::uint16_t identification = 0;
  std::uint16_t fragment = kIpv4DontFragment;  ///< flags, and offset in units of 8 bytes
  std::size_t payload_length = 0;
};

/// Writes a header of kIpv4Bytes with its checksum.
void write_ipv4(std::uint8_t* to, const Ipv4Fields& fields);

}  // namespace millrace::net
