// millrace-bench flood: an established association under a flood of what belongs to none.
#include <cstdio>
#include <memory>

#include "bench/commands.h"
#include "bench/flood.h"
#include "bench/rows.h"

namespace millrace::bench {
namespace {

struct Options {
  std::size_t size = 300;
  std::uint64_t messages = 100'000;
  int trials = 5;
  std::vector<double> packets = {1, 10};
  ShardLimits limits;
};

struct Kind {
  Flood flood;
  const char* name;
};

constexpr Kind kKinds[] = {{Flood::kInit, "INIT"},
                           {Flood::kCookieEcho, "COOKIE ECHO"},
                           {Flood::kOutOfTheBlue, "no one's"}};

struct Figures {
  std::vector<double> rates, packet_ns, answered;
};

// Quiet and flooded take turns, so that whatever else the machine does meets both.
Figures measure(FloodedPair& pair, const Options& options, Flood flood, double packets,
                std::vector<double>& quiet) {
  Figures figures;
  for (int trial = 0; trial < options.trials; ++trial) {
    const FloodedWork without = pair.run(flood, 0, options.size, options.messages);
    const FloodedWork with = pair.run(flood, packets, options.size, options.messages);
    const auto poured = static_cast<double>(with.flood_packets);
    quiet.push_back(without.rate());
    figures.rates.push_back(with.rate() / without.rate());
    figures.packet_ns.push_back((with.seconds - without.seconds) * 1e9 / poured);
    figures.answered.push_back(static_cast<double>(with.answers) / poured);
  }
  return figures;
}

int run(const Options& options) {
  FloodedPair pair(options.limits);
  std::printf("%-12s %12s %13s %7s %11s %10s %15s\n", "flood", "per message", "messages/s", "ratio",
              "ns/packet", "answered", "half a core at");
  for (const Kind& kind : kKinds) {
    for (const double packets : options.packets) {
      std::vector<double> quiet;
      const Figures figures = measure(pair, options, kind.flood, packets, quiet);
      const double ratio = median(figures.rates);
      if (&kind == kKinds && packets == options.packets.front()) {
        std::printf("%-12s %12d %13.0f %7.3f\n", "none", 0, median(quiet), 1.0);
      }
      const double packet_ns = median(figures.packet_ns);
      std::printf("%-12s %12g %13.0f %7.3f %11.0f %9.1f%% %12.1f M/s\n", kind.name, packets,
                  median(quiet) * ratio, ratio, packet_ns, median(figures.answered) * 100,
                  500 / packet_ns);
      std::fflush(stdout);
    }
  }
  std::printf(
      "Messages of %zu bytes, per second of the one core that has the server's engine and "
      "application;\nmedians of %d trials, each beside one without a flood.\n",
      options.size, options.trials);
  return 0;
}

}  // namespace

Command add_flood(CLI::App& app, const Conditions&) {
  auto options = std::make_shared<Options>();
  app.add_option("--size", options->size, "Bytes of a message")->check(CLI::Range(16, 65536));
  app.add_option("--messages", options->messages, "Messages of a trial")
      ->check(CLI::Range(1000, 100'000'000));
  app.add_option("--trials", options->trials, "Trials of each row")->check(CLI::Range(1, 99));
  app.add_option("--packets", options->packets, "Packets of the flood for each message")
      ->delimiter(',')
      ->check(CLI::Range(0.01, 1000.0));
  app.add_option("--init-rate-max", options->limits.inits.in_all,
                 "INIT chunks answered in a second, as sctp.init_rate_max");
  app.add_option("--half-open-rate-max", options->limits.inits.half_open,
                 "Of what comes to nothing, as sctp.half_open_rate_max; 0: no limit");
  app.add_option("--abort-rate-max", options->limits.out_of_the_blue_answers,
                 "Answers to packets of no one's in a second, as sctp.abort_rate_max");
  return [options] { return run(*options); };
}

}  // namespace millrace::bench
