#include "engine/net/ipv6.h"

namespace millrace::net {
namespace {

// More extension headers than anyone needs: a bound for the walk.
constexpr int kExtensionHeadersMax = 8;

// An option that is not known may be stepped over if its two highest bits say so.
bool are_options_acceptable(Bytes options) {
  constexpr std::uint8_t kPad1 = 0;
  std::size_t at = 0;
  while (at < options.size()) {
    const std::uint8_t type = options[at];
    if (type == kPad1) {
      ++at;
      continue;
    }
    if ((type & 0xc0) != 0 || at + 2 > options.size()) return false;
    at += 2 + std::size_t{options[at + 1]};
  }
  return at == options.size();
}

// Takes a fragment header off the payload. True if the walk can go on behind it.
bool step_over_fragment(IpPacket& packet) {
  const Bytes header = packet.payload;
  const std::uint16_t fragment = load_be16(header.data() + 2);
  packet.protocol = header[0];
  packet.fragment_offset = fragment & 0xfff8;
  packet.more_fragments = (fragment & 1) != 0;
  packet.identification = load_be32(header.data() + 4);
  //= rfc6946 4
  packet.is_fragment = packet.more_fragments || packet.fragment_offset != 0;
  packet.payload = header.subspan(kIpv6FragmentBytes);
  return !packet.is_fragment;
}

bool step_over_extension(IpPacket& packet) {
  const Bytes payload = packet.payload;
  const std::size_t length = (payload[1] + std::size_t{1}) * 8;
  if (length > payload.size()) return false;
  if (packet.protocol == kProtocolRouting) {
    if (payload[3] != 0) return false;  // segments left
  } else if (!are_options_acceptable(payload.subspan(2, length - 2))) {
    return false;
  }
  packet.protocol = payload[0];
  packet.payload = payload.subspan(length);
  return true;
}

bool walk_extensions(IpPacket& packet) {
  for (int count = 0; count <= kExtensionHeadersMax; ++count) {
    switch (packet.protocol) {
      case kProtocolHopByHop:
        if (count != 0) return false;
        [[fallthrough]];
      case kProtocolRouting:
      case kProtocolDestinationOptions:
        if (packet.payload.size() < 8 || !step_over_extension(packet)) return false;
        break;
      case kProtocolFragment:
        if (packet.payload.size() < kIpv6FragmentBytes) return false;
        if (!step_over_fragment(packet)) return true;
        break;
      default:
        return true;
    }
  }
  return false;
}

bool parse_header(Bytes bytes, IpPacket& packet) {
  if (bytes.size() < kIpv6Bytes || bytes[0] >> 4 != 6) return false;
  const std::uint8_t* header = bytes.data();
  packet.header = header;
  packet.source = IpAddress::v6(header + 8);
  packet.destination = IpAddress::v6(header + 24);
  packet.protocol = header[6];
  packet.hop_limit = header[7];
  packet.is_fragment = packet.more_fragments = false;
  packet.fragment_offset = 0;
  packet.identification = 0;
  // An IPv4-mapped address on the wire would pass for an IPv4 address.
  return !packet.source.is_v4() && !packet.destination.is_v4();
}

}  // namespace

bool parse_ipv6(Bytes bytes, IpPacket& packet) {
  if (!parse_header(bytes, packet)) return false;
  const std::size_t payload_length = load_be16(bytes.data() + 4);
  if (payload_length > bytes.size() - kIpv6Bytes) return false;
  packet.payload = bytes.subspan(kIpv6Bytes, payload_length);
  return walk_extensions(packet);
}

bool parse_quoted_ipv6(Bytes bytes, IpPacket& packet) {
  if (!parse_header(bytes, packet)) return false;
  packet.payload = bytes.subspan(kIpv6Bytes);
  return walk_extensions(packet);
}

void write_ipv6(std::uint8_t* to, const Ipv6Fields& fields) {
  const std::uint32_t first =
      6u << 28 | std::uint32_t{fields.traffic_class} << 20 | (fields.flow_label & 0xfffff);
  store_be32(to, first);
  store_be16(to + 4, static_cast<std::uint16_t>(fields.payload_length));
  to[6] = fields.next_header;
  to[7] = fields.hop_limit;
  std::memcpy(to + 8, fields.source.bytes.data(), 16);
  std::memcpy(to + 24, fields.destination.bytes.data(), 16);
}

}  // namespace millrace::net
