// The C library's own functions, behind the ones that this library puts before them.
#pragma once

#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <atomic>
#include <cstdarg>
#include <cstddef>
#include <cstdio>

namespace millrace::sockets {

/// Found once by dlsym. What is reached through here never comes back to this library.
struct RealCalls {
  int (*socket)(int, int, int);
  int (*socketpair)(int, int, int, int*);
  int (*bind)(int, const sockaddr*, socklen_t);
  int (*listen)(int, int);
  int (*accept)(int, sockaddr*, socklen_t*);
  int (*accept4)(int, sockaddr*, socklen_t*, int);
  int (*connect)(int, const sockaddr*, socklen_t);
  int (*shutdown)(int, int);
  int (*close)(int);
  int (*dup)(int);
  int (*dup2)(int, int);
  int (*epoll_ctl)(int, int, int, epoll_event*);
  int (*dup3)(int, int, int);
  int (*fcntl)(int, int, ...);
  int (*ioctl)(int, unsigned long, ...);
  int (*getsockname)(int, sockaddr*, socklen_t*);
  int (*getpeername)(int, sockaddr*, socklen_t*);
  int (*getsockopt)(int, int, int, void*, socklen_t*);
  int (*setsockopt)(int, int, int, const void*, socklen_t);
  ssize_t (*send)(int, const void*, size_t, int);
  ssize_t (*sendto)(int, const void*, size_t, int, const sockaddr*, socklen_t);
  ssize_t (*sendmsg)(int, const msghdr*, int);
  int (*sendmmsg)(int, mmsghdr*, unsigned, int);
  ssize_t (*recv)(int, void*, size_t, int);
  ssize_t (*recvfrom)(int, void*, size_t, int, sockaddr*, socklen_t*);
  ssize_t (*recvmsg)(int, msghdr*, int);
  int (*recvmmsg)(int, mmsghdr*, unsigned, int, timespec*);
  ssize_t (*read)(int, void*, size_t);
  ssize_t (*readv)(int, const iovec*, int);
  ssize_t (*write)(int, const void*, size_t);
  ssize_t (*writev)(int, const iovec*, int);
  ssize_t (*sendfile)(int, int, off_t*, size_t);
  ssize_t (*pwritev2)(int, const iovec*, int, off_t, int);
  ssize_t (*preadv2)(int, const iovec*, int, off_t, int);
  ssize_t (*splice)(int, off_t*, int, off_t*, size_t, unsigned);
  int (*vdprintf)(int, const char*, va_list);
  int (*vdprintf_chk)(int, int, const char*, va_list);
  int (*close_range)(unsigned, unsigned, int);
  FILE* (*fdopen)(int, const char*);
  void (*exit_now)(int);
  int (*execve)(const char*, char* const*, char* const*);
  int (*execvpe)(const char*, char* const*, char* const*);
  int (*fexecve)(int, char* const*, char* const*);
  int (*execveat)(int, const char*, char* const*, char* const*, int);
  int (*posix_spawn)(pid_t*, const char*, const posix_spawn_file_actions_t*,
                     const posix_spawnattr_t*, char* const*, char* const*);
  int (*posix_spawnp)(pid_t*, const char*, const posix_spawn_file_actions_t*,
                      const posix_spawnattr_t*, char* const*, char* const*);
  void* vfork;
};

/// None before the first call. Pairs with find_real_calls().
extern std::atomic<const RealCalls*> real_calls [[gnu::visibility("hidden")]];
const RealCalls& find_real_calls();

/// Any thread, at any time, before main() too.
inline const RealCalls& real() {
  const RealCalls* found = real_calls.load(std::memory_order_acquire);
  return found != nullptr ? *found : find_real_calls();
}

}  // namespace millrace::sockets
