// How a sleeper is woken: only when it said that it sleeps, so a busy system makes no system call.
//
// Both directions follow Dekker's pattern, so that no wake-up is lost. The sleeper and the waker
// each store, then fence, then load what the other stores:
//
//   sleeper: asleep = 1; fence; look at the ring's producer index; sleep if nothing is there
//   waker: publish an entry; fence; look at asleep; ring the bell if it is set
//
// With a sequentially consistent fence between store and load on both sides, at least one of them
// sees the other's store: either the sleeper sees the entry or the waker sees the sleeper. Every
// sleep has a number of its own, so a waker rings once for each and still never skips the next.
//
// Each (context, lcore) has an eventfd of its own towards the engine, and the engine never reads it
// (edge-triggered epoll sees every write), so that nothing an application does to its descriptor
// blocks the engine or another application. Towards the application the bell is the attach socket:
// its end is the engine's alone, so it cannot be made to block either.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "engine/base/time.h"

namespace millrace::ipc {

class Channel;

/// The fence of the pattern above. Both sides must use it, or one as strong.
inline void dekker_fence() {
#if defined(__SANITIZE_THREAD__)
  // The thread sanitizer knows no fences; a locked instruction is one on the machines it runs on.
  std::atomic<int> word{0};
  word.fetch_add(1, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

/// What one lcore sleeps on.
class LcoreBell {
 public:
  LcoreBell();
  ~LcoreBell();
  LcoreBell(const LcoreBell&) = delete;
  LcoreBell& operator=(const LcoreBell&) = delete;

  /// Any thread of the engine: wakes the lcore, whether it sleeps or not (1 system call).
  void ring();
  /// Any thread of the engine, after it gave the lcore work by a ring in process: wakes it if it
  /// sleeps. Fences.
  void ring_if_asleep() {
    dekker_fence();
    if (asleep_.load(std::memory_order_relaxed)) ring();
  }

  /// Other descriptors that shall wake the lcore, e.g. a port's. Any thread. Edge-triggered.
  bool add(int descriptor);
  void remove(int descriptor);

  /// Sleeps until one of `channels` has a request, the bell rings or `longest` has passed. Does not
  /// sleep when a request is there already or `has_work()` says so; has_work looks at the lcore's
  /// other inputs (hand-off rings) and is called after the announcement, where looking is safe.
  /// Returns whether something woke it before its time.
  template <class HasWork>
  bool sleep(std::span<Channel* const> channels, Duration longest, HasWork&& has_work) {
    announce(channels);
    const bool woken = has_work() || is_requested(channels) || wait(longest);
    retract(channels);
    return woken;
  }
  bool sleep(std::span<Channel* const> channels, Duration longest) {
    return sleep(channels, longest, [] { return false; });
  }

 private:
  void announce(std::span<Channel* const> channels);
  static bool is_requested(std::span<Channel* const> channels);
  void retract(std::span<Channel* const> channels);
  bool wait(Duration longest);

  int epoll_;
  int own_;
  std::uint32_t sleep_ = 0;          // the last one's number; the lcore's own
  std::atomic<bool> asleep_{false};  // pairs: announce -> ring_if_asleep
};

}  // namespace millrace::ipc
