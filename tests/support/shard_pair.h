// Two shards joined by a wire of the test's making, on virtual time: the association layers without
// network, rings or threads.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/crc32c.h"
#include "engine/shard/shard.h"
#include "engine/wire/render.h"

namespace millrace::test {

/// What an application was told, with its payload.
struct Told {
  EventType type;
  AssociationHandle handle;
  Event event;
  std::string payload;
  std::uint64_t context = 0;
};

inline IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}

/// One engine: a shard with its addresses, an application (owner 1) that reads everything at once.
class End {
 public:
  End(const Shard::Config& config, std::vector<IpAddress> addresses, std::size_t buffers)
      : buffers_(buffers),
        slab_(buffers_, buffers),
        steering_(1, config.limits.associations, config.seed),
        shard_(config, steering_, buffers_, counters_),
        addresses_(std::move(addresses)) {
    shard_.set_local_addresses(addresses_);
  }

  Shard& shard() { return shard_; }
  const Counters& counters() const { return counters_; }
  std::uint64_t count(Counter counter) const { return counters_.get(counter); }
  BufferPool& buffers() { return buffers_; }
  bool has_all_buffers() const { return buffers_.free_count() == slab_.count(); }
  const std::vector<IpAddress>& addresses() const { return addresses_; }

  Status send(Time now, AssociationHandle handle, std::string payload, std::uint16_t stream = 0,
              std::uint8_t flags = 0, Owner owner = kOwner) {
    auto kept = std::make_unique<std::string>(std::move(payload));
    SendRequest request;
    request.stream = stream;
    request.flags = flags;
    request.ppid = 46;
    request.context = next_token_;
    request.token = next_token_;
    request.payload = {reinterpret_cast<const std::uint8_t*>(kept->data()), kept->size()};
    const Status status = shard_.send(now, owner, handle, request);
    if (status == Status::kOk) payloads_.push_back({next_token_++, std::move(kept)});
    return status;
  }

  /// Takes all events; messages are consumed at once unless `reads` is off.
  void take_events(Time now) {
    Delivery delivery;
    while (shard_.next_event(delivery)) {
      if (delivery.owner == stuck) {
        shard_.postpone_event();
        continue;
      }
      Told event{delivery.event->type, delivery.handle, *delivery.event, {}, delivery.context};
      event.event.chunks = nullptr;
      if (event.type == EventType::kMessage) {
        event.payload.resize(event.event.length);
        copy_payload(*delivery.event, reinterpret_cast<std::uint8_t*>(event.payload.data()));
      }
      const Bytes abort = delivery.event->abort_chunk;
      if (event.type == EventType::kDown) event.payload.assign(abort.begin(), abort.end());
      if (event.type == EventType::kSendFailed) forget(event.event.token);
      shard_.take_event();
      if (event.type == EventType::kMessage && reads) {
        shard_.consumed(now, kOwner, delivery.handle, event.event.length);
      }
      told.push_back(std::move(event));
    }
    shard_.take_returned([this](Owner, std::span<const std::uint64_t> tokens) {
      for (const std::uint64_t token : tokens) forget(token);
    });
  }

  /// Payloads that the shard still holds.
  std::size_t payloads_held() const { return payloads_.size(); }

  static constexpr Owner kOwner = 1;
  std::vector<Told> told;  ///< all events so far, oldest first
  bool reads = true;
  Owner stuck = 0;  ///< who has no room for any event

 private:
  struct Payload {
    std::uint64_t token;
    std::unique_ptr<std::string> bytes;
  };

  void forget(std::uint64_t token) {
    for (auto it = payloads_.begin(); it != payloads_.end(); ++it) {
      if (it->token != token) continue;
      payloads_.erase(it);
      return;
    }
    throw std::logic_error("a payload came back that was not there");
  }

  BufferPool buffers_;
  BufferSlab slab_;
  Counters counters_;
  Steering steering_;
  Shard shard_;
  std::vector<IpAddress> addresses_;
  std::deque<Payload> payloads_;
  std::uint64_t next_token_ = 1;
};

/// Decides what happens to a packet on its way: true lets it pass.
using Filter = std::function<bool(const PacketOut&, Bytes packet)>;

class ShardPair {
 public:
  explicit ShardPair(const Parameters& parameters = {},
                     std::vector<IpAddress> a_addresses = {address("10.0.0.1")},
                     std::vector<IpAddress> b_addresses = {address("10.0.0.2")},
                     std::size_t buffers = 4096)
      : a(config(1, parameters), std::move(a_addresses), buffers),
        b(config(2, parameters), std::move(b_addresses), buffers) {}

  /// Moves packets and time until nothing is left to do before `until`.
  void run_until(Time until) {
    for (;;) {
      while (turn()) {
      }
      Time next = earlier(a.shard().next_deadline(), b.shard().next_deadline());
      for (const InFlight& packet : wire_) next = earlier(next, packet.arrives);
      if (next > until) break;
      now = std::max(now, next);
      a.shard().on_deadline(now);
      b.shard().on_deadline(now);
    }
    now = until;
  }
  void run_for(Duration span) { run_until(now + span); }

  /// b listens on 3868 and a connects to it; returns a's handle.
  AssociationHandle associate() {
    ListenRequest listen;
    listen.owner = End::kOwner;
    listen.port = 3868;
    b.shard().listen(listen);
    ConnectRequest connect;
    connect.owner = End::kOwner;
    connect.peer_port = 3868;
    connect.peers = b.addresses();
    AssociationHandle handle;
    if (a.shard().connect(now, connect, handle) != Status::kOk) throw std::runtime_error("connect");
    run_for(milliseconds(50));
    return handle;
  }

  End a;
  End b;
  Time now = Time{} + seconds(1);
  Duration delay = milliseconds(1);
  Filter from_a;
  Filter from_b;
  bool traces = true;
  std::vector<std::string> trace;  ///< every packet, as text

 private:
  struct InFlight {
    Time arrives;
    End* to;
    IpAddress source, destination;
    std::vector<std::uint8_t> bytes;
  };

  static Shard::Config config(std::uint64_t seed, const Parameters& parameters) {
    Shard::Config config;
    config.parameters = parameters;
    config.limits.associations = 64;
    config.limits.owners = 4;
    config.seed = {seed, seed * 7919};
    return config;
  }

  bool turn() {
    bool worked = false;
    for (std::size_t i = 0; i < wire_.size();) {
      if (wire_[i].arrives > now) {
        ++i;
        continue;
      }
      const InFlight packet = std::move(wire_[i]);
      wire_.erase(wire_.begin() + static_cast<std::ptrdiff_t>(i));
      arrive(packet);
      worked = true;
    }
    a.take_events(now);
    b.take_events(now);
    worked |= depart(a, b, from_a, "a ");
    worked |= depart(b, a, from_b, "b ");
    return worked;
  }

  bool depart(End& from, End& to, const Filter& filter, const char* name) {
    PacketOut out;
    bool worked = false;
    while (from.shard().next_packet(now, out)) {
      worked = true;
      IpAddress source = out.source;
      if (source.is_unspecified()) source = routed_source(from.addresses(), out.destination);
      const Bytes packet = out.buffer->bytes();
      if (traces) trace.push_back(name + render_packet(packet));
      out.source = source;
      if (!filter || filter(out, packet)) {
        wire_.push_back(
            {now + delay, &to, source, out.destination, {packet.begin(), packet.end()}});
      }
      from.buffers().release(out.buffer);
    }
    return worked;
  }

  // The address on the peer's network, as routing would choose.
  static IpAddress routed_source(const std::vector<IpAddress>& ours, const IpAddress& peer) {
    for (const IpAddress& own : ours) {
      if (Prefix{own, 24}.contains(peer)) return own;
    }
    return ours.front();
  }

  void arrive(const InFlight& packet) {
    Buffer* buffer = packet.to->buffers().acquire();
    if (buffer == nullptr) throw std::runtime_error("no buffer for a packet that arrives");
    std::memcpy(buffer->data, packet.bytes.data(), packet.bytes.size());
    buffer->length = static_cast<std::uint32_t>(packet.bytes.size());
    packet.to->shard().on_packet(now, buffer, packet.source, packet.destination, buffer->bytes());
  }

  std::vector<InFlight> wire_;
};

}  // namespace millrace::test
