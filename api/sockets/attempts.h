// What the calls on descriptors have in common: an attempt, repeated until it has an outcome, and
// the C library's way to say it.
#pragma once

#include <algorithm>
#include <cerrno>
#include <memory>

#include "api/sockets/in_call.h"
#include "api/sockets/process.h"

namespace millrace::sockets::calls {

using SocketPointer = std::shared_ptr<Socket>;

/// -errno as the C library tells it.
template <class Number>
Number answer(Number status) {
  if (status >= 0) return status;
  errno = static_cast<int>(-status);
  return -1;
}

/// When a wait of so long is over, by monotonic_us(); 0: never. As Linux reads SO_RCVTIMEO: no time
/// at all, and more than any clock counts, is for ever; less than none is over already.
std::int64_t deadline_of(const timeval& limit);

/// Whether the call, or the descriptor, allows it.
bool may_wait(int descriptor, int flags);

/// Asks again and again for what the engine says, for as long as the user wants that before a call
/// sleeps (MILLRACE_SPIN_US): the status when there is another, -EINTR after a signal, or
/// `unready`.
template <class Attempt>
ssize_t spin(Process::Guard& guard, std::int64_t deadline_us, ssize_t unready, Attempt& attempt) {
  Process& process = Process::get();
  const bool has_limit = deadline_us != 0;
  std::int64_t end_us = monotonic_us() + process.spin_us();
  if (has_limit) end_us = std::min(end_us, deadline_us);
  ssize_t status = unready;
  while (status == unready && monotonic_us() < end_us) {
    const int interrupted = guard.yield(has_limit);
    process.drain();
    status = attempt();
    if (status == unready && interrupted != 0) return interrupted;
  }
  return status;
}

/// Tries until the attempt has an outcome, or until a time (0: for ever). `unready` is the status
/// that means "not yet".
template <class Attempt>
ssize_t until_done(Process::Guard& guard, Socket& socket, int descriptor, int flags,
                   std::int64_t deadline_us, ssize_t unready, Attempt&& attempt,
                   bool to_read = false) {
  ssize_t status = attempt();
  if (status != unready) return status;
  Process::get().drain();  // the engine may have said it already
  status = attempt();
  if (status != unready || !may_wait(descriptor, flags)) return status;
  const InCall in_call(socket);
  if (!socket.is_remote()) status = spin(guard, deadline_us, unready, attempt);
  while (status == unready) {
    const int woken = socket.is_remote()
                          ? sleep_on_descriptor(guard, descriptor, to_read, deadline_us)
                          : sleep_in_call(guard, socket, deadline_us);
    if (woken != 0) return woken == -EAGAIN ? unready : woken;
    status = attempt();
  }
  return status;
}

}  // namespace millrace::sockets::calls
