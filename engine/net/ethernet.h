// Ethernet II frames, with or without one 802.1Q tag.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/base/bytes.h"
#include "engine/net/port.h"

namespace millrace::net {

inline constexpr std::size_t kEthernetBytes = 14;
inline constexpr std::size_t kVlanTagBytes = 4;
inline constexpr std::uint16_t kVlanIdMask = 0x0fff;
inline constexpr MacAddress kBroadcastMac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

enum EtherType : std::uint16_t {
  kEtherTypeIpv4 = 0x0800,
  kEtherTypeArp = 0x0806,
  kEtherTypeVlan = 0x8100,
  kEtherTypeIpv6 = 0x86dd,
};

inline MacAddress mac_at(const std::uint8_t* from) {
  MacAddress mac;
  std::memcpy(mac.data(), from, mac.size());
  return mac;
}

inline bool is_group(const MacAddress& mac) {
  return (mac[0] & 1) != 0;
}

/// A neighbour's address must be that of one station.
inline bool is_station(const MacAddress& mac) {
  return !is_group(mac) && mac != MacAddress{};
}

/// The header of a received frame. After `parse`, the payload follows at `length`.
struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  std::uint16_t type = 0;
  std::uint16_t vlan = 0;  ///< VLAN identifier; 0 if untagged or tagged with a priority only
  std::size_t length = 0;

  /// False if the frame is too short. `stripped_tag` is the tag that the port has already taken
  /// off.
  bool parse(Bytes frame, std::uint16_t stripped_tag) {
    if (frame.size() < kEthernetBytes) return false;
    destination = mac_at(frame.data());
    source = mac_at(frame.data() + 6);
    type = load_be16(frame.data() + 12);
    length = kEthernetBytes;
    vlan = stripped_tag & kVlanIdMask;
    if (type != kEtherTypeVlan || vlan != 0) return true;
    if (frame.size() < kEthernetBytes + kVlanTagBytes) return false;
    vlan = load_be16(frame.data() + 14) & kVlanIdMask;
    type = load_be16(frame.data() + 16);
    length += kVlanTagBytes;
    return true;
  }
};

/// Bytes of the header that write_ethernet() writes.
inline std::size_t ethernet_bytes(std::uint16_t vlan) {
  return vlan == 0 ? kEthernetBytes : kEthernetBytes + kVlanTagBytes;
}

/// Writes a header of ethernet_bytes(vlan) bytes.
inline void write_ethernet(std::uint8_t* to, const MacAddress& destination,
                           const MacAddress& source, std::uint16_t vlan, std::uint16_t type) {
  std::memcpy(to, destination.data(), 6);
  std::memcpy(to + 6, source.data(), 6);
  if (vlan != 0) {
    store_be16(to + 12, kEtherTypeVlan);
    store_be16(to + 14, vlan);
    store_be16(to + 16, type);
  } else {
    store_be16(to + 12, type);
  }
}

}  // namespace millrace::net
