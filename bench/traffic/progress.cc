#include "bench/traffic/progress.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace millrace::bench {
namespace {

std::string format(const char* pattern, double value, const char* unit) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), pattern, value, unit);
  return text.data();
}

std::string scaled(double value, double step, const std::array<const char*, 4>& units) {
  std::size_t unit = 0;
  while (unit + 1 < units.size() && std::fabs(value) >= step) {
    value /= step;
    ++unit;
  }
  const char* pattern = value >= 100 || value == std::floor(value) ? "%.0f %s"
                        : value >= 10                              ? "%.1f %s"
                                                                   : "%.2f %s";
  return format(pattern, value, units[unit]);
}

}  // namespace

std::string human(double value) {
  std::string text = scaled(value, 1000, {"", "k", "M", "G"});
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::string human_time(double ns) {
  return scaled(ns, 1000, {"ns", "us", "ms", "s"});
}

Progress::Progress(bool is_wanted)
    : is_terminal_(isatty(STDERR_FILENO) == 1), is_wanted_(is_wanted) {}

Progress::~Progress() {
  if (has_line_) std::fputs("\r\033[K", stderr);
}

void Progress::show(const std::string& text) {
  if (is_terminal_) {
    std::fprintf(stderr, "\r%s\033[K", text.c_str());
    has_line_ = true;
  } else if (is_wanted_) {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  std::fflush(stderr);
}

void Progress::show(const Interval& interval) {
  std::string text = format("%6.1f %s", interval.at_seconds, "s");
  const auto rate = [&interval](std::uint64_t count) {
    return human(static_cast<double>(count) / interval.seconds);
  };
  if (interval.sent > 0) text += "  sent " + rate(interval.sent) + "/s";
  if (interval.received > 0) text += "  received " + rate(interval.received) + "/s";
  const std::uint64_t bytes = std::max(interval.sent_bytes, interval.received_bytes);
  text += "  " + rate(bytes * 8) + "bit/s";
  if (interval.latencies > 0) {
    text += "  p50 " + human_time(static_cast<double>(interval.p50_ns)) + "  p99 " +
            human_time(static_cast<double>(interval.p99_ns)) + "  max " +
            human_time(static_cast<double>(interval.greatest_ns));
  }
  show(text);
}

}  // namespace millrace::bench
