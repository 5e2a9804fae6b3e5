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

}  // namespace millrace::net
