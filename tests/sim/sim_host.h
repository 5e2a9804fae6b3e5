// One engine of a simulation, with its memory and its ports.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/lcore/host.h"
#include "tests/sim/network.h"
#include "tests/sim/scenario.h"

namespace millrace::sim {

class SimHost {
 public:
  SimHost(const Scenario& scenario, std::size_t number, Network& network);

  Host& engine() { return *engine_; }
  BufferPool& pool() { return memory_->pool; }
  const HostPlan& plan() const { return plan_; }
  std::vector<IpAddress> addresses() const;

  /// As if the process had been killed and started again: nothing is left of it but its addresses.
  /// No application is attached to it any more.
  void restart();
  std::size_t restarts() const { return restarts_; }
  /// It does not get to run until then.
  void stop_until(Time until) { stopped_until_ = until; }
  Time stopped_until() const { return stopped_until_; }

  /// Throws if an association holds more than its receive window lets it.
  void check_windows();
  /// Whether no association and no packet is left.
  bool is_at_rest();
  /// What is left of associations, as text.
  std::string describe();

 private:
  static constexpr std::size_t kBuffers = 6000;

  struct Memory {
    BufferPool pool{kBuffers};
    BufferSlab slab{pool, kBuffers};
  };

  std::size_t number_;
  std::size_t restarts_ = 0;
  Network& network_;
  HostPlan plan_;
  Parameters parameters_;
  HostConfig config_;
  std::vector<PortQueue*> queues_;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<Host> engine_;
  Time stopped_until_{};
};

}  // namespace millrace::sim
