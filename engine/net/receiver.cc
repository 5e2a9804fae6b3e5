#include "engine/net/receiver.h"

#include <cstring>

#include "engine/base/crc32c.h"
#include "engine/net/icmp.h"
#include "engine/net/ipv6.h"

namespace millrace::net {
namespace {

constexpr std::size_t kSctpBytesMin = 16;  // a common header and a chunk header

}  // namespace

Receiver::Receiver(const StackConfig& config, const Interfaces& interfaces, Resolver& resolver,
                   TransmitQueues& queues, BufferPool& pool, Counters& counters)
    : interfaces_(interfaces),
      resolver_(resolver),
      queues_(queues),
      pool_(pool),
      counters_(counters),
      fragments_(config, pool, counters),
      heard_(config.seed) {}

std::size_t Receiver::on_frames(Time now, std::size_t port, std::span<Buffer* const> frames,
                                std::span<SctpPacket> out) {
  MR_ASSERT(out.size() >= frames.size());
  std::size_t count = 0;
  const int untagged = interfaces_.find(port, 0);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (i + 1 < frames.size()) __builtin_prefetch(frames[i + 1]->data);
    const bool plain = untagged != Interfaces::kNone &&
                       is_plain(interfaces_.at(static_cast<std::size_t>(untagged)), *frames[i]);
    const bool is_packet =
        plain ? on_plain(static_cast<std::uint8_t>(untagged), frames[i], out[count])
              : on_frame(now, port, frames[i], out[count]);
    if (is_packet) ++count;
  }
  counters_.add(Counter::packets_received, frames.size());
  counters_.add(Counter::sctp_packets_received, count);
  return count;
}

// Whether a frame is like nearly all others: untagged, to this interface alone, IPv4 without
// options and in one piece, with SCTP in it, from a peer that was heard before. What is not is
// looked at step by step below, and what is would pass every one of these steps.
inline bool Receiver::is_plain(const Interface& interface, const Buffer& buffer) const {
  constexpr std::size_t kLeast = kEthernetBytes + kIpv4Bytes + kSctpBytesMin;
  if (buffer.length < kLeast || buffer.vlan != 0) return false;
  const std::uint8_t* ip = buffer.data + kEthernetBytes;
  const std::size_t total = load_be16(ip + 2);
  return std::memcmp(buffer.data, interface.mac.data(), interface.mac.size()) == 0 &&
         load_be16(buffer.data + 12) == kEtherTypeIpv4 && ip[0] == 0x45 && ip[9] == kProtocolSctp &&
         (load_be16(ip + 6) & kIpv4FragmentMask) == 0 && total >= kIpv4Bytes + kSctpBytesMin &&
         total <= buffer.length - kEthernetBytes && heard_.has(ip + 12) &&
         InternetChecksum{}.add_ipv4_header(ip).is_right();
}

bool Receiver::on_plain(std::uint8_t interface_index, Buffer* buffer, SctpPacket& out) {
  const std::uint8_t* ip = buffer->data + kEthernetBytes;
  buffer->interface_index = interface_index;
  out.source = IpAddress::v4(ip + 12);
  out.destination = IpAddress::v4(ip + 16);
  return take_sctp(interface_index, buffer, ip, {ip + kIpv4Bytes, load_be16(ip + 2) - kIpv4Bytes},
                   out);
}

bool Receiver::on_frame(Time now, std::size_t port, Buffer* buffer, SctpPacket& out) {
  EthernetHeader ethernet;
  if (!ethernet.parse(buffer->bytes(), buffer->vlan)) {
    return drop(Counter::drop_bad_ethernet, buffer);
  }
  const int index = interfaces_.find(port, ethernet.vlan);
  if (index == Interfaces::kNone) return drop(Counter::drop_bad_ethernet, buffer);
  Frame frame{.now = now, .source = ethernet.source, .is_to_group = is_group(ethernet.destination)};
  frame.interface_index = static_cast<std::uint8_t>(index);
  const Interface& interface = interfaces_.at(frame.interface_index);
  if (!frame.is_to_group && ethernet.destination != interface.mac) {
    return drop(Counter::drop_not_for_us, buffer);
  }
  buffer->interface_index = frame.interface_index;
  const Bytes payload = buffer->bytes().subspan(ethernet.length);
  switch (ethernet.type) {
    case kEtherTypeIpv4:
      return on_ipv4(frame, buffer, payload, out);
    case kEtherTypeIpv6:
      return on_ipv6(frame, buffer, payload, out);
    case kEtherTypeArp:
      resolver_.on_arp(now, frame.interface_index, payload);
      pool_.release(buffer);
      return false;
    default:
      return drop(Counter::drop_bad_ethernet, buffer);
  }
}

bool Receiver::on_ipv4(const Frame& frame, Buffer* buffer, Bytes bytes, SctpPacket& out) {
  IpPacket packet;
  if (!parse_ipv4(bytes, packet)) return drop(Counter::drop_bad_ip, buffer);
  return on_packet(frame, buffer, packet, out);
}

bool Receiver::on_ipv6(const Frame& frame, Buffer* buffer, Bytes bytes, SctpPacket& out) {
  IpPacket packet;
  if (!parse_ipv6(bytes, packet)) return drop(Counter::drop_bad_ip, buffer);
  const bool is_discovery = packet.destination.is_multicast() && !packet.is_fragment &&
                            packet.protocol == kProtocolIcmpv6;
  if (is_discovery) {
    on_icmp(frame, buffer, packet);
    return false;
  }
  return on_packet(frame, buffer, packet, out);
}

bool Receiver::on_packet(const Frame& frame, Buffer* buffer, const IpPacket& packet,
                         SctpPacket& out) {
  if (frame.is_to_group || interfaces_.owner_of(packet.destination) == Interfaces::kNone) {
    return drop(Counter::drop_not_for_us, buffer);
  }
  if (packet.is_fragment) return on_fragment(frame, buffer, packet, out);
  switch (packet.protocol) {
    case kProtocolSctp:
      return on_sctp(frame, buffer, packet, out);
    case kProtocolIcmp:
    case kProtocolIcmpv6:
      // Each belongs to its own IP version.
      if ((packet.protocol == kProtocolIcmp) != packet.destination.is_v4()) break;
      on_icmp(frame, buffer, packet);
      return false;
    default:
      break;
  }
  return drop(Counter::drop_ip_protocol, buffer);
}

bool Receiver::on_fragment(const Frame& frame, Buffer* buffer, const IpPacket& packet,
                           SctpPacket& out) {
  // What has been put together is not put together again.
  if (frame.is_reassembled) return drop(Counter::drop_ip_fragment, buffer);
  if (!is_from_another(packet)) return drop(Counter::drop_bad_address, buffer);
  Buffer* whole = fragments_.on_fragment(frame.now, packet);
  pool_.release(buffer);
  if (whole == nullptr) return false;
  whole->interface_index = frame.interface_index;
  Frame reassembled = frame;
  reassembled.is_reassembled = true;
  return whole->data[0] >> 4 == 4 ? on_ipv4(reassembled, whole, whole->bytes(), out)
                                  : on_ipv6(reassembled, whole, whole->bytes(), out);
}

bool Receiver::on_sctp(const Frame& frame, Buffer* buffer, const IpPacket& packet,
                       SctpPacket& out) {
  if (packet.payload.size() < kSctpBytesMin) return drop(Counter::drop_short_packet, buffer);
  //= rfc9260 8.4
  if (!is_from_another(packet)) return drop(Counter::drop_bad_address, buffer);
  if (packet.header[0] >> 4 == 4 && !heard_.has(packet.header + 12)) {
    heard_.add(packet.header + 12);
  }
  out.source = packet.source;
  out.destination = packet.destination;
  return take_sctp(frame.interface_index, buffer, packet.header, packet.payload, out);
}

// Everything but the checksum is right. The addresses are in `out`.
bool Receiver::take_sctp(std::uint8_t interface_index, Buffer* buffer, const std::uint8_t* ip,
                         Bytes sctp, SctpPacket& out) {
  //= rfc9260 6.8
  const bool is_right = (buffer->flags & kChecksumVerified) != 0 ||
                        ((buffer->flags & kChecksumBad) == 0 && is_sctp_checksum_right(sctp));
  if (!is_right) return drop(Counter::drop_bad_checksum, buffer);
  buffer->network_offset = static_cast<std::uint16_t>(ip - buffer->storage);
  buffer->sctp_offset = static_cast<std::uint16_t>(sctp.data() - buffer->storage);
  buffer->sctp_length = static_cast<std::uint16_t>(sctp.size());
  buffer->data = buffer->storage + buffer->sctp_offset;
  buffer->length = buffer->sctp_length;
  out.buffer = buffer;
  out.bytes = sctp;
  out.interface_index = interface_index;
  return true;
}

void Receiver::on_icmp(const Frame& frame, Buffer* buffer, const IpPacket& packet) {
  const bool is_multicast = packet.destination.is_multicast();
  switch (classify_icmp(packet)) {
    case IcmpClass::kMalformed:
      drop(Counter::drop_bad_icmp, buffer);
      return;
    case IcmpClass::kNeighbourDiscovery:
      resolver_.on_discovery(frame.now, frame.interface_index, packet, frame.source);
      pool_.release(buffer);
      return;
    case IcmpClass::kEchoRequest:
      if (is_multicast) break;
      return on_echo_request(frame, buffer, packet);
    case IcmpClass::kError:
      if (is_multicast) break;
      return on_icmp_error(buffer, packet);
    case IcmpClass::kOther:
      break;
  }
  drop(Counter::drop_icmp_type, buffer);
}

void Receiver::on_icmp_error(Buffer* buffer, const IpPacket& packet) {
  if (!is_from_another(packet)) {
    drop(Counter::drop_bad_address, buffer);
    return;
  }
  const std::optional<IcmpError> error = parse_icmp_error(packet);
  if (!error || interfaces_.owner_of(error->source) == Interfaces::kNone) {
    drop(Counter::drop_bad_icmp, buffer);
    return;
  }
  if (!errors_.push(*error)) {
    drop(Counter::drop_no_memory, buffer);
    return;
  }
  counters_.add(Counter::icmp_errors_received);
  pool_.release(buffer);
}

// The reply goes back where the request came from, in the same buffer: no route, no neighbour.
void Receiver::on_echo_request(const Frame& frame, Buffer* buffer, const IpPacket& packet) {
  const Interface& interface = interfaces_.at(frame.interface_index);
  const bool is_v4 = packet.destination.is_v4();
  const std::size_t length = packet.payload.size();
  const std::size_t ip_bytes = is_v4 ? kIpv4Bytes : kIpv6Bytes;
  if (ip_bytes + length > interface.mtu) {
    drop(Counter::drop_too_big, buffer);
    return;
  }
  if (!is_from_another(packet) || !is_station(frame.source)) {
    drop(Counter::drop_bad_address, buffer);
    return;
  }
  buffer->data = buffer->storage + (packet.payload.data() - buffer->storage);
  buffer->length = static_cast<std::uint32_t>(length);
  make_echo_reply(packet, buffer->data);
  if (is_v4) {
    Ipv4Fields fields;
    fields.source = packet.destination;
    fields.destination = packet.source;
    fields.protocol = kProtocolIcmp;
    fields.payload_length = length;
    write_ipv4(buffer->prepend(kIpv4Bytes), fields);
  } else {
    Ipv6Fields fields;
    fields.source = packet.destination;
    fields.destination = packet.source;
    fields.next_header = kProtocolIcmpv6;
    fields.payload_length = length;
    write_ipv6(buffer->prepend(kIpv6Bytes), fields);
  }
  write_ethernet(buffer->prepend(ethernet_bytes(interface.vlan)), frame.source, interface.mac,
                 interface.vlan, is_v4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
  buffer->flags = 0;
  counters_.add(Counter::echo_replies_sent);
  queues_.push(interface.port, buffer);
}

// What we send to ourselves never leaves: with an address of ours as its source, a packet from the
// wire is forged (or our own that a switch gave back), and its answer would go round in here.
bool Receiver::is_from_another(const IpPacket& packet) const {
  return is_source_acceptable(packet) && interfaces_.owner_of(packet.source) == Interfaces::kNone;
}

bool Receiver::drop(Counter why, Buffer* buffer) {
  counters_.add(why);
  pool_.release(buffer);
  return false;
}

}  // namespace millrace::net
