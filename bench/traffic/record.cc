#include "bench/traffic/record.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "bench/contestant.h"
#include "bench/traffic/progress.h"

namespace millrace::bench {
namespace {

constexpr std::pair<const char*, double> kPercentiles[] = {
    {"p50", 50},     {"p75", 75},       {"p90", 90},         {"p99", 99},
    {"p99_9", 99.9}, {"p99_99", 99.99}, {"p99_999", 99.999},
};

double per_second(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

Json histogram_json(const Histogram& histogram) {
  Json json = {{"count", histogram.count()},
               {"precision", Histogram::kPrecision},
               {"min", histogram.least()},
               {"mean", histogram.mean()}};
  for (const auto& [name, percent] : kPercentiles) json[name] = histogram.percentile(percent);
  json["max"] = histogram.greatest();
  Json buckets = Json::array();
  for (const Histogram::Bucket& bucket : histogram.buckets())
    buckets.push_back({bucket.from, bucket.to, bucket.count});
  json["buckets"] = std::move(buckets);
  return json;
}

Json intervals_json(const Series& series) {
  Json list = Json::array();
  for (const Interval& it : series.intervals()) {
    list.push_back({{"at_s", it.at_seconds},
                    {"seconds", it.seconds},
                    {"sent", it.sent},
                    {"received", it.received},
                    {"sent_bytes", it.sent_bytes},
                    {"received_bytes", it.received_bytes},
                    {"latencies", it.latencies},
                    {"p50_ns", it.p50_ns},
                    {"p99_ns", it.p99_ns},
                    {"p99_9_ns", it.p999_ns},
                    {"max_ns", it.greatest_ns}});
  }
  return list;
}

Json load_json(const Load& load, const std::string& sizes) {
  return {{"associations", load.associations},
          {"streams", load.streams},
          {"unordered_percent", load.unordered_percent},
          {"sizes", sizes},
          {"mean_size", load.sizes.mean()},
          {"mode", load.is_echo ? "echo" : "one-way"},
          {"loop", load.rate > 0 ? "open" : "closed"},
          {"rate", load.rate},
          {"outstanding", load.is_echo && load.rate == 0 ? load.outstanding : 0},
          {"ramp_s", static_cast<double>(load.ramp.ns) * 1e-9},
          {"warm_up_s", static_cast<double>(load.warm_up.ns) * 1e-9},
          {"duration_s", static_cast<double>(load.duration.ns) * 1e-9},
          {"seed", load.seed}};
}

std::string line(const char* name, const std::string& value) {
  std::array<char, 24> label;
  std::snprintf(label.data(), label.size(), "%-14s", name);
  return label.data() + value + "\n";
}

std::string latency_text(const char* name, const Histogram& histogram) {
  if (histogram.count() == 0) return "";
  std::string text;
  for (const auto& [label, percent] :
       {std::pair{"p50", 50.0}, std::pair{"p90", 90.0}, std::pair{"p99", 99.0},
        std::pair{"p99.9", 99.9}, std::pair{"p99.99", 99.99}}) {
    text += std::string(label) + " " +
            human_time(static_cast<double>(histogram.percentile(percent))) + "  ";
  }
  return line(name, text + "max " + human_time(static_cast<double>(histogram.greatest())));
}

std::string rate_text(std::uint64_t count, std::uint64_t bytes, double seconds) {
  return std::to_string(count) + " messages, " + human(per_second(count, seconds)) + "/s, " +
         human(8 * per_second(bytes, seconds)) + "bit/s";
}

}  // namespace

Json record_head(const std::string& kind, const std::string& title, const Conditions& conditions) {
  return {{"millrace_bench", 1},
          {"kind", kind},
          {"title", title},
          {"conditions",
           {{"date", conditions.date},
            {"command", conditions.command},
            {"processor", conditions.processor},
            {"cpus", conditions.cpus},
            {"kernel", conditions.kernel},
            {"load_before", conditions.load_before},
            {"load_after", conditions.load_after}}}};
}

Json record_of(const std::string& title, const std::string& stack, const Conditions& conditions,
               const Load& load, const std::string& sizes, const Generator& generator) {
  const Measured& it = generator.measured();
  Json json = record_head("client", title, conditions);
  json["stack"] = stack;
  json["load"] = load_json(load, sizes);
  json["result"] = {{"seconds", it.seconds},
                    {"associations", it.associations},
                    {"associations_failed", it.failed},
                    {"set_up_s", it.set_up_seconds},
                    {"sent", it.sent},
                    {"sent_bytes", it.sent_bytes},
                    {"sent_per_second", per_second(it.sent, it.seconds)},
                    {"received", it.received},
                    {"received_bytes", it.received_bytes},
                    {"received_per_second", per_second(it.received, it.seconds)},
                    {"unsent", it.unsent},
                    {"missing", it.missing},
                    {"misplaced", it.misplaced}};
  json["latency_ns"] = histogram_json(it.latency);
  json["latency_ns"]["from"] = load.rate > 0 ? "intended" : "sent";
  json["lateness_ns"] = histogram_json(it.lateness);
  json["intervals"] = intervals_json(generator.series());
  return json;
}

Json record_of(const std::string& title, const std::string& stack, const Conditions& conditions,
               const Sink& sink) {
  const Taken& it = sink.taken();
  Json json = record_head("server", title, conditions);
  json["stack"] = stack;
  json["result"] = {{"seconds", it.seconds},
                    {"associations", it.associations},
                    {"associations_broken", it.broken},
                    {"received", it.received},
                    {"received_bytes", it.received_bytes},
                    {"received_per_second", per_second(it.received, it.seconds)},
                    {"warm_up", it.warm_up},
                    {"echoed", it.echoed},
                    {"foreign", it.foreign},
                    {"misplaced", it.misplaced}};
  json["latency_ns"] = histogram_json(it.latency);
  json["intervals"] = intervals_json(sink.series());
  return json;
}

std::string csv_of(const Series& series) {
  std::string text =
      "at_s,seconds,sent,received,sent_bytes,received_bytes,latencies,p50_ns,p99_ns,p99_9_ns,"
      "max_ns\n";
  for (const Interval& it : series.intervals()) {
    std::array<char, 320> row;
    const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::snprintf(row.data(), row.size(),
                  "%.3f,%.3f,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu\n", it.at_seconds,
                  it.seconds, number(it.sent), number(it.received), number(it.sent_bytes),
                  number(it.received_bytes), number(it.latencies), number(it.p50_ns),
                  number(it.p99_ns), number(it.p999_ns), number(it.greatest_ns));
    text += row.data();
  }
  return text;
}

std::string text_of(const Load& load, const Measured& it) {
  std::string text =
      line("associations",
           std::to_string(it.associations) + " in " + human_time(it.set_up_seconds * 1e9) +
               (it.failed > 0 ? ", " + std::to_string(it.failed) + " failed or broke" : ""));
  text += line("sent", rate_text(it.sent, it.sent_bytes, it.seconds));
  if (load.is_echo) text += line("echoed", rate_text(it.received, it.received_bytes, it.seconds));
  text += latency_text(load.rate > 0 ? "latency" : "round trip", it.latency);
  if (load.rate > 0) text += latency_text("sent late by", it.lateness);
  if (it.unsent > 0) text += line("not sent", std::to_string(it.unsent) + " messages in time");
  if (it.missing > 0) text += line("missing", std::to_string(it.missing) + " echoes");
  if (it.misplaced > 0) text += line("misplaced", std::to_string(it.misplaced) + " echoes");
  return text;
}

std::string text_of(const Taken& it) {
  std::string text =
      line("associations", std::to_string(it.associations) +
                               (it.broken > 0 ? ", " + std::to_string(it.broken) + " broke" : ""));
  text += line("received", rate_text(it.received, it.received_bytes, it.seconds));
  if (it.warm_up > 0) text += line("warm-up", std::to_string(it.warm_up) + " messages more");
  if (it.echoed > 0) text += line("echoed", std::to_string(it.echoed) + " messages");
  text += latency_text("one way", it.latency);
  if (it.foreign > 0) text += line("foreign", std::to_string(it.foreign) + " messages");
  if (it.misplaced > 0) text += line("misplaced", std::to_string(it.misplaced) + " messages");
  return text;
}

void write_file(const std::string& path, const std::string& text) {
  if (path == "-") {
    std::cout << text << std::flush;
    return;
  }
  std::ofstream file(path);
  file << text;
  if (!file.flush()) fail("cannot write " + path);
}

}  // namespace millrace::bench
