#include "engine/net/stack.h"

#include "engine/base/assert.h"
#include "engine/net/receiver.h"
#include "engine/net/resolver.h"
#include "engine/net/transmit_queues.h"

namespace millrace::net {

struct Stack::Parts {
  Parts(const StackConfig& config, std::span<PortQueue* const> ports, BufferPool& pool,
        Counters& counters)
      : interfaces(config),
        queues(ports, pool, counters),
        resolver(config, interfaces, queues, pool, counters),
        sender(config, interfaces, resolver, queues, pool, counters),
        receiver(config, interfaces, resolver, queues, pool, counters) {}

  Interfaces interfaces;
  TransmitQueues queues;
  Resolver resolver;
  Sender sender;
  Receiver receiver;
};

Stack::Stack(const StackConfig& config, std::span<PortQueue* const> ports, BufferPool& pool,
             Counters& counters) {
  MR_ASSERT(!find_fault(config));
  for (const InterfaceConfig& interface : config.interfaces) {
    MR_ASSERT(interface.port < ports.size());
  }
  parts_ = std::make_unique<Parts>(config, ports, pool, counters);
}

Stack::~Stack() = default;

std::size_t Stack::on_frames(Time now, std::size_t port, std::span<Buffer* const> frames,
                             std::span<SctpPacket> out) {
  return parts_->receiver.on_frames(now, port, frames, out);
}

void Stack::expect(const Buffer& frame) const {
  parts_->receiver.expect(frame);
}

void Stack::expect(const IpAddress& source, const IpAddress& destination) const {
  parts_->sender.expect(source, destination);
}

bool Stack::send(Time now, Buffer* packet, const IpAddress& source, const IpAddress& destination,
                 SendOptions options) {
  return parts_->sender.send(now, packet, source, destination, options);
}

void Stack::on_deadline(Time now) {
  parts_->resolver.on_deadline(now);
  parts_->receiver.on_deadline(now);
}

void Stack::on_neighbour_learnt(Time now, const LearntNeighbour& neighbour) {
  parts_->resolver.on_neighbour_learnt(now, neighbour);
}

void Stack::announce() {
  parts_->resolver.announce();
}

void Stack::flush() {
  parts_->queues.flush();
}

std::size_t Stack::next_local(std::span<SctpPacket> out) {
  std::size_t count = 0;
  while (count < out.size()) {
    Buffer* buffer = parts_->sender.next_local();
    if (buffer == nullptr) break;
    buffer->data = buffer->storage + buffer->sctp_offset;
    buffer->length = buffer->sctp_length;
    out[count++] = sctp_packet_of(*buffer);
  }
  return count;
}

bool Stack::next_icmp_error(IcmpError& out) {
  return parts_->receiver.next_icmp_error(out);
}

bool Stack::next_learnt(LearntNeighbour& out) {
  return parts_->resolver.next_learnt(out);
}

Time Stack::next_deadline() const {
  return earlier(parts_->resolver.next_deadline(), parts_->receiver.next_deadline());
}

std::uint16_t Stack::route_mtu(const IpAddress& source, const IpAddress& destination) const {
  return parts_->sender.route_mtu(source, destination);
}

IpAddress Stack::source_for(const IpAddress& destination) const {
  return parts_->sender.source_for(destination);
}

std::span<const Route> Stack::routes() const {
  return parts_->sender.routes();
}

bool Stack::is_local(const IpAddress& address) const {
  return parts_->sender.is_local(address);
}

std::span<const LocalAddress> Stack::local_addresses() const {
  return parts_->interfaces.local_addresses();
}

std::string_view Stack::interface_name(std::size_t interface_index) const {
  return parts_->interfaces.at(interface_index).name;
}

std::size_t Stack::neighbours(std::uint32_t& first, std::span<NeighbourStatus> out) const {
  return parts_->resolver.table().snapshot(first, out);
}

}  // namespace millrace::net
