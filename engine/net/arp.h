// ARP over Ethernet for IPv4 (RFC 826).
#pragma once

#include <cstring>

#include "engine/base/address.h"
#include "engine/base/bytes.h"
#include "engine/net/ethernet.h"

namespace millrace::net {

inline constexpr std::size_t kArpBytes = 28;

enum class ArpOperation : std::uint16_t { kRequest = 1, kReply = 2 };

struct ArpMessage {
  ArpOperation operation = ArpOperation::kRequest;
  MacAddress sender_mac{};
  MacAddress target_mac{};
  IpAddress sender;
  IpAddress target;

  bool is_gratuitous() const { return sender == target; }

  /// False if it is malformed or not about Ethernet and IPv4.
  bool parse(Bytes bytes) {
    constexpr std::uint8_t kEthernetAndIpv4[] = {0, 1, 8, 0, 6, 4};
    if (bytes.size() < kArpBytes) return false;
    const std::uint8_t* at = bytes.data();
    if (std::memcmp(at, kEthernetAndIpv4, sizeof kEthernetAndIpv4) != 0) return false;
    const std::uint16_t code = load_be16(at + 6);
    if (code != 1 && code != 2) return false;
    operation = static_cast<ArpOperation>(code);
    sender_mac = mac_at(at + 8);
    sender = IpAddress::v4(at + 14);
    target_mac = mac_at(at + 18);
    target = IpAddress::v4(at + 24);
    return is_station(sender_mac) && (sender.is_unspecified() || sender.is_unicast());
  }

  /// Writes kArpBytes.
  void write(std::uint8_t* to) const {
    constexpr std::uint8_t kEthernetAndIpv4[] = {0, 1, 8, 0, 6, 4};
    std::memcpy(to, kEthernetAndIpv4, sizeof kEthernetAndIpv4);
    store_be16(to + 6, static_cast<std::uint16_t>(operation));
    std::memcpy(to + 8, sender_mac.data(), 6);
    std::memcpy(to + 14, sender.v4_bytes(), 4);
    std::memcpy(to + 18, target_mac.data(), 6);
    std::memcpy(to + 24, target.v4_bytes(), 4);
  }
};

}  // namespace millrace::net
