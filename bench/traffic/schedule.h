// When messages are meant to be sent.
#pragma once

#include <cmath>
#include <cstdint>

#include "engine/base/time.h"

namespace millrace::bench {

/// Message number n has a time of its own that depends on nothing that happens: whoever falls
/// behind sends late and measures from the time that was meant. Over the ramp the rate grows evenly
/// from nothing to all of it.
class Schedule {
 public:
  /// `rate` is messages a second and more than 0.
  Schedule(Time start, double rate, Duration ramp)
      : start_(start),
        rate_(rate),
        ramp_seconds_(static_cast<double>(ramp.ns) * 1e-9),
        ramped_(rate * ramp_seconds_ / 2) {}

  Time time_of(std::uint64_t n) const {
    const double number = static_cast<double>(n);
    const double seconds = number < ramped_ ? std::sqrt(2 * number * ramp_seconds_ / rate_)
                                            : ramp_seconds_ + (number - ramped_) / rate_;
    return start_ + Duration{static_cast<std::int64_t>(seconds * 1e9)};
  }

 private:
  Time start_;
  double rate_;
  double ramp_seconds_;
  double ramped_;  // messages of the ramp
};

}  // namespace millrace::bench
