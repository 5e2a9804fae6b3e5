#include "bench/extra_rows.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <limits>

#include "bench/crowd.h"
#include "bench/marks.h"
#include "bench/memory.h"
#include "bench/parallel.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kLcoreAssociations = 64;
constexpr Turn kSmall{.size = 64, .burst = 18, .at_once = 4};
constexpr Turn kOne{.size = 300, .burst = 32, .at_once = 1, .among = 1};

std::string text(const char* pattern, double a, double b = 0, double c = 0) {
  std::array<char, 160> line;
  std::snprintf(line.data(), line.size(), pattern, a, b, c);
  return line.data();
}

/// The medians of what several figures were in trials.
template <std::size_t kCount>
std::array<double, kCount> medians(int trials,
                                   const std::function<std::array<double, kCount>()>& trial) {
  std::array<std::vector<double>, kCount> values;
  for (int i = 0; i < trials; ++i) {
    const auto figures = trial();
    for (std::size_t k = 0; k < kCount; ++k) values[k].push_back(figures[k]);
  }
  std::array<double, kCount> middle;
  for (std::size_t k = 0; k < kCount; ++k) middle[k] = median(values[k]);
  return middle;
}

}  // namespace

std::vector<std::string> ExtraRows::names() {
  return {"active-64", "active-1400", "idle-memory", "idle-cost", "hand-off",
          "lcores",    "ring-spin",   "ring-sleep",  "echo-1024"};
}

Row ExtraRows::measure(const std::string& name) {
  // Two packets each, which are acknowledged at once: what waits for SACKs holds an application's
  // slots, of which it has 16,384.
  if (name == "active-64") return active(name, 64, 36, 2);
  if (name == "active-1400") return active(name, 1400, 2, 16);
  if (name == "idle-memory" || name == "idle-cost") return idle(name);
  if (name == "hand-off") return hand_off();
  if (name == "lcores") return lcores();
  if (name == "ring-spin" || name == "ring-sleep") return ring_row(plan_, name == "ring-sleep");
  if (name == "echo-1024") return echo_row(plan_);
  fail("no row is called " + name);
}

Row ExtraRows::active(const std::string& name, std::size_t size, std::size_t burst,
                      std::size_t at_once) {
  Crowd many({.associations = plan_.active});
  Crowd one({});
  const Turn turn{.size = size, .burst = burst, .at_once = at_once};
  const auto [ours, beside] = medians<2>(plan_.trials, [&]() -> std::array<double, 2> {
    return {many.transfer(turn, plan_.span).rate(), one.transfer(turn, plan_.span).rate()};
  });
  return {name,
          ours,
          beside,
          "messages/s",
          ours / beside,
          text("%.0f associations in turn, %.0f messages at a time",
               static_cast<double>(plan_.active), static_cast<double>(burst)),
          "one association"};
}

/// A process of its own, as its memory is measured.
Row ExtraRows::idle(const std::string& name) {
  if (const auto found = idle_.find(name); found != idle_.end()) return found->second;
  const std::vector<double> figures = in_child(7, [this] {
    Crowd one({});
    const double before = resident_bytes();
    Crowd many({.associations = plan_.idle});
    const double engine = (resident_bytes() - before) / 2;
    double best = std::numeric_limits<double>::max();
    const auto [among, alone] = medians<2>(plan_.trials, [&]() -> std::array<double, 2> {
      const double cost = many.transfer(kOne, plan_.span).ns_per_packet();
      best = std::min(best, cost);
      return {cost, one.transfer(kOne, plan_.span).ns_per_packet()};
    });
    const CrowdWork quiet = many.idle(plan_.span * 4);
    return std::vector<double>{engine,
                               among,
                               alone,
                               quiet.cpu_seconds,
                               static_cast<double>(quiet.heartbeats),
                               static_cast<double>((plan_.span * 4).ns) * 1e-9,
                               best};
  });
  const double mib = figures[0] / (1 << 20);
  idle_["idle-memory"] = {"idle-memory",
                          mib,
                          kIdleMebibytesMax,
                          "MiB/engine",
                          kIdleMebibytesMax / mib,
                          text("%.0f idle associations, resident, application included",
                               static_cast<double>(plan_.idle)),
                          "the mark"};
  idle_["idle-cost"] = {
      "idle-cost",
      figures[1],
      figures[2],
      "ns/packet",
      figures[2] / figures[1],
      text("traffic on one association among them, %.0f heartbeats/s beside it, best trial %.0f",
           figures[4] / figures[5] / 2, figures[6]),
      "no idle ones"};
  return idle_[name];
}

Row ExtraRows::hand_off() {
  Crowd crowd({.associations = kLcoreAssociations, .lcores = 2});
  const auto trial = [&]() -> std::array<double, 2> {
    const CrowdWork work = crowd.transfer(kSmall, plan_.span);
    return {work.ns_per_packet(),
            static_cast<double>(work.handed_over) / static_cast<double>(work.packets)};
  };
  const auto both = medians<4>(plan_.trials, [&]() -> std::array<double, 4> {
    const auto one = trial();
    crowd.cross_wires();
    const auto other = trial();
    crowd.cross_wires();
    return {one[0], one[1], other[0], other[1]};
  });
  std::array<double, 2> straight{both[0], both[1]}, crossed{both[2], both[3]};
  if (straight[1] > crossed[1]) std::swap(straight, crossed);
  const double cost = (crossed[0] - straight[0]) / (crossed[1] - straight[1]);
  return {"hand-off",
          crossed[0],
          straight[0],
          "ns/packet",
          straight[0] / crossed[0],
          text("%.0f %% of packets handed over beside %.0f %%: %.0f ns each", 100 * crossed[1],
               100 * straight[1], cost),
          "other wires"};
}

Row ExtraRows::lcores() {
  ParallelPair two(2), one(1);
  const auto [ours, beside] = medians<2>(plan_.trials, [&]() -> std::array<double, 2> {
    return {two.rate(plan_.span), one.rate(plan_.span)};
  });
  return {"lcores",      ours,
          beside,        "messages/s",
          ours / beside, "two lcores of one engine at once, by the time that each was on a core",
          "one lcore"};
}

}  // namespace millrace::bench
