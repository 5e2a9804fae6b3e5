#include "bench/extra_rows.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <functional>

#include "bench/marks.h"
#include "bench/memory.h"
#include "bench/parallel.h"

namespace millrace::bench {
namespace {

// The first association has its first heartbeat when the last one is up, or an RTO later.
constexpr Duration kUntilHeartbeats = seconds(4);
constexpr Turn kOne{.size = 300, .burst = 32, .at_once = 1, .among = 1};

std::string text(const char* pattern, double a, double b = 0, double c = 0) {
  std::array<char, 160> line;
  std::snprintf(line.data(), line.size(), pattern, a, b, c);
  return line.data();
}

/// The figures of trials, each in a list of its own.
template <std::size_t kCount>
std::array<std::vector<double>, kCount> figures(
    int trials, const std::function<std::array<double, kCount>()>& trial) {
  std::array<std::vector<double>, kCount> values;
  for (int i = 0; i < trials; ++i) {
    const auto one = trial();
    for (std::size_t k = 0; k < kCount; ++k) values[k].push_back(one[k]);
  }
  return values;
}

/// Two threads on one CPU would only wait for each other.
bool has_two_cpus() {
  cpu_set_t allowed;
  return sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) >= 2;
}

Row skipped(const std::string& name) {
  return {.name = name, .note = "not measured: it wants two CPUs", .beside = "nothing"};
}

}  // namespace

std::vector<std::string> ExtraRows::names() {
  return {"active-64", "active-1400", "idle-memory", "idle-cost",  "heartbeat",
          "hand-off",  "lcores",      "ring-spin",   "ring-sleep", "echo-1024"};
}

Row ExtraRows::measure(const std::string& name) {
  if (name == "active-64") return active(name, kActive64);
  if (name == "active-1400") return active(name, kActive1400);
  if (name == "idle-memory" || name == "idle-cost" || name == "heartbeat") return idle(name);
  if (name == "hand-off") return hand_off();
  if (name == "lcores") return lcores();
  if (name == "ring-spin" || name == "ring-sleep") return ring_row(plan_, name == "ring-sleep");
  if (name == "echo-1024") return echo_row(plan_);
  fail("no row is called " + name);
}

/// Few associations are in near caches, and are visited as many are.
Row ExtraRows::active(const std::string& name, const Turn& turn) {
  const std::array<std::size_t, 4> counts = {plan_.active, 1, 16, 256};
  std::array<std::unique_ptr<Crowd>, counts.size()> crowds;
  std::array<std::vector<double>, counts.size()> rates, packets;
  for (std::size_t k = 0; k < counts.size(); ++k)
    crowds[k] = std::make_unique<Crowd>(CrowdConfig{.associations = counts[k]});
  for (int i = 0; i < plan_.trials; ++i) {
    for (std::size_t k = 0; k < counts.size(); ++k) {
      const CrowdWork work = crowds[k]->transfer(turn, plan_.span);
      rates[k].push_back(work.rate());
      packets[k].push_back(static_cast<double>(work.packets) / static_cast<double>(work.done));
    }
  }
  Row row{.name = name,
          .unit = "messages/s",
          .note = text("%.0f associations in turn, %.0f messages at a time",
                       static_cast<double>(plan_.active), static_cast<double>(turn.burst)),
          .beside = "one association"};
  fill(row, rates[0], rates[1]);
  for (const std::size_t k : {1, 2, 3, 0}) {
    row.figures.emplace_back("ns at " + std::to_string(counts[k]), 1e9 / median(rates[k]));
    row.figures.emplace_back("packets at " + std::to_string(counts[k]), median(packets[k]));
  }
  return row;
}

namespace {

// What a process of its own finds out about a crowd of idle associations.
struct IdleFigures {
  double bytes = 0;             // resident, of one engine
  double among = 0, alone = 0;  // ns a packet, with the crowd's heartbeats and without a crowd
  double low = 0, ratio = 0, high = 0;
  double traffic = 0;    // ns a packet of traffic alone, beside the crowd
  double heartbeat = 0;  // ns, there and back
  double rate = 0;       // heartbeats a second that one engine sends
};

IdleFigures measure_idle(const ExtraPlan& plan) {
  IdleFigures it;
  Crowd one({});
  const double before = resident_bytes();
  Crowd many({.associations = plan.idle});
  it.bytes = (resident_bytes() - before) / 2;
  many.idle(kUntilHeartbeats);
  const CrowdWork quiet = many.idle(plan.span * 4);
  const auto heartbeats = static_cast<double>(std::max<std::uint64_t>(quiet.heartbeats, 1));
  it.heartbeat = 1e9 * quiet.cpu_seconds / heartbeats;
  it.rate = static_cast<double>(quiet.heartbeats) / 2 / quiet.clock_seconds;
  const auto trials = figures<3>(plan.trials, [&]() -> std::array<double, 3> {
    const CrowdWork work = many.transfer(kOne, plan.span);
    const auto sent = static_cast<double>(work.heartbeats);
    return {work.ns_per_packet(), one.transfer(kOne, plan.span).ns_per_packet(),
            (1e9 * work.cpu_seconds - sent * it.heartbeat) /
                (static_cast<double>(work.packets) - 2 * sent)};
  });
  Row row;
  fill(row, trials[0], trials[1], true);
  it.among = row.ours;
  it.alone = row.peer;
  it.low = row.ratio_low;
  it.ratio = row.ratio;
  it.high = row.ratio_high;
  it.traffic = median(trials[2]);
  return it;
}

}  // namespace

/// A process of its own, as its memory is measured.
Row ExtraRows::idle(const std::string& name) {
  if (const auto found = idle_.find(name); found != idle_.end()) return found->second;
  constexpr std::size_t kFigures = sizeof(IdleFigures) / sizeof(double);
  const std::vector<double> told = in_child(kFigures, [this] {
    const auto it = std::bit_cast<std::array<double, kFigures>>(measure_idle(plan_));
    return std::vector<double>(it.begin(), it.end());
  });
  std::array<double, kFigures> figures{};
  std::copy(told.begin(), told.end(), figures.begin());
  const auto it = std::bit_cast<IdleFigures>(figures);
  const double mib = it.bytes / (1 << 20);
  const auto count = static_cast<double>(plan_.idle);
  idle_["idle-memory"] = {"idle-memory",
                          mib,
                          kIdleMebibytesMax,
                          "MiB/engine",
                          kIdleMebibytesMax / mib,
                          text("%.0f idle associations, resident, application included", count),
                          "the mark"};
  idle_["idle-cost"] = {"idle-cost",
                        it.among,
                        it.alone,
                        "ns/packet",
                        it.ratio,
                        text("heartbeats of %.0f idle ones counted; traffic alone %.0f ns a packet",
                             count, it.traffic),
                        "no idle ones",
                        it.low,
                        it.high};
  idle_["heartbeat"] = {"heartbeat",
                        it.heartbeat,
                        0,
                        "ns",
                        0,
                        text("there and back, both ends, of %.0f idle ones; %.0f/s an engine, "
                             "%.1f %% of a core each",
                             count, it.rate, it.rate * it.heartbeat * 1e-7),
                        "nothing"};
  return idle_[name];
}

Row ExtraRows::hand_off() {
  if (!has_two_cpus()) return skipped("hand-off");
  using Owners = ParallelPair::Owners;
  ParallelPair pair(2);
  const auto trials = figures<4>(plan_.trials, [&]() -> std::array<double, 4> {
    const auto crossed = pair.carry(Owners::kCrossed, plan_.span);
    const auto straight = pair.carry(Owners::kStraight, plan_.span);
    return {crossed.ns_per_packet, straight.ns_per_packet, crossed.handed_over,
            straight.handed_over};
  });
  Row row{
      .name = "hand-off", .unit = "ns/packet", .beside = "packets that arrive where they belong"};
  fill(row, trials[0], trials[1], true);
  const double share = median(trials[2]), share_straight = median(trials[3]);
  row.note =
      text("two threads on two CPUs; %.0f %% of packets handed over beside %.0f %%: %.0f ns each",
           100 * share, 100 * share_straight, (row.ours - row.peer) / (share - share_straight));
  return row;
}

Row ExtraRows::lcores() {
  if (!has_two_cpus()) return skipped("lcores");
  constexpr auto kStraight = ParallelPair::Owners::kStraight;
  ParallelPair two(2), one(1);
  const auto [ours, beside] = figures<2>(plan_.trials, [&]() -> std::array<double, 2> {
    return {two.carry(kStraight, plan_.span).rate, one.carry(kStraight, plan_.span).rate};
  });
  Row row{.name = "lcores",
          .unit = "messages/s",
          .note =
              "two lcores of one engine at once, by the time that each was on a core, as many "
              "associations each, none of which is handed over",
          .beside = "one lcore"};
  fill(row, ours, beside);
  return row;
}

}  // namespace millrace::bench
