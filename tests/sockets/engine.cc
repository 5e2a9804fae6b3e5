#include "tests/sockets/engine.h"

#include <spdlog/spdlog.h>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <thread>
#include <vector>

#include "engine/lcore/idle_policy.h"
#include "engine/main/engine.h"

namespace millrace::sockets {
namespace {

constexpr std::size_t kBuffers = 8192;

Time clock_now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Time{now.tv_sec * 1'000'000'000 + now.tv_nsec};
}

class LoopedEngine {
 public:
  LoopedEngine() {
    // What is made first is destroyed last: the engine may log until its threads are gone.
    spdlog::set_level(spdlog::level::off);
    std::string pattern = std::filesystem::temp_directory_path() / "millrace-sockets-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    InterfaceSettings interface;
    interface.name = "none";
    interface.addresses = {*Prefix::parse("10.0.0.1/24")};
    Config config;
    config.interfaces = {interface};
    EngineResources resources;
    resources.ports = {PortTraits{}};
    resources.interface_ports = {0};
    pool_ = std::make_unique<BufferPool>(kBuffers);
    slab_ = std::make_unique<BufferSlab>(*pool_, kBuffers);
    resources.lcores.push_back({pool_.get(), {nullptr}, 0});
    resources.applications_socket = directory_ + "/applications.sock";
    setenv("MILLRACE_SOCKET", resources.applications_socket.c_str(), 1);
    std::string error;
    engine_ = Engine::create(config, std::move(resources), error);
    INFO(error);
    REQUIRE(engine_ != nullptr);
    lcore_ = std::thread([this] { run_lcore(); });
    main_ = std::thread([this] { run_main(); });
  }
  ~LoopedEngine() {
    is_ending_ = true;
    lcore_.join();
    main_.join();
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }

 private:
  void run_lcore() {
    IdlePolicy idle({});
    while (!is_ending_) {
      const Time now = clock_now();
      const bool worked = engine_->poll(0, now);
      const Duration sleep = idle.after_poll(worked, now, engine_->next_deadline(0));
      if (sleep > Duration{}) engine_->sleep(0, sleep);
    }
  }
  void run_main() {
    while (!is_ending_) {
      pollfd entry{engine_->descriptor(), POLLIN, 0};
      ::poll(&entry, 1, 20);
      engine_->poll_main(clock_now());
    }
  }

  std::string directory_;
  std::unique_ptr<BufferPool> pool_;
  std::unique_ptr<BufferSlab> slab_;
  std::unique_ptr<Engine> engine_;
  std::atomic<bool> is_ending_{false};
  std::thread lcore_;
  std::thread main_;
};

}  // namespace

void start_engine() {
  static LoopedEngine engine;
}

}  // namespace millrace::sockets
