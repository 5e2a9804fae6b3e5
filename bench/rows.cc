#include "bench/rows.h"

#include <algorithm>

#include "bench/memory.h"
#include "bench/millrace_pair.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kSizes[] = {64, 300, 1400, 8192, 65536};
constexpr const char* kMessage = "message-";
constexpr const char* kSetUp = "setup";
constexpr const char* kMemory = "memory";

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Field::Field(const Plan& plan) : plan_(plan) {}
Field::~Field() = default;

std::vector<std::string> Field::names() {
  std::vector<std::string> names;
  for (const std::size_t size : kSizes) names.push_back(kMessage + std::to_string(size));
  names.push_back(kSetUp);
  names.push_back(kMemory);
  return names;
}

Row Field::measure(const std::string& name) {
  if (name == kMemory) return memory();
  enter();
  if (name == kSetUp) return set_up();
  for (const std::size_t size : kSizes) {
    if (name == kMessage + std::to_string(size)) return transfer(name, size);
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

Row Field::transfer(const std::string& name, std::size_t size) {
  std::vector<double> ours, nodelay, nagle;
  std::uint64_t done = 0;
  for (int i = 0; i < plan_.trials; ++i) {
    const Work work = ours_->transfer(size, plan_.span);
    done += work.done;
    ours.push_back(work.rate());
    if (plan_.alone) continue;
    nodelay.push_back(nodelay_->transfer(size, plan_.span).rate());
    nagle.push_back(nagle_->transfer(size, plan_.span).rate());
  }
  Row row{name,
          median(ours),
          0,
          "messages/s",
          0,
          std::to_string(done) + " messages checked, best trial " +
              std::to_string(static_cast<long>(*std::max_element(ours.begin(), ours.end())))};
  if (plan_.alone) return row;
  row.peer = std::max(median(nodelay), median(nagle));
  row.ratio = row.ours / row.peer;
  row.note = row.peer == median(nodelay) ? "usrsctp with NODELAY" : "usrsctp without NODELAY";
  return row;
}

Row Field::set_up() {
  std::vector<double> ours, peer;
  for (int i = 0; i < plan_.trials; ++i) {
    ours.push_back(ours_->set_up(plan_.span).rate());
    if (!plan_.alone) peer.push_back(nodelay_->set_up(plan_.span).rate());
  }
  Row row{kSetUp, median(ours), 0, "associations/s", 0, "set up and shut down, both ends"};
  if (plan_.alone) return row;
  row.peer = median(peer);
  row.ratio = row.ours / row.peer;
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
