#include "bench/rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "bench/marks.h"
#include "bench/memory.h"

namespace millrace::bench {
namespace {

constexpr const char* kLimit = "limit-";
constexpr const char* kSetUp = "setup";
constexpr const char* kMemory = "memory";

struct Transfer {
  const char* name;
  Traffic traffic;
};
constexpr Transfer kTransfers[] = {
    {"message-64", {.size = 64}},
    {"message-300", {.size = 300}},
    {"message-1400", {.size = 1400}},
    {"message-8192", {.size = 8192}},
    {"message-65536", {.size = 65536}},
    {"in-place-8192", {.size = 8192, .is_in_place = true}},
    {"in-place-65536", {.size = 65536, .is_in_place = true}},
    {"unordered-64", {.size = 64, .is_unordered = true}},
    {"both-ways-64", {.size = 64, .is_both_ways = true}},
    {"both-ways-1400", {.size = 1400, .is_both_ways = true}},
};
constexpr std::size_t kLimited = 7;  // of them, from the first: those that have a mark

/// Trials of something beside its limit.
struct LimitTrials {
  std::vector<double> ours, sums, peers;
  std::vector<Parts> parts;

  void add(double our_ns, Parts now) {
    ours.push_back(our_ns);
    sums.push_back(0);
    for (const auto& [part, ns] : now) sums.back() += ns;
    parts.push_back(std::move(now));
  }
  /// `row` is what it is the limit of.
  Row row(const std::string& name, const std::string& row, const char* unit) const;
};

Row LimitTrials::row(const std::string& name, const std::string& row, const char* unit) const {
  Row result{.name = name, .unit = unit, .beside = "the sum of its parts"};
  fill(result, ours, sums, true);
  for (std::size_t k = 0; k < parts.front().size(); ++k) {
    std::vector<double> values;
    for (const Parts& trial : parts) values.push_back(trial[k].second);
    result.parts.emplace_back(parts.front()[k].first, median(values));
    result.note += std::string(k == 0 ? "" : ", ") + result.parts[k].first + " " +
                   std::to_string(std::lround(result.parts[k].second));
  }
  if (peers.empty()) return result;
  const double peer = median(peers), left = peer / least_ratio(row);
  result.figures = {{"usrsctp", peer}, {"mark", left}};
  result.note += "; usrsctp " + std::to_string(std::lround(peer)) + ", the mark leaves " +
                 std::to_string(std::lround(left));
  return result;
}

}  // namespace

double median(std::vector<double> values) {
  return quantile(std::move(values), 0.5);
}

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (place - static_cast<double>(below));
}

void fill(Row& row, const std::vector<double>& ours, const std::vector<double>& peer,
          bool is_less_better) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < ours.size(); ++i)
    ratios.push_back(is_less_better ? peer[i] / ours[i] : ours[i] / peer[i]);
  row.ours = median(ours);
  row.peer = median(peer);
  row.ratio = median(ratios);
  row.ratio_low = quantile(ratios, 0.25);
  row.ratio_high = quantile(ratios, 0.75);
}

Field::Field(const Plan& plan) : plan_(plan) {}
Field::~Field() = default;

std::vector<std::string> Field::names() {
  std::vector<std::string> names;
  for (const Transfer& transfer : kTransfers) names.emplace_back(transfer.name);
  names.emplace_back(kSetUp);
  names.emplace_back(kMemory);
  return names;
}

std::vector<std::string> Field::limit_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kLimited; ++i)
    names.push_back(std::string(kLimit) + kTransfers[i].name);
  names.push_back(std::string(kLimit) + kSetUp);
  return names;
}

Row Field::measure(const std::string& name) {
  if (name == kMemory) return memory();
  enter();
  if (name == kSetUp) return set_up();
  if (name.starts_with(kLimit)) return limit(name);
  for (const Transfer& transfer : kTransfers) {
    if (name == transfer.name) return this->transfer(name, transfer.traffic);
  }
  fail("no row is called " + name);
}

std::unique_ptr<Contestant> Field::make_peer(bool nodelay) const {
  UsrsctpOptions options = plan_.peer;
  options.nodelay = nodelay;
  return std::make_unique<UsrsctpPair>(options);
}

void Field::enter() {
  if (ours_ == nullptr) ours_ = std::make_unique<MillracePair>();
  if (plan_.alone || nodelay_ != nullptr) return;
  nodelay_ = make_peer(true);
  nagle_ = make_peer(false);
}

Row Field::transfer(const std::string& name, const Traffic& traffic) {
  std::vector<double> ours, nodelay, nagle;
  std::uint64_t done = 0;
  for (int i = 0; i < plan_.trials; ++i) {
    const Work work = ours_->transfer(traffic, plan_.span);
    done += work.done;
    ours.push_back(work.rate());
    if (plan_.alone) continue;
    nodelay.push_back(nodelay_->transfer(traffic, plan_.span).rate());
    nagle.push_back(nagle_->transfer(traffic, plan_.span).rate());
  }
  Row row{name,
          median(ours),
          0,
          "messages/s",
          0,
          std::to_string(done) + " messages checked, best trial " +
              std::to_string(static_cast<long>(*std::max_element(ours.begin(), ours.end())))};
  if (plan_.alone) return row;
  const bool is_nodelay = median(nodelay) >= median(nagle);
  fill(row, ours, is_nodelay ? nodelay : nagle);
  row.note = is_nodelay ? "usrsctp with NODELAY" : "usrsctp without NODELAY";
  return row;
}

Row Field::limit(const std::string& name) {
  if (name.ends_with(kSetUp)) return limit_of_set_up(name);
  for (const Transfer& transfer : kTransfers) {
    if (name == std::string(kLimit) + transfer.name)
      return limit_of_messages(name, transfer.traffic);
  }
  fail("no row is called " + name);
}

Row Field::limit_of_messages(const std::string& name, const Traffic& traffic) {
  Limits limits(traffic.size, traffic.is_in_place);
  LimitTrials trials;
  for (int i = 0; i < plan_.trials; ++i) {
    const double ours = 1e9 / ours_->transfer(traffic, plan_.span).rate();
    trials.add(ours, limits.measure(plan_.span / 4));
    if (plan_.alone) continue;
    trials.peers.push_back(1e9 / std::max(nodelay_->transfer(traffic, plan_.span).rate(),
                                          nagle_->transfer(traffic, plan_.span).rate()));
  }
  return trials.row(name, name.substr(std::strlen(kLimit)), "ns/message");
}

Row Field::limit_of_set_up(const std::string& name) {
  SetUpLimits limits(ours_->packets_of_set_up());
  LimitTrials trials;
  for (int i = 0; i < plan_.trials; ++i) {
    const double ours = 1e9 / ours_->set_up(plan_.span).rate();
    trials.add(ours, limits.measure(plan_.span / 4));
    if (!plan_.alone) trials.peers.push_back(1e9 / nodelay_->set_up(plan_.span).rate());
  }
  return trials.row(name, kSetUp, "ns/association");
}

Row Field::set_up() {
  std::vector<double> ours, peer;
  for (int i = 0; i < plan_.trials; ++i) {
    ours.push_back(ours_->set_up(plan_.span).rate());
    if (!plan_.alone) peer.push_back(nodelay_->set_up(plan_.span).rate());
  }
  Row row{kSetUp, median(ours), 0, "associations/s", 0, "set up and shut down, both ends"};
  if (!plan_.alone) fill(row, ours, peer);
  return row;
}

Row Field::memory() {
  Row row{
      kMemory, bytes_per_end([this] { return std::make_unique<MillracePair>(); }, plan_.ours_held),
      0,       "bytes/end",
      0,       "resident, idle; less is better"};
  if (plan_.alone) return row;
  row.peer = bytes_per_end([this] { return make_peer(true); }, plan_.peer_held);
  row.ratio = row.peer / row.ours;
  return row;
}

}  // namespace millrace::bench
