#include "engine/lcore/host.h"

#include <algorithm>

namespace millrace {
namespace {

constexpr std::uint32_t kSerial = 1;  // a slot is used once
constexpr int kNoBell = -1;

}  // namespace

Host::Host(const HostConfig& config, BufferPool& pool, std::vector<PortQueue*> queues)
    : config_(config) {
  MR_ASSERT(config.lcores > 0 && queues.size() % config.lcores == 0);
  MR_ASSERT(config.pools.empty() || config.pools.size() == config.lcores);
  const std::size_t ports = queues.size() / config.lcores;
  config_.geometry.lcores = static_cast<std::uint32_t>(config.lcores);
  CrewConfig crew;
  crew.contexts_max = config.contexts_max;
  crew.parameters = config.parameters;
  crew.limits = config.limits;
  crew.limits.buffers_held = std::min(crew.limits.buffers_held, pool.capacity() / 2);
  crew.stack.interfaces = config.interfaces;
  crew.stack.routes = config.routes;
  crew.seed = config.seed;
  std::vector<LcoreResources> lcores(config.lcores);
  for (std::size_t i = 0; i < lcores.size(); ++i) {
    counters_.push_back(std::make_unique<Counters>());
    const auto first = queues.begin() + static_cast<std::ptrdiff_t>(i * ports);
    lcores[i].pool = config.pools.empty() ? &pool : config.pools[i];
    lcores[i].counters = counters_.back().get();
    lcores[i].queues.assign(first, first + static_cast<std::ptrdiff_t>(ports));
  }
  crew_ = std::make_unique<Crew>(crew, lcores);
}

Host::~Host() = default;

bool Host::poll(Time now) {
  bool worked = false;
  for (std::size_t i = 0; i < crew_->size(); ++i) worked |= crew_->worker(i).poll(now);
  take_reports();
  return worked;
}

Time Host::next_deadline() const {
  Time next = kNever;
  for (std::size_t i = 0; i < crew_->size(); ++i)
    next = earlier(next, crew_->worker(i).next_deadline());
  return next;
}

ipc::ClientMemory Host::attach() {
  const auto slot = static_cast<std::uint32_t>(contexts_.size());
  MR_ASSERT(slot < kContextsMax);
  std::string error;
  Attached attached;
  // The context's number is the slot's, one up: 0 is nobody's.
  attached.memory = ipc::ContextMemory::create(slot + 1, config_.geometry,
                                               ipc::HugePages::automatic, kNoBell, error);
  MR_ASSERT(attached.memory != nullptr);
  for (std::size_t i = 0; i < crew_->size(); ++i) {
    Order attach;
    attach.kind = Order::Kind::kAttach;
    attach.owner = owner_of(slot, kSerial);
    attach.channel = attached.memory->channels()[i];
    order(i, attach);
  }
  ipc::ClientMemory client = attached.memory->local_client();
  client.context = slot + 1;
  client.receive_window = config_.parameters.receive_buffer;
  client.send_buffer = config_.parameters.send_buffer;
  client.message_bytes_max = kMessageBytesMax;
  contexts_.push_back(std::move(attached));
  return client;
}

void Host::detach(std::uint32_t context, bool gracefully) {
  const std::uint32_t slot = context - 1;
  MR_ASSERT(slot < contexts_.size());
  Attached& attached = contexts_[slot];
  if (attached.is_leaving) return;
  attached.is_leaving = true;
  attached.lcores_left = crew_->size();
  ++leaving_;
  for (std::size_t i = 0; i < crew_->size(); ++i) {
    Order detach;
    detach.kind = Order::Kind::kDetach;
    detach.owner = owner_of(slot, kSerial);
    detach.gracefully = gracefully;
    order(i, detach);
  }
}

std::uint64_t Host::count(Counter counter) const {
  std::uint64_t sum = 0;
  for (const auto& counters : counters_) sum += counters->get(counter);
  return sum;
}

void Host::order(std::size_t lcore, const Order& order) {
  MR_ASSERT(crew_->worker(lcore).control().orders.producer().push(order));
}

void Host::take_reports() {
  for (std::size_t i = 0; i < crew_->size(); ++i) {
    if (!crew_->worker(i).take_has_reported()) continue;
    Report report;
    while (crew_->worker(i).control().reports.consumer().pop({&report, 1}) == 1) {
      const std::uint32_t slot = slot_of(report.owner);
      if (report.kind == Report::Kind::kEvicted) {
        ++evicted_;
        detach(slot + 1, false);
      }
      if (report.kind != Report::Kind::kGone) continue;
      if (--contexts_[slot].lcores_left == 0) --leaving_;
    }
  }
}

}  // namespace millrace
