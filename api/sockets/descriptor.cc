#include "api/sockets/descriptor.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "api/sockets/real_calls.h"
#include "api/sockets/table.h"

namespace millrace::sockets {

std::atomic<int> descriptors_end;

namespace {

constexpr int kSmallestBuffer = 1;  // the kernel makes the least that it can of it
constexpr int kFirstInternal = 1024;
// Enough for the kernel to say that the smallest send buffer is full.
constexpr char kFilling[2048] = {};

std::atomic<std::uint8_t> internal[kDescriptorsMax];

// Where the library's own descriptors begin: above what select() can name if the limit allows it.
int first_internal() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 3;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, kDescriptorsMax);
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur > 2 * kFirstInternal ? kFirstInternal
                                             : static_cast<int>(limit.rlim_cur / 2);
}

}  // namespace

int move_up(int descriptor) {
  static const int first = first_internal();
  const int moved = real().fcntl(descriptor, F_DUPFD_CLOEXEC, first);
  const int result = moved >= 0 ? moved : descriptor;
  if (moved >= 0) real().close(descriptor);
  mark_internal(result);
  return result;
}

void mark_internal(int descriptor) {
  if (descriptor < 0 || descriptor >= kDescriptorsMax) return;
  count_up_to(descriptor);
  internal[descriptor].store(1, std::memory_order_relaxed);
}

bool is_internal(int descriptor) {
  return descriptor >= 0 && descriptor < kDescriptorsMax &&
         internal[descriptor].load(std::memory_order_relaxed) != 0;
}

void forget_internal(int descriptor) {
  if (descriptor < 0) return;
  if (descriptor < kDescriptorsMax) internal[descriptor].store(0, std::memory_order_relaxed);
  real().close(descriptor);
}

Descriptor::~Descriptor() {
  close();
}

void Descriptor::close() {
  forget_internal(ours_);
  ours_ = -1;
}

int Descriptor::open(int flags, const SocketName& name) {
  int pair[2];
  struct stat status {};
  const int both = SOCK_STREAM | (flags & (SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (real().socketpair(AF_UNIX, both, 0, pair) != 0) return -errno;
  real().setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &kSmallestBuffer, sizeof kSmallestBuffer);
  ours_ = move_up(pair[1]);
  give_name(ours_, name);  // without one it is of use in this process and in its forks
  if (fstat(pair[0], &status) == 0) inode_ = status.st_ino;
  return pair[0];
}

void Descriptor::show(int application_end, bool readable, bool writable) {
  char sink[4096];
  if (ours_ < 0) return;
  if (readable != is_readable_ && !has_ended_ && (readable || application_end >= 0)) {
    is_readable_ = readable;
    if (readable) {
      real().send(ours_, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
      real().recv(application_end, sink, sizeof sink, MSG_DONTWAIT);
    }
  }
  if (writable == is_writable_ || (!writable && application_end < 0)) return;
  is_writable_ = writable;
  if (!writable) {
    real().send(application_end, kFilling, sizeof kFilling, MSG_DONTWAIT | MSG_NOSIGNAL);
  } else {
    while (real().recv(ours_, sink, sizeof sink, MSG_DONTWAIT) > 0) {
    }
  }
}

void Descriptor::poke(int application_end) {
  char sink;
  if (ours_ < 0 || application_end < 0 || !is_readable_ || has_ended_) return;
  real().send(ours_, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  real().recv(application_end, &sink, sizeof sink, MSG_DONTWAIT);
}

void Descriptor::show_end_of_input() {
  has_ended_ = true;
  if (ours_ >= 0) real().shutdown(ours_, SHUT_WR);
}

void Descriptor::show_hang_up() {
  show_end_of_input();
  has_hung_up_ = true;
  if (ours_ >= 0) real().shutdown(ours_, SHUT_RDWR);
}

bool Descriptor::is_open_somewhere() const {
  if (ours_ < 0) return false;
  if (!has_hung_up_) {
    pollfd entry{ours_, 0, 0};
    return poll(&entry, 1, 0) == 0;
  }
  // It is hung up at this end in any case. But a byte that said that there is something to read
  // lies with the other one for good. Without it nothing is left that anybody would miss.
  int unread = 0;
  return real().ioctl(ours_, SIOCOUTQ, &unread) == 0 && unread > 0;
}

bool Descriptor::is_end(int descriptor) const {
  struct stat status {};
  return inode_ != 0 && fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode) &&
         status.st_ino == inode_;
}

}  // namespace millrace::sockets
