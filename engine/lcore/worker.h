// One lcore of the engine: a shard, the network under it and the applications above it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/base/counters.h"
#include "engine/base/time.h"
#include "engine/lcore/context_table.h"
#include "engine/lcore/control.h"
#include "engine/lcore/deliveries.h"
#include "engine/lcore/handoff.h"
#include "engine/lcore/requests.h"
#include "engine/net/stack.h"
#include "engine/shard/shard.h"

namespace millrace {

struct WorkerConfig {
  std::size_t number = 0;  ///< of this lcore, below Steering::shards()
  std::size_t contexts_max = 64;
  Parameters parameters;
  ShardLimits limits;
  HashKey seed{};
  net::StackConfig stack;
};

class Arrivals;

/// Decides: in what order an lcore does things, and which lcore a packet is for. Does not know the
/// clock, DPDK, sockets or threads: poll() is driven by an lcore's thread, by a simulator or by a
/// benchmark, with the same result.
///
/// All is used by one thread, but for control(), whose other ends are the main thread's. Nothing is
/// allocated after construction.
class Worker {
 public:
  /// `queues[i]` is this lcore's queue pair of port i. What is referred to outlives the Worker.
  Worker(const WorkerConfig& config, Steering& steering, Exchange& exchange, BufferPool& pool,
         Counters& counters, std::span<PortQueue* const> queues);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// One turn: takes in what is there, does what is due, gives out what came of it. Returns whether
  /// there was anything to do.
  bool poll(Time now);

  /// When poll() is needed again if nothing arrives; kNever if it is not.
  Time next_deadline() const { return earlier(shard_.next_deadline(), stack_.next_deadline()); }

  /// For a sleeper, after it has announced that it sleeps: whether other threads left work.
  bool has_work();
  /// The channels whose applications wake this lcore.
  std::span<ipc::Channel* const> channels() const { return contexts_.channels(); }
  /// Whether a poll since the last call has reported something to the main thread.
  bool take_has_reported();

  /// Buffers on this lcore's stack after its last poll. Any thread.
  std::size_t free_buffers() const { return free_buffers_.load(std::memory_order_relaxed); }

  ControlLink& control() { return control_; }
  const ControlLink& control() const { return control_; }
  const net::Stack& stack() const { return stack_; }
  const Shard& shard() const { return shard_; }
  Counters& counters() { return counters_; }
  std::size_t number() const { return number_; }

 private:
  bool receive(Time now);
  std::size_t receive_from(Time now, std::size_t port);
  void announce(std::span<Buffer* const> frames) const;
  void foresee(std::span<const net::SctpPacket> packets) const;
  std::size_t turn_away(Time now, std::span<Buffer*> frames);
  std::size_t turn_away(Time now, std::size_t count);
  void take_packets(Time now, std::size_t count);
  void take_packet(Arrivals& arrivals, const net::SctpPacket& packet);
  std::size_t take_handed_packets(Time now);
  void on_icmp(Time now, const net::IcmpError& error);
  void tell(std::size_t lcore, const Notice& notice);
  void report_icmp(Time now, const net::IcmpError& error);

  bool take_handoffs(Time now);
  bool take_requests(Time now);
  void run_deadlines(Time now);
  bool deliver();
  bool transmit(Time now);
  void send(Time now, const PacketOut& packet);
  void publish();

  bool take_orders(Time now);
  void execute(Time now, const Order& order);
  void end_context(Time now, Context& context, bool gracefully);
  void evict_offenders(Time now);
  void report_snapshot(const Order& order);
  void report_abort(Time now, const Order& order);
  void settle_leaving();
  bool report(const Report& report);

  std::size_t number_;
  Steering& steering_;
  BufferPool& pool_;
  Counters& counters_;
  std::vector<PortQueue*> queues_;
  Shard shard_;
  net::Stack stack_;
  Handoff handoff_;
  ContextTable contexts_;
  AssociationMarks marks_;
  Requests requests_;
  ControlLink control_;
  Deliveries deliveries_;
  std::array<net::SctpPacket, kBurstMax> packets_;  // of the burst at hand
  bool has_reported_ = false;
  std::atomic<std::size_t> free_buffers_{0};  // pairs: publish -> free_buffers
};

}  // namespace millrace
