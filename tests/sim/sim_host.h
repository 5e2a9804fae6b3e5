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
  BufferPool& pool() { return pool_; }
  const HostPlan& plan() const { return plan_; }
  std::vector<IpAddress> addresses() const;

  /// Throws if an association holds more than its receive window lets it.
  void check_windows();
  /// Whether no association and no packet is left.
  bool is_at_rest();
  /// What is left of associations, as text.
  std::string describe();

 private:
  static constexpr std::size_t kBuffers = 6000;

  HostPlan plan_;
  Parameters parameters_;
  BufferPool pool_;
  BufferSlab memory_;
  std::unique_ptr<Host> engine_;
};

}  // namespace millrace::sim
