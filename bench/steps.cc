// millrace-steps: a fixed amount of one row's work on a clock that is the same every time, for
// tools that count instructions. They look at measured() alone: what comes before warms up.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/millrace_pair.h"

namespace millrace::bench {

void fail(const std::string& what) {
  std::fprintf(stderr, "millrace-steps: %s\n", what.c_str());
  std::exit(1);
}

namespace {

constexpr Duration kClockStep = microseconds(2);

struct Steps {
  MillracePair pair{Clock(kClockStep)};
  std::size_t size;  // of the messages; 0: associations are set up and shut down
  Writer writer{size};
  Reader reader{writer};

  void go(std::uint64_t count) {
    if (size == 0) {
      pair.set_up_some(count);
    } else {
      pair.carry(writer, reader, count);
    }
  }
};

}  // namespace

extern "C" [[gnu::noinline]] void measured(void* steps, std::uint64_t count) {
  static_cast<Steps*>(steps)->go(count);
}

}  // namespace millrace::bench

int main(int argc, char** argv) {
  using namespace millrace::bench;
  if (argc != 3) fail("usage: millrace-steps BYTES COUNT (BYTES 0: associations)");
  Steps steps{.size = std::strtoul(argv[1], nullptr, 10)};
  const std::uint64_t count = std::strtoul(argv[2], nullptr, 10);
  steps.go(count / 4 + 1);
  measured(&steps, count);
  return 0;
}
