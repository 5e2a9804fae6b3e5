#include "engine/ipc/bell.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>

#include "engine/base/assert.h"
#include "engine/ipc/channel.h"

namespace millrace::ipc {

LcoreBell::LcoreBell()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), own_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  MR_ASSERT(epoll_ >= 0 && own_ >= 0);
  MR_ASSERT(add(own_));
}

LcoreBell::~LcoreBell() {
  close(own_);
  close(epoll_);
}

void LcoreBell::ring() {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, that is, when nobody has been missing a wake-up.
  [[maybe_unused]] const ssize_t written = write(own_, &one, sizeof one);
}

bool LcoreBell::add(int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void LcoreBell::remove(int descriptor) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
}

void LcoreBell::announce(std::span<Channel* const> channels) {
  asleep_.store(true, std::memory_order_relaxed);
  sleep_ = sleep_ + 1 == 0 ? 1 : sleep_ + 1;
  for (Channel* channel : channels) channel->set_asleep(sleep_);
  dekker_fence();
}

bool LcoreBell::is_requested(std::span<Channel* const> channels) {
  for (Channel* channel : channels) {
    if (channel->has_requests()) return true;
  }
  return false;
}

void LcoreBell::retract(std::span<Channel* const> channels) {
  for (Channel* channel : channels) channel->set_asleep(0);
  asleep_.store(false, std::memory_order_relaxed);
}

bool LcoreBell::wait(Duration longest) {
  if (longest.ns < 0) longest = Duration{};
  pollfd entry{epoll_, POLLIN, 0};
  const timespec limit{static_cast<time_t>(longest.ns / 1'000'000'000),
                       static_cast<long>(longest.ns % 1'000'000'000)};
  if (ppoll(&entry, 1, &limit, nullptr) <= 0) return false;
  epoll_event events[16];
  while (epoll_wait(epoll_, events, 16, 0) == 16) {
  }
  return true;
}

}  // namespace millrace::ipc
