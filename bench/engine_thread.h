// A whole engine in this process, with a thread of its own and a socket for applications: for what
// passes between threads. It has no ports: what it sends to its own address comes back by itself.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "engine/lcore/idle_policy.h"
#include "engine/main/engine.h"

namespace millrace::bench {

class EngineThread {
 public:
  static constexpr const char* kAddress = "10.0.0.1";

  /// With `is_busy` the lcore never sleeps.
  explicit EngineThread(bool is_busy);
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  std::string applications_socket() const { return directory_ + "/applications.sock"; }

 private:
  void run_lcore(bool is_busy);
  void run_main();

  std::string directory_;
  BufferPool pool_;
  BufferSlab memory_;
  std::unique_ptr<Engine> engine_;
  std::atomic<bool> is_ending_{false};
  std::thread lcore_, main_;
};

}  // namespace millrace::bench
