#include "bench/crowd.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "api/context.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kBuffers = 16384;
constexpr std::size_t kWireFrames = 4096;
constexpr std::size_t kEvents = 128;  // that an application asks for at once
constexpr std::size_t kSetUpsAtOnce = 64;
// Of either end: as many pairs of them as a gateway with a thousand peers has.
constexpr std::size_t kAddresses = 32;
constexpr std::uint16_t kServerPort = 100;
constexpr std::uint16_t kFirstClientPort = 1024;
constexpr Duration kPatience = seconds(60);

struct Head {
  std::uint32_t index;
  std::uint32_t number;
};

mr_address parsed(const std::string& text) {
  mr_address address;
  mr_address_parse(text.c_str(), &address);
  return address;
}

}  // namespace

Crowd::Crowd(const CrowdConfig& config, Clock clock)
    : clock_(clock),
      pool_(kBuffers),
      memory_(pool_, kBuffers),
      wire_(pool_, kWireFrames),
      names_(config.associations),
      written_(config.associations),
      expected_(config.associations) {
  for (std::size_t i = 0; i < ends_.size(); ++i) make_host(ends_[i], i, config);
  listen();
  set_up(config.associations, config.parameters.heartbeat_interval);
  clock_.stop();
}

Crowd::~Crowd() {
  for (End& end : ends_) mr_detach(end.context);
}

void Crowd::make_host(End& end, std::size_t index, const CrowdConfig& config) {
  HostConfig host;
  net::InterfaceConfig interface;
  interface.name = "wire";
  interface.port = 0;
  interface.traits = drivers::MemoryWire::traits(index);
  for (std::size_t i = 1; i <= kAddresses; ++i) {
    end.addresses.push_back("10.0." + std::to_string(index) + "." + std::to_string(i));
    interface.addresses.push_back(*Prefix::parse(end.addresses.back() + "/16"));
  }
  host.interfaces.push_back(interface);
  host.parameters = config.parameters;
  // An owner alone may have eight ninths of them.
  host.limits.associations =
      std::max(host.limits.associations, config.associations + config.associations / 4);
  host.seed = {index + 1, index + 2};
  end.host = std::make_unique<Host>(host, pool_, std::vector<PortQueue*>{&wire_.end(index)});
  end.context = api::make_local_context(end.host->attach());
}

/// At each address by itself: an association has one path, as with a peer of one address.
void Crowd::listen() {
  for (std::size_t i = 0; i < kAddresses; ++i) {
    const mr_address address = parsed(ends_[1].addresses[i]);
    mr_listen_options options{};
    options.port = kServerPort;
    options.address_count = 1;
    options.addresses = &address;
    options.context = i;
    if (mr_listen(ends_[1].context, &options) != 0) fail("mr_listen");
    turn();
    receive();
  }
}

/// Ends are told apart by the peer's address and both ports, whichever of its own it uses: so the
/// pairs that have an address in common take turns with the ports.
void Crowd::connect(std::size_t index) {
  const std::size_t ours = index % kAddresses, theirs = index / kAddresses % kAddresses;
  const mr_address local = parsed(ends_[0].addresses[ours]);
  const mr_address peer = parsed(ends_[1].addresses[theirs]);
  const std::size_t round = index / (kAddresses * kAddresses);
  mr_connect_options options{};
  options.peer_port = kServerPort;
  options.local_port = static_cast<std::uint16_t>(kFirstClientPort + round * kAddresses +
                                                  (ours + theirs) % kAddresses);
  options.peer_count = 1;
  options.peers = &peer;
  options.local_count = 1;
  options.locals = &local;
  options.context = index;
  if (mr_connect(ends_[0].context, &options) != 0)
    fail(std::string("mr_connect: ") + mr_last_error());
}

/// They come evenly over one heartbeat interval of their time, and so do their heartbeats for ever:
/// what the interval lasts longer than setting them up is left out bit by bit.
void Crowd::set_up(std::size_t associations, Duration heartbeat_interval) {
  const Time start = clock_.now();
  Time end = start + kPatience;
  for (std::size_t asked = 0; ends_[0].up < associations || ends_[1].up < associations;) {
    for (; asked < associations && asked - ends_[0].up < kSetUpsAtOnce; ++asked) connect(asked);
    const std::uint64_t before = ends_[0].up;
    turn();
    receive();
    const double part = static_cast<double>(ends_[0].up) / static_cast<double>(associations);
    const Time due =
        start +
        Duration{static_cast<std::int64_t>(static_cast<double>(heartbeat_interval.ns) * part)};
    const Time now = clock_.now();
    if (associations > 1 && due > now) clock_.skip(due - now);
    if (ends_[0].up > before) end = clock_.now() + kPatience;
    if (clock_.now() > end)
      fail("Millrace: only " + std::to_string(ends_[1].up) + " associations came up");
  }
}

// ---- turns ----

void Crowd::turn() {
  const Time now = clock_.now();
  for (End& end : ends_) end.host->poll(now);
}

CrowdWork Crowd::transfer(const Turn& what, Duration span) {
  const Running running(clock_);
  bytes_.assign(what.size, 0x5a);
  const auto carry = [&](Duration time) {
    const Time end = clock_.now() + time;
    while (clock_.now() < end) {
      send(what);
      turn();
      receive();
    }
    drain();
  };
  carry(span / 8);
  const std::uint64_t before = received_;
  const Counts counts_before = counts();
  const CpuStopwatch stopwatch;
  carry(span);
  CrowdWork done = work(counts_before, stopwatch.seconds());
  done.done = received_ - before;
  return done;
}

void Crowd::carry(const Turn& what, std::uint64_t messages) {
  bytes_.assign(what.size, 0x5a);
  const std::uint64_t end = sent_ + messages;
  while (sent_ < end) {
    send(what);
    turn();
    receive();
  }
  drain();
}

CrowdWork Crowd::idle(Duration span) {
  const Running running(clock_);
  const Time end = clock_.now() + span;
  const Counts before = counts();
  const CpuStopwatch stopwatch;
  while (clock_.now() < end) {
    turn();
    const bool is_carrying = wire_.in_flight(0) + wire_.in_flight(1) > 0;
    const Time next = earlier(ends_[0].host->next_deadline(), ends_[1].host->next_deadline());
    const Time now = clock_.now();
    if (!is_carrying && next > now) clock_.skip(std::min(next, end) - now);
  }
  return work(before, stopwatch.seconds());
}

Crowd::Counts Crowd::counts() {
  Counts sum;
  for (const End& end : ends_) {
    sum.packets += end.host->count(Counter::sctp_packets_received);
    sum.heartbeats += end.host->count(Counter::heartbeats_sent);
  }
  sum.at = clock_.now();
  return sum;
}

CrowdWork Crowd::work(const Counts& before, double cpu_seconds) {
  const Counts now = counts();
  CrowdWork work;
  work.cpu_seconds = cpu_seconds;
  work.packets = now.packets - before.packets;
  work.heartbeats = now.heartbeats - before.heartbeats;
  work.clock_seconds = static_cast<double>((now.at - before.at).ns) * 1e-9;
  return work;
}

// ---- messages ----

void Crowd::send(const Turn& what) {
  const std::size_t among = what.among == 0 ? names_.size() : what.among;
  for (std::size_t i = 0; i < what.at_once; ++i) {
    const std::size_t index = next_ < among ? next_ : 0;
    next_ = index + 1;
    for (std::size_t n = 0; n < what.burst; ++n) {
      const Head head{static_cast<std::uint32_t>(index), written_[index]};
      std::memcpy(bytes_.data(), &head, sizeof head);
      const int status =
          mr_send(ends_[0].context, names_[index], bytes_.data(), bytes_.size(), 0, 46, MR_MORE, 0);
      if (status == -EAGAIN) break;
      if (status != 0) fail(std::string("mr_send: ") + mr_last_error());
      ++written_[index];
      ++sent_;
    }
  }
  mr_flush(ends_[0].context);
}

void Crowd::drain() {
  const Time end = clock_.now() + kPatience;
  while (received_ < sent_) {
    turn();
    receive();
    if (clock_.now() > end) fail("Millrace: messages did not arrive");
  }
}

void Crowd::receive() {
  std::array<mr_event, kEvents> events;
  for (End& end : ends_) {
    int count = 0;
    while ((count = mr_receive(end.context, events.data(), events.size())) > 0) {
      for (int i = 0; i < count; ++i) take(events[static_cast<std::size_t>(i)], end);
    }
  }
}

void Crowd::take(const mr_event& event, End& end) {
  if (event.type == MR_EVENT_MESSAGE) {
    Head head;
    if (event.length != bytes_.size()) fail("a message of another size arrived");
    std::memcpy(&head, event.data, sizeof head);
    if (head.index >= expected_.size() || head.number != expected_[head.index]++)
      fail("a message was lost, doubled or out of order");
    ++received_;
  } else if (event.type == MR_EVENT_ASSOCIATION_UP) {
    ++end.up;
    if (&end == ends_.data()) names_[event.context] = event.association;
  } else if (event.type == MR_EVENT_ASSOCIATION_DOWN || event.type == MR_EVENT_ASSOCIATION_FAILED) {
    fail("Millrace: an association broke, reason " + std::to_string(event.reason));
  }
}

}  // namespace millrace::bench
