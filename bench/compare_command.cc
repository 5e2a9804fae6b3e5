// millrace-bench compare: the rows, beside usrsctp in the same run.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "bench/commands.h"
#include "bench/extra_rows.h"
#include "bench/report.h"
#include "bench/traffic/record.h"

namespace millrace::bench {
namespace {

struct Options {
  Plan plan;
  ExtraPlan extra;
  std::vector<std::string> names = Field::names();
  std::string json, csv;
};

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);  // or a child of the memory row would say it again
}

// On a terminal, which row takes its time: a million associations take a while. Not on standard
// output, and gone when the row is there.
void show_under_way(const std::string& name) {
  if (isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r\033[K%s%s", name.c_str(), name.empty() ? "" : " ...");
}

std::vector<std::string> all_names() {
  std::vector<std::string> names = Field::names();
  for (const std::string& name : Field::limit_names()) names.push_back(name);
  for (const std::string& name : ExtraRows::names()) names.push_back(name);
  return names;
}

void add_options(CLI::App& app, Options& options) {
  Plan& plan = options.plan;
  app.add_flag_callback(
      "--quick",
      [&plan, &options] {
        plan.trials = 5;
        plan.span = milliseconds(200);
        options.extra.trials = 3;
        options.extra.span = milliseconds(200);
        options.extra.idle = 100'000;
      },
      "Shorter trials: all rows in well under 40 seconds");
  app.add_option("--json", options.json, "Write the rows to this file as well");
  app.add_option("--csv", options.csv, "Write the rows to this file as comma-separated values");
  app.add_option("--rows", options.names, "Only these rows")->check(CLI::IsMember(all_names()));
  app.add_flag_callback(
      "--all", [&options] { options.names = all_names(); },
      "The other rows too: beside their limits, many associations, lcores, rings");
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
  app.add_option("--active", options.extra.active, "Associations of the rows of active ones")
      ->check(CLI::Range(1, 50000));
  app.add_option("--idle", options.extra.idle, "Associations of the rows of idle ones")
      ->check(CLI::Range(1, 2000000));
  app.add_option("--peer-buffer", plan.peer.buffer_bytes, "usrsctp's send and receive buffers")
      ->check(CLI::Range(1 << 17, 1 << 26));
  app.add_flag("--alone", plan.alone, "Without usrsctp, for profiling");
}

bool is_among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<Row> measure_all(const Options& options) {
  Field field(options.plan);
  ExtraRows extra(options.extra);
  std::vector<Row> rows;
  bool has_head = false;
  for (const std::string& name : options.names) {
    const bool is_peers = is_among(Field::names(), name);
    if (is_peers && !std::exchange(has_head, true)) say(table_head());
    show_under_way(name);
    const bool is_extra = is_among(ExtraRows::names(), name);
    rows.push_back(is_extra ? extra.measure(name) : field.measure(name));
    show_under_way("");
    say(is_peers ? table_line(rows.back()) : extra_line(rows.back()));
  }
  return rows;
}

int compare(const Options& options, Conditions conditions) {
  const std::vector<Row> rows = measure_all(options);
  say("Per second of one core's time; medians of " + std::to_string(options.plan.trials) +
      " trials of " + std::to_string(options.plan.span.milliseconds()) +
      " ms each, by turns. A ratio is the median of theirs, behind it are its quartiles.");
  conditions.load_after = load_average();
  if (!options.json.empty()) write_file(options.json, json_of(rows, conditions));
  if (!options.csv.empty()) write_file(options.csv, csv_of(rows));
  return 0;
}

}  // namespace

Command add_compare(CLI::App& app, const Conditions& conditions) {
  auto options = std::make_shared<Options>();
  add_options(app, *options);
  return [options, &conditions] { return compare(*options, conditions); };
}

}  // namespace millrace::bench
