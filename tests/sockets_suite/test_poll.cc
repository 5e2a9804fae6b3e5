#include "tests/sockets_suite/suite.h"

#include <sys/epoll.h>
#include <sys/select.h>

using namespace suite;

static constexpr char kGroup[] = "poll";

namespace {

struct Epoll {
  int fd = OK(epoll_create1(0));
  void add(int other, uint32_t events) const { control(EPOLL_CTL_ADD, other, events); }
  void change(int other, uint32_t events) const { control(EPOLL_CTL_MOD, other, events); }
  /// How many are ready; the first of them.
  int wait(epoll_event& first, int milliseconds) const {
    epoll_event events[8];
    const int count = OK(epoll_wait(fd, events, 8, milliseconds));
    first = events[0];
    return count;
  }
  /// Waits for what one of them says next: nothing else is said.
  void says(int other, uint32_t wanted) const {
    epoll_event event;
    EQUAL(wait(event, 1000), 1);
    EQUAL(event.data.fd, other);
    EQUAL(event.events, wanted);
    EQUAL(wait(event, 20), 0);
  }

 private:
  void control(int what, int other, uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = other;
    OK(epoll_ctl(fd, what, other, &event));
  }
};

void pipe_pair(int (&ends)[2]) {
  OK(pipe(ends));
}

}  // namespace

CASE("epoll_ctl: a foreign event") {
  const int fd = epoll_create1(0);
  const Pair two = pair();
  FAILS(epoll_ctl(fd, EPOLL_CTL_ADD, two.client, foreign<epoll_event>()), EFAULT);
  FAILS(epoll_ctl(fd, EPOLL_CTL_ADD, two.client, nullptr), EFAULT);
}

CASE("epoll_ctl: an operation that is none, and on what is not in the set") {
  const int fd = epoll_create1(0);
  const Pair two = pair();
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  FAILS(epoll_ctl(fd, 77, two.client, &event), EINVAL);
  FAILS(epoll_ctl(fd, EPOLL_CTL_MOD, two.client, &event), ENOENT);
  FAILS(epoll_ctl(fd, EPOLL_CTL_DEL, two.client, &event), ENOENT);
  OK(epoll_ctl(fd, EPOLL_CTL_ADD, two.client, &event));
  FAILS(epoll_ctl(fd, EPOLL_CTL_ADD, two.client, &event), EEXIST);
  FAILS(epoll_ctl(two.client, EPOLL_CTL_ADD, two.server, &event), EINVAL);
}

CASE("a connected socket is writable, and readable when data is there") {
  const Pair two = pair();
  EQUAL(ready(two.server), POLLOUT);
  say(two.client, "x");
  EQUAL(wait_for(two.server, POLLIN | POLLOUT | POLLRDHUP) & POLLOUT, POLLOUT);
  EQUAL(wait_for(two.server, POLLIN), POLLIN);
  CHECK(receive(two.server).is("x"));
  EQUAL(ready(two.server), POLLOUT);
}

CASE("a part of a message that is left keeps the socket readable") {
  const Pair two = pair();
  say(two.client, "two parts");
  wait_for(two.server, POLLIN);
  receive(two.server, 0, 3);
  CHECK((ready(two.server) & POLLIN) != 0);
}

CASE("a socket and a pipe in one poll") {
  const Pair two = pair();
  int ends[2];
  pipe_pair(ends);
  pollfd entries[] = {{two.server, POLLIN, 0}, {ends[0], POLLIN, 0}, {-1, POLLIN, 0}};
  EQUAL(poll(entries, 3, 0), 0);
  OK(write(ends[1], "p", 1));
  EQUAL(poll(entries, 3, 1000), 1);
  EQUAL(entries[1].revents, POLLIN);
  say(two.client, "x");
  wait_for(two.server, POLLIN);
  EQUAL(poll(entries, 3, 1000), 2);
  EQUAL(entries[0].revents, POLLIN);
}

CASE("a closed descriptor is POLLNVAL") {
  const int fd = make();
  OK(close(fd));
  pollfd entry{fd, POLLIN, 0};
  EQUAL(poll(&entry, 1, 0), 1);
  EQUAL(entry.revents, POLLNVAL);
}

CASE("poll waits as long as it is told") {
  const Pair two = pair();
  pollfd entry{two.server, POLLIN, 0};
  const Watch watch;
  EQUAL(poll(&entry, 1, 50), 0);
  CHECK(watch.ms() >= 30);
}

CASE("ppoll lets a signal in") {
  const Pair two = pair();
  alarm_in(50);
  pollfd entry{two.server, POLLIN, 0};
  sigset_t none;
  sigemptyset(&none);
  FAILS(ppoll(&entry, 1, nullptr, &none), EINTR);
}

CASE("select with a pipe") {
  const Pair two = pair();
  int ends[2];
  pipe_pair(ends);
  say(two.client, "x");
  wait_for(two.server, POLLIN);
  fd_set readers, writers;
  FD_ZERO(&readers);
  FD_ZERO(&writers);
  FD_SET(two.server, &readers);
  FD_SET(ends[0], &readers);
  FD_SET(two.client, &writers);
  timeval limit{1, 0};
  EQUAL(select(two.server + ends[0] + 1, &readers, &writers, nullptr, &limit), 2);
  CHECK(FD_ISSET(two.server, &readers) && FD_ISSET(two.client, &writers));
  CHECK(!FD_ISSET(ends[0], &readers));
}

CASE("ppoll and pselect of a socket and a pipe, of which both are ready") {
  const Pair two = pair();
  int ends[2];
  pipe_pair(ends);
  pollfd entries[] = {{two.server, POLLIN, 0}, {ends[0], POLLIN, 0}};
  const timespec limit{1, 0}, at_once{0, 0};
  sigset_t none;
  sigemptyset(&none);
  EQUAL(ppoll(entries, 2, &at_once, &none), 0);
  const auto select_both = [&](fd_set& readers, const timespec& time) {
    FD_ZERO(&readers);
    FD_SET(two.server, &readers);
    FD_SET(ends[0], &readers);
    return pselect(two.server + ends[0] + 1, &readers, nullptr, nullptr, &time, &none);
  };
  fd_set readers;
  EQUAL(select_both(readers, at_once), 0);
  say(two.client, "x");
  EQUAL(ppoll(entries, 2, &limit, &none), 1);
  EQUAL(entries[0].revents, POLLIN);
  EQUAL(select_both(readers, limit), 1);
  CHECK(FD_ISSET(two.server, &readers) && !FD_ISSET(ends[0], &readers));
  OK(write(ends[1], "p", 1));
  EQUAL(ppoll(entries, 2, &limit, &none), 2);
  EQUAL(entries[1].revents, POLLIN);
  EQUAL(select_both(readers, limit), 2);
  CHECK(FD_ISSET(two.server, &readers) && FD_ISSET(ends[0], &readers));
}

CASE("pselect ends with its time") {
  const Pair two = pair();
  fd_set readers;
  FD_ZERO(&readers);
  FD_SET(two.server, &readers);
  const timespec limit{0, 50'000'000};
  const Watch watch;
  EQUAL(pselect(two.server + 1, &readers, nullptr, nullptr, &limit, nullptr), 0);
  CHECK(watch.ms() >= 30);
}

CASE("epoll by level says it again") {
  const Pair two = pair();
  const Epoll set;
  set.add(two.server, EPOLLIN);
  say(two.client, "x");
  epoll_event event;
  EQUAL(set.wait(event, 1000), 1);
  EQUAL(event.data.fd, two.server);
  EQUAL(set.wait(event, 0), 1);
  CHECK(receive(two.server).is("x"));
  EQUAL(set.wait(event, 0), 0);
}

CASE("epoll by edge says it once, and again when more comes after all was read") {
  const Pair two = pair();
  const Epoll set;
  set.add(two.server, EPOLLIN | EPOLLET);
  say(two.client, "x");
  epoll_event event;
  EQUAL(set.wait(event, 1000), 1);
  EQUAL(set.wait(event, 20), 0);
  CHECK(receive(two.server).is("x"));
  EQUAL(receive(two.server, MSG_DONTWAIT).error, EAGAIN);
  say(two.client, "y");
  EQUAL(set.wait(event, 1000), 1);
  CHECK(receive(two.server).is("y"));
}

CASE("epoll by edge says it again when more comes, though not all was read") {
  const Pair two = pair();
  const Epoll set;
  set.add(two.server, EPOLLIN | EPOLLET);
  epoll_event event;
  for (int i = 0; i < 3; ++i) {
    say(two.client, "more");
    EQUAL(set.wait(event, 1000), 1);
  }
}

CASE("epoll by edge says when room comes back") {
  const Pair two = pair();
  const Epoll set;
  set.add(two.client, EPOLLOUT | EPOLLET);
  epoll_event event;
  EQUAL(set.wait(event, 1000), 1);
  static char block[8000];
  int sent = 0;
  while (true) {
    while (send(two.client, block, sizeof block, MSG_DONTWAIT) > 0) ++sent;
    if (set.wait(event, 100) == 0) break;
  }
  for (int i = 0; i < sent; ++i) CHECK(recv(two.server, block, sizeof block, 0) > 0);
  EQUAL(set.wait(event, 3000), 1);
  CHECK((event.events & EPOLLOUT) != 0);
}

CASE("EPOLLONESHOT") {
  const Pair two = pair();
  const Epoll set;
  set.add(two.server, EPOLLIN | EPOLLONESHOT);
  epoll_event event;
  say(two.client, "x");
  EQUAL(set.wait(event, 1000), 1);
  say(two.client, "y");
  EQUAL(set.wait(event, 20), 0);
}

CASE("epoll of a listener by edge tells of each who comes") {
  const int listener = listening();
  const Epoll set;
  set.add(listener, EPOLLIN | EPOLLET);
  epoll_event event;
  for (int i = 0; i < 3; ++i) {
    OK(connect_to(make(), name_of(listener)));
    EQUAL(set.wait(event, 1000), 1);
    OK(accept(listener, nullptr, nullptr));
  }
}

CASE("epoll of a socket and a pipe") {
  const Pair two = pair();
  int ends[2];
  pipe_pair(ends);
  const Epoll set;
  set.add(two.server, EPOLLIN);
  set.add(ends[0], EPOLLIN);
  OK(write(ends[1], "p", 1));
  epoll_event event;
  EQUAL(set.wait(event, 1000), 1);
  EQUAL(event.data.fd, ends[0]);
}

CASE("epoll by edge of a socket, a pipe and a listener in one set") {
  const Pair two = pair();
  const int listener = listening();
  int ends[2];
  pipe_pair(ends);
  const Epoll set;
  for (const int fd : {two.server, ends[0], listener}) set.add(fd, EPOLLIN | EPOLLET);
  epoll_event event;
  EQUAL(set.wait(event, 20), 0);
  for (int i = 0; i < 2; ++i) {  // nothing is read between
    say(two.client, "x");
    set.says(two.server, EPOLLIN);
    OK(write(ends[1], "p", 1));
    set.says(ends[0], EPOLLIN);
    OK(connect_to(make(), name_of(listener)));
    set.says(listener, EPOLLIN);
  }
}

CASE("EPOLL_CTL_MOD makes a set that goes by level go by edge, and back") {
  const Pair two = pair();
  const Epoll set;
  set.add(two.server, EPOLLIN);
  say(two.client, "x");
  epoll_event event;
  for (int i = 0; i < 2; ++i) EQUAL(set.wait(event, 1000), 1);
  set.change(two.server, EPOLLIN | EPOLLET);
  set.says(two.server, EPOLLIN);
  say(two.client, "y");  // nothing was read
  set.says(two.server, EPOLLIN);
  set.change(two.server, EPOLLIN);
  for (int i = 0; i < 2; ++i) EQUAL(set.wait(event, 1000), 1);
}

CASE("a closed socket leaves its epoll set") {
  const Pair two = pair();
  const Epoll set;
  set.add(two.server, EPOLLIN);
  OK(close(two.server));
  epoll_event event;
  EQUAL(set.wait(event, 20), 0);
}

CASE("the end is EPOLLRDHUP") {
  const Pair two = pair();
  const Epoll set;
  set.add(two.server, EPOLLIN | EPOLLRDHUP);
  OK(shutdown(two.client, SHUT_WR));
  epoll_event event;
  EQUAL(set.wait(event, 1000), 1);
  CHECK((event.events & EPOLLRDHUP) != 0);
}

CASE("an abort ends the wait") {
  const Pair two = pair();
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 0}));
  OK(close(two.client));
  wait_for(two.server, POLLIN);
}

CASE("an abort is POLLERR") {
  const Pair two = pair();
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 0}));
  OK(close(two.client));
  CHECK((wait_for(two.server, POLLIN) & POLLERR) != 0);
}

CASE("a notification is POLLIN") {
  const Many two = many();
  subscribe(two.server, SCTP_ASSOC_CHANGE);
  OK(close(two.client));
  EQUAL(wait_for(two.server, POLLIN), POLLIN);
}

CASE("a one-to-many socket is writable without an association") {
  EQUAL(ready(make(SOCK_SEQPACKET)) & POLLOUT, POLLOUT);
}
