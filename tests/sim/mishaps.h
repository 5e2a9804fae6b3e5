// What happens to a simulation's hosts, paths and clock while everything breaks, and when.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/dice.h"
#include "tests/sim/network.h"
#include "tests/sim/scenario.h"

namespace millrace::sim {

class Mishaps {
 public:
  /// What only the simulation can do: a host stops until a time, with or without losing its memory.
  using StopHost = std::function<void(Time now, std::size_t host, Time until, bool restarts)>;

  Mishaps(const Scenario& scenario, Network& network, Trace& trace, StopHost stop_host)
      : scenario_(scenario),
        dice_(scenario.seed, 5),
        network_(network),
        trace_(trace),
        stop_host_(std::move(stop_host)) {
    next_.fill(kNever);
  }

  /// Faults of every link, and the first mishaps to come.
  void begin(Time now);
  /// No more of them; links are as good as they get.
  void end();

  Time next() const;
  /// Does what is due. Returns by how much the clock jumps.
  Duration on_time(Time now);

 private:
  Faults& faults(Network::PortId from, Network::PortId to) { return network_.faults(from, to); }
  void schedule(Mishap mishap, Time now);
  void cut(Time until, Network::PortId from, Network::PortId to);
  void cut_something(Time now);
  void divide_lan(Time now);
  void change_mtu(Time now);
  void stop_host(Time now, bool restarts);
  Duration jump(Time now);

  const Scenario& scenario_;
  Dice dice_;
  Network& network_;
  Trace& trace_;
  StopHost stop_host_;
  std::array<Time, kMishaps> next_;
  std::vector<std::pair<Time, Faults*>> cuts_;  // when each is mended
};

}  // namespace millrace::sim
