// When an lcore that finds nothing to do sleeps, and for how long.
#pragma once

#include <cstdint>

#include "engine/base/time.h"

namespace millrace {

/// Decides: whether to sleep after a poll. Does not know how one sleeps, nor the clock.
///
/// Sleeps begin short and double while nothing happens, so that a pause between two messages costs
/// little and an idle evening costs no CPU. A poll that found work starts over.
class IdlePolicy {
 public:
  struct Config {
    bool busy = false;                     ///< never sleeps
    std::uint32_t empty_polls = 256;       ///< before the first sleep
    Duration shortest = microseconds(10);  ///< the first sleep
    Duration longest = microseconds(200);  ///< bounds all
  };

  explicit IdlePolicy(const Config& config) : config_(config), next_(config.shortest) {}

  /// To be called after each poll. Zero: poll again at once.
  Duration after_poll(bool worked, Time now, Time next_deadline) {
    if (worked || config_.busy) {
      empty_polls_ = 0;
      next_ = config_.shortest;
      return {};
    }
    if (++empty_polls_ < config_.empty_polls) return {};
    empty_polls_ = config_.empty_polls;  // does not wrap
    const Duration until_deadline = next_deadline == kNever ? config_.longest : next_deadline - now;
    const Duration sleep = shorter(shorter(next_, config_.longest), until_deadline);
    next_ = shorter(next_ * 2, config_.longest);
    return sleep > Duration{} ? sleep : Duration{};
  }

 private:
  static constexpr Duration shorter(Duration a, Duration b) { return a < b ? a : b; }

  Config config_;
  Duration next_;
  std::uint32_t empty_polls_ = 0;
};

}  // namespace millrace
