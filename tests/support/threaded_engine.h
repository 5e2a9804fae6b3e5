// An engine of this process's own with a thread for each lcore. It has no ports: what it sends to
// its own address comes back by itself, and packets are handed over from lcore to lcore.
#pragma once

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/lcore/idle_policy.h"
#include "engine/main/engine.h"

namespace millrace::test {

inline Time clock_now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Time{now.tv_sec * 1'000'000'000 + now.tv_nsec};
}

/// At 10.0.0.1. The main thread's part, poll_main(), is its owner's.
class ThreadedEngine {
 public:
  ThreadedEngine(std::size_t lcores, std::size_t buffers) {
    std::string pattern = std::filesystem::temp_directory_path() / "millrace-test-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    InterfaceSettings interface;
    interface.name = "none";
    interface.addresses = {*Prefix::parse("10.0.0.1/24")};
    Config config;
    config.interfaces = {interface};
    EngineResources resources;
    resources.ports = {PortTraits{}};
    resources.interface_ports = {0};
    for (std::size_t i = 0; i < lcores; ++i) {
      // A pool takes back what others took out: each has room for all.
      pools_.push_back(std::make_unique<BufferPool>(lcores * buffers));
      slabs_.push_back(std::make_unique<BufferSlab>(*pools_.back(), buffers));
      resources.lcores.push_back({pools_.back().get(), {nullptr}, 0});
    }
    resources.applications_socket = applications_socket();
    std::string error;
    engine_ = Engine::create(config, std::move(resources), error);
    INFO(error);
    REQUIRE(engine_ != nullptr);
    for (std::size_t i = 0; i < lcores; ++i) threads_.emplace_back([this, i] { run_lcore(i); });
  }
  ~ThreadedEngine() {
    is_ending_ = true;
    for (std::thread& thread : threads_) thread.join();
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }
  ThreadedEngine(const ThreadedEngine&) = delete;
  ThreadedEngine& operator=(const ThreadedEngine&) = delete;

  Engine& engine() { return *engine_; }
  /// While it is held the lcores do nothing. It is tried for, as who pauses may have locks that
  /// others take while they pause.
  std::unique_lock<std::shared_mutex> pause() {
    std::unique_lock turn(turn_, std::try_to_lock);
    while (!turn.owns_lock() && !turn.try_lock()) std::this_thread::yield();
    return turn;
  }
  std::string applications_socket() const { return directory_ + "/applications.sock"; }

 private:
  void run_lcore(std::size_t lcore) {
    IdlePolicy idle({});
    while (!is_ending_) {
      const Time now = clock_now();
      const bool worked = poll(lcore, now);
      const Duration sleep = idle.after_poll(worked, now, engine_->next_deadline(lcore));
      if (sleep > Duration{}) engine_->sleep(lcore, sleep);
    }
  }

  bool poll(std::size_t lcore, Time now) {
    const std::shared_lock turn(turn_);
    return engine_->poll(lcore, now);
  }

  std::string directory_;
  std::vector<std::unique_ptr<BufferPool>> pools_;
  std::vector<std::unique_ptr<BufferSlab>> slabs_;
  std::unique_ptr<Engine> engine_;
  std::shared_mutex turn_;
  std::atomic<bool> is_ending_{false};
  std::vector<std::thread> threads_;
};

}  // namespace millrace::test
