// millrace-steps: a fixed amount of one row's work on a clock that is the same every time, for
// tools that count instructions. They look at measured() alone: what comes before warms up.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>

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

/// Of one association, or (`size` 0) of set-ups and shut-downs.
Steps steps_of_pair(std::size_t size) {
  const auto pair = std::make_shared<MillracePair>(Clock(kClockStep));
  if (size == 0) return [pair](std::uint64_t count) { pair->set_up_some(count); };
  const auto writer = std::make_shared<Writer>(size);
  const auto reader = std::make_shared<Reader>(*writer);
  return [=](std::uint64_t count) { pair->carry(*writer, *reader, count); };
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

}  // namespace

extern "C" [[gnu::noinline]] void measured(const void* steps, std::uint64_t count) {
  (*static_cast<const Steps*>(steps))(count);
}

}  // namespace millrace::bench

int main(int argc, char** argv) {
  using namespace millrace::bench;
  if (argc != 3 && argc != 4) {
    fail("usage: millrace-steps BYTES COUNT [ASSOCIATIONS] (BYTES 0: associations)");
  }
  const std::size_t size = number(argv[1]);
  const Steps steps = argc == 4 ? steps_of_crowd(size, number(argv[3])) : steps_of_pair(size);
  const std::uint64_t count = number(argv[2]);
  steps(count / 4 + 1);
  measured(&steps, count);
  return 0;
}
