#include "tests/sockets_suite/suite.h"

#include <sys/ioctl.h>
#include <sys/stat.h>

using namespace suite;

static constexpr char kGroup[] = "descriptors";

CASE("dup: both are the socket, and the last one closes it") {
  const Pair two = pair();
  const int copy = OK(dup(two.client));
  OK(close(two.client));
  EQUAL(say(copy, "copy"), 4);
  CHECK(receive(two.server).is("copy"));
  OK(close(copy));
  EQUAL(receive(two.server).size, 0);
}

CASE("dup2 onto an ordinary descriptor") {
  const Pair two = pair();
  const int file = OK(open("/dev/null", O_RDWR));
  EQUAL(dup2(two.client, file), file);
  EQUAL(say(file, "x"), 1);
  CHECK(receive(two.server).is("x"));
}

CASE("dup2 of an ordinary descriptor onto a socket closes it") {
  const Pair two = pair();
  const int file = OK(open("/dev/null", O_RDWR));
  EQUAL(dup2(file, two.client), two.client);
  EQUAL(receive(two.server).size, 0);
  EQUAL(write(two.client, "x", 1), 1);
}

CASE("dup2 of a socket onto another closes that") {
  const Pair one = pair();
  const Pair two = pair();
  EQUAL(dup2(one.client, two.client), two.client);
  EQUAL(receive(two.server).size, 0);
  EQUAL(say(two.client, "x"), 1);
  CHECK(receive(one.server).is("x"));
}

CASE("dup2 onto itself") {
  const Pair two = pair();
  EQUAL(dup2(two.client, two.client), two.client);
  EQUAL(say(two.client, "x"), 1);
}

CASE("dup3 sets FD_CLOEXEC, and does not copy onto itself") {
  const int fd = make();
  const int copy = OK(dup3(fd, fd + 50, O_CLOEXEC));
  EQUAL(OK(fcntl(copy, F_GETFD)), FD_CLOEXEC);
  FAILS(dup3(fd, fd, 0), EINVAL);
}

CASE("fcntl copies too") {
  const Pair two = pair();
  const int copy = OK(fcntl(two.client, F_DUPFD, 300));
  CHECK(copy >= 300);
  EQUAL(say(copy, "x"), 1);
  const int other = OK(fcntl(two.client, F_DUPFD_CLOEXEC, 0));
  EQUAL(OK(fcntl(other, F_GETFD)), FD_CLOEXEC);
  EQUAL(say(other, "y"), 1);
}

CASE("O_NONBLOCK is of all copies") {
  const Pair two = pair();
  const int copy = OK(dup(two.client));
  OK(fcntl(copy, F_SETFL, O_NONBLOCK));
  EQUAL(OK(fcntl(two.client, F_GETFL)) & O_NONBLOCK, O_NONBLOCK);
  EQUAL(receive(two.client).error, EAGAIN);
}

CASE("FIONBIO") {
  const Pair two = pair();
  int on = 1;
  OK(ioctl(two.client, FIONBIO, &on));
  EQUAL(receive(two.client).error, EAGAIN);
  on = 0;
  OK(ioctl(two.client, FIONBIO, &on));
  EQUAL(OK(fcntl(two.client, F_GETFL)) & O_NONBLOCK, 0);
}

CASE("fstat says socket") {
  struct stat info {};
  OK(fstat(make(), &info));
  CHECK(S_ISSOCK(info.st_mode));
}

CASE("a number is another thing after close") {
  const int fd = make();
  OK(close(fd));
  const int file = OK(open("/dev/null", O_RDWR));
  EQUAL(file, fd);
  EQUAL(write(file, "x", 1), 1);
  FAILS(listen(file, 1), ENOTSOCK);
}

CASE("close_range closes sockets too") {
  const Pair two = pair();
  OK(close_range(static_cast<unsigned>(two.client), static_cast<unsigned>(two.client), 0));
  EQUAL(receive(two.server).size, 0);
}

CASE("close_range of nothing is EINVAL") {
  FAILS(close_range(5, 3, 0), EINVAL);
  const int fd = make();
  FAILS(close_range(static_cast<unsigned>(fd), static_cast<unsigned>(fd) - 1, 0), EINVAL);
  FAILS(close_range(static_cast<unsigned>(fd), static_cast<unsigned>(fd), 1 << 20), EINVAL);
  OK(fcntl(fd, F_GETFD));
}

CASE("a program that closes all that it can count to harms nothing") {
  for (int fd = 3; fd < 1200; ++fd) close(fd);
  const Pair two = pair();
  EQUAL(say(two.client, "x"), 1);
  for (int fd = 3; fd < 4000; ++fd) close(fd);
  const Pair next = pair();
  EQUAL(say(next.client, "x"), 1);
  CHECK(receive(next.server).is("x"));
}
