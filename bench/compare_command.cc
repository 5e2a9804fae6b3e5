// millrace-bench compare: the rows, beside usrsctp in the same run.
#include <cstdio>
#include <memory>

#include "bench/commands.h"
#include "bench/report.h"
#include "bench/traffic/record.h"

namespace millrace::bench {
namespace {

struct Options {
  Plan plan;
  std::vector<std::string> names = Field::names();
  std::string json;
};

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);  // or a child of the memory row would say it again
}

void add_options(CLI::App& app, Options& options) {
  Plan& plan = options.plan;
  app.add_flag_callback(
      "--quick",
      [&plan] {
        plan.trials = 5;
        plan.span = milliseconds(250);
      },
      "Shorter trials: all rows in well under 40 seconds");
  app.add_option("--json", options.json, "Write the rows to this file as well");
  app.add_option("--rows", options.names, "Only these rows")->check(CLI::IsMember(Field::names()));
  app.add_option("--trials", plan.trials, "Trials of each contestant and row")
      ->check(CLI::Range(1, 99));
  app.add_option_function<int>(
         "--trial-ms", [&plan](int count) { plan.span = milliseconds(count); },
         "How long a trial takes")
      ->check(CLI::Range(1, 60000));
  app.add_option("--held", plan.ours_held, "Associations of Millrace's in the memory row")
      ->check(CLI::Range(20, 25000));
  app.add_option("--peer-held", plan.peer_held, "Associations of usrsctp's in the memory row")
      ->check(CLI::Range(20, 20000));
  app.add_option("--peer-buffer", plan.peer.buffer_bytes, "usrsctp's send and receive buffers")
      ->check(CLI::Range(1 << 17, 1 << 26));
  app.add_flag("--alone", plan.alone, "Without usrsctp, for profiling");
}

int compare(const Options& options, Conditions conditions) {
  say(table_head());
  Field field(options.plan);
  std::vector<Row> rows;
  for (const std::string& name : options.names) {
    rows.push_back(field.measure(name));
    say(table_line(rows.back()));
  }
  say("Per second of one core's time; medians of " + std::to_string(options.plan.trials) +
      " trials of " + std::to_string(options.plan.span.milliseconds()) + " ms each, by turns.");
  conditions.load_after = load_average();
  if (!options.json.empty()) write_file(options.json, json_of(rows, conditions));
  return 0;
}

}  // namespace

Command add_compare(CLI::App& app, const Conditions& conditions) {
  auto options = std::make_shared<Options>();
  add_options(app, *options);
  return [options, &conditions] { return compare(*options, conditions); };
}

}  // namespace millrace::bench
