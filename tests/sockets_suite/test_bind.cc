#include "tests/sockets_suite/processes.h"

using namespace suite;

static constexpr char kGroup[] = "bind";

CASE("port 0 is a port of the system's choice") {
  const int fd = make();
  OK(bind_to(fd, at(kLoopback)));
  const Address name = name_of(fd);
  CHECK(name.is(kLoopback));
  CHECK(name.port() >= 1024);
}

CASE("the wildcard stays the wildcard in the name") {
  const int fd = make();
  OK(bind_to(fd, at("0.0.0.0")));
  CHECK(name_of(fd).is("0.0.0.0"));
}

CASE("a port that is taken") {
  const int first = make();
  OK(bind_to(first, at(kLoopback)));
  const int second = make();
  FAILS(bind_to(second, name_of(first)), EADDRINUSE);
  FAILS(bind_to(second, at("0.0.0.0", name_of(first).port())), EADDRINUSE);
}

CASE("one port at two addresses is two sockets'") {
  const int first = make();
  OK(bind_to(first, at(kFirst)));
  const int second = make();
  OK(bind_to(second, at(kSecond, name_of(first).port())));
}

CASE("one port at two addresses: both listen, and each has its own peers") {
  const int first = listening(SOCK_STREAM, at(kFirst));
  const uint16_t port = name_of(first).port();
  const int second = listening(SOCK_STREAM, at(kSecond, port));
  const int third = listening(SOCK_STREAM, at(kLoopback, port));
  for (int round = 0; round < 2; ++round) {
    for (const char* address : {kSecond, kLoopback, kFirst})
      OK(connect_to(make(), at(address, port)));
  }
  for (const int listener : {first, second, third}) {
    for (int round = 0; round < 2; ++round) {
      const int fd = OK(accept(listener, nullptr, nullptr));
      CHECK(name_of(fd).is(listener == first ? kFirst : listener == second ? kSecond : kLoopback));
    }
    OK(fcntl(listener, F_SETFL, O_NONBLOCK));
    FAILS(accept(listener, nullptr, nullptr), EAGAIN);
  }
}

CASE("one port at two addresses: when one is closed, the other goes on") {
  const int first = listening(SOCK_STREAM, at(kFirst));
  const uint16_t port = name_of(first).port();
  const int second = listening(SOCK_STREAM, at(kSecond, port));
  OK(close(first));
  FAILS(connect_to(make(), at(kFirst, port)), ECONNREFUSED);
  OK(connect_to(make(), at(kSecond, port)));
  OK(accept(second, nullptr, nullptr));
}

CASE("SO_REUSEADDR shares a port while nobody listens") {
  const int on = 1;
  const int first = make();
  OK(set(first, SOL_SOCKET, SO_REUSEADDR, on));
  OK(bind_to(first, at(kLoopback)));
  const int second = make();
  OK(set(second, SOL_SOCKET, SO_REUSEADDR, on));
  OK(bind_to(second, name_of(first)));
}

CASE("SO_REUSEADDR does not share the port of one that listens") {
  const int on = 1;
  const int first = make();
  OK(set(first, SOL_SOCKET, SO_REUSEADDR, on));
  OK(bind_to(first, at(kLoopback)));
  OK(listen(first, 1));
  const int second = make();
  OK(set(second, SOL_SOCKET, SO_REUSEADDR, on));
  FAILS(bind_to(second, name_of(first)), EADDRINUSE);
}

CASE("a port is free again when its socket is closed") {
  const int first = make();
  OK(bind_to(first, at(kLoopback)));
  const Address name = name_of(first);
  OK(close(first));
  OK(bind_to(make(), name));
}

CASE("a bound socket is not bound again") {
  const int fd = make();
  OK(bind_to(fd, at(kLoopback)));
  FAILS(bind_to(fd, at(kLoopback)), EINVAL);
  FAILS(bind_to(fd, at(kFirst)), EINVAL);
}

CASE("an address that is not this host's") {
  FAILS(bind_to(make(), at(kNowhere)), EADDRNOTAVAIL);
}

CASE("a multicast address") {
  FAILS(bind_to(make(), at("224.0.0.5")), EADDRNOTAVAIL);
}

CASE("the broadcast address") {
  FAILS(bind_to(make(), at("255.255.255.255")), EADDRNOTAVAIL);
}

CASE("an IPv6 address on an IPv4 socket") {
  FAILS(bind_to(make(), at("::1")), EINVAL);
}

CASE("an IPv4 address on an IPv6 socket") {
  const int fd = make(SOCK_STREAM, AF_INET6);
  OK(bind_to(fd, at(kLoopback)));
  CHECK(name_of(fd).is("::ffff:127.0.0.1"));
}

CASE("a mapped IPv4 address on an IPv6 socket") {
  const int fd = make(SOCK_STREAM, AF_INET6);
  OK(bind_to(fd, at("::ffff:127.0.0.1")));
  CHECK(name_of(fd).is("::ffff:127.0.0.1"));
}

CASE("a mapped IPv4 address on a socket for IPv6 only") {
  const int fd = make(SOCK_STREAM, AF_INET6);
  const int on = 1;
  OK(set(fd, IPPROTO_IPV6, IPV6_V6ONLY, on));
  FAILS(bind_to(fd, at("::ffff:127.0.0.1")), EINVAL);
}

CASE("the loopback address of IPv6") {
  const int fd = make(SOCK_STREAM, AF_INET6);
  OK(bind_to(fd, at("::1")));
  CHECK(name_of(fd).is("::1"));
}

CASE("IPv6 only leaves the port free for IPv4") {
  const int six = make(SOCK_STREAM, AF_INET6);
  const int on = 1;
  OK(set(six, IPPROTO_IPV6, IPV6_V6ONLY, on));
  OK(bind_to(six, at("::")));
  OK(listen(six, 1));
  const int four = make();
  OK(bind_to(four, at("0.0.0.0", name_of(six).port())));
  OK(listen(four, 1));
}

CASE("a connected socket is not bound") {
  const Pair two = pair();
  FAILS(bind_to(two.client, at(kLoopback)), EINVAL);
  FAILS(bind_to(two.server, at(kLoopback)), EINVAL);
}

CASE("a client may bind its port first") {
  const int listener = listening();
  const int client = make();
  OK(bind_to(client, at(kLoopback)));
  const uint16_t port = name_of(client).port();
  OK(connect_to(client, name_of(listener)));
  Address peer;
  peer.length = sizeof peer.storage;
  OK(accept(listener, peer.raw(), &peer.length));
  EQUAL(peer.port(), port);
}

CASE("a one-to-many socket is bound like the other") {
  const int fd = make(SOCK_SEQPACKET);
  OK(bind_to(fd, at(kFirst)));
  CHECK(name_of(fd).is(kFirst));
  FAILS(bind_to(make(SOCK_SEQPACKET), name_of(fd)), EADDRINUSE);
  FAILS(bind_to(make(SOCK_STREAM), name_of(fd)), EADDRINUSE);
}

CASE("one port at two addresses of 127.0.0.0/8 is two sockets'") {
  const int fd = listening(SOCK_STREAM, at(kLoopback));
  const Address other = at("127.0.0.2", name_of(fd).port());
  FAILS(connect_to(make(), other), ECONNREFUSED);
  listening(SOCK_STREAM, other);
}

CASE("a port that the parent has") {
  const int fd = make();
  OK(bind_to(fd, at(kFirst)));
  const Address there = name_of(fd);
  EQUAL(status_of(child([&] { FAILS(bind_to(make(), there), EADDRINUSE); })), 0);
}

CASE("one port at two addresses: a socket of another process listens") {
  const int fd = listening(SOCK_STREAM, at(kFirst));
  const Address there = at(kSecond, name_of(fd).port());
  EQUAL(status_of(child([&] { listening(SOCK_STREAM, there); })), 0);
}

CASE("IP_FREEBIND: an address that is not this host's") {
  const int fd = make();
  OK(set(fd, IPPROTO_IP, IP_FREEBIND, 1));
  OK(bind_to(fd, at(kNowhere)));
}
