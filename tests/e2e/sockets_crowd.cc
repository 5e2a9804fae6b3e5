// Many associations of one epoll program: sockets-crowd server PORT, sockets-crowd client ADDRESS
// PORT COUNT. The server sends back what comes. A client has COUNT associations, on each of which
// one numbered message is under way all the time, and checks what comes back. Once a second a
// client says how many came back; wrong ones end it. SIGTERM closes all in good order.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr int kDescriptorsMax = 8192;
constexpr int kPauseMs = 20;  // between an answer and the next message, so that cores are left

struct Peer {
  unsigned long number;
  bool is_connected;
  bool is_waiting;  // for an answer
};

Peer peers[kDescriptorsMax];
volatile sig_atomic_t is_ending = 0;
long answered = 0;
int living = 0;

[[noreturn]] void fail(const char* what) {
  printf("failed: %s: %s\n", what, strerror(errno));
  exit(1);
}

void add(int set, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

int make_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_SCTP);
  if (fd < 0 || fd >= kDescriptorsMax) fail("socket");
  return fd;
}

void forget(int fd) {
  close(fd);
  peers[fd] = Peer{};
  --living;
}

void echo(int fd) {
  char bytes[256];
  ssize_t size;
  while ((size = recv(fd, bytes, sizeof bytes, 0)) > 0) {
    if (send(fd, bytes, static_cast<size_t>(size), MSG_NOSIGNAL) < 0 && errno != EAGAIN) break;
    ++answered;
  }
  if (size == 0 || (size < 0 && errno != EAGAIN)) forget(fd);
}

void serve(uint16_t port) {
  const int listener = make_socket();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) fail("bind");
  if (listen(listener, 2048) < 0) fail("listen");
  const int set = epoll_create1(0);
  add(set, listener, EPOLLIN);
  puts("serving");
  while (is_ending == 0) {
    epoll_event events[256];
    const int count = epoll_wait(set, events, 256, 200);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd != listener) {
        echo(fd);
        continue;
      }
      int fresh;
      while ((fresh = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0) {
        if (fresh >= kDescriptorsMax) fail("accept");
        ++living;
        add(set, fresh, EPOLLIN);
      }
    }
  }
}

void ask(int fd) {
  char text[32];
  const int size = snprintf(text, sizeof text, "%d %lu", fd, ++peers[fd].number);
  peers[fd].is_waiting = send(fd, text, static_cast<size_t>(size), MSG_NOSIGNAL) == size;
}

void take_answer(int fd) {
  char text[32], got[256];
  const ssize_t size = recv(fd, got, sizeof got, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return forget(fd);
  const int wanted = snprintf(text, sizeof text, "%d %lu", fd, peers[fd].number);
  if (size != wanted || memcmp(text, got, static_cast<size_t>(size)) != 0) {
    printf("wrong: %.*s instead of %s\n", static_cast<int>(size), got, text);
    exit(1);
  }
  peers[fd].is_waiting = false;
  ++answered;
}

void start(int set, const sockaddr_in& to) {
  const int fd = make_socket();
  const auto* address = reinterpret_cast<const sockaddr*>(&to);
  if (connect(fd, address, sizeof to) < 0 && errno != EINPROGRESS) fail("connect");
  ++living;
  add(set, fd, EPOLLIN | EPOLLOUT);
}

void set_up(int set, int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0) return forget(fd);
  peers[fd].is_connected = true;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(set, EPOLL_CTL_MOD, fd, &event);
}

void talk(const char* address, uint16_t port, int count) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  inet_pton(AF_INET, address, &to.sin_addr);
  const int set = epoll_create1(0);
  for (int i = 0; i < count; ++i) start(set, to);
  time_t said = time(nullptr);
  while (is_ending == 0 && living > 0) {
    epoll_event events[256];
    const int ready = epoll_wait(set, events, 256, kPauseMs);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[i].data.fd;
      peers[fd].is_connected ? take_answer(fd) : set_up(set, fd);
    }
    for (int fd = 0; fd < kDescriptorsMax; ++fd) {
      if (peers[fd].is_connected && !peers[fd].is_waiting) ask(fd);
    }
    if (ready > 0) usleep(kPauseMs * 1000);
    if (time(nullptr) == said) continue;
    said = time(nullptr);
    printf("answered %ld living %d\n", answered, living);
  }
}

}  // namespace

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  signal(SIGTERM, [](int) { is_ending = 1; });
  if (argc == 3 && strcmp(argv[1], "server") == 0) {
    serve(static_cast<uint16_t>(atoi(argv[2])));
  } else if (argc == 5 && strcmp(argv[1], "client") == 0) {
    talk(argv[2], static_cast<uint16_t>(atoi(argv[3])), atoi(argv[4]));
  } else {
    fputs("usage: sockets-crowd server PORT | client ADDRESS PORT COUNT\n", stderr);
    return 2;
  }
  printf("ended: answered %ld living %d\n", answered, living);
  return 0;
}
