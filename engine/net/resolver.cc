#include "engine/net/resolver.h"

namespace millrace::net {

Resolver::Resolver(const StackConfig& config, const Interfaces& interfaces, TransmitQueues& queues,
                   BufferPool& pool, Counters& counters)
    : share_(config.share_neighbours),
      interfaces_(interfaces),
      queues_(queues),
      pool_(pool),
      counters_(counters),
      table_(config, pool, counters) {}

void Resolver::send_questions() {
  Solicitation question;
  while (table_.next_solicitation(question)) {
    const Interface& interface = interfaces_.at(question.interface_index);
    const bool is_unicast = question.mac != MacAddress{};
    if (question.target.is_v4()) {
      ArpMessage request;
      request.sender_mac = interface.mac;
      request.sender = question.source;
      request.target = question.target;
      send_arp(question.interface_index, is_unicast ? question.mac : kBroadcastMac, request);
      continue;
    }
    NeighbourMessage solicitation;
    solicitation.target = question.target;
    solicitation.mac = interface.mac;
    const IpAddress to = is_unicast ? question.target : solicited_node_address(question.target);
    send_discovery(question.interface_index, is_unicast ? question.mac : multicast_mac(to), to,
                   question.source, solicitation);
  }
}

void Resolver::on_arp(Time now, std::uint8_t interface_index, Bytes bytes) {
  ArpMessage message;
  if (!message.parse(bytes)) return counters_.add(Counter::drop_bad_neighbour);
  if (is_conflict(message.sender, message.sender_mac)) return;
  const bool is_for_us = is_ours(interface_index, message.target);
  if (is_for_us) counters_.add(Counter::arp_received);
  if (is_for_us && message.operation == ArpOperation::kRequest) {
    ArpMessage reply;
    reply.operation = ArpOperation::kReply;
    reply.sender_mac = interfaces_.at(interface_index).mac;
    reply.sender = message.target;
    reply.target_mac = message.sender_mac;
    reply.target = message.sender;
    send_arp(interface_index, message.sender_mac, reply);
  }
  if (message.sender.is_unspecified()) return;  // asks whether the address is free
  if (is_for_us && message.operation == ArpOperation::kReply) {
    answered(now, interface_index, message.sender, message.sender_mac);
  } else if (is_for_us || message.is_gratuitous()) {
    hinted(now, interface_index, message.sender, message.sender_mac);
  } else {
    counters_.add(Counter::drop_not_for_us);
  }
}

void Resolver::on_discovery(Time now, std::uint8_t interface_index, const IpPacket& packet,
                            const MacAddress& frame_source) {
  NeighbourMessage message;
  if (!message.parse(packet)) return counters_.add(Counter::drop_bad_neighbour);
  counters_.add(Counter::nd_received);
  if (message.type == NeighbourMessageType::kSolicitation) {
    on_solicitation(now, interface_index, packet, message, frame_source);
  } else {
    on_advertisement(now, interface_index, message);
  }
}

void Resolver::on_solicitation(Time now, std::uint8_t interface_index, const IpPacket& packet,
                               const NeighbourMessage& message, const MacAddress& frame_source) {
  if (!is_ours(interface_index, message.target)) return counters_.add(Counter::drop_not_for_us);
  const MacAddress asker = message.mac.value_or(frame_source);
  if (!is_station(asker)) return counters_.add(Counter::drop_bad_neighbour);
  if (is_conflict(packet.source, asker)) return;
  // Without a source it asks whether the address is free: everyone shall know that it is not.
  const bool is_probe = packet.source.is_unspecified();
  const IpAddress to = is_probe ? all_nodes_address() : packet.source;
  NeighbourMessage reply;
  reply.type = NeighbourMessageType::kAdvertisement;
  reply.is_solicited = !is_probe;
  reply.does_override = true;
  reply.target = message.target;
  reply.mac = interfaces_.at(interface_index).mac;
  send_discovery(interface_index, is_probe ? multicast_mac(to) : asker, to, message.target, reply);
  if (!is_probe && message.mac) hinted(now, interface_index, packet.source, *message.mac);
}

void Resolver::on_advertisement(Time now, std::uint8_t interface_index,
                                const NeighbourMessage& message) {
  if (!message.mac) {
    // Allowed in an answer to a unicast question: it is still where it was.
    const Neighbour* known = table_.find(interface_index, message.target);
    if (known == nullptr || !known->has_mac() || !message.is_solicited) {
      return counters_.add(Counter::drop_not_for_us);
    }
    return answered(now, interface_index, message.target, known->mac);
  }
  if (is_conflict(message.target, *message.mac)) return;
  if (message.is_solicited) {
    answered(now, interface_index, message.target, *message.mac);
  } else {
    hinted(now, interface_index, message.target, *message.mac);
  }
}

// Someone else says that an address of ours is his, or a frame of ours came back.
bool Resolver::is_conflict(const IpAddress& claimed, const MacAddress& mac) {
  const int owner = interfaces_.owner_of(claimed);
  if (owner == Interfaces::kNone) return false;
  const bool is_own_frame = interfaces_.at(static_cast<std::size_t>(owner)).mac == mac;
  counters_.add(is_own_frame ? Counter::drop_not_for_us : Counter::drop_address_conflict);
  return true;
}

void Resolver::answered(Time now, std::uint8_t interface_index, const IpAddress& address,
                        const MacAddress& mac) {
  // The answer may be to a question of another lcore: it is told in any case.
  if (share_) learnt_.push({address, mac, interface_index});
  const bool was_asked = table_.on_answer(now, interface_index, address, mac);
  if (!was_asked) hinted(now, interface_index, address, mac);
  release_held();
}

void Resolver::hinted(Time now, std::uint8_t interface_index, const IpAddress& address,
                      const MacAddress& mac) {
  table_.on_hint(now, interface_index, address, mac);
  release_held();
  send_questions();
}

void Resolver::on_neighbour_learnt(Time now, const LearntNeighbour& neighbour) {
  if (neighbour.interface_index >= interfaces_.size() || !is_station(neighbour.mac)) return;
  table_.on_answer(now, neighbour.interface_index, neighbour.address, neighbour.mac);
  release_held();
}

void Resolver::release_held() {
  MacAddress mac;
  while (Buffer* frame = table_.next_ready(mac)) {
    std::memcpy(frame->data, mac.data(), mac.size());
    queues_.push(interfaces_.at(frame->interface_index).port, frame);
  }
}

void Resolver::announce() {
  for (const LocalAddress& local : interfaces_.local_addresses()) {
    const Interface& interface = interfaces_.at(local.interface_index);
    if (local.address.is_v4()) {
      ArpMessage message;
      message.sender_mac = interface.mac;
      message.sender = message.target = local.address;
      send_arp(local.interface_index, kBroadcastMac, message);
      continue;
    }
    NeighbourMessage message;
    message.type = NeighbourMessageType::kAdvertisement;
    message.does_override = true;
    message.target = local.address;
    message.mac = interface.mac;
    const IpAddress everyone = all_nodes_address();
    send_discovery(local.interface_index, multicast_mac(everyone), everyone, local.address,
                   message);
  }
}

void Resolver::on_deadline(Time now) {
  table_.on_deadline(now);
  send_questions();
}

void Resolver::send_arp(std::uint8_t interface_index, const MacAddress& to,
                        const ArpMessage& message) {
  std::uint8_t* payload = start_frame(interface_index, to, kEtherTypeArp, kArpBytes);
  if (payload == nullptr) return;
  message.write(payload);
  finish_frame(interface_index);
}

void Resolver::send_discovery(std::uint8_t interface_index, const MacAddress& to,
                              const IpAddress& destination, const IpAddress& source,
                              const NeighbourMessage& message) {
  std::uint8_t* payload =
      start_frame(interface_index, to, kEtherTypeIpv6, NeighbourMessage::kPacketBytes);
  if (payload == nullptr) return;
  message.write(payload, source, destination);
  finish_frame(interface_index);
}

// Where the payload goes, or nullptr if there is no buffer.
std::uint8_t* Resolver::start_frame(std::uint8_t interface_index, const MacAddress& to,
                                    std::uint16_t type, std::size_t payload_length) {
  frame_ = pool_.acquire();
  if (frame_ == nullptr) {
    counters_.add(Counter::drop_no_buffer);
    return nullptr;
  }
  const Interface& interface = interfaces_.at(interface_index);
  const std::size_t header = ethernet_bytes(interface.vlan);
  frame_->length = static_cast<std::uint32_t>(header + payload_length);
  write_ethernet(frame_->data, to, interface.mac, interface.vlan, type);
  return frame_->data + header;
}

void Resolver::finish_frame(std::uint8_t interface_index) {
  frame_->interface_index = interface_index;
  queues_.push(interfaces_.at(interface_index).port, frame_);
  frame_ = nullptr;
}

}  // namespace millrace::net
