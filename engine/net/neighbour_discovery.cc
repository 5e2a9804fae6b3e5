#include "engine/net/neighbour_discovery.h"

#include "engine/net/internet_checksum.h"

namespace millrace::net {
namespace {

constexpr std::size_t kFixedBytes = 24;
constexpr std::uint8_t kOptionSourceMac = 1;
constexpr std::uint8_t kOptionTargetMac = 2;
constexpr std::uint8_t kHopLimitOfLink = 255;  // a router would have lowered it
constexpr std::uint8_t kFlagSolicited = 0x40;
constexpr std::uint8_t kFlagOverride = 0x20;

bool parse_options(Bytes options, std::uint8_t wanted, std::optional<MacAddress>& mac) {
  while (!options.empty()) {
    const std::size_t length = options.size() < 2 ? 0 : options[1] * std::size_t{8};
    if (length == 0 || length > options.size()) return false;
    if (options[0] == wanted) {
      mac = mac_at(options.data() + 2);
      if (!is_station(*mac)) return false;
    }
    options = options.subspan(length);
  }
  return true;
}

}  // namespace

//= rfc4861 7.1
bool NeighbourMessage::parse(const IpPacket& packet) {
  const Bytes bytes = packet.payload;
  if (packet.hop_limit != kHopLimitOfLink || bytes.size() < kFixedBytes || bytes[1] != 0) {
    return false;
  }
  type = static_cast<NeighbourMessageType>(bytes[0]);
  is_solicited = (bytes[4] & kFlagSolicited) != 0;
  does_override = (bytes[4] & kFlagOverride) != 0;
  target = IpAddress::v6(bytes.data() + 8);
  mac.reset();
  const bool is_solicitation = type == NeighbourMessageType::kSolicitation;
  if (target.is_v4() || !target.is_unicast()) return false;
  if (!parse_options(bytes.subspan(kFixedBytes),
                     is_solicitation ? kOptionSourceMac : kOptionTargetMac, mac)) {
    return false;
  }
  if (is_solicitation && packet.source.is_unspecified()) {
    return !mac && packet.destination == solicited_node_address(target);
  }
  if (packet.source.is_unspecified() || packet.source.is_multicast()) return false;
  return is_solicitation || !is_solicited || !packet.destination.is_multicast();
}

void NeighbourMessage::write(std::uint8_t* to, const IpAddress& source,
                             const IpAddress& destination) const {
  Ipv6Fields fields;
  fields.source = source;
  fields.destination = destination;
  fields.next_header = kProtocolIcmpv6;
  fields.hop_limit = kHopLimitOfLink;
  fields.payload_length = kPacketBytes - kIpv6Bytes;
  write_ipv6(to, fields);
  const bool is_solicitation = type == NeighbourMessageType::kSolicitation;
  std::uint8_t* message = to + kIpv6Bytes;
  std::memset(message, 0, fields.payload_length);
  message[0] = static_cast<std::uint8_t>(type);
  if (is_solicited) message[4] |= kFlagSolicited;
  if (does_override) message[4] |= kFlagOverride;
  std::memcpy(message + 8, target.bytes.data(), 16);
  message[kFixedBytes] = is_solicitation ? kOptionSourceMac : kOptionTargetMac;
  message[kFixedBytes + 1] = 1;
  std::memcpy(message + kFixedBytes + 2, mac->data(), 6);
  InternetChecksum{}
      .add_pseudo_header(source, destination, fields.payload_length, kProtocolIcmpv6)
      .add({message, fields.payload_length})
      .store(message + 2);
}

IpAddress solicited_node_address(const IpAddress& address) {
  IpAddress group;
  constexpr std::uint8_t kPrefix[13] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  std::memcpy(group.bytes.data(), kPrefix, sizeof kPrefix);
  std::memcpy(group.bytes.data() + 13, address.bytes.data() + 13, 3);
  return group;
}

IpAddress all_nodes_address() {
  IpAddress group;
  group.bytes[0] = 0xff;
  group.bytes[1] = 0x02;
  group.bytes[15] = 1;
  return group;
}

MacAddress multicast_mac(const IpAddress& address) {
  return {0x33, 0x33, address.bytes[12], address.bytes[13], address.bytes[14], address.bytes[15]};
}

}  // namespace millrace::net
