// What the network layer gives to SCTP: packets, and errors that the network reports about packets
// of ours.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/base/address.h"
#include "engine/base/buffer.h"
#include "engine/net/port.h"

namespace millrace::net {

/// A received SCTP packet whose checksum is right and whose destination is an address of ours.
struct SctpPacket {
  Buffer* buffer = nullptr;  ///< one reference, which the receiver of this struct owns
  IpAddress source;
  IpAddress destination;
  Bytes bytes;  ///< from the common header on; in `buffer`, whose data and length say the same
  std::uint8_t interface_index = 0;
};

/// The SCTP packet in a buffer that a Stack has received, e.g. after a hand-off to another lcore.
inline SctpPacket sctp_packet_of(Buffer& buffer) {
  const std::uint8_t* header = buffer.storage + buffer.network_offset;
  SctpPacket packet;
  packet.buffer = &buffer;
  if (header[0] >> 4 == 4) {
    packet.source = IpAddress::v4(header + 12);
    packet.destination = IpAddress::v4(header + 16);
  } else {
    packet.source = IpAddress::v6(header + 8);
    packet.destination = IpAddress::v6(header + 24);
  }
  packet.bytes = {buffer.storage + buffer.sctp_offset, buffer.sctp_length};
  packet.interface_index = buffer.interface_index;
  return packet;
}

/// What the network says about a packet of ours (RFC 792, RFC 4443; for what SCTP makes of it see
/// RFC 9260 section 10).
enum class IcmpErrorKind : std::uint8_t {
  kUnreachable,          ///< network or host, or prohibited
  kProtocolUnreachable,  ///< the peer's host has no SCTP
  kPortUnreachable,
  kPacketTooBig,  ///< see next_hop_mtu
  kTimeExceeded,
  kParameterProblem,  ///< other than an unknown next header, which is kProtocolUnreachable
};

/// An ICMP or ICMPv6 error that quotes an SCTP packet from an address of ours. Whether we really
/// sent that packet, only the owner of the verification tag can tell.
struct IcmpError {
  static constexpr std::size_t kQuotedMax = 32;

  IpAddress source;       ///< of the quoted packet: ours
  IpAddress destination;  ///< of the quoted packet: the peer's
  IcmpErrorKind kind = IcmpErrorKind::kUnreachable;
  std::uint8_t quoted_length = 0;  ///< 8 to kQuotedMax
  std::uint16_t next_hop_mtu = 0;  ///< kPacketTooBig: kMtuMin or more; otherwise 0
  std::array<std::uint8_t, kQuotedMax> quoted{};

  /// The first bytes of the quoted SCTP packet: ports and verification tag, and as much of what
  /// follows (an INIT's initiate tag is in bytes 16 to 19) as the error quotes.
  Bytes quoted_sctp() const { return {quoted.data(), quoted_length}; }
};

/// A neighbour whose link-layer address became known, to be told to the other lcores' stacks.
struct LearntNeighbour {
  IpAddress address;
  MacAddress mac{};
  std::uint8_t interface_index = 0;
};

/// A neighbour as the operator sees it.
struct NeighbourStatus {
  IpAddress address;
  MacAddress mac{};        ///< all zeros: not known
  const char* state = "";  ///< "reachable" and so on
  std::uint8_t interface_index = 0;
};

}  // namespace millrace::net
