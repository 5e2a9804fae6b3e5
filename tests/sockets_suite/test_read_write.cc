#include "tests/sockets_suite/suite.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

using namespace suite;

static constexpr char kGroup[] = "read and write";

CASE("write and read") {
  const Pair two = pair();
  EQUAL(write(two.client, "abc", 3), 3);
  char bytes[8];
  EQUAL(read(two.server, bytes, sizeof bytes), 3);
}

CASE("writev and readv") {
  const Pair two = pair();
  char ab[] = "ab";
  char c[] = "c";
  const iovec out[] = {{ab, 2}, {c, 1}};
  EQUAL(writev(two.client, out, 2), 3);
  char one[2], rest[8];
  const iovec in[] = {{one, 2}, {rest, 8}};
  EQUAL(readv(two.server, in, 2), 3);
  EQUAL(rest[0], 'c');
}

CASE("read of no bytes") {
  const Pair two = pair();
  EQUAL(read(two.server, nullptr, 0), 0);
}

CASE("write of no bytes") {
  const Pair two = pair();
  FAILS(write(two.client, "", 0), EINVAL);
}

CASE("read and write on a socket without a peer") {
  count_signal(SIGPIPE);
  char byte;
  FAILS(read(make(), &byte, 1), ENOTCONN);
  FAILS(write(make(), "x", 1), EPIPE);
  EQUAL(signals_seen, 1);
}

CASE("there are no positions") {
  const Pair two = pair();
  char byte;
  FAILS(pread(two.server, &byte, 1, 0), ESPIPE);
  FAILS(lseek(two.server, 0, SEEK_SET), ESPIPE);
}

CASE("sendfile") {
  const Pair two = pair();
  char name[] = "suite-XXXXXX";
  const int file = OK(mkstemp(name));
  OK(unlink(name));
  EQUAL(write(file, "from a file", 11), 11);
  off_t offset = 5;
  EQUAL(sendfile(two.client, file, &offset, 100), 6);
  CHECK(receive(two.server).is("a file"));
  EQUAL(offset, 11);
}

CASE("sendfile: an offset at a foreign address") {
  const Pair two = pair();
  const int file = OK(memfd_create("suite", 0));
  EQUAL(write(file, "abc", 3), 3);
  FAILS(sendfile(two.client, file, foreign<off_t>(), 3), EFAULT);
  OK(say(two.client, "next"));
  CHECK(receive(two.server).is("next"));
}

CASE("sendfile goes on where the file is") {
  const Pair two = pair();
  const int file = OK(memfd_create("suite", 0));
  EQUAL(write(file, "abc", 3), 3);
  EQUAL(lseek(file, 1, SEEK_SET), 1);
  EQUAL(sendfile(two.client, file, nullptr, 100), 2);
  CHECK(receive(two.server).is("bc"));
  EQUAL(lseek(file, 0, SEEK_CUR), 3);
}

CASE("pwritev2 and preadv2 without a position") {
  const Pair two = pair();
  char bytes[] = "abc";
  const iovec part{bytes, 3};
  EQUAL(pwritev2(two.client, &part, 1, -1, 0), 3);
  CHECK(receive(two.server).is("abc"));
  say(two.client, "def");
  EQUAL(preadv2(two.server, &part, 1, -1, 0), 3);
  EQUAL(bytes[0], 'd');
  FAILS(pwritev2(two.client, &part, 1, 0, 0), ESPIPE);
}

CASE("dprintf") {
  const Pair two = pair();
  EQUAL(dprintf(two.client, "%d bottles", 99), 10);
  CHECK(receive(two.server).is("99 bottles"));
}

CASE("splice from a pipe") {
  const Pair two = pair();
  int ends[2];
  OK(pipe(ends));
  EQUAL(write(ends[1], "abc", 3), 3);
  EQUAL(splice(ends[0], nullptr, two.client, nullptr, 3, 0), 3);
  CHECK(receive(two.server).is("abc"));
}
