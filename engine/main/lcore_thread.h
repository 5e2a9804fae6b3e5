// The thread of one lcore: reads the clock, polls, and sleeps when there is nothing to do.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "engine/lcore/idle_policy.h"
#include "engine/main/engine.h"

namespace millrace {

/// The monotonic clock that everything in the engine is told of.
Time monotonic_now();

class LcoreThread {
 public:
  struct Options {
    std::size_t lcore = 0;
    unsigned cpu = 0;
    bool pin = true;  ///< false: the CPU is not there, the scheduler chooses
    IdlePolicy::Config idle;
    std::string name;
  };

  /// Starts. `engine` outlives it.
  LcoreThread(Engine& engine, const Options& options);
  /// Stops after the current turn.
  ~LcoreThread();
  LcoreThread(const LcoreThread&) = delete;
  LcoreThread& operator=(const LcoreThread&) = delete;

 private:
  void run();

  Engine& engine_;
  Options options_;
  std::atomic<bool> is_ending_{false};
  std::thread thread_;  // last: it uses the others
};

}  // namespace millrace
