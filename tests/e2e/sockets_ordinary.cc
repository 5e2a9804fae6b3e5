// Calls on descriptors that are no sockets of ours, each kind in a function of its own that
// scripts/ordinary has valgrind count: sockets-ordinary --list, or without arguments.
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

constexpr int kCalls = 100;
constexpr int kUnused = 900;  // no descriptor has this number, nor a larger one

int pipe_ends[2], ends[2], passing[2], set, file, listener;
sockaddr_un listener_name;
socklen_t listener_length;
int fresh[kCalls + 1], accepted[kCalls + 1];
int fresh_count = 0, bound_count = 0, connected_count = 0, accepted_count = 0;
int passed[2 * kCalls];
int passed_count = 0;
char byte = 'b';
iovec part{&byte, 1};
alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
long failures = 0;

msghdr message(bool has_control) {
  msghdr result{};
  result.msg_iov = &part;
  result.msg_iovlen = 1;
  result.msg_control = has_control ? control : nullptr;
  result.msg_controllen = has_control ? sizeof control : 0;
  return result;
}

/// With a descriptor.
msghdr full_message() {
  msghdr result = message(true);
  cmsghdr* head = CMSG_FIRSTHDR(&result);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(head), &pipe_ends[0], sizeof(int));
  return result;
}

ssize_t receive_passed() {
  msghdr full = message(true);
  const ssize_t got = recvmsg(passing[1], &full, 0);
  const cmsghdr* head = CMSG_FIRSTHDR(&full);
  if (head != nullptr) memcpy(&passed[passed_count++], CMSG_DATA(head), sizeof(int));
  return got;
}

int wait_by_select() {
  fd_set wanted;
  FD_ZERO(&wanted);
  FD_SET(ends[0], &wanted);
  timeval none{};
  return select(ends[0] + 1, nullptr, &wanted, nullptr, &none);
}

int wait_by_poll() {
  pollfd entry{ends[0], POLLOUT, 0};
  return poll(&entry, 1, 0);
}

int change_epoll() {
  epoll_event event{};
  event.events = EPOLLOUT;
  return epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event);
}

int wait_by_epoll() {
  epoll_event event;
  return epoll_wait(set, &event, 1, 0);
}

ssize_t send_message(int fd, bool is_full) {
  const msghdr one = is_full ? full_message() : message(false);
  return sendmsg(fd, &one, 0);
}

ssize_t receive_message() {
  msghdr one = message(false);
  return recvmsg(ends[1], &one, 0);
}

int get_option() {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, &length);
}

int set_option() {
  const int on = 1;
  return setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
}

int count_bytes() {
  int count = 0;
  return ioctl(ends[1], FIONREAD, &count);
}

int send_some() {
  mmsghdr one{message(false), 0};
  return sendmmsg(ends[0], &one, 1, 0);
}

int receive_some() {
  mmsghdr one{message(false), 0};
  return recvmmsg(ends[1], &one, 1, 0, nullptr);
}

ssize_t send_a_file() {
  off_t from_start = 0;
  return sendfile(ends[0], file, &from_start, 1);
}

/// Of no name: the kernel chooses one.
int bind_one() {
  sockaddr_un nameless{AF_UNIX, {}};
  return bind(fresh[bound_count++], reinterpret_cast<sockaddr*>(&nameless), sizeof(sa_family_t));
}

int connect_one() {
  const auto* to = reinterpret_cast<const sockaddr*>(&listener_name);
  return connect(fresh[connected_count++], to, listener_length);
}

int ask_name(decltype(&getsockname) ask) {
  sockaddr_un name;
  socklen_t length = sizeof name;
  return ask(fresh[0], reinterpret_cast<sockaddr*>(&name), &length);
}

bool make_listener() {
  sockaddr_un nameless{AF_UNIX, {}};
  listener = socket(AF_UNIX, SOCK_STREAM, 0);
  listener_length = sizeof listener_name;
  auto* name = reinterpret_cast<sockaddr*>(&listener_name);
  return bind(listener, reinterpret_cast<sockaddr*>(&nameless), sizeof(sa_family_t)) == 0 &&
         listen(listener, 2 * kCalls) == 0 && getsockname(listener, name, &listener_length) == 0;
}

int copies[kCalls + 1];
int copy_count = 0;

struct Kind {
  const char* name;
  void (*once)();
  void (*counted)();
};

// What one writes the next reads.
#define KINDS(KIND)                                                             \
  KIND(write, write(pipe_ends[1], &byte, 1))                                    \
  KIND(read, read(pipe_ends[0], &byte, 1))                                      \
  KIND(writev, writev(pipe_ends[1], &part, 1))                                  \
  KIND(readv, readv(pipe_ends[0], &part, 1))                                    \
  KIND(send, send(ends[0], &byte, 1, 0))                                        \
  KIND(recv, recv(ends[1], &byte, 1, 0))                                        \
  KIND(sendto, sendto(ends[0], &byte, 1, 0, nullptr, 0))                        \
  KIND(recvfrom, recvfrom(ends[1], &byte, 1, 0, nullptr, nullptr))              \
  KIND(sendmsg, send_message(ends[0], false))                                   \
  KIND(recvmsg, receive_message())                                              \
  KIND(sendmsg_rights, send_message(passing[0], true))                          \
  KIND(recvmsg_rights, receive_passed())                                        \
  KIND(sendmmsg, send_some())                                                   \
  KIND(recvmmsg, receive_some())                                                \
  KIND(sendfile, send_a_file())                                                 \
  KIND(socket, fresh[fresh_count++] = socket(AF_UNIX, SOCK_STREAM, 0))          \
  KIND(bind, bind_one())                                                        \
  KIND(connect, connect_one())                                                  \
  KIND(accept, accepted[accepted_count++] = accept(listener, nullptr, nullptr)) \
  KIND(getsockname, ask_name(getsockname))                                      \
  KIND(getpeername, ask_name(getpeername))                                      \
  KIND(shutdown, shutdown(accepted[--accepted_count], SHUT_RDWR))               \
  KIND(poll, wait_by_poll())                                                    \
  KIND(select, wait_by_select())                                                \
  KIND(epoll_ctl, change_epoll())                                               \
  KIND(epoll_wait, wait_by_epoll())                                             \
  KIND(fcntl, fcntl(ends[0], F_GETFL))                                          \
  KIND(ioctl, count_bytes())                                                    \
  KIND(getsockopt, get_option())                                                \
  KIND(setsockopt, set_option())                                                \
  KIND(dup, copies[copy_count++] = dup(ends[0]))                                \
  KIND(dup2, dup2(ends[0], kUnused))                                            \
  KIND(close, close(copies[--copy_count]))                                      \
  KIND(close_range, close_range(kUnused, ~0u, 0))                               \
  KIND(closefrom, (closefrom(kUnused), 0))

#define DEFINE_KIND(name, call)                              \
  void once_##name() {                                       \
    failures += (call) < 0;                                  \
  }                                                          \
  [[gnu::noinline]] void counted_##name() {                  \
    for (int i = 0; i < kCalls; ++i) failures += (call) < 0; \
  }
KINDS(DEFINE_KIND)

#define LIST_KIND(name, call) {#name, once_##name, counted_##name},
constexpr Kind kKinds[] = {KINDS(LIST_KIND)};

}  // namespace

int main(int argc, char**) {
  if (argc > 1) {
    printf("%d calls of each\n", kCalls);
    for (const Kind& kind : kKinds) puts(kind.name);
    return 0;
  }
  set = epoll_create1(0);
  if (pipe(pipe_ends) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ||
      socketpair(AF_UNIX, SOCK_STREAM, 0, passing) < 0 || set < 0 || !make_listener())
    return 1;
  file = memfd_create("byte", 0);
  if (write(file, &byte, 1) != 1) return 1;
  epoll_event event{};
  event.events = EPOLLOUT;
  if (epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event) < 0) return 1;
  // What is found out or made at a first call is no part of the count.
  for (const Kind& kind : kKinds) kind.once();
  for (const Kind& kind : kKinds) kind.counted();
  for (int i = 0; i < passed_count; ++i) close(passed[i]);
  printf("%ld calls have failed\n", failures);
  return failures == 0 ? 0 : 1;
}
