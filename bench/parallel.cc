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
constexpr std::size_t kAssociations = 128;  // of a thread, for each lcore that may own them
constexpr std::size_t kFlows = 16;  // that it uses, of those with the owners that are wanted
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

ParallelPair::Slice::Slice(std::size_t which, std::size_t lcores, drivers::BufferDepot& depot)
    : number(which),
      pool(kBuffers * lcores),
      memory(pool, kBuffers),
      wire(std::in_place, pool, kWireFrames, &depot) {}

ParallelPair::ParallelPair(std::size_t lcores) : depot_(kBuffers * lcores) {
  for (std::size_t i = 0; i < lcores; ++i)
    slices_.push_back(std::make_unique<Slice>(i, lcores, depot_));
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

/// More than are used: they are sorted by the owners of their ends.
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
    options.flags = MR_CONNECT_ANY_PORT;  // all slices have these
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
  const std::size_t next = (slice.number + 1) % slices_.size();
  for (const auto& [client_port, name] : ours) {
    if (lcore_of(name) != slice.number) continue;
    const std::size_t owner = lcore_of(theirs[client_port]);
    if (owner == slice.number) slice.flows[0].push_back({name});
    if (owner == next && next != slice.number) slice.flows[1].push_back({name});
  }
  for (std::vector<Flow>& flows : slice.flows) {
    if (&flows != slice.flows.data() && slices_.size() == 1) break;
    if (flows.size() < kFlows) fail("Millrace: an lcore has hardly any associations");
    flows.resize(kFlows);
  }
}

// ---- traffic ----

ParallelPair::Result ParallelPair::carry(Owners owners, Duration span) {
  const auto count = static_cast<std::ptrdiff_t>(slices_.size());
  std::latch start(count), end(count);
  std::vector<std::thread> threads;
  for (const auto& slice : slices_) {
    slice->used = &slice->flows[static_cast<std::size_t>(owners)];
    slice->next = 0;
    threads.emplace_back([this, &slice, span, &start, &end] { run(*slice, span, start, end); });
  }
  Result sum;
  double seconds = 0;
  std::uint64_t packets = 0, handed_over = 0;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    const Slice& slice = *slices_[i];
    sum.rate += slice.work.rate();
    seconds += slice.work.cpu_seconds;
    packets += slice.packets;
    handed_over += slice.handed_over;
  }
  sum.ns_per_packet = 1e9 * seconds / static_cast<double>(packets);
  sum.handed_over = static_cast<double>(handed_over) / static_cast<double>(packets);
  return sum;
}

void ParallelPair::run(Slice& slice, Duration span, std::latch& start, std::latch& end) {
  pin(slice.number);
  go_on(slice, span / 8);
  start.arrive_and_wait();
  const std::uint64_t before = slice.received;
  const std::uint64_t packets = count(slice, Counter::sctp_packets_received);
  const std::uint64_t handed_over = count(slice, Counter::handoff_in);
  const CpuStopwatch stopwatch;
  go_on(slice, span);
  slice.work = {slice.received - before, stopwatch.seconds()};
  slice.packets = count(slice, Counter::sctp_packets_received) - packets;
  slice.handed_over = count(slice, Counter::handoff_in) - handed_over;
  drain(slice, end);
}

/// Until all threads have got theirs: what one still waits for may be at another's lcore.
void ParallelPair::drain(Slice& slice, std::latch& end) {
  const Time give_up = now() + kPatience;
  bool is_told = false;
  while (!end.try_wait()) {
    turn(slice);
    if (!is_told && slice.received == slice.sent) {
      end.count_down();
      is_told = true;
    }
    if (now() > give_up) fail("Millrace: messages did not arrive");
  }
}

std::uint64_t ParallelPair::count(const Slice& slice, Counter counter) const {
  return left_->counters(slice.number).get(counter) + right_->counters(slice.number).get(counter);
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
    std::vector<Flow>& flows = *slice.used;
    const std::size_t index = slice.next < flows.size() ? slice.next : 0;
    slice.next = index + 1;
    Flow& flow = flows[index];
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
      if (event.length != kSize || head.index >= slice.used->size() ||
          head.number != (*slice.used)[head.index].expected++)
        fail("a message was lost, doubled or out of order");
      ++slice.received;
    }
  }
}

}  // namespace millrace::bench
