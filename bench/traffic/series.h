// What went through in each interval of a run.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/traffic/histogram.h"
#include "engine/base/time.h"

namespace millrace::bench {

struct Interval {
  double at_seconds = 0;  ///< its end, since the start of the series
  double seconds = 0;     ///< how long it was
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t latencies = 0;
  std::uint64_t p50_ns = 0, p99_ns = 0, p999_ns = 0, greatest_ns = 0;
};

class Series {
 public:
  explicit Series(Duration step) : step_(step) {}

  void start(Time now) { start_ = began_ = now; }
  void on_sent(std::size_t bytes) {
    ++current_.sent;
    current_.sent_bytes += bytes;
  }
  void on_received(std::size_t bytes) {
    ++current_.received;
    current_.received_bytes += bytes;
  }
  void on_latency(std::uint64_t ns) { latency_.add(ns); }

  /// Closes the interval if its time is over.
  void roll(Time now) {
    if (now - began_ >= step_) close(now);
  }
  /// Closes it however short it is, unless it is empty.
  void finish(Time now) {
    if (current_.sent + current_.received + latency_.count() > 0) close(now);
  }
  const std::vector<Interval>& intervals() const { return intervals_; }

 private:
  void close(Time now) {
    current_.at_seconds = static_cast<double>((now - start_).ns) * 1e-9;
    current_.seconds = static_cast<double>((now - began_).ns) * 1e-9;
    current_.latencies = latency_.count();
    current_.p50_ns = latency_.percentile(50);
    current_.p99_ns = latency_.percentile(99);
    current_.p999_ns = latency_.percentile(99.9);
    current_.greatest_ns = latency_.greatest();
    intervals_.push_back(current_);
    current_ = {};
    latency_.clear();
    began_ = now;
  }

  Duration step_;
  Time start_, began_;
  Interval current_;
  Histogram latency_;
  std::vector<Interval> intervals_;
};

}  // namespace millrace::bench
