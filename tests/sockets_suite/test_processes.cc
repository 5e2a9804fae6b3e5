// fork, and descriptors that are handed from process to process.
#include "tests/sockets_suite/processes.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

using namespace suite;

static constexpr char kGroup[] = "processes";

namespace {

int pass(int channel, int fd) {
  char byte = 'f';
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(head), &fd, sizeof fd);
  return static_cast<int>(sendmsg(channel, &message, 0));
}

int take(int channel) {
  char byte;
  iovec part{&byte, 1};
  int fd = -1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  EQUAL(recvmsg(channel, &message, 0), 1);
  CHECK(CMSG_FIRSTHDR(&message) != nullptr);
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
  return fd;
}

}  // namespace

CASE("a child reads and writes what it inherited") {
  const Pair two = pair();
  const pid_t process = child([&] {
    CHECK(receive(two.server).is("ping"));
    EQUAL(say(two.server, "pong"), 4);
  });
  EQUAL(say(two.client, "ping"), 4);
  CHECK(receive(two.client).is("pong"));
  EQUAL(status_of(process), 0);
}

CASE("a child accepts from the listener that it inherited") {
  const int listener = listening();
  const pid_t process = child([&] {
    const int fd = OK(accept(listener, nullptr, nullptr));
    EQUAL(say(fd, "from the child"), 14);
  });
  const int fd = make();
  OK(connect_to(fd, name_of(listener)));
  CHECK(receive(fd).is("from the child"));
  EQUAL(status_of(process), 0);
}

CASE("an association ends when the last process that has it closes it") {
  const Pair two = pair();
  const pid_t process = child([&] {
    sleep_ms(100);
    EQUAL(say(two.server, "later"), 5);
  });
  OK(close(two.server));
  CHECK(receive(two.client).is("later"));
  EQUAL(receive(two.client).size, 0);
  EQUAL(status_of(process), 0);
}

CASE("an association ends though a thread slept in it when its process forked") {
  const Pair two = pair();
  pthread_t waiter;
  const auto sleep = [](void* fd) -> void* {
    char byte;
    recv(*static_cast<const int*>(fd), &byte, 1, 0);
    return nullptr;
  };
  EQUAL(pthread_create(&waiter, nullptr, sleep, const_cast<int*>(&two.server)), 0);
  sleep_ms(50);
  int closed[2], over[2];
  OK(pipe(closed));
  OK(pipe(over));
  const pid_t process = child([&] {
    close(two.server);
    close(over[1]);
    char byte = 'c';
    if (write(closed[1], &byte, 1) == 1) (void)!read(over[0], &byte, 1);  // until the parent's end
  });
  char byte;
  EQUAL(read(closed[0], &byte, 1), 1);
  EQUAL(pthread_cancel(waiter), 0);
  pthread_join(waiter, nullptr);
  OK(close(two.server));
  const timeval limit{kShort, 0};
  OK(setsockopt(two.client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
  EQUAL(receive(two.client).size, 0);
  OK(close(over[1]));
  EQUAL(status_of(process), 0);
}

namespace {

long ms_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

/// Calls on both ends, as many as it takes to meet who else might take answers to them, but not
/// for long.
void talk(const Pair& two) {
  constexpr int kTimes = 1000;
  const long end_ms = ms_of(CLOCK_MONOTONIC) + 1000;
  OK(set(two.client, IPPROTO_SCTP, SCTP_NODELAY, 1));
  for (int i = 0; i < kTimes && ms_of(CLOCK_MONOTONIC) < end_ms; ++i) {
    EQUAL(say(two.client, "there"), 5);
    CHECK(receive(two.server).is("there"));
  }
}

/// Ends as exit() does: it has yet to write what `full`, which takes nothing, was given.
[[noreturn]] void end_slowly(int full) {
  fcntl(full, F_SETFL, O_NONBLOCK);
  while (write(full, "x", 1) == 1) {
  }
  fcntl(full, F_SETFL, 0);
  fputs("the last words", fdopen(full, "w"));
  exit(0);
}

}  // namespace

CASE("a child goes on with its calls while the process that made the sockets ends slowly") {
  alarm(3 * kShort);
  int words[2], said[2];
  OK(pipe(words));
  OK(pipe(said));
  const pid_t owner = child([&] {
    const Pair two = pair();
    child([&] {
      alarm(2 * kShort);
      close(words[0]);
      close(words[1]);
      talk(two);
      (void)!write(said[1], "d", 1);
    });
    close(words[0]);
    end_slowly(words[1]);
  });
  OK(close(words[1]));
  OK(close(said[1]));
  char byte = 0;
  EQUAL(read(said[0], &byte, 1), 1);
  OK(close(words[0]));  // nobody takes the last words
  status_of(owner);
}

CASE("a child goes on with its calls when the process that made the sockets becomes a daemon") {
  alarm(3 * kShort);
  int go[2], said[2], over[2];
  OK(pipe(go));
  OK(pipe(said));
  OK(pipe(over));
  const pid_t owner = child([&] {
    const Pair two = pair();
    child([&] {
      alarm(2 * kShort);
      char byte = 0;
      EQUAL(read(go[0], &byte, 1), 1);
      EQUAL(say(two.client, "there"), 5);
      CHECK(receive(two.server).is("there"));
      (void)!write(said[1], "d", 1);
    });
    OK(daemon(1, 1));
    alarm(2 * kShort);
    char byte = 0;
    (void)!write(go[1], "g", 1);
    (void)!read(over[0], &byte, 1);
  });
  EQUAL(status_of(owner), 0);
  char byte = 0;
  OK(close(said[1]));
  EQUAL(read(said[0], &byte, 1), 1);
  EQUAL(write(over[1], "o", 1), 1);
}

namespace {

pthread_mutex_t other_lock = PTHREAD_MUTEX_INITIALIZER;
int begun[2];

/// What a library does that looks after its lock, slowly.
void look_after_other_lock() {
  const auto take = [] {
    pthread_mutex_lock(&other_lock);
    (void)!write(begun[1], "b", 1);
    sleep_ms(100);
  };
  const auto give = [] { pthread_mutex_unlock(&other_lock); };
  EQUAL(pthread_atfork(take, give, give), 0);
}

}  // namespace

CASE("a thread forks while another makes a daemon of the process, whatever libraries lock") {
  alarm(2 * kShort);
  int said[2];
  OK(pipe(said));
  const pid_t owner = child([&] {
    alarm(kShort);
    OK(pipe(begun));
    const Pair two = pair();
    look_after_other_lock();
    pthread_t forker;
    const auto fork_and_end = [](void*) -> void* {
      if (fork() == 0) _exit(0);
      while (true) pause();  // one that ends may be in a tool's allocator when the other forks
    };
    EQUAL(pthread_create(&forker, nullptr, fork_and_end, nullptr), 0);
    char byte = 0;
    EQUAL(read(begun[0], &byte, 1), 1);
    OK(daemon(1, 1));
    alarm(kShort);
    EQUAL(say(two.client, "there"), 5);
    CHECK(receive(two.server).is("there"));
    (void)!write(said[1], "d", 1);
  });
  EQUAL(status_of(owner), 0);
  char byte = 0;
  OK(close(said[1]));
  EQUAL(read(said[0], &byte, 1), 1);
}

CASE("a child asks for names and options") {
  const Pair two = pair();
  const uint16_t port = name_of(two.server).port();
  const pid_t process = child([&] {
    EQUAL(name_of(two.server).port(), port);
    EQUAL(peer_of(two.client).port(), port);
    OK(set(two.server, IPPROTO_SCTP, SCTP_NODELAY, 1));
    EQUAL(flag(two.server, SCTP_NODELAY), 1);
  });
  EQUAL(status_of(process), 0);
  EQUAL(flag(two.server, SCTP_NODELAY), 1);
}

CASE("a child connects a socket that it inherited") {
  const int listener = listening();
  const int fd = make();
  const pid_t process = child([&] { OK(connect_to(fd, name_of(listener))); });
  EQUAL(status_of(process), 0);
  EQUAL(say(fd, "x"), 1);
}

CASE("a child calls connectx on a socket that it inherited") {
  alarm(kShort);
  const int listener = listening();
  const int fd = make();
  const pid_t process = child([&] {
    Address to = name_of(listener);
    OK(sctp_connectx(fd, to.raw(), 1, nullptr));
  });
  EQUAL(status_of(process), 0);
}

CASE("a child peels off an association of a socket that it inherited") {
  alarm(kShort);
  const Many two = many();
  const pid_t process = child([&] {
    const int fd = OK(sctp_peeloff(two.server, two.server_id));
    EQUAL(say(fd, "peeled"), 6);
  });
  CHECK(receive(two.client).is("peeled"));
  EQUAL(status_of(process), 0);
}

CASE("a child's own sockets are its own") {
  const int before = make();
  static_cast<void>(before);
  const int listener = listening();
  const pid_t process = child([&] {
    const int fd = make();
    OK(connect_to(fd, name_of(listener)));
    CHECK(receive(fd).is("x"));
  });
  const int server = OK(accept(listener, nullptr, nullptr));
  EQUAL(say(server, "x"), 1);
  EQUAL(status_of(process), 0);
}

CASE("a server that forks for each connection") {
  const int listener = listening();
  const pid_t server = child([&] {
    for (int i = 0; i < 3; ++i) {
      const int fd = OK(accept(listener, nullptr, nullptr));
      child([&] {
        close(listener);
        const Message message = receive(fd);
        say(fd, message.data);
      });
      close(fd);
    }
    while (wait(nullptr) > 0) {
    }
  });
  for (int i = 0; i < 3; ++i) {
    const int fd = make();
    OK(connect_to(fd, name_of(listener)));
    EQUAL(say(fd, "echo"), 4);
    CHECK(receive(fd).is("echo"));
    EQUAL(receive(fd).size, 0);
  }
  EQUAL(status_of(server), 0);
}

CASE("SCM_RIGHTS: a socket is passed to a child that was there before") {
  alarm(kShort);
  int channel[2];
  OK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel));
  const pid_t process = child([&] {
    const int fd = take(channel[1]);
    CHECK(receive(fd).is("passed"));
    EQUAL(say(fd, "got it"), 6);
  });
  const Pair two = pair();
  EQUAL(pass(channel[0], two.server), 1);
  EQUAL(say(two.client, "passed"), 6);
  CHECK(receive(two.client).is("got it"));
  EQUAL(status_of(process), 0);
}

namespace {

/// Of a processor, that this process has used.
long used_ms() {
  return ms_of(CLOCK_PROCESS_CPUTIME_ID);
}

constexpr int kWhile_ms = 400;
constexpr long kIdle_ms = 200;  // that a process uses which waits for so long

void limit_descriptors(rlim_t now, rlim_t most) {
  const rlimit limit{now, most};
  OK(setrlimit(RLIMIT_NOFILE, &limit));
}

}  // namespace

CASE("SCM_RIGHTS: a socket is passed by a process that has no room for descriptors") {
  alarm(2 * kShort);
  int channel[2];
  OK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel));
  const pid_t process = child([&] {
    const int fd = take(channel[1]);
    EQUAL(say(fd, "got it"), 6);
  });
  const Pair two = pair();
  rlimit limit;
  OK(getrlimit(RLIMIT_NOFILE, &limit));
  limit_descriptors(3, limit.rlim_max);
  EQUAL(pass(channel[0], two.server), 1);
  const long before = used_ms();
  sleep_ms(kWhile_ms);
  CHECK(used_ms() - before < kIdle_ms);
  limit_descriptors(limit.rlim_cur, limit.rlim_max);
  CHECK(receive(two.client).is("got it"));
  EQUAL(status_of(process), 0);
}

CASE("a process with room for few descriptors has a socket or has none, and waits in peace") {
  constexpr rlim_t kFew = 30;
  pid_t processes[kFew];
  for (rlim_t few = 3; few < kFew; ++few) {
    processes[few] = child([&] {
      limit_descriptors(few, few);
      (void)!socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
      const long before = used_ms();
      sleep_ms(kWhile_ms);
      CHECK(used_ms() - before < kIdle_ms);
    });
  }
  for (rlim_t few = 3; few < kFew; ++few) EQUAL(status_of(processes[few]), 0);
}

CASE("SCM_RIGHTS: a socket that is on its way does not linger") {
  alarm(3 * kShort);
  int channel[2], go[2];
  OK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel));
  OK(pipe(go));
  const pid_t process = child([&] {
    char byte;
    EQUAL(read(go[0], &byte, 1), 1);
    const int fd = take(channel[1]);
    EQUAL(say(fd, "still"), 5);
    CHECK(receive(fd).is("there"));
  });
  const Pair two = pair();
  OK(set(two.server, SOL_SOCKET, SO_LINGER, linger{1, 5}));
  EQUAL(pass(channel[0], two.server), 1);
  OK(close(two.server));
  EQUAL(write(go[1], "x", 1), 1);
  CHECK(receive(two.client).is("still"));
  EQUAL(say(two.client, "there"), 5);
  EQUAL(status_of(process), 0);
}

CASE("SCM_RIGHTS: a socket that is passed to oneself is the same socket") {
  alarm(kShort);
  int channel[2];
  OK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel));
  const Pair two = pair();
  EQUAL(pass(channel[0], two.server), 1);
  const int fd = take(channel[1]);
  EQUAL(say(two.client, "same"), 4);
  CHECK(receive(fd).is("same"));
}
