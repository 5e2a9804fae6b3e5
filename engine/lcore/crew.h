// The workers of one engine, and what they share.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/lcore/worker.h"

namespace millrace {

struct CrewConfig {
  std::size_t contexts_max = 64;
  Parameters parameters;
  ShardLimits limits;  ///< of each lcore
  net::StackConfig stack;
  HashKey seed{};  ///< every key and every first number of the engine comes from it
};

/// What one lcore is given to work with.
struct LcoreResources {
  BufferPool* pool = nullptr;
  Counters* counters = nullptr;
  std::vector<PortQueue*> queues;  ///< by port; nullptr where the lcore has none
  ipc::LcoreBell* bell = nullptr;  ///< nullptr: it never sleeps
};

/// Makes one worker for each element of `lcores`. Whoever has the crew calls poll() of each, from
/// one thread or from one thread each.
class Crew {
 public:
  Crew(const CrewConfig& config, std::span<const LcoreResources> lcores);

  std::size_t size() const { return workers_.size(); }
  Worker& worker(std::size_t number) { return *workers_[number]; }
  const Worker& worker(std::size_t number) const { return *workers_[number]; }
  const Steering& steering() const { return steering_; }

 private:
  Steering steering_;
  Exchange exchange_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace millrace
