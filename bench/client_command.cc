// millrace-bench client: the traffic generator.
#include <sys/prctl.h>

#include <cstdio>

#include "bench/clocks.h"
#include "bench/commands.h"
#include "bench/contestant.h"
#include "bench/traffic/progress.h"
#include "bench/traffic/record.h"
#include "bench/traffic_options.h"

namespace millrace::bench {
namespace {

constexpr int kIncomplete = 2;  // exit status: it ran, and not everything arrived

struct Options {
  TrafficOptions traffic;
  Load load;
  std::string sizes = "300";
  bool is_one_way = false;
  double ramp = 0, warm_up = 1, duration = 10, patience = 10;
};

void add_load(CLI::App& app, Options& options) {
  Load& load = options.load;
  app.add_option("--to", options.traffic.endpoint.peers,
                 "Addresses of the server; the first one is the primary")
      ->required()
      ->delimiter(',');
  app.add_option("--from", options.traffic.endpoint.locals, "Own addresses; all if not given")
      ->delimiter(',');
  app.add_option("--associations", load.associations, "How many")->check(CLI::Range(1, 1000000));
  app.add_option("--sizes", options.sizes,
                 "Message sizes: 300, 64-1400, 64:7,576:4,1400:1 (with weights), imix, signalling");
  app.add_option("--unordered", load.unordered_percent, "Percent of messages that are unordered")
      ->check(CLI::Range(0, 100));
  app.add_flag("--one-way", options.is_one_way,
               "The server keeps the messages; else they come back");
  auto* rate =
      app.add_option("--rate", load.rate,
                     "Messages a second in all, at their times whatever happens (open loop); "
                     "without it, as fast as possible")
          ->check(CLI::Range(0.001, 1e9));
  app.add_option("--outstanding", load.outstanding,
                 "Without a rate: echoes that an association waits for at once")
      ->check(CLI::Range(1, 1000000))
      ->excludes(rate);
  app.add_option("--ramp", options.ramp, "Seconds over which the rate grows from nothing")
      ->check(CLI::Range(0.0, 86400.0));
  app.add_option("--warm-up", options.warm_up, "Seconds after that which are not measured")
      ->check(CLI::Range(0.0, 86400.0));
  app.add_option("--duration", options.duration, "Seconds that are measured")
      ->check(CLI::Range(0.01, 1e7));
  app.add_option("--patience", options.patience,
                 "Seconds to wait for set-up, for what is under way at the end, and for shut-down")
      ->check(CLI::Range(0.01, 3600.0));
  app.add_option("--seed", load.seed, "For sizes and order");
}

Load load_of(const Options& options) {
  Load load = options.load;
  std::string error;
  const auto sizes = SizeMix::parse(options.sizes, error);
  if (!sizes) fail(error);
  load.sizes = *sizes;
  load.streams = options.traffic.endpoint.streams;
  load.is_echo = !options.is_one_way;
  load.ramp = seconds_of(options.ramp);
  load.warm_up = seconds_of(options.warm_up);
  load.duration = seconds_of(options.duration);
  load.patience = seconds_of(options.patience);
  load.interval = seconds_of(options.traffic.interval);
  return load;
}

void drive(Generator& generator, Endpoint& endpoint, Progress& progress) {
  std::size_t shown = 0;
  int signals = 0;
  progress.show("setting up");
  while (generator.turn()) {
    if (signals_seen() > signals) {
      ++signals;
      generator.stop();
    }
    const auto& intervals = generator.series().intervals();
    if (intervals.size() > shown) {
      shown = intervals.size();
      progress.show(intervals.back());
    }
    const Duration idle = generator.idle_for();
    if (idle > Duration{}) endpoint.wait(idle);
  }
}

int run(const Options& options, Conditions conditions) {
  const Load load = load_of(options);
  arm_signals();
  prctl(PR_SET_TIMERSLACK, 1);  // sleeps end when they are meant to
  const std::unique_ptr<Endpoint> endpoint = make_endpoint(options.traffic);
  Generator generator(load, *endpoint, [] { return Time{read_ns(CLOCK_MONOTONIC)}; });
  {
    Progress progress(options.traffic.shows_progress);
    drive(generator, *endpoint, progress);
  }
  const Measured& measured = generator.measured();
  conditions.load_after = load_average();
  if (!options.traffic.is_quiet) std::fputs(text_of(load, measured).c_str(), stdout);
  const std::string title =
      options.traffic.title.empty() ? options.traffic.stack : options.traffic.title;
  if (!options.traffic.csv.empty()) write_file(options.traffic.csv, csv_of(generator.series()));
  if (!options.traffic.json.empty()) {
    const Json record =
        record_of(title, options.traffic.stack, conditions, load, options.sizes, generator);
    write_file(options.traffic.json, record.dump(1) + "\n");
  }
  if (measured.associations == 0) fail("no association came up");
  const bool is_whole = measured.failed + measured.unsent + measured.missing == 0;
  return is_whole && measured.misplaced == 0 ? 0 : kIncomplete;
}

}  // namespace

Command add_client(CLI::App& app, const Conditions& conditions) {
  auto options = std::make_shared<Options>();
  add_load(app, *options);
  add_traffic_options(app, options->traffic);
  return [options, &conditions] { return run(*options, conditions); };
}

}  // namespace millrace::bench
