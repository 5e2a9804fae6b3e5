#include "bench/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <thread>

#include "api/context.h"
#include "bench/clocks.h"
#include "engine/lcore/association_name.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kBuffers = 8192;
constexpr std::size_t kWireFrames = 4096;
constexpr std::size_t kEvents = 128;
constexpr std::size_t kAssociations = 64;  // of a thread, for each lcore that may own them
constexpr std::size_t kFlowsMin = 8;
constexpr std::size_t kSize = 64, kBurst = 18, kAtOnce = 4;
constexpr std::uint16_t kServerPort = 100;
constexpr std::uint16_t kClientPort = 10'000;
constexpr const char* kAddresses[] = {"10.0.0.1", "10.0.0.2"};
constexpr Duration kPatience = seconds(60);

struct Head {
  std::uint32_t index;
  std::uint32_t number;
};

Time now() {
  return Time{read_ns(CLOCK_MONOTONIC)};
}

/// On the CPU of this number among those that the process may use, if there are enough.
void pin(std::size_t number) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || number-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    return;
  }
}

}  // namespace

ParallelPair::Slice::Slice(std::size_t which, std::size_t lcores)
    : number(which),
      pool(kBuffers * lcores),
      memory(pool, kBuffers),
      wire(std::in_place, pool, kWireFrames) {}

ParallelPair::ParallelPair(std::size_t lcores) {
  for (std::size_t i = 0; i < lcores; ++i) slices_.push_back(std::make_unique<Slice>(i, lcores));
  left_ = make_host(0);
  right_ = make_host(1);
  for (const auto& slice : slices_) {
    slice->client = api::make_local_context(left_->attach());
    slice->server = api::make_local_context(right_->attach());
  }
  for (const auto& slice : slices_) set_up(*slice);
}

ParallelPair::~ParallelPair() {
  for (const auto& slice : slices_) {
    mr_detach(slice->client);
    mr_detach(slice->server);
  }
  left_.reset();
  right_.reset();
  // What was handed over lies in a buffer of another slice: all wires go before any memory does.
  for (const auto& slice : slices_) slice->wire.reset();
}

std::unique_ptr<Host> ParallelPair::make_host(std::size_t end) {
  HostConfig config;
  net::InterfaceConfig interface;
  interface.name = "wire";
  interface.port = 0;
  interface.traits = drivers::MemoryWire::traits(end);
  interface.addresses = {*Prefix::parse(std::string(kAddresses[end]) + "/24")};
  config.interfaces.push_back(interface);
  config.lcores = slices_.size();
  config.seed = {end + 1, end + 2};
  std::vector<PortQueue*> queues;
  for (const auto& slice : slices_) {
    config.pools.push_back(&slice->pool);
    queues.push_back(&slice->wire->end(end));
  }
  return std::make_unique<Host>(config, slices_.front()->pool, queues);
}

// ---- associations ----

/// More than are used: those whose ends belong to this slice's lcores are kept for traffic.
void ParallelPair::set_up(Slice& slice) {
  const auto port = static_cast<std::uint16_t>(kServerPort + slice.number);
  mr_listen_options listen{};
  listen.port = port;
  if (mr_listen(slice.server, &listen) != 0) fail("mr_listen");
  right_->poll(now());  // packets come before requests in a turn
  const std::size_t count = kAssociations * slices_.size();
  std::map<std::uint16_t, mr_association> ours, theirs;  // by the client's port
  mr_address peer;
  mr_address_parse(kAddresses[1], &peer);
  std::size_t asked = 0;
  for (const Time end = now() + kPatience; ours.size() < count || theirs.size() < count;) {
    mr_connect_options options{};
    options.peer_port = port;
    options.local_port = static_cast<std::uint16_t>(kClientPort + asked);
    options.peer_count = 1;
    options.peers = &peer;
    if (asked < count && mr_connect(slice.client, &options) == 0) ++asked;
    left_->poll(now());
    right_->poll(now());
    mr_event event;
    while (mr_receive(slice.client, &event, 1) > 0) {
      if (event.type == MR_EVENT_ASSOCIATION_UP) ours[event.local_port] = event.association;
    }
    while (mr_receive(slice.server, &event, 1) > 0) {
      if (event.type == MR_EVENT_ASSOCIATION_UP) theirs[event.peer_port] = event.association;
    }
    if (now() > end) fail("Millrace: associations did not come");
  }
  for (const auto& [client_port, name] : ours) {
    if (lcore_of(name) == slice.number && lcore_of(theirs[client_port]) == slice.number)
      slice.flows.push_back({name});
  }
  if (slice.flows.size() < kFlowsMin) fail("Millrace: an lcore has hardly any associations");
}

// ---- traffic ----

double ParallelPair::rate(Duration span) {
  std::latch start(static_cast<std::ptrdiff_t>(slices_.size()));
  std::vector<std::thread> threads;
  for (const auto& slice : slices_)
    threads.emplace_back([this, &slice, span, &start] { run(*slice, span, start); });
  double sum = 0;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    sum += slices_[i]->work.rate();
  }
  return sum;
}

void ParallelPair::run(Slice& slice, Duration span, std::latch& start) {
  pin(slice.number);
  go_on(slice, span / 8);
  start.arrive_and_wait();
  const std::uint64_t before = slice.received;
  const CpuStopwatch stopwatch;
  go_on(slice, span);
  slice.work = {slice.received - before, stopwatch.seconds()};
  const Time end = now() + kPatience;
  while (slice.received < slice.sent) {
    turn(slice);
    if (now() > end) fail("Millrace: messages did not arrive");
  }
}

void ParallelPair::go_on(Slice& slice, Duration span) {
  for (const Time end = now() + span; now() < end;) {
    send(slice);
    turn(slice);
  }
}

void ParallelPair::turn(Slice& slice) {
  const Time time = now();
  left_->worker(slice.number).poll(time);
  right_->worker(slice.number).poll(time);
  receive(slice);
}

void ParallelPair::send(Slice& slice) {
  std::array<std::uint8_t, kSize> bytes{};
  for (std::size_t i = 0; i < kAtOnce; ++i) {
    const std::size_t index = slice.next < slice.flows.size() ? slice.next : 0;
    slice.next = index + 1;
    Flow& flow = slice.flows[index];
    for (std::size_t n = 0; n < kBurst; ++n) {
      const Head head{static_cast<std::uint32_t>(index), flow.written};
      std::memcpy(bytes.data(), &head, sizeof head);
      const int status =
          mr_send(slice.client, flow.name, bytes.data(), bytes.size(), 0, 46, MR_MORE, 0);
      if (status == -EAGAIN) break;
      if (status != 0) fail(std::string("mr_send: ") + mr_last_error());
      ++flow.written;
      ++slice.sent;
    }
  }
  mr_flush(slice.client);
}

void ParallelPair::receive(Slice& slice) {
  std::array<mr_event, kEvents> events;
  while (mr_receive(slice.client, events.data(), events.size()) > 0) {
  }
  int count = 0;
  while ((count = mr_receive(slice.server, events.data(), events.size())) > 0) {
    for (int i = 0; i < count; ++i) {
      const mr_event& event = events[static_cast<std::size_t>(i)];
      if (event.type != MR_EVENT_MESSAGE) fail("Millrace: an event where a message should be");
      Head head;
      std::memcpy(&head, event.data, sizeof head);
      if (event.length != kSize || head.index >= slice.flows.size() ||
          head.number != slice.flows[head.index].expected++)
        fail("a message was lost, doubled or out of order");
      ++slice.received;
    }
  }
}

}  // namespace millrace::bench
