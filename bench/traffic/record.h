// What a run of the client or the server leaves behind: JSON and CSV for programs, text for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/conditions.h"
#include "bench/traffic/generator.h"
#include "bench/traffic/sink.h"

namespace millrace::bench {

using Json = nlohmann::ordered_json;

/// What is the same for all records: {"millrace_bench": 1, "kind", "title", "conditions"}.
Json record_head(const std::string& kind, const std::string& title, const Conditions& conditions);

/// {..., "stack", "load", "result", "latency_ns", "lateness_ns", "intervals"}
Json record_of(const std::string& title, const std::string& stack, const Conditions& conditions,
               const Load& load, const std::string& sizes, const Generator& generator);
/// {..., "stack", "result", "latency_ns", "intervals"}
Json record_of(const std::string& title, const std::string& stack, const Conditions& conditions,
               const Sink& sink);

/// A table with a line for each interval.
std::string csv_of(const Series& series);

std::string text_of(const Load& load, const Measured& measured);
std::string text_of(const Taken& taken);

void write_file(const std::string& path, const std::string& text);

}  // namespace millrace::bench
