// Sending and receiving on descriptors of ours, one message or many.
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "api/sockets/attempts.h"
#include "api/sockets/calls.h"
#include "api/sockets/memory.h"
#include "api/sockets/messages.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/remote.h"

namespace millrace::sockets::calls {
namespace {

constexpr std::size_t kControlMost = 65536;

using Guard = Process::Guard;

constexpr unsigned kBatchMax = 1024;                      // as Linux has it
constexpr std::int64_t kSecondsMost = 1'000'000'000'000;  // that a clock of microseconds counts

std::int64_t after(std::int64_t seconds, std::int64_t microseconds) {
  return seconds < kSecondsMost ? monotonic_us() + seconds * 1'000'000 + microseconds : 0;
}

ssize_t send_now(Guard& guard, const SocketPointer& socket, int descriptor, const msghdr& message,
                 int flags, bool more_follow) {
  if (const int bad = check_message(&message); bad != 0) return bad;
  if (!has_own_control(message)) return -EFAULT;
  if (socket->is_remote()) {
    return until_done(guard, *socket, descriptor, flags, deadline_of(socket->send_timeout), -EAGAIN,
                      [&] { return remote::send(*socket, message, flags); });
  }
  Outgoing outgoing;
  if (const int bad = gather(message, outgoing.data); bad != 0) return bad;
  if (const int bad = outgoing.read(*socket, message, flags); bad != 0) return bad;
  outgoing.info.more_follow = more_follow;
  return until_done(guard, *socket, descriptor, flags, deadline_of(socket->send_timeout), -EAGAIN,
                    [&] { return outgoing.try_send(*socket); });
}

ssize_t receive_now(Guard& guard, const SocketPointer& socket, int descriptor, msghdr& message,
                    int flags, std::int64_t deadline_us) {
  if ((flags & MSG_ERRQUEUE) != 0) return -EAGAIN;  // there never is anything in it
  if (const int bad = check_message(&message); bad != 0) return bad;
  const std::size_t name = message.msg_name != nullptr ? message.msg_namelen : 0;
  if (!can_write(message.msg_name, std::min(name, sizeof(sockaddr_storage)))) return -EFAULT;
  // Control data that has no place is lost, as in the kernel, and the message is not.
  void* const control = message.msg_control;
  const std::size_t room = control != nullptr ? message.msg_controllen : 0;
  if (!can_write(control, std::min(room, kControlMost))) message.msg_control = nullptr;
  const auto attempt = [&] {
    return socket->is_remote() ? remote::receive(*socket, message, flags)
                               : try_receive(*socket, message, flags);
  };
  const ssize_t got =
      until_done(guard, *socket, descriptor, flags, deadline_us, -EAGAIN, attempt, true);
  message.msg_control = control;
  return got;
}

/// What the application may say: not what calls say among themselves.
int of_application(int flags) {
  return flags & ~kLeavesError;
}

// Hands a batch over: the engine is woken once.
class Batch {
 public:
  ~Batch() {
    if (mr_context* context = Process::get().context(); context != nullptr) mr_flush(context);
  }
};

}  // namespace

bool may_wait(int descriptor, int flags) {
  return (flags & MSG_DONTWAIT) == 0 && (real().fcntl(descriptor, F_GETFL) & O_NONBLOCK) == 0;
}

std::int64_t deadline_of(const timeval& limit) {
  constexpr std::int64_t kOver = 1;
  if (limit.tv_sec == 0 && limit.tv_usec == 0) return 0;
  return limit.tv_sec < 0 ? kOver : after(limit.tv_sec, limit.tv_usec);
}

ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  flags = of_application(flags);
  ssize_t status = 0;
  {
    Process& process = Process::get();
    Guard guard(process);
    const SocketPointer socket = process.find(descriptor);
    if (socket == nullptr) return answer(ssize_t{-EBADF});
    if (message == nullptr) return answer(ssize_t{-EFAULT});
    status = send_now(guard, socket, descriptor, *message, flags, false);
  }
  if (status == -EPIPE && (flags & MSG_NOSIGNAL) == 0) raise(SIGPIPE);
  return answer(status);
}

int sendmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags) {
  flags = of_application(flags);
  ssize_t status = 0;
  unsigned sent = 0;
  {
    Process& process = Process::get();
    Guard guard(process);
    const SocketPointer socket = process.find(descriptor);
    if (socket == nullptr) return answer(-EBADF);
    if (!can_write(messages, std::min(count, kBatchMax) * sizeof *messages)) return answer(-EFAULT);
    const Batch batch;
    count = std::min(count, kBatchMax);
    for (; sent < count; ++sent) {
      const msghdr& head = messages[sent].msg_hdr;
      const int one = flags | (sent > 0 ? kLeavesError : 0);
      status = send_now(guard, socket, descriptor, head, one, sent + 1 < count);
      if (status < 0) break;
      messages[sent].msg_len = static_cast<unsigned>(status);
    }
  }
  if (status == -EPIPE && (flags & MSG_NOSIGNAL) == 0) raise(SIGPIPE);
  if (sent > 0 || status >= 0) return static_cast<int>(sent);
  return static_cast<int>(answer(status));
}

ssize_t recvmsg(int descriptor, msghdr* message, int flags) {
  flags = of_application(flags);
  Process& process = Process::get();
  Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  if (socket == nullptr) return answer(ssize_t{-EBADF});
  if (message == nullptr) return answer(ssize_t{-EFAULT});
  const std::int64_t deadline = deadline_of(socket->receive_timeout);
  return answer(receive_now(guard, socket, descriptor, *message, flags, deadline));
}

int recvmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags, const timespec* limit) {
  Process& process = Process::get();
  Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  if (socket == nullptr) return answer(-EBADF);
  if (!can_write(messages, std::min(count, kBatchMax) * sizeof *messages)) return answer(-EFAULT);
  if (limit != nullptr && !can_read(limit, sizeof *limit)) return answer(-EFAULT);
  constexpr long kSecond = 1'000'000'000;
  if (limit != nullptr && (limit->tv_sec < 0 || limit->tv_nsec < 0 || limit->tv_nsec >= kSecond))
    return answer(-EINVAL);
  // The limit is for all of them, as Linux has it, and SO_RCVTIMEO for each.
  const std::int64_t end = limit != nullptr ? after(limit->tv_sec, limit->tv_nsec / 1000) : 0;
  ssize_t status = 0;
  unsigned received = 0;
  count = std::min(count, kBatchMax);
  while (received < count) {
    const bool must_not_wait = received > 0 && (flags & MSG_WAITFORONE) != 0;
    int one = of_application(flags & ~MSG_WAITFORONE) | (must_not_wait ? MSG_DONTWAIT : 0);
    if (received > 0) one |= kLeavesError;
    const std::int64_t deadline = limit != nullptr ? end : deadline_of(socket->receive_timeout);
    status = receive_now(guard, socket, descriptor, messages[received].msg_hdr, one, deadline);
    if (status < 0) break;
    messages[received++].msg_len = static_cast<unsigned>(status);
    if (status == 0) break;
  }
  return received > 0 ? static_cast<int>(received) : static_cast<int>(answer(status));
}

}  // namespace millrace::sockets::calls
