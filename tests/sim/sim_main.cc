// Simulates engines, applications and the network between them, from a seed.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "tests/sim/simulation.h"

namespace {

using namespace millrace::sim;

void print(std::uint64_t seed, const Summary& summary) {
  std::printf(
      "seed %llu: %llu frames, %zu flows, %llu messages accepted, %llu delivered (%llu bytes), "
      "%llu failed, %llu chunks sent again, %llu handed over, %llu restarts, %llu given up, healed "
      "in %.3f s, trace %016llx\n",
      static_cast<unsigned long long>(seed), static_cast<unsigned long long>(summary.frames),
      summary.flows, static_cast<unsigned long long>(summary.accepted),
      static_cast<unsigned long long>(summary.delivered),
      static_cast<unsigned long long>(summary.bytes),
      static_cast<unsigned long long>(summary.failed),
      static_cast<unsigned long long>(summary.retransmissions),
      static_cast<unsigned long long>(summary.handoffs),
      static_cast<unsigned long long>(summary.restarts),
      static_cast<unsigned long long>(summary.lost), static_cast<double>(summary.healing.ns) / 1e9,
      static_cast<unsigned long long>(summary.trace_hash));
}

/// FROM..TO, or nothing if it is not that.
bool parse_range(const std::string& text, std::uint64_t& from, std::uint64_t& to) {
  unsigned long long first = 0, last = 0;
  if (std::sscanf(text.c_str(), "%llu..%llu", &first, &last) != 2 || first > last) return false;
  from = first;
  to = last;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Simulates engines, applications and the network between them, from a seed.");
  std::uint64_t seed = 1, from = 0, to = 0;
  std::string range;
  double seconds_max = 0;
  bool verbose = false, each = false;
  app.add_option("--seed", seed, "one seed, and what came of it");
  app.add_option("--seeds", range, "FROM..TO: many seeds");
  app.add_option("--seconds", seconds_max, "stop after this long, also if seeds are left");
  app.add_flag("--verbose", verbose, "print every packet");
  app.add_flag("--each", each, "print what came of every seed");
  CLI11_PARSE(app, argc, argv);
  if (range.empty()) {
    from = to = seed;
  } else if (!parse_range(range, from, to)) {
    std::fprintf(stderr, "sim: --seeds takes FROM..TO, not '%s'\n", range.c_str());
    return 2;
  }
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t done = 0, failures = 0;
  for (std::uint64_t at = from; at <= to; ++at, ++done) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    if (seconds_max > 0 && passed.count() > seconds_max) break;
    Summary summary;
    const std::string failure = failure_of(at, verbose, &summary);
    if (!failure.empty()) {
      std::fputs(failure.c_str(), stderr);
      std::printf("seed %llu failed\n", static_cast<unsigned long long>(at));
      ++failures;
    } else if (each || from == to) {
      print(at, summary);
    }
  }
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  std::printf("%llu seeds, %llu failed, %.1f s\n", static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(failures), passed.count());
  return failures == 0 ? 0 : 1;
}
