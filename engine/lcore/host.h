// A whole engine on one thread, with applications in the same process: for the simulator, the
// benchmark and tests. No threads, no sockets, no clock.
//
//   millrace::BufferPool pool(8192); millrace::BufferSlab memory(pool, 8192);
//   millrace::drivers::MemoryWire wire(pool, 1024);
//   millrace::HostConfig config;                       // one lcore, one port
//   config.interfaces = {{.name = "a", .port = 0, .traits = wire.traits(0),
//                         .addresses = {*Prefix::parse("10.0.0.1/24")}}};
//   millrace::Host host(config, pool, {&wire.end(0)});
//   ipc::ClientMemory client = host.attach();          // an application's side of its rings
//   while (...) host.poll(now);                        // and let the application have its turn
#pragma once

#include <memory>
#include <vector>

#include "engine/ipc/context_memory.h"
#include "engine/lcore/crew.h"

namespace millrace {

struct HostConfig {
  std::vector<net::InterfaceConfig> interfaces;
  std::vector<net::RouteConfig> routes;
  Parameters parameters;
  ShardLimits limits;  ///< of each lcore
  std::size_t lcores = 1;
  std::size_t contexts_max = 64;
  ipc::Geometry geometry;  ///< `lcores` is filled in
  HashKey seed{1, 2};
  /// By lcore. Then each worker may be polled by a thread of its own: worker(i).poll() instead of
  /// poll(). Empty: all have the pool that the Host is made with.
  std::vector<BufferPool*> pools;
};

class Host {
 public:
  /// `queues[lcore * ports + port]` is the queue pair of an lcore at a port. All lcores run on the
  /// caller's thread and share `pool`; both outlive the Host.
  Host(const HostConfig& config, BufferPool& pool, std::vector<PortQueue*> queues);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Every lcore's turn, in order. Returns whether there was anything to do.
  bool poll(Time now);
  Time next_deadline() const;

  /// A new application: its context is there after the next poll(). Neither side may sleep. The
  /// Host outlives what it returns, and has memory for contexts_max of them in its life.
  ipc::ClientMemory attach();
  /// The application is gone, as if its process had died. Its associations end in the polls that
  /// follow; is_settled() says when nothing is left of it.
  void detach(std::uint32_t context, bool gracefully);
  /// No context is leaving.
  bool is_settled() const { return leaving_ == 0; }
  /// Contexts that lcores detached by themselves for what they wrote.
  std::size_t evicted() const { return evicted_; }

  std::size_t lcores() const { return crew_->size(); }
  Worker& worker(std::size_t lcore) { return crew_->worker(lcore); }
  const Counters& counters(std::size_t lcore) const { return *counters_[lcore]; }
  /// Over all lcores.
  std::uint64_t count(Counter counter) const;

 private:
  struct Attached {
    std::unique_ptr<ipc::ContextMemory> memory;
    std::size_t lcores_left = 0;  ///< of a detached context: those that have not let go of it
    bool is_leaving = false;
  };

  void order(std::size_t lcore, const Order& order);
  void take_reports();

  HostConfig config_;
  std::vector<std::unique_ptr<Counters>> counters_;
  std::unique_ptr<Crew> crew_;
  std::vector<Attached> contexts_;  // by slot; in this process memory is not taken from anybody
  std::size_t leaving_ = 0;
  std::size_t evicted_ = 0;
};

}  // namespace millrace
