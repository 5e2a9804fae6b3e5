#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "listen";

CASE("an unbound socket gets a port") {
  const int fd = make();
  OK(listen(fd, 1));
  CHECK(name_of(fd).port() != 0);
  EQUAL(option<int>(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
}

CASE("a second time changes only the backlog") {
  const int fd = listening();
  OK(listen(fd, 3));
  OK(connect_to(make(), name_of(fd)));
}

CASE("a backlog of 0 ends it") {
  const int fd = listening();
  OK(listen(fd, 0));
  EQUAL(option<int>(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
  FAILS(connect_to(make(), name_of(fd)), ECONNREFUSED);
}

CASE("a one-to-many socket stops to listen with a backlog of 0") {
  const int fd = listening(SOCK_SEQPACKET);
  OK(listen(fd, 0));
  FAILS(connect_to(make(), name_of(fd)), ECONNREFUSED);
}

CASE("a negative backlog is a large one") {
  const int fd = make();
  OK(bind_to(fd, at(kLoopback)));
  OK(listen(fd, -1));
  OK(connect_to(make(), name_of(fd)));
}

CASE("a connected socket does not listen") {
  const Pair two = pair();
  FAILS(listen(two.client, 1), EINVAL);
  FAILS(listen(two.server, 1), EINVAL);
}

CASE("a one-to-many socket listens while it has associations") {
  const Many two = many();
  OK(listen(two.client, 1));
}

CASE("a listener is readable when somebody waits, and never writable") {
  const int fd = listening();
  EQUAL(ready(fd), 0);
  OK(connect_to(make(), name_of(fd)));
  EQUAL(wait_for(fd, POLLIN), POLLIN);
  EQUAL(ready(fd) & POLLOUT, 0);
}

CASE("more than the backlog are refused") {
  const int fd = make();
  OK(bind_to(fd, at(kLoopback)));
  OK(listen(fd, 1));
  int refused = 0;
  for (int i = 0; i < 4; ++i) {
    if (connect_to(make(), name_of(fd)) < 0) ++refused;
  }
  CHECK(refused >= 1);
  OK(accept(fd, nullptr, nullptr));
}

CASE("a listener is no endpoint of data") {
  const int fd = listening();
  char byte;
  FAILS(recv(fd, &byte, 1, 0), ENOTCONN);
  FAILS(say(fd, "x"), EPIPE);
}
