#include "tests/sim/simulation.h"

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "tests/sim/violation.h"

namespace millrace::sim {
namespace {

constexpr Duration kHealingMax = seconds(600);
constexpr std::uint64_t kTurnsMax = 100'000;  // of one moment: more is going round in circles
constexpr std::uint64_t kStepsBetweenChecks = 16;

Simulation* running = nullptr;

// An assertion of the engine stops the process: the story is told before.
void on_abort(int) {
  if (running != nullptr) std::fputs(running->report().c_str(), stderr);
  std::signal(SIGABRT, SIG_DFL);
  std::raise(SIGABRT);
}

}  // namespace

Simulation::Simulation(const Scenario& scenario)
    : scenario_(scenario),
      network_(Dice(scenario.seed, 3), trace_),
      world_{scenario_, ledger_, trace_, hosts_},
      now_(scenario.start),
      mishaps_(scenario_, network_, trace_,
               [this](Time now, std::size_t host, Time until, bool restarts) {
                 stop_host(now, host, until, restarts);
               }) {
  for (std::size_t i = 0; i < scenario_.hosts.size(); ++i) {
    hosts_.push_back(std::make_unique<SimHost>(scenario_, i, network_));
  }
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    for (std::size_t number = 0; number < scenario_.hosts[i].applications; ++number) {
      applications_.push_back(std::make_unique<Application>(
          world_, i, number, Dice(scenario_.seed, 100 + applications_.size())));
      host_of_application_.push_back(i);
    }
  }
  running = this;
}

Simulation::~Simulation() {
  running = nullptr;
}

Summary Simulation::run() {
  mishaps_.begin(now_);
  healed_at_ = now_ + scenario_.break_length;
  run_until(healed_at_, [] { return false; });
  now_ = std::max(now_, healed_at_);
  mishaps_.end();
  trace_.note(now_, "everything heals");
  for (auto& application : applications_) application->settle_down();
  const auto all_done = [this] {
    return std::all_of(applications_.begin(), applications_.end(),
                       [](const auto& application) { return application->is_done(); });
  };
  run_until(now_ + kHealingMax, all_done);
  require(all_done(), "after healing, associations do not come to their end");
  for (auto& application : applications_) application->leave();
  run_until(now_ + kHealingMax, [this] { return is_at_rest(); });
  require(is_at_rest(), "after everybody has left, an engine does not come to rest");
  ledger_.settle();
  return summarize(now_ - healed_at_);
}

void Simulation::stop_host(Time now, std::size_t host, Time until, bool restarts) {
  hosts_[host]->stop_until(until);
  if (!restarts) return;
  for (std::size_t i = 0; i < applications_.size(); ++i) {
    if (host_of_application_[i] == host) applications_[i]->lose_host(now, until);
  }
  hosts_[host]->restart();
}

// ---- time ----

Time Simulation::next_time() const {
  Time next = earlier(network_.next_arrival(), mishaps_.next());
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    Time wanted = hosts_[i]->engine().next_deadline();
    for (std::size_t k = 0; k < applications_.size(); ++k) {
      if (host_of_application_[k] == i) wanted = earlier(wanted, applications_[k]->next_action());
    }
    const Time stopped_until = hosts_[i]->stopped_until();
    // What has come while it could not run waits for it as well.
    if (now_ < stopped_until) wanted = stopped_until;
    next = earlier(next, wanted);
  }
  if (next == kNever) return kNever;
  const std::int64_t tick = scenario_.tick.ns;
  return Time{(std::max(next, now_).ns + tick - 1) / tick * tick};
}

void Simulation::run_until(Time end, const std::function<bool()>& is_over) {
  step();
  while (!is_over()) {
    const Time next = next_time();
    if (next > std::max(end, healed_at_)) return;
    now_ = next;
    step();
  }
}

void Simulation::step() {
  const Duration jumped = mishaps_.on_time(now_);
  now_ = now_ + jumped;
  healed_at_ = healed_at_ + jumped;
  network_.advance(now_);
  for (std::size_t turns = 0, worked = 1; worked > 0; ++turns) {
    require(turns < kTurnsMax, "an engine or an application is never done");
    worked = 0;
    for (std::size_t i = 0; i < hosts_.size(); ++i) worked += poll(i) ? 1 : 0;
    network_.advance(now_);
  }
  if (++steps_ % kStepsBetweenChecks != 0) return;
  for (const auto& host : hosts_) host->check_windows();
}

bool Simulation::poll(std::size_t host) {
  if (now_ < hosts_[host]->stopped_until()) return false;
  bool worked = hosts_[host]->engine().poll(now_);
  for (std::size_t i = 0; i < applications_.size(); ++i) {
    if (host_of_application_[i] == host) worked |= applications_[i]->turn(now_);
  }
  return worked;
}

// ---- the end ----

bool Simulation::is_at_rest() {
  return network_.next_arrival() == kNever &&
         std::all_of(hosts_.begin(), hosts_.end(),
                     [](const auto& host) { return host->is_at_rest(); });
}

Summary Simulation::summarize(Duration healing) {
  Summary summary;
  summary.trace_hash = trace_.hash();
  summary.frames = trace_.frames();
  summary.accepted = ledger_.accepted();
  summary.delivered = ledger_.delivered();
  summary.failed = ledger_.failed();
  summary.bytes = ledger_.delivered_bytes();
  summary.flows = ledger_.flows();
  summary.healing = healing;
  for (const auto& host : hosts_) {
    summary.handoffs += host->engine().count(Counter::handoff_in);
    summary.restarts += host->engine().count(Counter::associations_restarted);
    summary.retransmissions += host->engine().count(Counter::data_chunks_retransmitted);
    summary.lost += host->engine().count(Counter::associations_lost);
  }
  return summary;
}

std::string Simulation::report() {
  std::string text = "seed " + std::to_string(scenario_.seed) + "\n" + trace_.last();
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    text += "host " + std::to_string(i) + ": " + hosts_[i]->describe();
  }
  for (const auto& application : applications_) text += application->describe() + "\n";
  return text;
}

std::string failure_of(std::uint64_t seed, bool verbose, Summary* summary) {
  std::signal(SIGABRT, on_abort);
  Simulation simulation(seed);
  simulation.trace().set_verbose(verbose);
  try {
    const Summary done = simulation.run();
    if (summary != nullptr) *summary = done;
    return {};
  } catch (const Violation& violation) {
    return simulation.report() + violation.what() + "\n";
  }
}

}  // namespace millrace::sim
