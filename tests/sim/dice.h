// Draws everything that is random in a simulation from one seed.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <iterator>

#include "engine/base/time.h"

namespace millrace::sim {

/// SplitMix64. `use` tells apart the dice of one seed, so that what one of them draws does not move
/// the others.
class Dice {
 public:
  Dice(std::uint64_t seed, std::uint64_t use) : state_(seed * 0x9e3779b97f4a7c15 + use) {
    state_ = next();
  }

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  /// Uniform in [low, high].
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  bool chance(double probability) {
    return probability > 0 && static_cast<double>(next() >> 11) < probability * 9007199254740992.0;
  }
  Duration between(Duration low, Duration high) {
    return nanoseconds(low.ns + static_cast<std::int64_t>(
                                    below(static_cast<std::uint64_t>(high.ns - low.ns) + 1)));
  }
  template <class T>
  T pick(std::initializer_list<T> from) {
    return *std::next(from.begin(), static_cast<std::ptrdiff_t>(below(from.size())));
  }

 private:
  std::uint64_t state_;
};

}  // namespace millrace::sim
