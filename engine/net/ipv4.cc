#include "engine/net/ipv4.h"

namespace millrace::net {
namespace {

constexpr std::uint8_t kOptionEnd = 0;
constexpr std::uint8_t kOptionNoOperation = 1;
constexpr std::uint8_t kOptionLooseSourceRoute = 131;
constexpr std::uint8_t kOptionStrictSourceRoute = 137;

// Options are stepped over. Source routes are refused: they serve nobody but attackers.
bool are_options_acceptable(Bytes options) {
  std::size_t at = 0;
  while (at < options.size()) {
    const std::uint8_t type = options[at];
    if (type == kOptionEnd) return true;
    if (type == kOptionNoOperation) {
      ++at;
      continue;
    }
    if (type == kOptionLooseSourceRoute || type == kOptionStrictSourceRoute) return false;
    if (at + 2 > options.size()) return false;
    const std::size_t length = options[at + 1];
    if (length < 2 || at + length > options.size()) return false;
    at += length;
  }
  return true;
}

// Everything but lengths against the bytes that are there.
bool parse_header(Bytes bytes, std::size_t header_length, IpPacket& packet) {
  const std::uint8_t* header = bytes.data();
  const std::uint16_t fragment = load_be16(header + 6);
  packet.header = header;
  packet.source = IpAddress::v4(header + 12);
  packet.destination = IpAddress::v4(header + 16);
  packet.protocol = header[9];
  packet.hop_limit = header[8];
  packet.more_fragments = (fragment & kIpv4MoreFragments) != 0;
  packet.fragment_offset = static_cast<std::uint16_t>((fragment & 0x1fff) * 8);
  packet.is_fragment = packet.more_fragments || packet.fragment_offset != 0;
  packet.identification = load_be16(header + 4);
  return header_length == kIpv4Bytes ||
         are_options_acceptable(bytes.subspan(kIpv4Bytes, header_length - kIpv4Bytes));
}

// 0 if it is not an IPv4 header that fits.
std::size_t header_length_of(Bytes bytes) {
  if (bytes.size() < kIpv4Bytes || bytes[0] >> 4 != 4) return 0;
  const std::size_t length = (bytes[0] & 0x0f) * std::size_t{4};
  return length >= kIpv4Bytes && length <= bytes.size() ? length : 0;
}

}  // namespace

bool parse_ipv4(Bytes bytes, IpPacket& packet) {
  const std::size_t header_length = header_length_of(bytes);
  if (header_length == 0) return false;
  const std::size_t total_length = load_be16(bytes.data() + 2);
  if (total_length < header_length || total_length > bytes.size()) return false;
  if (!InternetChecksum{}.add(bytes.first(header_length)).is_right()) return false;
  packet.payload = bytes.subspan(header_length, total_length - header_length);
  return parse_header(bytes, header_length, packet);
}

bool parse_quoted_ipv4(Bytes bytes, IpPacket& packet) {
  const std::size_t header_length = header_length_of(bytes);
  if (header_length == 0) return false;
  packet.payload = bytes.subspan(header_length);
  return parse_header(bytes, header_length, packet);
}

void write_ipv4(std::uint8_t* to, const Ipv4Fields& fields) {
  to[0] = 0x45;
  to[1] = fields.traffic_class;
  store_be16(to + 2, static_cast<std::uint16_t>(kIpv4Bytes + fields.payload_length));
  store_be16(to + 4, fields.identification);
  store_be16(to + 6, fields.fragment);
  to[8] = kHopLimit;
  to[9] = fields.protocol;
  store_be16(to + 10, 0);
  std::memcpy(to + 12, fields.source.v4_bytes(), 4);
  std::memcpy(to + 16, fields.destination.v4_bytes(), 4);
  InternetChecksum{}.add({to, kIpv4Bytes}).store(to + 10);
}

}  // namespace millrace::net
