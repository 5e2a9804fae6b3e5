#include "engine/lcore/worker.h"

#include <algorithm>
#include <array>

#include "engine/base/crc32c.h"
#include "engine/lcore/turnstile.h"
#include "engine/net/ethernet.h"
#include "engine/net/ipv4.h"
#include "engine/shard/bursts.h"
#include "engine/shard/forecast.h"

namespace millrace {
namespace {

// Where nearly every packet's verification tag lies: in a frame without VLAN tag of IPv4 without
// options. In any other something else lies there, which does no harm.
std::uint32_t likely_tag(const Buffer& frame) {
  constexpr std::size_t kAt = net::kEthernetBytes + net::kIpv4Bytes + 4;
  return frame.length < kAt + 4 ? 0 : load_be32(frame.data + kAt);
}

// The routes with the addresses on the interfaces that they leave by.
std::vector<SourceRoute> source_routes(const net::Stack& stack) {
  const auto locals = stack.local_addresses();
  std::vector<SourceRoute> routes;
  for (const net::Route& route : stack.routes()) {
    SourceRoute& added = routes.emplace_back(SourceRoute{route.to, 0});
    for (std::size_t i = 0; i < locals.size(); ++i) {
      const bool is_there = locals[i].interface_index == route.interface_index &&
                            locals[i].address.is_v4() == route.to.address.is_v4();
      if (is_there) added.from |= LocalSet{1} << i;
    }
  }
  return routes;
}

}  // namespace

Worker::Worker(const WorkerConfig& config, Steering& steering, Exchange& exchange, BufferPool& pool,
               Counters& counters, std::span<PortQueue* const> queues)
    : number_(config.number),
      steering_(steering),
      pool_(pool),
      counters_(counters),
      queues_(queues.begin(), queues.end()),
      shard_({config.number, config.parameters, config.limits, config.seed}, steering, pool,
             counters),
      stack_(config.stack, queues, pool, counters),
      handoff_(exchange, config.number),
      contexts_(config.contexts_max),
      marks_(config.limits.associations),
      requests_(config.number, config.parameters, marks_, shard_, stack_, counters),
      deliveries_(config.number, contexts_, marks_, shard_, counters, control_) {
  MR_ASSERT(exchange.lcores() == steering.shards());
  std::vector<IpAddress> addresses;
  for (const net::LocalAddress& local : stack_.local_addresses())
    addresses.push_back(local.address);
  shard_.set_local_addresses(addresses);
  shard_.set_source_routes(source_routes(stack_));
  const auto& interfaces = config.stack.interfaces;
  shard_.set_sums_ahead(
      sums_while_copying() &&
      std::any_of(interfaces.begin(), interfaces.end(),
                  [](const auto& interface) { return !interface.traits.sctp_checksum_on_send; }));
}

bool Worker::poll(Time now) {
  bool worked = take_orders(now);
  worked |= receive(now);
  worked |= take_handoffs(now);
  worked |= take_requests(now);
  run_deadlines(now);
  worked |= deliver();
  worked |= transmit(now);
  publish();
  counters_.add(Counter::polls);
  if (!worked) counters_.add(Counter::polls_idle);
  return worked;
}

bool Worker::receive(Time now) {
  std::size_t received = 0;
  for (std::size_t port = 0; port < queues_.size(); ++port) {
    if (queues_[port] != nullptr) received += receive_from(now, port);
  }
  const std::size_t local = stack_.next_local(packets_);
  take_packets(now, local);
  net::IcmpError error;
  while (stack_.next_icmp_error(error)) on_icmp(now, error);
  return received + local > 0;
}

std::size_t Worker::receive_from(Time now, std::size_t port) {
  std::array<Buffer*, kBurstMax> frames;
  std::size_t all = 0;
  std::size_t received = kBurstMax;
  while (received == kBurstMax && all < kReceiveMax) {
    received = queues_[port]->receive(frames);
    if (received == 0) break;
    all += received;
    const std::size_t left = turn_away(now, std::span(frames).first(received));
    if (left == 0) continue;
    const auto burst = std::span<Buffer* const>(frames).first(left);
    announce(burst);
    take_packets(now, stack_.on_frames(now, port, burst, packets_));
  }
  return all;
}

// While checksums are computed the lines of the table of tags come, which foresee() looks into, and
// before that those of the table of pairs of addresses.
void Worker::announce(std::span<Buffer* const> frames) const {
  if (likely_tag(*frames.front()) == likely_tag(*frames.back())) return;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (i + 2 < frames.size()) __builtin_prefetch(frames[i + 2]->data);
    Forecast::announce(shard_, likely_tag(*frames[i]));
    stack_.expect(*frames[i]);
  }
}

// A burst that begins and ends with one association is mostly all its: its first packet brings what
// the others touch.
void Worker::foresee(std::span<const net::SctpPacket> packets) const {
  if (packets.empty() || Forecast::are_alike(packets.front().bytes, packets.back().bytes)) return;
  Forecast forecast(shard_);
  for (const net::SctpPacket& packet : packets) forecast.add_packet(packet.bytes, packet.source);
  forecast.fetch();
}

// Of a flood most frames go before anything of them is checked, and before they take the place of
// what is known of others. Returns how many of the first of `frames` are left.
std::size_t Worker::turn_away(Time now, std::span<Buffer*> frames) {
  Turnstile turnstile(now, shard_, steering_, number_, counters_);
  if (turnstile.is_open()) return frames.size();
  std::size_t left = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (i + 2 < frames.size()) __builtin_prefetch(frames[i + 2]->data);
    const auto glimpse = glimpse_of(*frames[i]);
    if (glimpse && turnstile.turns_away(glimpse->sctp, glimpse->source)) {
      pool_.release(frames[i]);
    } else {
      frames[left++] = frames[i];
    }
  }
  counters_.add(Counter::packets_received, frames.size() - left);
  return left;
}

// The same of packets that have come so far. Returns how many of the first of packets_ are left.
std::size_t Worker::turn_away(Time now, std::size_t count) {
  Turnstile turnstile(now, shard_, steering_, number_, counters_);
  if (turnstile.is_open()) return count;
  std::size_t left = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (turnstile.turns_away(packets_[i].bytes, packets_[i].source)) {
      pool_.release(packets_[i].buffer);
    } else {
      packets_[left++] = packets_[i];
    }
  }
  return left;
}

// The first of packets_.
void Worker::take_packets(Time now, std::size_t count) {
  count = turn_away(now, count);
  foresee(std::span(packets_).first(count));
  Arrivals arrivals(shard_, now);
  for (std::size_t i = 0; i < count; ++i) take_packet(arrivals, packets_[i]);
}

void Worker::take_packet(Arrivals& arrivals, const net::SctpPacket& packet) {
  const std::size_t owner = steering_.owner_of_packet(packet.bytes, packet.source, number_);
  if (owner == number_) {
    arrivals.take(packet.buffer, packet.source, packet.destination, packet.bytes);
  } else if (handoff_.give(owner, packet.buffer)) {
    counters_.add(Counter::handoff_out);
  } else {
    counters_.add(Counter::drop_handoff_full);
    pool_.release(packet.buffer);
  }
}

void Worker::on_icmp(Time now, const net::IcmpError& error) {
  const std::uint8_t* quoted = error.quoted.data();
  const std::size_t owner =
      steering_.owner_of_peer(load_be16(quoted), error.destination, load_be16(quoted + 2), number_);
  if (owner == number_) return report_icmp(now, error);
  tell(owner, {Notice::Kind::kIcmp, {}, error});
}

void Worker::tell(std::size_t lcore, const Notice& notice) {
  if (!handoff_.tell(lcore, notice)) counters_.add(Counter::drop_handoff_full);
}

void Worker::report_icmp(Time now, const net::IcmpError& error) {
  IcmpReport report;
  switch (error.kind) {
    case net::IcmpErrorKind::kPacketTooBig:
      report.kind = IcmpReport::Kind::kPacketTooBig;
      break;
    case net::IcmpErrorKind::kProtocolUnreachable:
      report.kind = IcmpReport::Kind::kProtocolUnreachable;
      break;
    case net::IcmpErrorKind::kUnreachable:
    case net::IcmpErrorKind::kPortUnreachable:
      report.kind = IcmpReport::Kind::kUnreachable;
      break;
    default:
      break;
  }
  report.mtu = error.next_hop_mtu;
  report.peer = error.destination;
  report.quoted = error.quoted_sctp();
  shard_.on_icmp(now, report);
}

std::size_t Worker::take_handed_packets(Time now) {
  Arrivals arrivals(shard_, now);
  return handoff_.take_packets([&](Buffer* buffer) {
    const net::SctpPacket packet = net::sctp_packet_of(*buffer);
    arrivals.take(buffer, packet.source, packet.destination, packet.bytes);
  });
}

bool Worker::take_handoffs(Time now) {
  const std::size_t packets = take_handed_packets(now);
  if (packets > 0) counters_.add(Counter::handoff_in, packets);
  const std::size_t notices = handoff_.take_notices([&](const Notice& notice) {
    if (notice.kind == Notice::Kind::kIcmp) {
      report_icmp(now, notice.icmp);
    } else {
      stack_.on_neighbour_learnt(now, notice.neighbour);
    }
  });
  return packets + notices > 0;
}

bool Worker::take_requests(Time now) {
  std::size_t taken = 0;
  bool has_evicted = false;
  for (Context* context : contexts_.serving()) {
    taken += requests_.serve(now, *context);
    has_evicted |= context->channel->is_evicted();
  }
  if (has_evicted) [[unlikely]] {
    evict_offenders(now);
  }
  return taken > 0;
}

void Worker::run_deadlines(Time now) {
  if (stack_.next_deadline() <= now) stack_.on_deadline(now);
  if (shard_.next_deadline() <= now) shard_.on_deadline(now);
}

bool Worker::deliver() {
  const std::size_t events = deliveries_.deliver();
  return deliveries_.return_payloads() + events > 0;
}

bool Worker::transmit(Time now) {
  // Each is sent when some more are there: by then its route is near.
  constexpr std::size_t kAhead = 4;
  std::array<PacketOut, kAhead> packets;
  std::size_t made = 0, sent = 0;
  Departures departures(shard_, now);
  while (made < kTransmitMax && departures.next(packets[made % kAhead])) {
    const PacketOut& packet = packets[made % kAhead];
    const PacketOut& before = packets[(made + kAhead - 1) % kAhead];
    if (packet.destination != before.destination || packet.source != before.source) {
      stack_.expect(packet.source, packet.destination);
    }
    if (++made - sent == kAhead) send(now, packets[sent++ % kAhead]);
  }
  while (sent < made) send(now, packets[sent++ % kAhead]);
  stack_.flush();
  return made > 0;
}

void Worker::send(Time now, const PacketOut& packet) {
  stack_.send(now, packet.buffer, packet.source, packet.destination,
              {.marking = packet.marking, .fragment_above = packet.fragment_above});
}

void Worker::publish() {
  for (Context* context : contexts_.serving()) context->channel->publish();
  net::LearntNeighbour neighbour;
  while (stack_.next_learnt(neighbour)) {
    for (std::size_t to = 0; to < steering_.shards(); ++to) {
      if (to != number_) tell(to, {Notice::Kind::kNeighbour, neighbour, {}});
    }
  }
  handoff_.publish();
  if (!contexts_.leaving().empty()) settle_leaving();
  for (PortQueue* queue : queues_) {
    if (queue != nullptr) queue->balance_pool();
  }
  free_buffers_.store(pool_.free_count(), std::memory_order_relaxed);  // pairs: free_buffers
}

bool Worker::has_work() {
  return handoff_.has_work() || control_.orders.consumer().available(1) > 0;
}

}  // namespace millrace
