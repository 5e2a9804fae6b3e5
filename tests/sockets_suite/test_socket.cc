#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "socket";

CASE("both models exist in both families, and tell so") {
  for (const int family : {AF_INET, AF_INET6}) {
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
      const int fd = make(type, family);
      EQUAL(option<int>(fd, SOL_SOCKET, SO_TYPE), type);
      EQUAL(option<int>(fd, SOL_SOCKET, SO_DOMAIN), family);
      EQUAL(option<int>(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_SCTP);
      EQUAL(option<int>(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
      OK(close(fd));
    }
  }
}

CASE("SOCK_NONBLOCK and SOCK_CLOEXEC are the descriptor's flags") {
  const int plain = make();
  EQUAL(OK(fcntl(plain, F_GETFL)) & O_NONBLOCK, 0);
  EQUAL(OK(fcntl(plain, F_GETFD)) & FD_CLOEXEC, 0);
  const int fd = make(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
  EQUAL(OK(fcntl(fd, F_GETFL)) & O_NONBLOCK, O_NONBLOCK);
  EQUAL(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
}

CASE("a datagram type is no type of SCTP's") {
  FAILS(socket(AF_INET, SOCK_DGRAM, IPPROTO_SCTP), EPROTONOSUPPORT);
  FAILS(socket(AF_INET6, SOCK_DGRAM, IPPROTO_SCTP), EPROTONOSUPPORT);
}

CASE("other families do not know SCTP") {
  FAILS(socket(AF_UNIX, SOCK_STREAM, IPPROTO_SCTP), EPROTONOSUPPORT);
}

CASE("without the protocol's number a socket of sequenced packets is SCTP's") {
  for (const int family : {AF_INET, AF_INET6}) {
    const int fd = OK(socket(family, SOCK_SEQPACKET, 0));
    EQUAL(option<int>(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_SCTP);
    EQUAL(flag(fd, SCTP_AUTOCLOSE), 0);
  }
}

CASE("without the protocol's number a stream is TCP's") {
  const int fd = OK(socket(AF_INET, SOCK_STREAM, 0));
  EQUAL(option<int>(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
}

CASE("the lowest free descriptor is taken") {
  const int first = make();
  const int lowest = OK(dup(first));
  OK(close(lowest));
  EQUAL(make(), lowest);
  OK(close(first));
  EQUAL(make(), first);
}

CASE("a fresh socket is not readable, and has no error") {
  const int fd = make();
  EQUAL(ready(fd) & POLLIN & ~POLLHUP, 0);
  EQUAL(option<int>(fd, SOL_SOCKET, SO_ERROR), 0);
}
