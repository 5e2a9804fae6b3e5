#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "names";

CASE("an unbound socket has no name") {
  CHECK(name_of(make()).is("0.0.0.0"));
  EQUAL(name_of(make()).port(), 0);
  CHECK(name_of(make(SOCK_STREAM, AF_INET6)).is("::"));
}

CASE("a socket without a peer") {
  Address peer;
  peer.length = sizeof peer.storage;
  FAILS(getpeername(make(), peer.raw(), &peer.length), ENOTCONN);
  FAILS(getpeername(listening(), peer.raw(), &peer.length), ENOTCONN);
}

CASE("a one-to-many socket has no peer") {
  const Many two = many();
  Address peer;
  peer.length = sizeof peer.storage;
  FAILS(getpeername(two.client, peer.raw(), &peer.length), ENOTCONN);
}

CASE("the two ends agree") {
  const Pair two = pair();
  EQUAL(name_of(two.client).port(), peer_of(two.server).port());
  EQUAL(name_of(two.server).port(), peer_of(two.client).port());
  CHECK(peer_of(two.server).is(kLoopback));
}

CASE("a connected socket's name is the address that it sends from") {
  const int listener = listening(SOCK_STREAM, at("0.0.0.0"));
  const uint16_t port = name_of(listener).port();
  for (const char* address : {kLoopback, kFirst, kSecond}) {
    const int client = make();
    OK(connect_to(client, at(address, port)));
    CHECK(name_of(client).is(address));
    EQUAL(name_of(client).port(), peer_of(OK(accept(listener, nullptr, nullptr))).port());
  }
}

CASE("an accepted socket's name is the address that the peer has reached") {
  const int listener = listening(SOCK_STREAM, at("0.0.0.0"));
  const uint16_t port = name_of(listener).port();
  for (const char* address : {kLoopback, kFirst, kSecond}) {
    OK(connect_to(make(), at(address, port)));
    const Address name = name_of(OK(accept(listener, nullptr, nullptr)));
    CHECK(name.is(address));
    EQUAL(name.port(), port);
  }
}

CASE("a connected IPv6 socket's name is the address that it sends from") {
  const int listener = listening(SOCK_STREAM, at("::"));
  const uint16_t port = name_of(listener).port();
  for (const char* address : {"::1", kSixth}) {
    const int client = make(SOCK_STREAM, AF_INET6);
    OK(connect_to(client, at(address, port)));
    CHECK(name_of(client).is(address));
    CHECK(name_of(OK(accept(listener, nullptr, nullptr))).is(address));
  }
}

CASE("a name without room is cut, and its length told") {
  const Pair two = pair();
  char room[3] = {};
  socklen_t length = sizeof room;
  OK(getsockname(two.client, reinterpret_cast<sockaddr*>(room), &length));
  EQUAL(length, sizeof(sockaddr_in));
  length = sizeof room;
  OK(getpeername(two.client, reinterpret_cast<sockaddr*>(room), &length));
  EQUAL(length, sizeof(sockaddr_in));
}

CASE("sctp_getpaddrs and sctp_getladdrs") {
  const Pair two = pair(kFirst);
  sockaddr* list = nullptr;
  CHECK(OK(sctp_getpaddrs(two.client, 0, &list)) >= 1);
  EQUAL(list->sa_family, AF_INET);
  EQUAL(ntohs(reinterpret_cast<sockaddr_in*>(list)->sin_port), name_of(two.listener).port());
  sctp_freepaddrs(list);
  EQUAL(OK(sctp_getladdrs(two.server, 0, &list)), 1);
  sctp_freeladdrs(list);
}

CASE("the addresses of an association of a one-to-many socket") {
  const Many two = many();
  sockaddr* list = nullptr;
  EQUAL(OK(sctp_getpaddrs(two.client, two.client_id, &list)), 1);
  sctp_freepaddrs(list);
  EQUAL(OK(sctp_getladdrs(two.client, two.client_id, &list)), 1);
  sctp_freeladdrs(list);
  FAILS(sctp_getpaddrs(two.client, two.client_id + 1000, &list), EINVAL);
}

namespace {

/// Whether the peer's addresses are these, in any order, and no other.
bool has_peers(int fd, std::initializer_list<const char*> texts) {
  sockaddr* list = nullptr;
  const int count = OK(sctp_getpaddrs(fd, 0, &list));
  size_t found = 0;
  for (const char* text : texts) {
    const char* next = reinterpret_cast<const char*>(list);
    for (int i = 0; i < count; ++i) {
      Address one;
      memcpy(&one.storage.ss_family, next, sizeof one.storage.ss_family);
      one.length = one.storage.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
      memcpy(&one.storage, next, one.length);
      next += one.length;
      found += one.is(text) ? 1 : 0;
    }
  }
  sctp_freepaddrs(list);
  return found == texts.size() && static_cast<size_t>(count) == found;
}

}  // namespace

CASE("the addresses of an IPv4 socket are all that there are of IPv4, without loopback") {
  const int listener = listening(SOCK_STREAM, at("0.0.0.0"));
  const int fd = make();
  OK(connect_to(fd, at(kFirst, name_of(listener).port())));
  const int server = OK(accept(listener, nullptr, nullptr));
  for (const int one : {fd, server}) CHECK(has_peers(one, {kFirst, kSecond}));
}

CASE("the addresses of an IPv6 socket are all that there are, without loopback") {
  const int listener = listening(SOCK_STREAM, at("::"));
  const int fd = make(SOCK_STREAM, AF_INET6);
  OK(connect_to(fd, at("::ffff:10.20.0.1", name_of(listener).port())));
  const int server = OK(accept(listener, nullptr, nullptr));
  for (const int one : {fd, server})
    CHECK(has_peers(one, {kSixth, "::ffff:10.20.0.1", "::ffff:10.20.1.1"}));
}

CASE("the addresses of a socket that is bound to the loopback address and another") {
  const int fd = make();
  OK(sctp_bindx(fd, Packed().add(at(kLoopback)).add(at(kSecond)).raw(), 2, SCTP_BINDX_ADD_ADDR));
  OK(listen(fd, 5));
  const uint16_t port = name_of(fd).port();
  sockaddr* list = nullptr;
  EQUAL(OK(sctp_getladdrs(fd, 0, &list)), 2);
  sctp_freeladdrs(list);
  OK(connect_to(make(), at(kLoopback, port)));
  OK(connect_to(make(), at(kSecond, port)));
  FAILS(connect_to(make(), at(kFirst, port)), ECONNREFUSED);
}

CASE("the addresses of nobody") {
  sockaddr* list = nullptr;
  FAILS(sctp_getpaddrs(make(), 0, &list), EINVAL);
}

CASE("the peer's name is there after its end") {
  const Pair two = pair();
  OK(close(two.client));
  EQUAL(receive(two.server).size, 0);
  sleep_ms(20);
  CHECK(peer_of(two.server).is(kLoopback));
}

CASE("SCTP_I_WANT_MAPPED_V4_ADDR chooses the form of IPv4 addresses") {
  const int listener = listening();
  const int fd = make(SOCK_STREAM, AF_INET6);
  EQUAL(flag(fd, SCTP_I_WANT_MAPPED_V4_ADDR), 1);
  OK(set(fd, IPPROTO_SCTP, SCTP_I_WANT_MAPPED_V4_ADDR, 0));
  OK(connect_to(fd, at("::ffff:127.0.0.1", name_of(listener).port())));
  CHECK(peer_of(fd).is(kLoopback));
}
