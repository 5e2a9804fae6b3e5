#include "engine/main/lcore_thread.h"

#include <pthread.h>
#include <sched.h>

#include <cstring>
#include <ctime>

#include "drivers/eal.h"
#include "engine/main/log.h"

namespace millrace {
namespace {

void pin_to(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  const int fault = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  if (fault != 0) spdlog::warn("cannot pin to CPU {}: {}", cpu, std::strerror(fault));
}

}  // namespace

Time monotonic_now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Time{now.tv_sec * 1'000'000'000 + now.tv_nsec};
}

LcoreThread::LcoreThread(Engine& engine, const Options& options)
    : engine_(engine), options_(options), thread_([this] { run(); }) {}

LcoreThread::~LcoreThread() {
  is_ending_.store(true, std::memory_order_relaxed);  // pairs: run()
  thread_.join();
}

void LcoreThread::run() {
  pthread_setname_np(pthread_self(), options_.name.substr(0, 15).c_str());
  if (options_.pin) pin_to(options_.cpu);
  const bool is_adopted = drivers::Eal::adopt_thread();
  if (!is_adopted) spdlog::warn("lcore {} has no identity in DPDK: it is slower", options_.lcore);
  IdlePolicy idle(options_.idle);
  while (!is_ending_.load(std::memory_order_relaxed)) {  // pairs: ~LcoreThread()
    const Time now = monotonic_now();
    const bool worked = engine_.poll(options_.lcore, now);
    const Duration sleep = idle.after_poll(worked, now, engine_.next_deadline(options_.lcore));
    if (sleep > Duration{}) engine_.sleep(options_.lcore, sleep);
  }
  if (is_adopted) drivers::Eal::leave_thread();
}

}  // namespace millrace
