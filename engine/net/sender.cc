#include "engine/net/sender.h"

#include "engine/base/crc32c.h"
#include "engine/base/limits.h"
#include "engine/net/ipv4.h"
#include "engine/net/ipv6.h"

namespace millrace::net {
namespace {

constexpr Time kNotValid{std::numeric_limits<std::int64_t>::min()};
constexpr std::size_t kSctpHeaderBytes = 12;
constexpr std::size_t kSctpChecksumOffset = 8;
constexpr std::uint32_t kFlowLabelBits = 0xfffff;

static_assert(kEthernetBytes + kVlanTagBytes + kIpv6Bytes <= CachedRoute::kHeaderBytes);
static_assert(CachedRoute::kHeaderBytes <= kBufferHeadroom);

}  // namespace

Sender::Sender(const StackConfig& config, const Interfaces& interfaces, Resolver& resolver,
               TransmitQueues& queues, BufferPool& pool, Counters& counters)
    : interfaces_(interfaces),
      routes_(config, interfaces),
      cache_(config.seed),
      resolver_(resolver),
      queues_(queues),
      pool_(pool),
      counters_(counters),
      fragment_identification_(static_cast<std::uint32_t>(config.seed[0])) {}

Sender::~Sender() {
  while (Buffer* packet = next_local()) pool_.release(packet);
}

bool Sender::send(Time now, Buffer* packet, const IpAddress& source, const IpAddress& destination,
                  SendOptions options) {
  MR_ASSERT(packet->references == 1 && packet->length >= kSctpHeaderBytes);
  MR_ASSERT(packet->headroom() >= CachedRoute::kHeaderBytes);
  // Mostly the way of the packet before.
  if (last_ == nullptr || last_->destination != destination || last_->source != source) {
    last_ = &cache_.slot(source, destination);
  }
  CachedRoute& route = *last_;
  const bool is_cached = route.epoch == resolver_.epoch() && now < route.valid_until &&
                         route.destination == destination && route.source == source;
  if (!is_cached && !find_way(now, source, destination, route)) {
    return drop(Counter::drop_no_route, packet);
  }
  const std::size_t size = route.ip_bytes + packet->length;
  if (size > route.mtu || (options.fragment_above != 0 && size > options.fragment_above)) {
    return send_large(route, packet, options);
  }
  if (route.checksum_by_port) {
    packet->flags |= kChecksumByPort;
    std::memset(packet->data + kSctpChecksumOffset, 0, 4);  // ports add to what stands there
  } else if (!route.is_local()) {
    const MutableBytes bytes{packet->data, packet->length};
    if (packet->summed != 0) {
      store_sctp_checksum(bytes, Crc32c{packet->sum}, packet->summed);
    } else {
      store_sctp_checksum(bytes);
    }
  }
  put_headers(route, packet, options.marking, {});
  if (!dispatch(route, packet)) return false;
  counters_.add(Counter::sctp_packets_sent);
  return true;
}

// Copies the template to where the packet begins and fills in what differs from packet to packet.
void Sender::put_headers(CachedRoute& route, Buffer* packet, Marking marking,
                         FragmentFields fragment) {
  const auto traffic_class = static_cast<std::uint8_t>(marking.dscp << 2);
  const std::size_t payload = packet->length;
  std::memcpy(packet->data - CachedRoute::kHeaderBytes, route.headers.data(),
              CachedRoute::kHeaderBytes);
  packet->sctp_offset = static_cast<std::uint16_t>(packet->data - packet->storage);
  packet->sctp_length = static_cast<std::uint16_t>(payload);
  packet->network_offset = static_cast<std::uint16_t>(packet->sctp_offset - route.ip_bytes);
  packet->interface_index = route.interface_index;
  std::uint8_t* ip = packet->data - route.ip_bytes;
  packet->prepend(std::size_t{route.ip_bytes} + route.link_bytes);
  if (route.is_v4()) {
    const auto total = static_cast<std::uint16_t>(kIpv4Bytes + payload);
    ip[1] = traffic_class;
    ip[8] = marking.hops;
    store_be16(ip + 2, total);
    store_be16(ip + 4, fragment.identification);
    store_be16(ip + 6, fragment.flags_and_offset);
    InternetChecksum(route.ipv4_sum)
        .add_word(traffic_class)
        .add_word(static_cast<std::uint16_t>(marking.hops << 8))
        .add_word(total)
        .add_word(fragment.identification)
        .add_word(fragment.flags_and_offset)
        .store(ip + 10);
  } else {
    std::uint32_t first = load_be32(ip) | std::uint32_t{traffic_class} << 20;
    if (marking.flow_label != Marking::kLabelOfAddresses)
      first = (first & ~kFlowLabelBits) | (marking.flow_label & kFlowLabelBits);
    store_be32(ip, first);
    ip[7] = marking.hops;
    store_be16(ip + 4, static_cast<std::uint16_t>(payload));
  }
}

bool Sender::dispatch(CachedRoute& route, Buffer* frame) {
  if (route.is_local()) {
    frame->flags = kChecksumVerified;
    if (!local_.push(frame)) return drop(Counter::drop_port_full, frame);
  } else if (route.valid_until == kNotValid) {
    if (!resolver_.hold(*waited_for_, frame)) return false;
  } else {
    queues_.push(route.port, frame);
  }
  return true;
}

Buffer* Sender::next_local() {
  Buffer* packet = nullptr;
  return local_.pop(packet) ? packet : nullptr;
}

NextHop Sender::hop_to(const IpAddress& source, const IpAddress& destination) const {
  return routes_.find(destination, interfaces_.owner_of(source));
}

// Fills `route`. False if there is none, or `source` is not ours, or not of the same version.
bool Sender::find_way(Time now, const IpAddress& source, const IpAddress& destination,
                      CachedRoute& route) {
  route = CachedRoute{};
  route.source = source;  // also if there is none: one place is enough for that
  route.destination = destination;
  route.valid_until = kNotValid;
  const bool to_ourselves = is_local(destination);
  const IpAddress from = source.is_unspecified() ? source_for(destination) : source;
  if (from.is_unspecified() || !is_local(from) || from.is_v4() != destination.is_v4()) return false;
  route.epoch = resolver_.epoch();
  if (to_ourselves) {
    route.mtu = kMtuMax;
    route.valid_until = kNever;
    write_headers(route, from, destination, {});
    return true;
  }
  const NextHop hop = hop_to(from, destination);
  if (!hop.is_found() || from.is_loopback()) return false;
  const auto index = static_cast<std::uint8_t>(hop.interface_index);
  const Interface& interface = interfaces_.at(index);
  route.mtu = interface.mtu;
  route.port = interface.port;
  route.interface_index = index;
  route.checksum_by_port = interface.checksum_by_port;
  route.link_bytes = static_cast<std::uint8_t>(ethernet_bytes(interface.vlan));
  // Asks from an address in the neighbour's network if the interface has one (RFC 5227 aside,
  // neighbours may not answer others).
  const IpAddress asker = interfaces_.source_on(index, hop.address);
  Neighbour& neighbour =
      resolver_.use(now, index, hop.address, asker.is_unspecified() ? from : asker);
  resolver_.send_questions();
  route.epoch = resolver_.epoch();  // use() may have forgotten another neighbour
  route.valid_until = neighbour.has_mac() ? resolver_.valid_until(neighbour) : kNotValid;
  waited_for_ = &neighbour;
  write_headers(route, from, destination, neighbour.has_mac() ? neighbour.mac : MacAddress{});
  return true;
}

void Sender::write_headers(CachedRoute& route, const IpAddress& source,
                           const IpAddress& destination, const MacAddress& mac) {
  const bool is_v4 = destination.is_v4();
  route.ip_bytes = is_v4 ? kIpv4Bytes : kIpv6Bytes;
  if (is_v4) {
    Ipv4Fields fields;
    fields.source = source;
    fields.destination = destination;
    fields.protocol = kProtocolSctp;
    std::uint8_t* header = route.ip_header();
    write_ipv4(header, fields);
    std::memset(header + 2, 0, 6);   // total length, identification, flags and offset
    header[8] = 0;                   // hops
    std::memset(header + 10, 0, 2);  // checksum
    route.ipv4_sum = InternetChecksum{}.add({header, kIpv4Bytes}).sum();
  } else {
    Ipv6Fields fields;
    fields.source = source;
    fields.destination = destination;
    fields.next_header = kProtocolSctp;
    fields.flow_label = cache_.flow_label(source, destination);
    write_ipv6(route.ip_header(), fields);
  }
  if (route.is_local()) return;
  const Interface& interface = interfaces_.at(route.interface_index);
  write_ethernet(route.link_header(), mac, interface.mac, interface.vlan,
                 is_v4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
}

std::uint16_t Sender::route_mtu(const IpAddress& source, const IpAddress& destination) const {
  if (is_local(destination)) return kMtuMax;
  const NextHop hop = hop_to(source, destination);
  return hop.is_found() ? interfaces_.at(static_cast<std::size_t>(hop.interface_index)).mtu
                        : std::uint16_t{0};
}

IpAddress Sender::source_for(const IpAddress& destination) const {
  if (is_local(destination)) return destination;
  const NextHop hop = routes_.find(destination);
  if (!hop.is_found()) return {};
  return interfaces_.source_on(static_cast<std::size_t>(hop.interface_index), hop.address);
}

bool Sender::drop(Counter why, Buffer* packet) {
  counters_.add(why);
  pool_.release(packet);
  return false;
}

}  // namespace millrace::net
