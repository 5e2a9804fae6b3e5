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
constexpr std::size_t kPerListener = 50'000;  // associations, each from a port of its own
constexpr std::uint16_t kFirstServerPort = 100;
constexpr std::uint16_t kFirstClientPort = 1024;
constexpr Duration kPatience = seconds(60);
constexpr const char* kAddresses[] = {"10.0.0.1", "10.0.0.2"};

struct Head {
  std::uint32_t index;
  std::uint32_t number;
};

}  // namespace

Crowd::Crowd(const CrowdConfig& config)
    : pool_(kBuffers),
      memory_(pool_, kBuffers),
      names_(config.associations),
      written_(config.associations),
      expected_(config.associations) {
  for (std::size_t i = 0; i < config.lcores; ++i)
    wires_.push_back(std::make_unique<drivers::MemoryWire>(pool_, kWireFrames));
  for (std::size_t i = 0; i < ends_.size(); ++i) make_host(ends_[i], kAddresses[i], i, config);
  listen();
  set_up(config.associations, config.parameters.heartbeat_interval);
  clock_.stop();
}

Crowd::~Crowd() {
  for (End& end : ends_) mr_detach(end.context);
}

void Crowd::make_host(End& end, const char* address, std::size_t index, const CrowdConfig& config) {
  end.plugs.resize(config.lcores);
  std::vector<PortQueue*> queues;
  for (std::size_t i = 0; i < config.lcores; ++i) {
    end.plugs[i].wire = &wires_[i]->end(index);
    queues.push_back(&end.plugs[i]);
  }
  HostConfig host;
  net::InterfaceConfig interface;
  interface.name = "wire";
  interface.port = 0;
  interface.traits = drivers::MemoryWire::traits(index);
  interface.addresses = {*Prefix::parse(std::string(address) + "/24")};
  host.interfaces.push_back(interface);
  host.lcores = config.lcores;
  host.parameters = config.parameters;
  // An owner alone may have eight ninths of them.
  host.limits.associations =
      std::max(host.limits.associations, config.associations + config.associations / 4);
  host.seed = {index + 1, index + 2};
  end.host = std::make_unique<Host>(host, pool_, queues);
  end.context = api::make_local_context(end.host->attach());
}

void Crowd::listen() {
  const std::size_t listeners = (names_.size() + kPerListener - 1) / kPerListener;
  for (std::size_t i = 0; i < listeners; ++i) {
    mr_listen_options options{};
    options.port = static_cast<std::uint16_t>(kFirstServerPort + i);
    if (mr_listen(ends_[1].context, &options) != 0) fail("mr_listen");
    turn();
    receive();
  }
}

void Crowd::connect(std::size_t index) {
  mr_address peer;
  mr_address_parse(kAddresses[1], &peer);
  mr_connect_options options{};
  options.peer_port = static_cast<std::uint16_t>(kFirstServerPort + index / kPerListener);
  options.local_port = static_cast<std::uint16_t>(kFirstClientPort + index % kPerListener);
  options.peer_count = 1;
  options.peers = &peer;
  options.context = index;
  if (mr_connect(ends_[0].context, &options) != 0)
    fail(std::string("mr_connect: ") + mr_last_error());
}

/// They come evenly over one heartbeat interval of their time, and so do their heartbeats for ever.
void Crowd::set_up(std::size_t associations, Duration heartbeat_interval) {
  Time end = clock_.now() + kPatience;
  for (std::size_t asked = 0; ends_[0].up < associations || ends_[1].up < associations;) {
    for (; asked < associations && asked - ends_[0].up < kSetUpsAtOnce; ++asked) connect(asked);
    const std::uint64_t before = ends_[0].up;
    turn();
    receive();
    const Time now = clock_.now();
    const auto came = static_cast<std::int64_t>(ends_[0].up - before);
    clock_.skip({heartbeat_interval.ns / static_cast<std::int64_t>(associations) * came});
    if (came > 0) end = clock_.now() + kPatience;
    if (now > end) fail("Millrace: only " + std::to_string(ends_[1].up) + " associations came up");
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

CrowdWork Crowd::idle(Duration span) {
  const Running running(clock_);
  const Time end = clock_.now() + span;
  const Counts before = counts();
  const CpuStopwatch stopwatch;
  while (clock_.now() < end) turn();
  return work(before, stopwatch.seconds());
}

void Crowd::cross_wires() {
  ++crossed_;
  for (std::size_t i = 0; i < wires_.size(); ++i)
    ends_[1].plugs[i].wire = &wires_[(i + crossed_) % wires_.size()]->end(1);
}

Crowd::Counts Crowd::counts() const {
  Counts sum;
  for (const End& end : ends_) {
    sum.packets += end.host->count(Counter::sctp_packets_received);
    sum.handed_over += end.host->count(Counter::handoff_in);
    sum.heartbeats += end.host->count(Counter::heartbeats_sent);
  }
  return sum;
}

CrowdWork Crowd::work(const Counts& before, double cpu_seconds) const {
  const Counts now = counts();
  CrowdWork work;
  work.cpu_seconds = cpu_seconds;
  work.packets = now.packets - before.packets;
  work.handed_over = now.handed_over - before.handed_over;
  work.heartbeats = now.heartbeats - before.heartbeats;
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
