// Threads that are cancelled while they wait in a call. Those that POSIX lists as cancellation
// points end there; others go on to their own end first.
#include "tests/sockets_suite/suite.h"

#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>

using namespace suite;

static constexpr char kGroup[] = "cancellation";

namespace {

constexpr int kMoment_ms = 50;
constexpr int kLimit_ms = 300;  // of a call that must not be cancelled

char bytes[1000];
iovec part{bytes, sizeof bytes};

msghdr message() {
  msghdr head{};
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  return head;
}

struct Call {
  const char* name;
  ssize_t (*run)(int fd);
};

struct Waiting {
  const Call* call;
  int fd;
  bool has_returned;
};

void* wait_in_call(void* argument) {
  auto* waiting = static_cast<Waiting*>(argument);
  while (waiting->call->run(waiting->fd) > 0) {  // until it waits, or is told to wait no more
  }
  waiting->has_returned = true;
  pthread_testcancel();
  return nullptr;
}

/// Cancels a thread that waits in the call; whether the call returned before.
bool returns_first(const Call& call, int fd) {
  Waiting waiting{&call, fd, false};
  pthread_t thread;
  EQUAL(pthread_create(&thread, nullptr, wait_in_call, &waiting), 0);
  sleep_ms(kMoment_ms);
  EQUAL(pthread_cancel(thread), 0);
  void* result = nullptr;
  EQUAL(pthread_join(thread, &result), 0);
  if (result != PTHREAD_CANCELED) fail(__FILE__, __LINE__, "%s: not cancelled", call.name);
  return waiting.has_returned;
}

void is_cancelled(const Call& call, int fd) {
  if (returns_first(call, fd)) fail(__FILE__, __LINE__, "%s returned", call.name);
}

void is_not_cancelled(const Call& call, int fd) {
  const timeval limit{0, kLimit_ms * 1000};
  OK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
  if (!returns_first(call, fd)) fail(__FILE__, __LINE__, "%s did not return", call.name);
}

constexpr Call kReading[] = {
    {"read", [](int fd) { return read(fd, bytes, sizeof bytes); }},
    {"readv", [](int fd) { return readv(fd, &part, 1); }},
    {"preadv2", [](int fd) { return preadv2(fd, &part, 1, -1, 0); }},
    {"recv", [](int fd) { return recv(fd, bytes, sizeof bytes, 0); }},
    {"recvfrom", [](int fd) { return recvfrom(fd, bytes, sizeof bytes, 0, nullptr, nullptr); }},
    {"recvmsg",
     [](int fd) {
       msghdr head = message();
       return recvmsg(fd, &head, 0);
     }},
    {"recvmmsg",
     [](int fd) {
       mmsghdr head{message(), 0};
       return ssize_t{recvmmsg(fd, &head, 1, 0, nullptr)};
     }},
    {"sctp_recvmsg",
     [](int fd) {
       int flags = 0;
       return ssize_t{sctp_recvmsg(fd, bytes, sizeof bytes, nullptr, nullptr, nullptr, &flags)};
     }},
};

constexpr Call kWriting[] = {
    {"write", [](int fd) { return write(fd, bytes, sizeof bytes); }},
    {"writev", [](int fd) { return writev(fd, &part, 1); }},
    {"pwritev2", [](int fd) { return pwritev2(fd, &part, 1, -1, 0); }},
    {"send", [](int fd) { return send(fd, bytes, sizeof bytes, 0); }},
    {"sendto", [](int fd) { return sendto(fd, bytes, sizeof bytes, 0, nullptr, 0); }},
    {"sendmsg",
     [](int fd) {
       const msghdr head = message();
       return sendmsg(fd, &head, 0);
     }},
    {"sendmmsg",
     [](int fd) {
       mmsghdr head{message(), 0};
       return ssize_t{sendmmsg(fd, &head, 1, 0)};
     }},
    {"sctp_sendmsg",
     [](int fd) {
       return ssize_t{sctp_sendmsg(fd, bytes, sizeof bytes, nullptr, 0, 0, 0, 0, 0, 0)};
     }},
};

constexpr Call kAccepting[] = {
    {"accept", [](int fd) { return ssize_t{accept(fd, nullptr, nullptr)}; }},
    {"accept4", [](int fd) { return ssize_t{accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)}; }},
};

constexpr Call kConnect = {"connect",
                           [](int fd) { return ssize_t{connect_to(fd, at(kSilent, 5000))}; }};

constexpr Call kConnectingMany[] = {
    {"sctp_connectx",
     [](int fd) {
       Packed addresses;
       addresses.add(at(kSilent, 5000));
       return ssize_t{sctp_connectx(fd, addresses.raw(), 1, nullptr)};
     }},
    {"setsockopt",
     [](int fd) {
       const Address to = at(kSilent, 5000);
       return ssize_t{setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX_OLD, to.raw(), to.length)};
     }},
};

constexpr Call kSendfile = {"sendfile", [](int fd) {
                              static const int file = OK(open("/proc/self/exe", O_RDONLY));
                              off_t begin = 0;
                              return sendfile(fd, file, &begin, sizeof bytes);
                            }};

/// As much as fits, to a peer that does not read: there is more than it has room for.
void fill(int fd) {
  for (int i = 0; i < 5; ++i) {
    while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
    }
    EQUAL(errno, EAGAIN);
    sleep_ms(20);
  }
}

}  // namespace

CASE("calls that wait for something to read are cancelled, and take nothing") {
  const Pair two = pair();
  for (const Call& call : kReading) is_cancelled(call, two.server);
  EQUAL(say(two.client, "x"), 1);
  CHECK(receive(two.server).is("x"));
}

CASE("calls that wait for room are cancelled") {
  const Pair two = pair();
  for (const Call& call : kWriting) is_cancelled(call, two.client);
  EQUAL(receive(two.server).size, sizeof bytes);
}

CASE("calls that wait for a peer are cancelled") {
  const int listener = listening();
  for (const Call& call : kAccepting) is_cancelled(call, listener);
  is_cancelled(kConnect, make());
  OK(connect_to(make(), name_of(listener)));
  OK(accept(listener, nullptr, nullptr));
}

CASE("connectx is no cancellation point") {
  for (const Call& call : kConnectingMany) is_not_cancelled(call, make());
}

CASE("sendfile is no cancellation point") {
  const Pair two = pair();
  is_not_cancelled(kSendfile, two.client);
}

CASE("close_range, which lingers, is no cancellation point") {
  const int listener = make();
  OK(set(listener, SOL_SOCKET, SO_RCVBUF, 16384));
  OK(bind_to(listener, at(kLoopback)));
  OK(listen(listener, 1));
  const int client = make();
  OK(connect_to(client, name_of(listener)));
  OK(accept(listener, nullptr, nullptr));
  fill(client);
  const linger one_second{1, 1};
  OK(setsockopt(client, SOL_SOCKET, SO_LINGER, &one_second, sizeof one_second));
  const Call call{"close_range", [](int fd) {
                    const auto one = static_cast<unsigned>(fd);
                    return ssize_t{close_range(one, one, 0)};
                  }};
  if (!returns_first(call, client)) fail(__FILE__, __LINE__, "it did not return");
}

CASE("exec is no cancellation point") {
  const Pair two = pair();
  const pid_t process = OK(fork());
  if (process == 0) {
    pthread_t thread;
    pthread_create(
        &thread, nullptr,
        [](void*) -> void* {
          pthread_cancel(pthread_self());
          execl("/proc/self/exe", "suite", "--helper", "nothing", static_cast<char*>(nullptr));
          return nullptr;
        },
        nullptr);
    pthread_join(thread, nullptr);
    _exit(1);
  }
  int status = 0;
  OK(waitpid(process, &status, 0));
  EQUAL(status, 0);
  EQUAL(say(two.client, "x"), 1);
  CHECK(receive(two.server).is("x"));
}
