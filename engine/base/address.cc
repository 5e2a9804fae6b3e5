#include "engine/base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace millrace {

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  std::array<std::uint8_t, 16> raw;
  if (inet_pton(AF_INET, terminated.c_str(), raw.data()) == 1) return v4(raw.data());
  if (inet_pton(AF_INET6, terminated.c_str(), raw.data()) == 1) return v6(raw.data());
  return std::nullopt;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return v4_bytes()[0] == 127;
  return bytes[15] == 1 &&
         std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_link_local() const {
  if (is_v4()) return v4_bytes()[0] == 169 && v4_bytes()[1] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (is_v4()) {
    inet_ntop(AF_INET, v4_bytes(), text, sizeof text);
  } else {
    inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  }
  return text;
}

std::string SocketAddress::to_string() const {
  const std::string suffix = ":" + std::to_string(port);
  return address.is_v6() ? "[" + address.to_string() + "]" + suffix : address.to_string() + suffix;
}

bool Prefix::contains(const IpAddress& other) const {
  if (address.is_v4() != other.is_v4()) return false;
  const Bytes ours = address.wire_bytes();
  const Bytes theirs = other.wire_bytes();
  const std::size_t whole = length / 8;
  if (std::memcmp(ours.data(), theirs.data(), whole) != 0) return false;
  if (length % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - length % 8));
  return ((ours[whole] ^ theirs[whole]) & mask) == 0;
}

Prefix Prefix::network() const {
  Prefix network = *this;
  const std::size_t first = (address.is_v4() ? 96u : 0u) + length;
  for (std::size_t bit = first; bit < 128; ++bit) {
    network.address.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
  }
  return network;
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const std::uint8_t length_max = address->is_v4() ? 32 : 128;
  if (slash == std::string_view::npos) return Prefix{*address, length_max};
  const std::string_view digits = text.substr(slash + 1);
  std::uint8_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty() ||
      length > length_max) {
    return std::nullopt;
  }
  return Prefix{*address, length};
}

}  // namespace millrace
