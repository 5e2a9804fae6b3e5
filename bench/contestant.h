// What the benchmark measures: something with two ends that runs on the caller's thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/time.h"

namespace millrace::bench {

/// Things done, and the time that the thread was on a core for them: what else the machine does
/// meanwhile does not count.
struct Work {
  std::uint64_t done = 0;
  double cpu_seconds = 0;

  double rate() const { return static_cast<double>(done) / cpu_seconds; }
};

/// Messages that a sender has for each turn of what carries them: a bounded number of bytes.
inline std::size_t batch_of(std::size_t size) {
  constexpr std::size_t kMessages = 64, kBytes = 45000;
  return std::clamp<std::size_t>(kBytes / size, 1, kMessages);
}

/// What a contestant carries.
struct Traffic {
  std::size_t size = 64;      ///< of the messages, in bytes
  bool is_unordered = false;  ///< no order is asked for
  bool is_both_ways = false;  ///< either end sends as much as the other
  /// The application writes where a message is to lie, if the contestant has that
  /// (mr_buffer_alloc).
  bool is_in_place = false;
};

/// Both ends in this process, on this thread. Whatever goes wrong ends the program with a text: a
/// figure of a run that lost something is worth nothing.
class Contestant {
 public:
  virtual ~Contestant() = default;

  /// Sends messages from one end to the other for about `span`, and takes in every one of them,
  /// checked.
  virtual Work transfer(const Traffic& traffic, Duration span) = 0;
  /// Sets associations up and shuts them down again for about `span`; both ends have seen both.
  virtual Work set_up(Duration span) = 0;
  /// Has this many associations more, established and idle.
  virtual void hold(std::size_t associations) = 0;
};

/// Ends the program.
[[noreturn]] void fail(const std::string& what);

}  // namespace millrace::bench
