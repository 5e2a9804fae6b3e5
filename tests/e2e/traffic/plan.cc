#include "tests/e2e/traffic/plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace millrace::traffic {

namespace {

/// Sizes spread evenly over their logarithm, so that small and large ones are both common. The
/// first two messages have the smallest and the largest size: the bounds are always part of a run.
std::uint32_t draw_size(const Options& options, std::size_t index, std::mt19937_64& random) {
  if (index == 0) return static_cast<std::uint32_t>(options.size_min);
  if (index == 1) return static_cast<std::uint32_t>(options.size_max);
  std::uniform_real_distribution<double> logarithm(
      std::log(static_cast<double>(options.size_min)),
      std::log(static_cast<double>(options.size_max) + 1));
  const auto size = static_cast<std::size_t>(std::exp(logarithm(random)));
  return static_cast<std::uint32_t>(std::clamp(size, options.size_min, options.size_max));
}

}  // namespace

std::vector<Planned> make_plan(const Options& options, std::uint64_t association) {
  std::mt19937_64 random(options.seed * 1000003 + association);
  std::map<std::uint32_t, std::uint32_t> sequences;  // stream * 2 + unordered
  std::map<std::uint32_t, std::size_t> last;
  std::vector<Planned> plan(options.messages);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    Planned& message = plan[i];
    message.header.stream = static_cast<std::uint16_t>(random() % options.streams);
    message.header.length = draw_size(options, i, random);
    message.is_unordered = random() % 100 < options.unordered_percent;
    if (message.header.length < kHeaderSize) continue;
    const std::uint32_t key = std::uint32_t{message.header.stream} * 2 + message.is_unordered;
    message.header.sequence = sequences[key]++;
    last[key] = i;
  }
  for (const auto& [key, index] : last) plan[index].header.flags = kFlagLast;
  return plan;
}

}  // namespace millrace::traffic
