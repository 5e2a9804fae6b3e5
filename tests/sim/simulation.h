// One run: engines, applications and the network between them on one thread and a virtual clock.
//
// First everything breaks, then it heals. While it breaks, nothing may arrive twice, out of order
// or changed, and no window may be overrun. After it has healed everything must come to its end:
// messages arrive, associations shut down, memory comes back.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/application.h"
#include "tests/sim/ledger.h"
#include "tests/sim/mishaps.h"
#include "tests/sim/network.h"
#include "tests/sim/scenario.h"
#include "tests/sim/sim_host.h"

namespace millrace::sim {

/// What a run that held has come to.
struct Summary {
  std::uint64_t trace_hash = 0;
  std::uint64_t frames = 0;
  std::uint64_t accepted = 0, delivered = 0, failed = 0;  ///< messages
  std::uint64_t bytes = 0;
  std::uint64_t handoffs = 0, restarts = 0, retransmissions = 0, lost = 0;
  std::size_t flows = 0;
  Duration healing{};  ///< from the end of the faults to rest
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : Simulation(Scenario(seed)) {}
  explicit Simulation(const Scenario& scenario);
  ~Simulation();

  /// Throws a Violation when something does not hold.
  Summary run();

  Trace& trace() { return trace_; }
  Network& network() { return network_; }
  SimHost& host(std::size_t number) { return *hosts_[number]; }
  std::vector<std::unique_ptr<Application>>& applications() { return applications_; }
  /// Seed, last packets and what is left: for whoever reports a failure.
  std::string report();

 private:
  void stop_host(Time now, std::size_t host, Time until, bool restarts);
  void run_until(Time end, const std::function<bool()>& is_over);
  void step();
  bool poll(std::size_t host);
  Time next_time() const;
  bool is_at_rest();
  Summary summarize(Duration healing);

  Scenario scenario_;
  Trace trace_;
  Network network_;
  Ledger ledger_;
  std::vector<std::unique_ptr<SimHost>> hosts_;
  World world_;
  std::vector<std::unique_ptr<Application>> applications_;
  std::vector<std::size_t> host_of_application_;
  Time now_;
  Time healed_at_ = kNever;
  Mishaps mishaps_;
  std::uint64_t steps_ = 0;
};

/// Runs a seed. Empty if everything held; otherwise what did not, and the story.
std::string failure_of(std::uint64_t seed, bool verbose, Summary* summary = nullptr);

}  // namespace millrace::sim
