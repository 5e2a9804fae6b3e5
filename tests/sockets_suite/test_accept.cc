#include "tests/sockets_suite/processes.h"

#include <pthread.h>

using namespace suite;

static constexpr char kGroup[] = "accept";

CASE("it gives the peer's name") {
  const int listener = listening();
  const int client = make();
  OK(bind_to(client, at(kLoopback)));
  OK(connect_to(client, name_of(listener)));
  Address peer;
  peer.length = sizeof peer.storage;
  const int server = OK(accept(listener, peer.raw(), &peer.length));
  EQUAL(peer.length, sizeof(sockaddr_in));
  CHECK(peer.is(kLoopback));
  EQUAL(peer.port(), name_of(client).port());
  EQUAL(name_of(server).port(), name_of(listener).port());
  CHECK(name_of(server).is(kLoopback));
}

CASE("a name without room is cut, and its length told") {
  const int listener = listening();
  OK(connect_to(make(), name_of(listener)));
  char room[4] = {};
  socklen_t length = sizeof room;
  OK(accept(listener, reinterpret_cast<sockaddr*>(room), &length));
  EQUAL(length, sizeof(sockaddr_in));
}

CASE("accept4 sets the new descriptor's flags") {
  const int listener = listening();
  OK(connect_to(make(), name_of(listener)));
  const int fd = OK(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  EQUAL(OK(fcntl(fd, F_GETFL)) & O_NONBLOCK, O_NONBLOCK);
  EQUAL(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
}

CASE("accept does not inherit the listener's flags") {
  const int listener = listening(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
  OK(connect_to(make(), name_of(listener)));
  wait_for(listener, POLLIN);
  const int fd = OK(accept(listener, nullptr, nullptr));
  EQUAL(OK(fcntl(fd, F_GETFL)) & O_NONBLOCK, 0);
  EQUAL(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, 0);
}

CASE("accept4 knows no other flags") {
  const int listener = listening();
  OK(connect_to(make(), name_of(listener)));
  FAILS(accept4(listener, nullptr, nullptr, 1), EINVAL);
}

CASE("nobody there: a non-blocking listener says so at once") {
  FAILS(accept(listening(SOCK_STREAM | SOCK_NONBLOCK), nullptr, nullptr), EAGAIN);
}

CASE("nobody there: SO_RCVTIMEO ends the wait") {
  const int listener = listening();
  OK(set(listener, SOL_SOCKET, SO_RCVTIMEO, timeval{0, 50'000}));
  FAILS(accept(listener, nullptr, nullptr), EAGAIN);
}

CASE("nobody there: a signal ends the wait") {
  const int listener = listening();
  alarm_in(50);
  FAILS(accept(listener, nullptr, nullptr), EINTR);
  EQUAL(signals_seen, 1);
}

CASE("it waits until somebody comes") {
  static int listener;
  listener = listening();
  pthread_t thread;
  pthread_create(
      &thread, nullptr,
      [](void*) -> void* {
        sleep_ms(50);
        OK(connect_to(make(), name_of(listener)));
        return nullptr;
      },
      nullptr);
  OK(accept(listener, nullptr, nullptr));
  pthread_join(thread, nullptr);
}

CASE("a socket that does not listen") {
  FAILS(accept(make(), nullptr, nullptr), EINVAL);
  const Pair two = pair();
  FAILS(accept(two.client, nullptr, nullptr), EINVAL);
}

CASE("a one-to-many socket") {
  FAILS(accept(listening(SOCK_SEQPACKET), nullptr, nullptr), EOPNOTSUPP);
}

CASE("who came first is accepted first") {
  const int listener = listening();
  int clients[3];
  for (int& client : clients) {
    client = make();
    OK(bind_to(client, at(kLoopback)));
    OK(connect_to(client, name_of(listener)));
  }
  for (const int client : clients) {
    Address peer;
    peer.length = sizeof peer.storage;
    OK(accept(listener, peer.raw(), &peer.length));
    EQUAL(peer.port(), name_of(client).port());
  }
}

CASE("data that came before is there afterwards") {
  const int listener = listening();
  const int client = make();
  OK(connect_to(client, name_of(listener)));
  EQUAL(say(client, "early"), 5);
  sleep_ms(20);
  const int server = OK(accept(listener, nullptr, nullptr));
  CHECK(receive(server).is("early"));
}

CASE("a peer that went in good order is accepted, with what it said") {
  const int listener = listening();
  const int client = make();
  OK(connect_to(client, name_of(listener)));
  EQUAL(say(client, "farewell"), 8);
  OK(close(client));
  sleep_ms(20);
  const int server = OK(accept(listener, nullptr, nullptr));
  CHECK(receive(server).is("farewell"));
  EQUAL(receive(server).size, 0);
}

CASE("a peer that aborted meanwhile is accepted, and gone") {
  const int listener = listening();
  const int client = make();
  OK(connect_to(client, name_of(listener)));
  OK(set(client, SOL_SOCKET, SO_LINGER, linger{1, 0}));
  OK(close(client));
  sleep_ms(50);
  const int server = OK(accept(listener, nullptr, nullptr));
  EQUAL(receive(server).size, 0);
}

CASE("options of the listener are those of the accepted") {
  const int listener = listening();
  const int on = 1;
  OK(set(listener, IPPROTO_SCTP, SCTP_NODELAY, on));
  OK(set(listener, SOL_SOCKET, SO_RCVBUF, 50'000));
  OK(set(listener, IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, on));
  OK(set(listener, SOL_SOCKET, SO_RCVTIMEO, timeval{7, 0}));
  OK(set(listener, SOL_SOCKET, SO_SNDTIMEO, timeval{8, 0}));
  subscribe(listener, SCTP_SHUTDOWN_EVENT);
  const int client = make();
  OK(connect_to(client, name_of(listener)));
  const int server = OK(accept(listener, nullptr, nullptr));
  EQUAL(flag(server, SCTP_NODELAY), 1);
  EQUAL(flag(server, SCTP_DISABLE_FRAGMENTS), 1);
  EQUAL(option<timeval>(server, SOL_SOCKET, SO_RCVTIMEO).tv_sec, 7);
  EQUAL(option<timeval>(server, SOL_SOCKET, SO_SNDTIMEO).tv_sec, 8);
  EQUAL(option<int>(server, SOL_SOCKET, SO_RCVBUF), 100'000);
  OK(close(client));
  notification(server, SCTP_SHUTDOWN_EVENT);
}

CASE("what a child accepts or peels off has the time limits of the socket that it comes from") {
  alarm(kShort);
  constexpr int kLimits[] = {SO_RCVTIMEO, SO_SNDTIMEO};
  int go[2];
  OK(pipe(go));
  const int listener = listening();
  const Many two = many();
  const pid_t process = child([&] {
    char byte;
    EQUAL(read(go[0], &byte, 1), 1);
    const int accepted = OK(accept(listener, nullptr, nullptr));
    const int peeled = OK(sctp_peeloff(two.server, two.server_id));
    for (const int fd : {accepted, peeled}) {
      for (const int limit : kLimits) EQUAL(option<timeval>(fd, SOL_SOCKET, limit).tv_usec, 50'000);
      EQUAL(receive(fd).error, EAGAIN);
      const char bytes[8000] = {};
      while (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0) {
      }
      EQUAL(errno, EAGAIN);
    }
  });
  for (const int fd : {listener, two.server}) {
    for (const int limit : kLimits) OK(set(fd, SOL_SOCKET, limit, timeval{0, 50'000}));
  }
  OK(connect_to(make(), name_of(listener)));
  EQUAL(write(go[1], "g", 1), 1);
  EQUAL(status_of(process), 0);
}

CASE("an accepted socket outlives its listener") {
  const Pair two = pair();
  OK(close(two.listener));
  EQUAL(say(two.client, "still"), 5);
  CHECK(receive(two.server).is("still"));
}

CASE("who waits at a listener that closes is told") {
  const int listener = listening();
  const int client = make();
  OK(connect_to(client, name_of(listener)));
  sleep_ms(20);
  OK(close(listener));
  EQUAL(receive(client).size, 0);
}
