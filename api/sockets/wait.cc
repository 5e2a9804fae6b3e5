// Sleeping in a call, without the lock.
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "api/sockets/in_call.h"
#include "api/sockets/process.h"
#include "api/sockets/real_calls.h"

namespace millrace::sockets {
namespace {

// With a limit a signal always ends the call, as it does in the kernel's.
int sleep_until(int descriptor, std::int64_t deadline_us, short events = POLLIN) {
  const std::int64_t left = deadline_us - monotonic_us();
  if (left <= 0) return -EAGAIN;
  pollfd entry{descriptor, events, 0};
  const int ready =
      poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left / 1000 + 1, 1 << 30)));
  return ready < 0 ? -errno : 0;
}

int sleep_for_ever(int descriptor) {
  std::uint64_t count;
  return real().read(descriptor, &count, sizeof count) < 0 ? -errno : 0;
}

/// One who sleeps. It ends too when the thread is cancelled in its sleep, which unwinds the stack.
class Sleeper {
 public:
  Sleeper(Process::Guard& guard, Socket& socket, int descriptor)
      : guard_(guard), socket_(socket), descriptor_(descriptor) {
    socket_.waiters.push_back(descriptor_);
    guard_.unlock();
  }
  ~Sleeper() {
    guard_.lock();
    std::erase(socket_.waiters, descriptor_);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

 private:
  Process::Guard& guard_;
  Socket& socket_;
  int descriptor_;
};

/// The lock is free while this lives, and held again when the thread is cancelled meanwhile.
class Unlocked {
 public:
  explicit Unlocked(Process::Guard& guard) : guard_(guard) { guard_.unlock(); }
  ~Unlocked() { guard_.lock(); }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  Process::Guard& guard_;
};

}  // namespace

int sleep_in_call(Process::Guard& guard, Socket& socket, std::int64_t deadline_us) {
  const InCall in_call(socket, InCall::Kind::sleep);
  const int descriptor = in_call.bed();
  if (descriptor < 0) return -ENFILE;
  int status;
  {
    const Sleeper sleeper(guard, socket, descriptor);
    status = deadline_us != 0 ? sleep_until(descriptor, deadline_us) : sleep_for_ever(descriptor);
  }
  // What rang meanwhile must not end the next sleep.
  pollfd entry{descriptor, POLLIN, 0};
  std::uint64_t count;
  if (poll(&entry, 1, 0) == 1) {
    [[maybe_unused]] const ssize_t taken = real().read(descriptor, &count, sizeof count);
  }
  return status;
}

int sleep_on_descriptor(Process::Guard& guard, int descriptor, bool to_read,
                        std::int64_t deadline_us) {
  const Unlocked unlocked(guard);
  int status = 0;
  char byte;
  if (deadline_us != 0) {
    status = sleep_until(descriptor, deadline_us, to_read ? POLLIN : POLLOUT);
  } else if (to_read) {
    // As in a sleep of one's own, the kernel begins this again after a signal if it should.
    if (real().recv(descriptor, &byte, 1, MSG_PEEK) < 0) status = -errno;
  } else {
    pollfd entry{descriptor, POLLOUT, 0};
    if (poll(&entry, 1, -1) < 0) status = -errno;
  }
  return status;
}

}  // namespace millrace::sockets
