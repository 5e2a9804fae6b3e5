// The socket calls on descriptors of ours, with the C library's arguments and answers: -1 and errno
// for failures. They wait where the C library's would.
#pragma once

#include <pthread.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <ctime>
#include <functional>

namespace millrace::sockets::calls {

/// While it lives the thread is not cancelled in a call that sleeps: those that are no cancellation
/// points of POSIX's may be called where nothing can be thrown.
class Uncancellable {
 public:
  Uncancellable() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~Uncancellable() { pthread_setcancelstate(before_, nullptr); }
  Uncancellable(const Uncancellable&) = delete;
  Uncancellable& operator=(const Uncancellable&) = delete;

 private:
  int before_ = 0;
};

bool is_sctp(int family, int type, int protocol);
int socket(int family, int type);
int bind(int descriptor, const sockaddr* address, socklen_t length);
int listen(int descriptor, int backlog);
int accept(int descriptor, sockaddr* address, socklen_t* length, int flags);
int connect(int descriptor, const sockaddr* address, socklen_t length);
int shutdown(int descriptor, int how);
int close(int descriptor);
/// `make` has the kernel copy a descriptor, onto `to` if that is not -1, and the copy means what
/// `from` does. Nobody closes one of them meanwhile.
int copy(int from, int to, const std::function<int()>& make);
int bytes_readable(int descriptor, int* count);
/// An epoll set is told of edges of the socket.
void watch_edges(int descriptor);
int getsockname(int descriptor, sockaddr* address, socklen_t* length);
int getpeername(int descriptor, sockaddr* address, socklen_t* length);
int getsockopt(int descriptor, int level, int name, void* value, socklen_t* length);
int setsockopt(int descriptor, int level, int name, const void* value, socklen_t length);
ssize_t sendmsg(int descriptor, const msghdr* message, int flags);
ssize_t recvmsg(int descriptor, msghdr* message, int flags);
int sendmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags);
int recvmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags, const timespec* limit);

}  // namespace millrace::sockets::calls
