// Hand-made frames. Nothing here uses the code under test: checksums are computed the slow way.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/address.h"
#include "engine/base/crc32c.h"
#include "engine/net/port.h"

namespace millrace::net {

using Octets = std::vector<std::uint8_t>;

inline constexpr MacAddress kOurMac{0x02, 0, 0, 0, 0, 0x01};
inline constexpr MacAddress kOurSecondMac{0x02, 0, 0, 0, 0, 0x02};
inline constexpr MacAddress kPeerMac{0x02, 0, 0, 0, 0, 0xaa};
inline constexpr MacAddress kOtherMac{0x02, 0, 0, 0, 0, 0xbb};
inline constexpr MacAddress kEveryone{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

inline IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}

inline void append(Octets& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

inline void append16(Octets& to, unsigned value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}

inline void append32(Octets& to, std::uint32_t value) {
  append16(to, value >> 16);
  append16(to, value & 0xffff);
}

inline std::uint16_t slow_checksum(const Octets& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += bytes[i] << (i % 2 == 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

inline Octets ethernet(const MacAddress& to, const MacAddress& from, unsigned type,
                       const Octets& payload, unsigned vlan = 0) {
  Octets frame(to.begin(), to.end());
  append(frame, from);
  if (vlan != 0) {
    append16(frame, 0x8100);
    append16(frame, vlan);
  }
  append16(frame, type);
  append(frame, payload);
  return frame;
}

struct Ipv4Options {
  unsigned id = 7;
  unsigned flags_and_offset = 0x4000;
  Octets options;
  unsigned hop_limit = 64;
};

inline Octets ipv4(std::string_view from, std::string_view to, unsigned protocol,
                   const Octets& payload, const Ipv4Options& options = {}) {
  Octets header;
  const std::size_t length = 20 + options.options.size();
  header.push_back(static_cast<std::uint8_t>(0x40 | length / 4));
  header.push_back(0);
  append16(header, static_cast<unsigned>(length + payload.size()));
  append16(header, options.id);
  append16(header, options.flags_and_offset);
  header.push_back(static_cast<std::uint8_t>(options.hop_limit));
  header.push_back(static_cast<std::uint8_t>(protocol));
  append16(header, 0);
  append(header, ip(from).wire_bytes());
  append(header, ip(to).wire_bytes());
  append(header, options.options);
  const std::uint16_t checksum = slow_checksum(header);
  header[10] = static_cast<std::uint8_t>(checksum >> 8);
  header[11] = static_cast<std::uint8_t>(checksum);
  append(header, payload);
  return header;
}

inline Octets ipv6(std::string_view from, std::string_view to, unsigned next_header,
                   const Octets& payload, unsigned hop_limit = 64) {
  Octets packet{0x60, 0, 0, 0};
  append16(packet, static_cast<unsigned>(payload.size()));
  packet.push_back(static_cast<std::uint8_t>(next_header));
  packet.push_back(static_cast<std::uint8_t>(hop_limit));
  append(packet, ip(from).bytes);
  append(packet, ip(to).bytes);
  append(packet, payload);
  return packet;
}

/// An SCTP packet from port 1000 to port 2000 with a chunk of an unknown type around `fill` bytes.
inline Octets sctp(std::size_t fill = 4, std::uint32_t tag = 0x01020304) {
  Octets packet;
  append16(packet, 1000);
  append16(packet, 2000);
  append32(packet, tag);
  append32(packet, 0);
  packet.push_back(0x3f);
  packet.push_back(0);
  append16(packet, static_cast<unsigned>(4 + fill));
  for (std::size_t i = 0; i < fill; ++i) packet.push_back(static_cast<std::uint8_t>(i));
  store_sctp_checksum(packet);
  return packet;
}

inline Octets icmp4(unsigned type, unsigned code, std::uint32_t rest, const Octets& body) {
  Octets message{static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code), 0, 0};
  append32(message, rest);
  append(message, body);
  const std::uint16_t checksum = slow_checksum(message);
  message[2] = static_cast<std::uint8_t>(checksum >> 8);
  message[3] = static_cast<std::uint8_t>(checksum);
  return message;
}

/// A whole IPv6 packet around an ICMPv6 message.
inline Octets icmp6(std::string_view from, std::string_view to, unsigned type, unsigned code,
                    std::uint32_t rest, const Octets& body, unsigned hop_limit = 64) {
  Octets message{static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code), 0, 0};
  append32(message, rest);
  append(message, body);
  Octets pseudo;
  append(pseudo, ip(from).bytes);
  append(pseudo, ip(to).bytes);
  append32(pseudo, static_cast<std::uint32_t>(message.size()));
  append32(pseudo, 58);
  append(pseudo, message);
  const std::uint16_t checksum = slow_checksum(pseudo);
  message[2] = static_cast<std::uint8_t>(checksum >> 8);
  message[3] = static_cast<std::uint8_t>(checksum);
  return ipv6(from, to, 58, message, hop_limit);
}

inline Octets arp(unsigned operation, const MacAddress& sender_mac, std::string_view sender,
                  const MacAddress& target_mac, std::string_view target) {
  Octets message{0, 1, 8, 0, 6, 4};
  append16(message, operation);
  append(message, sender_mac);
  append(message, ip(sender).wire_bytes());
  append(message, target_mac);
  append(message, ip(target).wire_bytes());
  return message;
}

/// A neighbour solicitation (type 135) or advertisement (136) as a whole IPv6 packet.
inline Octets discovery(unsigned type, std::string_view from, std::string_view to,
                        std::uint32_t flags, std::string_view target, std::optional<MacAddress> mac,
                        unsigned hop_limit = 255) {
  Octets body;
  append(body, ip(target).bytes);
  if (mac) {
    body.push_back(type == 135 ? 1 : 2);
    body.push_back(1);
    append(body, *mac);
  }
  return icmp6(from, to, type, 0, flags, body, hop_limit);
}

}  // namespace millrace::net
