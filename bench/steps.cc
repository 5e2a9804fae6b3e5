// millrace-steps: a fixed amount of one row's work on a clock that is the same every time, for
// tools that count instructions or sample. They look at measured() alone: what comes before warms
// up. Its output says when that was, by CLOCK_MONOTONIC, and how long it was on a core.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>

#include "bench/clocks.h"
#include "bench/crowd.h"
#include "bench/millrace_pair.h"

namespace millrace::bench {

void fail(const std::string& what) {
  std::fprintf(stderr, "millrace-steps: %s\n", what.c_str());
  std::exit(1);
}

namespace {

constexpr Duration kClockStep = microseconds(2);
constexpr Duration kCrowdStep = microseconds(50);  // a turn of many associations takes longer

/// Goes so many messages, or associations, further.
using Steps = std::function<void(std::uint64_t)>;

Steps steps_of_set_up() {
  const auto pair = std::make_shared<MillracePair>(Clock(kClockStep));
  return [pair](std::uint64_t count) { pair->set_up_some(count); };
}

Steps steps_of_messages(const Traffic& traffic) {
  const auto pair = std::make_shared<MillracePair>(Clock(kClockStep));
  const auto flow = std::make_shared<Flow>(traffic);
  pair->open(*flow);
  return [=](std::uint64_t count) { pair->carry(*flow, count); };
}

/// Of rows active-64 and active-1400.
Steps steps_of_crowd(std::size_t size, std::size_t associations) {
  const Turn turn = size == kActive64.size ? kActive64 : kActive1400;
  if (size != turn.size) fail("many associations have messages of 64 or of 1400 bytes");
  const auto crowd =
      std::make_shared<Crowd>(CrowdConfig{.associations = associations}, Clock(kCrowdStep));
  return [=](std::uint64_t count) { crowd->carry(turn, count); };
}

std::size_t number(const char* text) {
  return std::strtoul(text, nullptr, 10);
}

Steps steps_of(const std::string& row, std::size_t size, std::size_t associations) {
  if (row == "setup") return steps_of_set_up();
  if (row == "active") return steps_of_crowd(size, associations);
  if (row == "message") return steps_of_messages({.size = size});
  if (row == "unordered") return steps_of_messages({.size = size, .is_unordered = true});
  if (row == "both-ways") return steps_of_messages({.size = size, .is_both_ways = true});
  if (row == "in-place") return steps_of_messages({.size = size, .is_in_place = true});
  fail("no row is called " + row);
}

}  // namespace

extern "C" [[gnu::noinline]] void measured(const void* steps, std::uint64_t count) {
  (*static_cast<const Steps*>(steps))(count);
}

}  // namespace millrace::bench

int main(int argc, char** argv) {
  using namespace millrace::bench;
  if (argc != 4 && argc != 5) {
    fail(
        "usage: millrace-steps ROW BYTES COUNT [ASSOCIATIONS]\n"
        "ROW: message, unordered, both-ways, in-place, setup (BYTES 0), active");
  }
  const Steps steps = steps_of(argv[1], number(argv[2]), argc == 5 ? number(argv[4]) : 1);
  const std::uint64_t count = number(argv[3]);
  steps(count / 4 + 1);
  const std::int64_t start = read_ns(CLOCK_MONOTONIC);
  const CpuStopwatch stopwatch;
  measured(&steps, count);
  const double seconds = stopwatch.seconds();
  std::printf("from %" PRId64 " to %" PRId64 " ns, %.0f on a core\n", start,
              read_ns(CLOCK_MONOTONIC), seconds * 1e9);
  return 0;
}
