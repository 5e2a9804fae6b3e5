#include "bench/rows.h"

#include <algorithm>
#include <cmath>

#include "bench/limits.h"
#include "bench/marks.h"
#include "bench/memory.h"
#include "bench/millrace_pair.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kSizes[] = {64, 300, 1400, 8192, 65536};
constexpr const char* kMessage = "message-";
constexpr const char* kLimit = "limit-";
constexpr const char* kSetUp = "setup";
constexpr const char* kMemory = "memory";

struct OtherTraffic {
  const char* name;
  Traffic traffic;
};
constexpr OtherTraffic kOthers[] = {
    {"unordered-64", {.size = 64, .is_unordered = true}},
    {"both-ways-64", {.size = 64, .is_both_ways = true}},
    {"both-ways-1400", {.size = 1400, .is_both_ways = true}},
};

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
  for (const std::size_t size : kSizes) names.push_back(kMessage + std::to_string(size));
  for (const OtherTraffic& other : kOthers) names.emplace_back(other.name);
  names.emplace_back(kSetUp);
  names.emplace_back(kMemory);
  return names;
}

std::vector<std::string> Field::limit_names() {
  std::vector<std::string> names;
  for (const std::size_t size : kSizes) names.push_back(kLimit + std::to_string(size));
  return names;
}

Row Field::measure(const std::string& name) {
  if (name == kMemory) return memory();
  enter();
  if (name == kSetUp) return set_up();
  for (const OtherTraffic& other : kOthers) {
    if (name == other.name) return transfer(name, other.traffic);
  }
  for (const std::size_t size : kSizes) {
    if (name == kMessage + std::to_string(size)) return transfer(name, {.size = size});
    if (name == kLimit + std::to_string(size)) return limit(name, size);
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

Row Field::limit(const std::string& name, std::size_t size) {
  const Traffic traffic{.size = size};
  Limits limits(size);
  std::vector<double> ours, sums, peers;
  std::vector<std::vector<double>> parts(Limits::kNames.size());
  for (int i = 0; i < plan_.trials; ++i) {
    ours.push_back(1e9 / ours_->transfer(traffic, plan_.span).rate());
    const Limits::Parts now = limits.measure(plan_.span / 4);
    sums.push_back(0);
    for (std::size_t k = 0; k < now.size(); ++k) {
      parts[k].push_back(now[k]);
      sums.back() += now[k];
    }
    if (plan_.alone) continue;
    peers.push_back(1e9 / std::max(nodelay_->transfer(traffic, plan_.span).rate(),
                                   nagle_->transfer(traffic, plan_.span).rate()));
  }
  Row row{.name = name, .unit = "ns/message", .beside = "the sum of its parts"};
  fill(row, ours, sums, true);
  for (std::size_t k = 0; k < parts.size(); ++k) {
    row.parts.emplace_back(Limits::kNames[k], median(parts[k]));
    row.note += std::string(k == 0 ? "" : ", ") + Limits::kNames[k] + " " +
                std::to_string(std::lround(row.parts[k].second));
  }
  if (plan_.alone) return row;
  const double peer = median(peers);
  const double left = peer / least_ratio(kMessage + std::to_string(size));
  row.parts.emplace_back("usrsctp", peer);
  row.parts.emplace_back("mark", left);
  row.note += "; usrsctp " + std::to_string(std::lround(peer)) + ", the mark leaves " +
              std::to_string(std::lround(left));
  return row;
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
