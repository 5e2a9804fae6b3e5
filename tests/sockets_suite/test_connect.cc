#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "connect";

namespace {

/// What a connect that is not waited for ends with.
int outcome(int fd) {
  wait_for(fd, POLLOUT);
  return option<int>(fd, SOL_SOCKET, SO_ERROR);
}

}  // namespace

CASE("a blocking one ends with the handshake") {
  const int listener = listening();
  const int fd = make();
  OK(connect_to(fd, name_of(listener)));
  CHECK(peer_of(fd).is(kLoopback));
  EQUAL(peer_of(fd).port(), name_of(listener).port());
  CHECK((ready(fd) & POLLOUT) != 0);
}

CASE("nobody listens there") {
  FAILS(connect_to(make(), refusing()), ECONNREFUSED);
}

CASE("after a refusal the same socket may try again") {
  const int fd = make();
  FAILS(connect_to(fd, refusing()), ECONNREFUSED);
  OK(connect_to(fd, name_of(listening())));
}

CASE("a refusal is told by connect, and once more by SO_ERROR") {
  const int fd = make();
  FAILS(connect_to(fd, refusing()), ECONNREFUSED);
  EQUAL(option<int>(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
  EQUAL(option<int>(fd, SOL_SOCKET, SO_ERROR), 0);
}

CASE("nobody answers") {
  const int fd = make();
  hurry(fd);
  FAILS(connect_to(fd, at(kSilent, 5000)), ETIMEDOUT);
}

CASE("no route") {
  const int fd = make();
  hurry(fd);
  FAILS(connect_to(fd, at(kNowhere, 5000)), ETIMEDOUT);
}

CASE("a non-blocking one is in progress, and then done") {
  const int listener = listening();
  const int fd = make(SOCK_STREAM | SOCK_NONBLOCK);
  FAILS(connect_to(fd, name_of(listener)), EINPROGRESS);
  EQUAL(outcome(fd), 0);
  CHECK(peer_of(fd).is(kLoopback));
  FAILS(connect_to(fd, name_of(listener)), EISCONN);
}

CASE("a non-blocking one that is refused tells by SO_ERROR, once") {
  const int fd = make(SOCK_STREAM | SOCK_NONBLOCK);
  FAILS(connect_to(fd, refusing()), EINPROGRESS);
  EQUAL(outcome(fd), ECONNREFUSED);
  EQUAL(option<int>(fd, SOL_SOCKET, SO_ERROR), 0);
}

CASE("a non-blocking one that is refused is an error to poll") {
  const int fd = make(SOCK_STREAM | SOCK_NONBLOCK);
  FAILS(connect_to(fd, refusing()), EINPROGRESS);
  CHECK((wait_for(fd, POLLOUT) & POLLERR) != 0);
}

CASE("a non-blocking one that nobody answers tells by SO_ERROR") {
  const int fd = make(SOCK_STREAM | SOCK_NONBLOCK);
  hurry(fd);
  FAILS(connect_to(fd, at(kSilent, 5000)), EINPROGRESS);
  EQUAL(outcome(fd), ETIMEDOUT);
}

CASE("while one is in progress, another is not begun") {
  const int fd = make(SOCK_STREAM | SOCK_NONBLOCK);
  FAILS(connect_to(fd, at(kSilent, 5000)), EINPROGRESS);
  FAILS(connect_to(fd, at(kSilent, 5000)), EALREADY);
  EQUAL(ready(fd) & POLLOUT, 0);
}

CASE("SO_SNDTIMEO limits the wait") {
  const int fd = make();
  OK(set(fd, SOL_SOCKET, SO_SNDTIMEO, timeval{0, 50'000}));
  const Watch watch;
  FAILS(connect_to(fd, at(kSilent, 5000)), EINPROGRESS);
  CHECK(watch.ms() >= 30);
}

CASE("SO_SNDTIMEO of less than no time: the wait is over at once") {
  const int fd = make();
  OK(set(fd, SOL_SOCKET, SO_SNDTIMEO, timeval{-1, 0}));
  FAILS(connect_to(fd, at(kSilent, 5000)), EINPROGRESS);
  EQUAL(option<timeval>(fd, SOL_SOCKET, SO_SNDTIMEO).tv_sec, 0);
}

CASE("a signal ends the wait, not the handshake") {
  const int fd = make();
  alarm_in(50, 500);  // a slow tool may not be waiting yet
  FAILS(connect_to(fd, at(kSilent, 5000)), EINTR);
  FAILS(connect_to(fd, at(kSilent, 5000)), EALREADY);
}

CASE("a connected socket") {
  const Pair two = pair();
  FAILS(connect_to(two.client, name_of(two.listener)), EISCONN);
  FAILS(connect_to(two.server, name_of(two.listener)), EISCONN);
}

CASE("a listening socket") {
  const int listener = listening();
  FAILS(connect_to(listener, name_of(listening())), EISCONN);
}

CASE("port 0") {
  FAILS(connect_to(make(), at(kLoopback, 0)), ECONNREFUSED);
}

CASE("a listener at the loopback address is not reached at another") {
  const int listener = listening();
  FAILS(connect_to(make(), at(kSecond, name_of(listener).port())), ECONNREFUSED);
}

CASE("a multicast address") {
  FAILS(connect_to(make(), at("224.0.0.5", 5000)), EINVAL);
}

CASE("the broadcast address") {
  FAILS(connect_to(make(), at("255.255.255.255", 5000)), EINVAL);
}

CASE("an IPv6 address on an IPv4 socket") {
  FAILS(connect_to(make(), at("::1", 5000)), EINVAL);
}

CASE("over IPv6") {
  const int listener = listening(SOCK_STREAM, at("::1"));
  const int fd = make(SOCK_STREAM, AF_INET6);
  OK(connect_to(fd, name_of(listener)));
  CHECK(peer_of(fd).is("::1"));
}

CASE("an IPv4 peer of an IPv6 socket has a mapped address") {
  const int listener = listening();
  const int fd = make(SOCK_STREAM, AF_INET6);
  OK(connect_to(fd, at("::ffff:127.0.0.1", name_of(listener).port())));
  CHECK(peer_of(fd).is("::ffff:127.0.0.1"));
}

CASE("a listener of IPv6 takes IPv4") {
  const int listener = listening(SOCK_STREAM, at("::"));
  OK(connect_to(make(), at(kLoopback, name_of(listener).port())));
  Address peer;
  peer.length = sizeof peer.storage;
  OK(accept(listener, peer.raw(), &peer.length));
  CHECK(peer.is("::ffff:127.0.0.1"));
}

CASE("a listener for IPv6 only does not take IPv4") {
  const int listener = make(SOCK_STREAM, AF_INET6);
  OK(set(listener, IPPROTO_IPV6, IPV6_V6ONLY, 1));
  OK(bind_to(listener, at("::")));
  OK(listen(listener, 1));
  FAILS(connect_to(make(), at(kLoopback, name_of(listener).port())), ECONNREFUSED);
}

CASE("a wildcard listener is reached at each address") {
  const int listener = listening(SOCK_STREAM, at("0.0.0.0"));
  for (const char* address : {kLoopback, kFirst, kSecond}) {
    const int fd = make();
    OK(connect_to(fd, at(address, name_of(listener).port())));
    CHECK(peer_of(fd).is(address));
  }
}

CASE("a listener at 127.0.0.5 is reached there") {
  const int listener = listening(SOCK_STREAM, at("127.0.0.5"));
  OK(connect_to(make(), name_of(listener)));
  const int fd = OK(accept(listener, nullptr, nullptr));
  CHECK(name_of(fd).is("127.0.0.5"));
}

CASE("a wildcard listener is reached at ::1") {
  const int six = listening(SOCK_STREAM, at("::"));
  OK(connect_to(make(SOCK_STREAM, AF_INET6), at("::1", name_of(six).port())));
  CHECK(peer_of(OK(accept(six, nullptr, nullptr))).is("::1"));
}

CASE("a listener of IPv4 does not take IPv6") {
  const int listener = listening(SOCK_STREAM, at("0.0.0.0"));
  const Address to = at(kSixth, name_of(listener).port());
  FAILS(connect_to(make(SOCK_STREAM, AF_INET6), to), ECONNREFUSED);
}

CASE("a socket that is bound to the loopback address does not reach others") {
  const int listener = listening(SOCK_STREAM, at(kFirst));
  const int fd = make();
  OK(bind_to(fd, at(kLoopback)));
  FAILS(connect_to(fd, name_of(listener)), ENETUNREACH);
}

CASE("a listener at one address is not reached at another") {
  const int listener = listening(SOCK_STREAM, at(kFirst));
  FAILS(connect_to(make(), at(kSecond, name_of(listener).port())), ECONNREFUSED);
}

CASE("a one-to-many socket connects too") {
  const int listener = listening(SOCK_SEQPACKET);
  const int fd = make(SOCK_SEQPACKET);
  OK(connect_to(fd, name_of(listener)));
  FAILS(connect_to(fd, name_of(listener)), EISCONN);
}

CASE("a one-to-many socket connects to several") {
  const int fd = make(SOCK_SEQPACKET);
  for (int i = 0; i < 3; ++i) OK(connect_to(fd, name_of(listening())));
  EQUAL(option<int>(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER), 3);
}

CASE("a one-to-many socket is refused") {
  FAILS(connect_to(make(SOCK_SEQPACKET), refusing()), ECONNREFUSED);
}

CASE("a socket may close while it connects") {
  const int fd = make(SOCK_STREAM | SOCK_NONBLOCK);
  FAILS(connect_to(fd, at(kSilent, 5000)), EINPROGRESS);
  OK(close(fd));
}

CASE("a local port is chosen") {
  const Pair two = pair();
  CHECK(name_of(two.client).port() != 0);
  EQUAL(name_of(two.client).port(), peer_of(two.server).port());
}

CASE("AF_UNSPEC dissolves nothing") {
  const Pair two = pair();
  Address none;
  none.storage.ss_family = AF_UNSPEC;
  none.length = sizeof(sockaddr_in);
  FAILS(connect_to(two.client, none), EOPNOTSUPP);
}
