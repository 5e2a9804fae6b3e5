// What a received IP packet of either version is to this layer.
#pragma once

#include <cstdint>

#include "engine/base/address.h"
#include "engine/base/bytes.h"

namespace millrace::net {

enum IpProtocol : std::uint8_t {
  kProtocolHopByHop = 0,
  kProtocolIcmp = 1,
  kProtocolRouting = 43,
  kProtocolFragment = 44,
  kProtocolIcmpv6 = 58,
  kProtocolDestinationOptions = 60,
  kProtocolSctp = 132,
};

inline constexpr std::uint8_t kHopLimit = 64;  ///< of what we send

/// A packet whose headers are well formed and lie within the frame.
struct IpPacket {
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;  ///< of the payload; of a fragment: what its fragment header says
  std::uint8_t hop_limit = 0;
  bool is_fragment = false;
  bool more_fragments = false;
  std::uint16_t fragment_offset = 0;  ///< in bytes
  std::uint32_t identification = 0;
  const std::uint8_t* header = nullptr;
  Bytes payload;  ///< without what pads the frame
};

/// Whether a packet from the wire may come from there: one host, and not this one's loopback.
inline bool is_source_acceptable(const IpPacket& packet) {
  if (packet.header[0] >> 4 == 4) {
    const std::uint8_t first = packet.source.v4_bytes()[0];
    return first != 0 && first != 127 && first < 224;
  }
  return packet.source.is_unicast() && !packet.source.is_loopback();
}

}  // namespace millrace::net
