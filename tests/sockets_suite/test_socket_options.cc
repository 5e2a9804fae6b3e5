#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "socket options";

CASE("SO_RCVBUF is doubled") {
  const int fd = make();
  OK(set(fd, SOL_SOCKET, SO_RCVBUF, 30'000));
  EQUAL(option<int>(fd, SOL_SOCKET, SO_RCVBUF), 60'000);
}

CASE("SO_SNDBUF is doubled") {
  const int fd = make();
  OK(set(fd, SOL_SOCKET, SO_SNDBUF, 30'000));
  EQUAL(option<int>(fd, SOL_SOCKET, SO_SNDBUF), 60'000);
}

CASE("a buffer has a least size") {
  const int fd = make();
  OK(set(fd, SOL_SOCKET, SO_RCVBUF, 1));
  CHECK(option<int>(fd, SOL_SOCKET, SO_RCVBUF) >= 1024);
  OK(set(fd, SOL_SOCKET, SO_SNDBUF, 1));
  CHECK(option<int>(fd, SOL_SOCKET, SO_SNDBUF) >= 1024);
}

CASE("SO_RCVTIMEO and SO_SNDTIMEO") {
  const int fd = make();
  for (const int name : {SO_RCVTIMEO, SO_SNDTIMEO}) {
    timeval value = option<timeval>(fd, SOL_SOCKET, name);
    EQUAL(value.tv_sec, 0);
    OK(set(fd, SOL_SOCKET, name, timeval{3, 40'000}));
    value = option<timeval>(fd, SOL_SOCKET, name);
    EQUAL(value.tv_sec, 3);
    EQUAL(value.tv_usec, 40'000);
    FAILS(set(fd, SOL_SOCKET, name, timeval{0, 1'000'000}), EDOM);
    FAILS(setsockopt(fd, SOL_SOCKET, name, &value, 4), EINVAL);
  }
}

CASE("flags are set and read back") {
  const int fd = make();
  for (const int name :
       {SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_DONTROUTE, SO_OOBINLINE, SO_REUSEPORT}) {
    EQUAL(option<int>(fd, SOL_SOCKET, name), 0);
    OK(set(fd, SOL_SOCKET, name, 1));
    EQUAL(option<int>(fd, SOL_SOCKET, name), 1);
  }
}

CASE("a flag is on with any number that is not 0") {
  const int fd = make();
  OK(set(fd, SOL_SOCKET, SO_REUSEADDR, 7));
  EQUAL(option<int>(fd, SOL_SOCKET, SO_REUSEADDR), 1);
}

CASE("SO_RCVBUFFORCE and SO_SNDBUFFORCE set the same buffers") {
  const int fd = make();
  OK(set(fd, SOL_SOCKET, SO_RCVBUFFORCE, 30'000));
  EQUAL(option<int>(fd, SOL_SOCKET, SO_RCVBUF), 60'000);
  OK(set(fd, SOL_SOCKET, SO_SNDBUFFORCE, 40'000));
  EQUAL(option<int>(fd, SOL_SOCKET, SO_SNDBUF), 80'000);
  int value = 0;
  socklen_t length = sizeof value;
  FAILS(getsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, &length), ENOPROTOOPT);
  FAILS(getsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &value, &length), ENOPROTOOPT);
}

CASE("numbers that say nothing about SCTP are remembered") {
  const struct {
    int family, level, name, at_first, then;
  } numbers[] = {
      {AF_INET, SOL_SOCKET, SO_MARK, 0, 7},
      {AF_INET, SOL_SOCKET, SO_RCVLOWAT, 1, 3},
      {AF_INET, SOL_SOCKET, SO_DEBUG, 0, 1},
      {AF_INET, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT, IP_PMTUDISC_DO},
      {AF_INET, IPPROTO_IP, IP_FREEBIND, 0, 1},
      {AF_INET, IPPROTO_IP, IP_RECVERR, 0, 1},
      {AF_INET6, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_WANT, IPV6_PMTUDISC_DO},
      {AF_INET6, IPPROTO_IPV6, IPV6_RECVERR, 0, 1},
  };
  for (const auto& one : numbers) {
    const int fd = make(SOCK_STREAM, one.family);
    EQUAL(option<int>(fd, one.level, one.name), one.at_first);
    OK(set(fd, one.level, one.name, one.then));
    EQUAL(option<int>(fd, one.level, one.name), one.then);
  }
}

CASE("SO_PRIORITY and SO_RCVLOWAT") {
  const int fd = make();
  OK(set(fd, SOL_SOCKET, SO_PRIORITY, 5));
  EQUAL(option<int>(fd, SOL_SOCKET, SO_PRIORITY), 5);
  EQUAL(option<int>(fd, SOL_SOCKET, SO_RCVLOWAT), 1);
}

CASE("what is only told cannot be set") {
  for (const int name : {SO_TYPE, SO_PROTOCOL, SO_DOMAIN, SO_ERROR, SO_ACCEPTCONN})
    FAILS(set(make(), SOL_SOCKET, name, 1), ENOPROTOOPT);
}

CASE("an option that is none") {
  FAILS(set(make(), SOL_SOCKET, 9999, 1), ENOPROTOOPT);
  int value;
  socklen_t length = sizeof value;
  FAILS(getsockopt(make(), SOL_SOCKET, 9999, &value, &length), ENOPROTOOPT);
}

CASE("a number is cut to the room that there is") {
  char bytes[4] = {9, 9, 9, 9};
  socklen_t length = 2;
  OK(getsockopt(make(), SOL_SOCKET, SO_TYPE, bytes, &length));
  EQUAL(length, 2);
  EQUAL(bytes[0], SOCK_STREAM);
  EQUAL(bytes[2], 9);
}

CASE("more room than the value has is told") {
  char bytes[64];
  socklen_t length = sizeof bytes;
  OK(getsockopt(make(), SOL_SOCKET, SO_TYPE, bytes, &length));
  EQUAL(length, sizeof(int));
}

CASE("a value that is too short") {
  const short value = 1;
  FAILS(setsockopt(make(), SOL_SOCKET, SO_REUSEADDR, &value, sizeof value), EINVAL);
}

CASE("IPV6_V6ONLY") {
  const int fd = make(SOCK_STREAM, AF_INET6);
  EQUAL(option<int>(fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
  OK(set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
  EQUAL(option<int>(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
}

CASE("options of TCP are none of SCTP's") {
  FAILS(set(make(), IPPROTO_TCP, 1, 1), ENOPROTOOPT);
}
