#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "bindx";

namespace {

int bind_all(int fd, Packed addresses, int flags = SCTP_BINDX_ADD_ADDR) {
  return sctp_bindx(fd, addresses.raw(), addresses.count, flags);
}

int locals(int fd) {
  sockaddr* list = nullptr;
  const int count = OK(sctp_getladdrs(fd, 0, &list));
  sctp_freeladdrs(list);
  return count;
}

}  // namespace

CASE("two addresses of one port") {
  const int fd = make();
  OK(bind_all(fd, Packed().add(at(kFirst)).add(at(kSecond))));
  EQUAL(locals(fd), 2);
}

CASE("a port of one's own") {
  const int other = make();
  OK(bind_to(other, at(kLoopback)));
  const uint16_t port = name_of(other).port();
  OK(close(other));
  const int fd = make();
  OK(bind_all(fd, Packed().add(at(kFirst, port)).add(at(kSecond, port))));
  EQUAL(name_of(fd).port(), port);
}

CASE("addresses of two ports") {
  const int fd = make();
  FAILS(bind_all(fd, Packed().add(at(kFirst, 41001)).add(at(kSecond, 41002))), EINVAL);
}

CASE("an address is added to those that bind has") {
  const int fd = make();
  OK(bind_to(fd, at(kFirst)));
  OK(bind_all(fd, Packed().add(at(kSecond, name_of(fd).port()))));
  EQUAL(locals(fd), 2);
}

CASE("an address is added to a socket that is connected, and taken away") {
  const int listener = listening(SOCK_STREAM, at(kFirst));
  const int client = make();
  OK(bind_to(client, at(kFirst)));
  OK(connect_to(client, name_of(listener)));
  const Address more = at(kSecond, name_of(client).port());
  OK(bind_all(client, Packed().add(more)));
  OK(bind_all(client, Packed().add(more), SCTP_BINDX_REM_ADDR));
}

CASE("an address that is there already") {
  const int fd = make();
  OK(bind_to(fd, at(kFirst)));
  FAILS(bind_all(fd, Packed().add(name_of(fd))), EINVAL);
}

CASE("another port than the one that it has") {
  const int fd = make();
  OK(bind_to(fd, at(kFirst)));
  const auto port = static_cast<uint16_t>(name_of(fd).port() ^ 1);
  FAILS(bind_all(fd, Packed().add(at(kSecond, port))), EINVAL);
}

CASE("an address that is not this host's") {
  FAILS(bind_all(make(), Packed().add(at(kNowhere))), EADDRNOTAVAIL);
}

CASE("nothing is added if one of the addresses is bad") {
  const int fd = make();
  OK(bind_to(fd, at(kLoopback)));
  const uint16_t port = name_of(fd).port();
  FAILS(bind_all(fd, Packed().add(at(kFirst, port)).add(at(kNowhere, port))), EADDRNOTAVAIL);
  EQUAL(locals(fd), 1);
  OK(bind_to(make(), at(kFirst, port)));
}

CASE("an address that another socket is bound to") {
  const int first = make();
  OK(bind_to(first, at(kFirst)));
  const uint16_t port = name_of(first).port();
  const int second = make();
  OK(bind_to(second, at(kSecond, port)));
  FAILS(bind_all(second, Packed().add(at(kFirst, port))), EADDRINUSE);
  EQUAL(locals(second), 1);
}

CASE("an address of another listener: this one stays as it was") {
  const int first = listening(SOCK_STREAM, at(kFirst));
  const uint16_t port = name_of(first).port();
  const int second = listening(SOCK_STREAM, at(kSecond, port));
  FAILS(bind_all(second, Packed().add(at(kFirst, port))), EADDRINUSE);
  EQUAL(locals(second), 1);
  EQUAL(option<int>(second, SOL_SOCKET, SO_ACCEPTCONN), 1);
  OK(connect_to(make(), at(kSecond, port)));
  OK(accept(second, nullptr, nullptr));
}

CASE("an address is removed") {
  const int fd = make();
  OK(bind_all(fd, Packed().add(at(kFirst)).add(at(kSecond))));
  OK(bind_all(fd, Packed().add(at(kSecond, name_of(fd).port())), SCTP_BINDX_REM_ADDR));
  EQUAL(locals(fd), 1);
}

CASE("the last address stays") {
  const int fd = make();
  OK(bind_to(fd, at(kFirst)));
  FAILS(bind_all(fd, Packed().add(name_of(fd)), SCTP_BINDX_REM_ADDR), EBUSY);
}

CASE("an address is removed that was never bound") {
  const int fd = make();
  OK(bind_all(fd, Packed().add(at(kFirst)).add(at(kSecond))));
  const uint16_t port = name_of(fd).port();
  FAILS(bind_all(fd, Packed().add(at(kLoopback, port)), SCTP_BINDX_REM_ADDR), EINVAL);
}

CASE("an address is removed from a socket that is not bound") {
  FAILS(bind_all(make(), Packed().add(at(kFirst)), SCTP_BINDX_REM_ADDR), EBUSY);
}

CASE("flags that are none") {
  FAILS(bind_all(make(), Packed().add(at(kFirst)), 0), EINVAL);
  FAILS(bind_all(make(), Packed().add(at(kFirst)), 3), EINVAL);
}

CASE("no addresses at all") {
  FAILS(bind_all(make(), Packed()), EINVAL);
}

CASE("addresses of both families on an IPv6 socket") {
  const int fd = make(SOCK_STREAM, AF_INET6);
  OK(bind_all(fd, Packed().add(at(kSixth)).add(at(kFirst))));
  EQUAL(locals(fd), 2);
}

CASE("a peer learns of all of them") {
  const int listener = make();
  OK(bind_all(listener, Packed().add(at(kFirst)).add(at(kSecond))));
  OK(listen(listener, 1));
  const int client = make();
  OK(connect_to(client, at(kFirst, name_of(listener).port())));
  sockaddr* list = nullptr;
  EQUAL(sctp_getpaddrs(client, 0, &list), 2);
  sctp_freepaddrs(list);
}

CASE("an address for the next associations of a listener") {
  const int fd = listening(SOCK_STREAM, at(kFirst));
  const uint16_t port = name_of(fd).port();
  OK(bind_all(fd, Packed().add(at(kSecond, port))));
  EQUAL(locals(fd), 2);
  const int client = make();
  OK(connect_to(client, at(kSecond, port)));
  sockaddr* list = nullptr;
  EQUAL(sctp_getpaddrs(client, 0, &list), 2);
  sctp_freepaddrs(list);
  OK(accept(fd, nullptr, nullptr));
}
