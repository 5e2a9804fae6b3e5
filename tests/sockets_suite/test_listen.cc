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

// A listener at one address and the port of another, with a number of streams and an indication of
// its own.
static int listening_with(const Address& address, uint16_t streams) {
  const int fd = make();
  OK(set(fd, IPPROTO_SCTP, SCTP_INITMSG, sctp_initmsg{streams, streams, 0, 0}));
  OK(set(fd, IPPROTO_SCTP, SCTP_ADAPTATION_LAYER, sctp_setadaptation{streams}));
  OK(bind_to(fd, address));
  OK(listen(fd, 1));
  return fd;
}

CASE("two at one port: the peers of each are told its own address, streams and indication") {
  const int first = listening_with(at(kFirst), 3);
  const uint16_t port = name_of(first).port();
  listening_with(at(kSecond, port), 4);
  uint16_t streams = 3;
  for (const char* address : {kFirst, kSecond}) {
    const int client = make();
    subscribe(client, SCTP_ADAPTATION_INDICATION);
    OK(connect_to(client, at(address, port)));
    sockaddr* list = nullptr;
    EQUAL(sctp_getpaddrs(client, 0, &list), 1);
    Address peer;
    memcpy(&peer.storage, list, sizeof(sockaddr_in));
    CHECK(peer.is(address));
    sctp_freepaddrs(list);
    const auto status = option<sctp_status>(client, IPPROTO_SCTP, SCTP_STATUS);
    EQUAL(status.sstat_instrms, streams);
    EQUAL(status.sstat_outstrms, streams);
    const Message message = notification(client, SCTP_ADAPTATION_INDICATION);
    EQUAL(message.as<sctp_adaptation_event>().sai_adaptation_ind, streams);
    ++streams;
  }
}

CASE("two at one port: one may end and begin again") {
  const int first = listening(SOCK_STREAM, at(kFirst));
  const uint16_t port = name_of(first).port();
  const int second = listening(SOCK_STREAM, at(kSecond, port));
  OK(listen(first, 0));
  FAILS(connect_to(make(), at(kFirst, port)), ECONNREFUSED);
  OK(connect_to(make(), at(kSecond, port)));
  OK(accept(second, nullptr, nullptr));
  OK(listen(first, 1));
  OK(connect_to(make(), at(kFirst, port)));
  OK(accept(first, nullptr, nullptr));
}

CASE("two at one port: the second may not come to listen where the first does") {
  const int on = 1;
  const int first = make(), second = make();
  for (const int fd : {first, second}) OK(set(fd, SOL_SOCKET, SO_REUSEADDR, on));
  OK(bind_to(first, at(kFirst)));
  OK(bind_to(second, at("0.0.0.0", name_of(first).port())));
  OK(listen(first, 1));
  FAILS(listen(second, 1), EADDRINUSE);
  OK(listen(first, 0));
  OK(listen(second, 1));
}

CASE("those with SCTP_REUSE_PORT share a port of which only one listens") {
  const int first = make(), second = make();
  for (const int fd : {first, second}) OK(set(fd, IPPROTO_SCTP, SCTP_REUSE_PORT, 1));
  OK(bind_to(first, at(kFirst)));
  OK(bind_to(second, name_of(first)));
  FAILS(bind_to(make(), name_of(first)), EADDRINUSE);
  OK(listen(first, 1));
  FAILS(listen(second, 1), EADDRINUSE);
  const int third = make();
  OK(set(third, IPPROTO_SCTP, SCTP_REUSE_PORT, 1));
  FAILS(bind_to(third, name_of(first)), EADDRINUSE);
}

CASE("those with SO_REUSEPORT at one address share the peers") {
  int listeners[2];
  uint16_t port = 0;
  for (int& fd : listeners) {
    fd = make();
    OK(set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    OK(bind_to(fd, at(kFirst, port)));
    OK(listen(fd, 50));
    port = name_of(fd).port();
  }
  FAILS(bind_to(make(), at(kFirst, port)), EADDRINUSE);
  const int elsewhere = listening(SOCK_STREAM, at(kSecond, port));
  constexpr int kClients = 20;
  for (int i = 0; i < kClients; ++i) OK(connect_to(make(), at(kFirst, port)));
  int accepted = 0;
  for (const int fd : listeners) {
    OK(fcntl(fd, F_SETFL, O_NONBLOCK));
    int of_this = 0;
    while (accept(fd, nullptr, nullptr) >= 0) ++of_this;
    EQUAL(errno, EAGAIN);
    CHECK(of_this > 0);
    accepted += of_this;
  }
  EQUAL(accepted, kClients);
  EQUAL(ready(elsewhere), 0);
}

CASE("SO_REUSEPORT is looked at when a socket comes to listen, too") {
  int listeners[2];
  uint16_t port = 0;
  for (int& fd : listeners) {
    fd = make();
    OK(set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    OK(bind_to(fd, at(kFirst, port)));
    port = name_of(fd).port();
  }
  OK(set(listeners[0], SOL_SOCKET, SO_REUSEPORT, 0));
  FAILS(listen(listeners[0], 1), EADDRINUSE);
  OK(set(listeners[0], SOL_SOCKET, SO_REUSEPORT, 1));
  for (const int fd : listeners) OK(listen(fd, 1));
}

CASE(
    "an indication and numbers of streams that a listener gets later are of the next association") {
  const int listener = listening();
  OK(set(listener, IPPROTO_SCTP, SCTP_INITMSG, sctp_initmsg{5, 6, 0, 0}));
  OK(set(listener, IPPROTO_SCTP, SCTP_ADAPTATION_LAYER, sctp_setadaptation{7}));
  const int client = make();
  subscribe(client, SCTP_ADAPTATION_INDICATION);
  OK(connect_to(client, name_of(listener)));
  const auto status = option<sctp_status>(client, IPPROTO_SCTP, SCTP_STATUS);
  EQUAL(status.sstat_instrms, 5);
  EQUAL(status.sstat_outstrms, 6);
  const Message message = notification(client, SCTP_ADAPTATION_INDICATION);
  EQUAL(message.as<sctp_adaptation_event>().sai_adaptation_ind, 7);
}

CASE("a listener is no endpoint of data") {
  const int fd = listening();
  char byte;
  FAILS(recv(fd, &byte, 1, 0), ENOTCONN);
  FAILS(say(fd, "x"), EPIPE);
}
