#include "bench/engine_thread.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <filesystem>

#include "bench/clocks.h"
#include "bench/contestant.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kBuffers = 8192;
constexpr int kMainLookMs = 50;

Time now() {
  return Time{read_ns(CLOCK_MONOTONIC)};
}

}  // namespace

EngineThread::EngineThread(bool is_busy) : pool_(kBuffers), memory_(pool_, kBuffers) {
  spdlog::set_level(spdlog::level::warn);
  std::string pattern = std::filesystem::temp_directory_path() / "millrace-bench-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) fail("no temporary directory");
  directory_ = pattern;
  InterfaceSettings interface;
  interface.name = "none";
  interface.addresses = {*Prefix::parse(std::string(kAddress) + "/24")};
  Config config;
  config.interfaces = {interface};
  EngineResources resources;
  resources.ports = {PortTraits{}};
  resources.interface_ports = {0};
  resources.lcores.push_back({&pool_, {nullptr}, 0});
  resources.applications_socket = applications_socket();
  std::string error;
  engine_ = Engine::create(config, std::move(resources), error);
  if (engine_ == nullptr) fail("engine: " + error);
  lcore_ = std::thread([this, is_busy] { run_lcore(is_busy); });
  main_ = std::thread([this] { run_main(); });
}

EngineThread::~EngineThread() {
  is_ending_ = true;
  lcore_.join();
  main_.join();
  engine_.reset();
  std::filesystem::remove_all(directory_);
}

void EngineThread::run_lcore(bool is_busy) {
  IdlePolicy::Config policy;
  policy.busy = is_busy;
  IdlePolicy idle(policy);
  while (!is_ending_) {
    const Time time = now();
    const bool worked = engine_->poll(0, time);
    const Duration sleep = idle.after_poll(worked, time, engine_->next_deadline(0));
    if (sleep > Duration{}) engine_->sleep(0, sleep);
  }
}

void EngineThread::run_main() {
  while (!is_ending_) {
    pollfd entry{engine_->descriptor(), POLLIN, 0};
    ::poll(&entry, 1, kMainLookMs);
    engine_->poll_main(now());
  }
}

}  // namespace millrace::bench
