#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "shutdown";

CASE("SHUT_WR: the peer reads what was sent, and then the end") {
  const Pair two = pair();
  say(two.client, "last");
  OK(shutdown(two.client, SHUT_WR));
  CHECK(receive(two.server).is("last"));
  EQUAL(receive(two.server).size, 0);
  EQUAL(receive(two.server).size, 0);
}

CASE("SHUT_WR: this side does not write any more") {
  const Pair two = pair();
  count_signal(SIGPIPE);
  OK(shutdown(two.client, SHUT_WR));
  FAILS(say(two.client, "x", 0), EPIPE);
  EQUAL(signals_seen, 1);
}

CASE("SHUT_WR: this side reads what has come") {
  const Pair two = pair();
  say(two.server, "has come");
  wait_for(two.client, POLLIN);
  OK(shutdown(two.client, SHUT_WR));
  CHECK(receive(two.client).is("has come"));
}

CASE("SHUT_WR: after as many messages as there is room for") {
  const Pair two = pair();
  const int sent = fill_in_batches(two.client);
  OK(shutdown(two.client, SHUT_WR));
  for (int i = 0; i < sent; ++i) EQUAL(receive(two.server).size, 1);
  EQUAL(receive(two.server).size, 0);
}

CASE("SHUT_WR: when the peer has agreed, this side is not connected") {
  const Pair two = pair();
  OK(shutdown(two.client, SHUT_WR));
  sleep_ms(200);
  EQUAL(receive(two.client).error, ENOTCONN);
}

CASE("the peer of a shutdown cannot write") {
  const Pair two = pair();
  OK(shutdown(two.client, SHUT_WR));
  EQUAL(receive(two.server).size, 0);
  FAILS(say(two.server, "x"), EPIPE);
}

CASE("SHUT_RD reads nothing, and ends nothing") {
  const Pair two = pair();
  OK(shutdown(two.server, SHUT_RD));
  EQUAL(receive(two.server).size, 0);
  OK(say(two.server, "still"));
  CHECK(receive(two.client).is("still"));
}

CASE("SHUT_RDWR ends both") {
  const Pair two = pair();
  OK(shutdown(two.client, SHUT_RDWR));
  EQUAL(receive(two.client).size, 0);
  FAILS(say(two.client, "x"), EPIPE);
  EQUAL(receive(two.server).size, 0);
}

CASE("twice") {
  const Pair two = pair();
  OK(shutdown(two.client, SHUT_WR));
  EQUAL(receive(two.server).size, 0);
  sleep_ms(20);
  OK(shutdown(two.client, SHUT_WR));
}

CASE("a socket that is not connected") {
  FAILS(shutdown(make(), SHUT_WR), ENOTCONN);
}

CASE("a way that is none") {
  const Pair two = pair();
  FAILS(shutdown(two.client, 3), EINVAL);
  FAILS(shutdown(two.client, -1), EINVAL);
}

CASE("on a one-to-many socket it means nothing") {
  const Many two = many();
  OK(shutdown(two.client, SHUT_WR));
  EQUAL(say_to(two.client, two.server_at, "still"), 5);
}

CASE("a reader that waits is woken") {
  const Pair two = pair();
  const pid_t child = OK(fork());
  if (child == 0) {
    sleep_ms(50);
    shutdown(two.client, SHUT_WR);
    _exit(0);
  }
  EQUAL(receive(two.server).size, 0);
}

CASE("poll sees the end") {
  const Pair two = pair();
  OK(shutdown(two.client, SHUT_WR));
  CHECK((wait_for(two.server, POLLIN | POLLRDHUP) & (POLLIN | POLLRDHUP)) != 0);
}
