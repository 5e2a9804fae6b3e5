// millrace-bench server: takes what any client of ours sends.
#include <cstdio>

#include "bench/clocks.h"
#include "bench/commands.h"
#include "bench/contestant.h"
#include "bench/traffic/progress.h"
#include "bench/traffic/record.h"
#include "bench/traffic_options.h"

namespace millrace::bench {
namespace {

constexpr int kIncomplete = 2;  // exit status: it ran, and something was not as it should be
constexpr std::uint16_t kStreams = 64;  // that a client may ask for

struct Options {
  TrafficOptions traffic;
  SinkOptions sink;
  double duration = 0;
  bool is_once = false;
};

void add_options(CLI::App& app, Options& options) {
  app.add_option("--from", options.traffic.endpoint.locals, "Own addresses; all if not given")
      ->delimiter(',');
  app.add_flag("!--no-echo", options.sink.echoes, "Send nothing back, whoever asks for it");
  app.add_flag("--one-clock", options.sink.has_one_clock,
               "The client runs on this host, in a namespace say: tell the latency of one way");
  app.add_option("--duration", options.duration, "End after so many seconds")
      ->check(CLI::Range(0.01, 1e7));
  app.add_flag("--once", options.is_once, "End when all associations that came are gone");
}

Taken serve(const Options& options, Sink& sink, Endpoint& endpoint) {
  constexpr Duration kLook = milliseconds(50);
  Progress progress(options.traffic.shows_progress);
  const Time start{read_ns(CLOCK_MONOTONIC)};
  std::size_t shown = 0;
  endpoint.listen();
  if (!options.traffic.is_quiet) {
    std::printf("ready\n");
    std::fflush(stdout);
  }
  while (signals_seen() == 0) {
    sink.turn();
    const auto& intervals = sink.series().intervals();
    if (intervals.size() > shown) {
      shown = intervals.size();
      if (sink.taken().up > 0) progress.show(intervals.back());
    }
    if (options.is_once && sink.taken().associations > 0 && sink.taken().up == 0) break;
    const Time now{read_ns(CLOCK_MONOTONIC)};
    if (options.duration > 0 && now - start >= seconds_of(options.duration)) break;
    endpoint.wait(kLook);
  }
  sink.finish();
  return sink.taken();
}

int run(const Options& options, Conditions conditions) {
  arm_signals();
  const std::unique_ptr<Endpoint> endpoint = make_endpoint(options.traffic);
  SinkOptions sink_options = options.sink;
  sink_options.interval = seconds_of(options.traffic.interval);
  Sink sink(sink_options, *endpoint, [] { return Time{read_ns(CLOCK_MONOTONIC)}; });
  const Taken taken = serve(options, sink, *endpoint);
  conditions.load_after = load_average();
  if (!options.traffic.is_quiet) std::fputs(text_of(taken).c_str(), stdout);
  const std::string title =
      options.traffic.title.empty() ? options.traffic.stack : options.traffic.title;
  if (!options.traffic.csv.empty()) write_file(options.traffic.csv, csv_of(sink.series()));
  if (!options.traffic.json.empty()) {
    const Json record = record_of(title, options.traffic.stack, conditions, sink);
    write_file(options.traffic.json, record.dump(1) + "\n");
  }
  return taken.broken + taken.foreign + taken.misplaced == 0 ? 0 : kIncomplete;
}

}  // namespace

Command add_server(CLI::App& app, const Conditions& conditions) {
  auto options = std::make_shared<Options>();
  options->traffic.endpoint.streams = kStreams;
  add_options(app, *options);
  add_traffic_options(app, options->traffic);
  return [options, &conditions] { return run(*options, conditions); };
}

}  // namespace millrace::bench
