// Points in time and spans between them, in nanoseconds. Nothing here reads a clock: `now` is read
// once per poll by whoever drives the engine and passed down.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace millrace {

/// A span of time in nanoseconds; may be negative as the difference of two points.
struct Duration {
  std::int64_t ns = 0;

  constexpr auto operator<=>(const Duration&) const = default;
  constexpr Duration operator+(Duration other) const { return {ns + other.ns}; }
  constexpr Duration operator-(Duration other) const { return {ns - other.ns}; }
  constexpr Duration operator*(std::int64_t factor) const { return {ns * factor}; }
  constexpr Duration operator/(std::int64_t divisor) const { return {ns / divisor}; }
  constexpr std::int64_t milliseconds() const { return ns / 1'000'000; }
};

constexpr Duration nanoseconds(std::int64_t count) {
  return {count};
}
constexpr Duration microseconds(std::int64_t count) {
  return {count * 1'000};
}
constexpr Duration milliseconds(std::int64_t count) {
  return {count * 1'000'000};
}
constexpr Duration seconds(std::int64_t count) {
  return {count * 1'000'000'000};
}

/// A point on a monotonic clock of the driver's choice, nanoseconds since an arbitrary start.
struct Time {
  std::int64_t ns = 0;

  constexpr auto operator<=>(const Time&) const = default;
  constexpr Time operator+(Duration span) const { return {ns + span.ns}; }
  constexpr Time operator-(Duration span) const { return {ns - span.ns}; }
  constexpr Duration operator-(Time other) const { return {ns - other.ns}; }
};

/// The deadline of something that is not armed: later than every real point in time.
inline constexpr Time kNever{std::numeric_limits<std::int64_t>::max()};

constexpr Time earlier(Time a, Time b) {
  return a < b ? a : b;
}

}  // namespace millrace
