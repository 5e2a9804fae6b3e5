// The two clocks of a trial.
#pragma once

#include <algorithm>
#include <ctime>

#include "engine/base/time.h"

namespace millrace::bench {

inline std::int64_t read_ns(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

/// Time as one contestant sees it. It stands still while others have their turn: otherwise all
/// timers of a contestant would expire behind its back.
class Clock {
 public:
  Clock() = default;
  /// One that goes on by `step` whenever it is read, so that a run is the same every time.
  explicit Clock(Duration step) : step_(step) {}
  /// One that is read often and stands still while the thread waits for a core: timers of a crowd
  /// would otherwise ask for more, the smaller the share of the core is that is left to it.
  static Clock on_core() {
    Clock clock;
    clock.is_on_core_ = true;
    clock.seen_ns_ = read_ns(CLOCK_MONOTONIC);
    return clock;
  }

  Time now() {
    if (step_.ns != 0) return stepped_ = stepped_ + step_;
    const std::int64_t ns = read_ns(CLOCK_MONOTONIC);
    if (is_on_core_) {
      stopped_ns_ += std::max<std::int64_t>(0, ns - seen_ns_ - kPreemptedNs);
      seen_ns_ = ns;
    }
    return Time{ns - stopped_ns_};
  }
  /// All at once it is so much later.
  void skip(Duration span) { stopped_ns_ -= span.ns; }
  void stop() { stopped_at_ns_ = read_ns(CLOCK_MONOTONIC); }
  void go_on() {
    seen_ns_ = read_ns(CLOCK_MONOTONIC);
    stopped_ns_ += seen_ns_ - stopped_at_ns_;
  }

  static constexpr std::int64_t kPreemptedNs = 200'000;  // no turn takes so long by itself

 private:
  Duration step_{};
  Time stepped_{};
  std::int64_t stopped_ns_ = 0;
  std::int64_t stopped_at_ns_ = 0;
  std::int64_t seen_ns_ = 0;
  bool is_on_core_ = false;
};

/// Lets a clock run for as long as it lives.
class Running {
 public:
  explicit Running(Clock& clock) : clock_(clock) { clock_.go_on(); }
  ~Running() { clock_.stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Clock& clock_;
};

/// How long this thread has been on a core since it was made.
class CpuStopwatch {
 public:
  double seconds() const {
    return static_cast<double>(read_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns_) * 1e-9;
  }

 private:
  std::int64_t start_ns_ = read_ns(CLOCK_THREAD_CPUTIME_ID);
};

}  // namespace millrace::bench
