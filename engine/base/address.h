// IP addresses of both versions in one type.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/bytes.h"

namespace millrace {

/// An IPv4 or IPv6 address, 16 bytes in network order; IPv4 is kept as IPv4-mapped IPv6
/// (::ffff:a.b.c.d). All zeros is "unspecified", of either version.
struct IpAddress {
  alignas(8) std::array<std::uint8_t, 16> bytes{};

  bool operator==(const IpAddress& other) const {
    return ((word(0) ^ other.word(0)) | (word(1) ^ other.word(1))) == 0;
  }
  std::strong_ordering operator<=>(const IpAddress& other) const {
    return std::memcmp(bytes.data(), other.bytes.data(), 16) <=> 0;
  }

  /// From four bytes in network order.
  static IpAddress v4(const std::uint8_t* four) {
    // Stored as it is loaded later on: in words of eight bytes.
    std::uint32_t raw;
    std::memcpy(&raw, four, sizeof raw);
    const std::uint64_t half = std::uint64_t{raw} << 32 | kMapped;
    IpAddress address;
    std::memcpy(address.bytes.data() + 8, &half, sizeof half);
    return address;
  }
  /// From sixteen bytes in network order.
  static IpAddress v6(const std::uint8_t* sixteen) {
    IpAddress address;
    std::memcpy(address.bytes.data(), sixteen, 16);
    return address;
  }
  /// From text, e.g. "192.0.2.1" or "2001:db8::1".
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const { return word(0) == 0 && static_cast<std::uint32_t>(word(1)) == kMapped; }
  bool is_v6() const { return !is_v4() && !is_unspecified(); }
  /// ::, or 0.0.0.0 as IPv4-mapped.
  bool is_unspecified() const { return word(0) == 0 && (word(1) == 0 || word(1) == kMapped); }
  bool is_loopback() const;
  bool is_multicast() const { return is_v4() ? (v4_bytes()[0] & 0xf0) == 0xe0 : bytes[0] == 0xff; }
  bool is_broadcast() const {  ///< 255.255.255.255
    return is_v4() && word(1) >> 32 == 0xffffffff;
  }
  bool is_link_local() const;  ///< 169.254.0.0/16 or fe80::/10
  /// May stand as the source or destination of an SCTP packet (RFC 9260 8.4: unicast only).
  bool is_unicast() const { return !is_unspecified() && !is_multicast() && !is_broadcast(); }

  /// The four bytes of an IPv4 address, network order.
  const std::uint8_t* v4_bytes() const { return bytes.data() + 12; }
  Bytes wire_bytes() const { return is_v4() ? Bytes{v4_bytes(), 4} : Bytes{bytes}; }
  std::string to_string() const;

 private:
  static constexpr std::uint32_t kMapped = 0xffff0000;  // bytes 8 to 11 of ::ffff:0:0, as loaded

  std::uint64_t word(std::size_t index) const {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + 8 * index, sizeof word);
    return word;
  }
};

/// An address and an SCTP port in host order.
struct SocketAddress {
  IpAddress address;
  std::uint16_t port = 0;

  bool operator==(const SocketAddress&) const = default;
  std::string to_string() const;  ///< "192.0.2.1:3868", "[2001:db8::1]:3868"
};

/// An address and the length of its network's prefix, in bits of the address's own version.
struct Prefix {
  IpAddress address;
  std::uint8_t length = 0;

  bool contains(const IpAddress& other) const;
  /// The same without the host's bits: 192.0.2.0/24 of 192.0.2.7/24.
  Prefix network() const;
  /// From text, e.g. "192.0.2.0/24"; an address without a length is a host route.
  static std::optional<Prefix> parse(std::string_view text);
};

}  // namespace millrace
