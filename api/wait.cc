// Sleeping until there is something to receive.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "api/context.h"
#include "engine/ipc/bell.h"

namespace millrace::api {

bool Context::has_something() {
  if (!local_.empty()) return true;
  if (is_lost_) return false;
  for (const auto& lane : lanes_) {
    if (lane->completions.available(1) > 0) return true;
  }
  if (!wants_space()) return false;
  reclaim();
  submit_postponed();
  report_writable();
  return !local_.empty();
}

/// Who polls the descriptor is to be woken for space too, or now if some came meanwhile.
void Context::await_space() {
  if (epoll_ < 0) return;
  arm();
  if (has_something()) set_timer(1);
}

/// Says in every lane that this side sleeps, with a number of its own for each sleep. What comes
/// after the fence sees what the engine did before it saw the announcement (engine/ipc/bell.h).
void Context::arm() {
  sleep_ = (sleep_ + 1) & ~ipc::kAsleepWantsSpace;
  if (sleep_ == 0) sleep_ = 1;
  const std::uint32_t word = sleep_ | (wants_space() ? ipc::kAsleepWantsSpace : 0);
  for (const auto& lane : lanes_)
    lane->words->application.asleep.store(word, std::memory_order_relaxed);
  ipc::dekker_fence();
  is_armed_ = true;
}

void Context::disarm() {
  for (const auto& lane : lanes_)
    lane->words->application.asleep.store(0, std::memory_order_relaxed);
  is_armed_ = false;
}

/// Takes what the engine's bell left in the socket, and notices the engine's end.
void Context::drain_bell() {
  char byte;
  while (true) {
    const ssize_t received = recv(memory_.socket, &byte, 1, MSG_DONTWAIT);
    if (received > 0) continue;
    if (received < 0 && errno == EINTR) continue;
    if (received == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) lose_engine();
    return;
  }
}

void Context::sleep(std::int64_t timeout_us) {
  std::int64_t limit_us = timeout_us < 0 ? 3'600'000'000 : timeout_us;
  if (is_lost_) limit_us = std::min(limit_us, retry_in_us());
  pollfd entry{is_lost_ ? -1 : memory_.socket, POLLIN, 0};
  const timespec limit{static_cast<time_t>(limit_us / 1'000'000),
                       static_cast<long>(limit_us % 1'000'000 * 1'000)};
  ppoll(&entry, 1, &limit, nullptr);
}

int Context::wait(std::int64_t timeout_us) {
  release();
  if (has_something()) return 1;
  if (is_final()) return failed(-EIO, "the engine is gone");
  if (!is_lost_) {
    for (const auto& lane : lanes_) credit(*lane, true);
    flush();
    if (memory_.socket < 0) return 0;  // a context in process never sleeps
  }
  const std::int64_t start = now_us();
  const std::int64_t spin_end = start + options_.spin_us;
  while (!is_lost_ && now_us() < spin_end) {
    if (has_something()) return 1;
  }
  while (true) {
    if (is_lost_) recover();
    if (!is_lost_) arm();
    if (has_something() || is_final()) break;
    const std::int64_t left =
        timeout_us < 0 ? -1 : std::max<std::int64_t>(0, start + timeout_us - now_us());
    if (left == 0) break;
    errno = 0;
    sleep(left);
    const bool is_interrupted = errno == EINTR;
    if (!is_lost_) drain_bell();
    if (is_interrupted && !has_something()) {
      if (!is_lost_ && epoll_ < 0) disarm();
      return failed(-EINTR, "a signal came");
    }
  }
  if (!is_lost_ && epoll_ < 0) disarm();
  return has_something() ? 1 : 0;
}

int Context::descriptor() {
  if (epoll_ >= 0) return epoll_;
  if (memory_.socket < 0 && !is_lost_)
    return failed(-EOPNOTSUPP, "a context in process has no descriptor");
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return failed(-errno, "epoll");
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  if (timer_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, timer_, &event) != 0) {
    const int status = -errno;
    close(epoll_);
    epoll_ = -1;
    return failed(status, "timer");
  }
  watch_socket();
  if (!is_lost_) arm();
  // Whatever is there already rings no bell any more: let the descriptor say so by itself.
  if (has_something()) set_timer(1);
  return epoll_;
}

void Context::move_descriptors(int (*move)(int), ipc::ClientMemory::Close close) {
  move_ = move;
  close_ = close;
  move_attached();
  for (int* descriptor : {&epoll_, &timer_}) {
    if (*descriptor >= 0) *descriptor = move_(*descriptor);
  }
}

/// What came with the attach, if descriptors are to be moved.
void Context::move_attached() {
  if (move_ == nullptr) return;
  memory_.close_descriptor = close_;
  for (std::size_t lcore = 0; lcore < memory_.lcore_bells.size(); ++lcore)
    lanes_[lcore]->bell = memory_.lcore_bells[lcore] = move_(memory_.lcore_bells[lcore]);
  if (memory_.socket >= 0) memory_.socket = move_(memory_.socket);
}

/// Puts the socket of a fresh attach under the descriptor that the application polls.
void Context::watch_socket() {
  if (epoll_ < 0 || memory_.socket < 0) return;
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, memory_.socket, &event);
}

/// Makes the descriptor readable after a while; 0: no more.
void Context::set_timer(std::int64_t in_us) {
  if (timer_ < 0) return;
  is_timer_set_ = in_us != 0;
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(in_us / 1'000'000);
  when.it_value.tv_nsec = static_cast<long>(in_us % 1'000'000 * 1'000);
  timerfd_settime(timer_, 0, &when, nullptr);
}

}  // namespace millrace::api
