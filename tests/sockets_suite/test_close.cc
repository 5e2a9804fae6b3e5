#include "tests/sockets_suite/suite.h"

#include <time.h>

#include <chrono>

using namespace suite;

static constexpr char kGroup[] = "close";

CASE("the peer reads the end") {
  const Pair two = pair();
  OK(close(two.client));
  EQUAL(receive(two.server).size, 0);
}

CASE("what was sent arrives first") {
  const Pair two = pair();
  for (int i = 0; i < 20; ++i) EQUAL(say(two.client, "bytes"), 5);
  OK(close(two.client));
  for (int i = 0; i < 20; ++i) CHECK(receive(two.server).is("bytes"));
  EQUAL(receive(two.server).size, 0);
}

CASE("a linger of no time aborts") {
  const Pair two = pair();
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 0}));
  OK(close(two.client));
  EQUAL(receive(two.server).error, ECONNRESET);
}

CASE("an abort is told once, and then the socket is not connected") {
  const Pair two = pair();
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 0}));
  OK(close(two.client));
  EQUAL(receive(two.server).error, ECONNRESET);
  EQUAL(receive(two.server).error, ENOTCONN);
  FAILS(say(two.server, "x"), EPIPE);
}

CASE("an abort is told to a writer") {
  const Pair two = pair();
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 0}));
  OK(close(two.client));
  wait_for(two.server, POLLIN);
  FAILS(say(two.server, "x"), ECONNRESET);
}

CASE("an abort is SO_ERROR") {
  const Pair two = pair();
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 0}));
  OK(close(two.client));
  wait_for(two.server, POLLIN);
  EQUAL(option<int>(two.server, SOL_SOCKET, SO_ERROR), ECONNRESET);
  EQUAL(option<int>(two.server, SOL_SOCKET, SO_ERROR), 0);
}

CASE("data that came before an abort can be read") {
  const Pair two = pair();
  say(two.client, "before");
  wait_for(two.server, POLLIN);
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 0}));
  OK(close(two.client));
  sleep_ms(30);
  CHECK(receive(two.server).is("before"));
}

CASE("data that nobody has read is the peer's loss") {
  const Pair two = pair();
  say(two.client, "unread");
  wait_for(two.server, POLLIN);
  OK(close(two.server));
  EQUAL(receive(two.client).error, ECONNRESET);
}

CASE("data that nobody has read is the peer's loss, however long the socket lingers") {
  const Pair two = pair();
  say(two.client, "unread");
  wait_for(two.server, POLLIN);
  OK(set(two.server, SOL_SOCKET, SO_LINGER, linger{1, 5}));
  OK(close(two.server));
  EQUAL(receive(two.client).error, ECONNRESET);
}

CASE("data of an association that nobody has accepted is the peer's loss too") {
  const int listener = listening();
  const int client = make();
  OK(connect_to(client, name_of(listener)));
  say(client, "unread");
  sleep_ms(30);
  OK(close(listener));
  EQUAL(receive(client).error, ECONNRESET);
}

CASE("a listener's linger of no time aborts what nobody has accepted") {
  const int listener = listening();
  OK(set(listener, SOL_SOCKET, SO_LINGER, linger{1, 0}));
  const int client = make();
  OK(connect_to(client, name_of(listener)));
  wait_for(listener, POLLIN);
  OK(close(listener));
  EQUAL(receive(client).error, ECONNRESET);
}

CASE("after as many messages as there is room for") {
  const Pair two = pair();
  const int listener = listening();
  const Address there = name_of(listener);
  const int sent = fill_in_batches(two.client);
  OK(close(two.client));
  OK(close(listener));
  FAILS(connect_to(make(), there), ECONNREFUSED);
  for (int i = 0; i < sent; ++i) EQUAL(receive(two.server).size, 1);
  EQUAL(receive(two.server).size, 0);
}

CASE("a linger with time waits until all has arrived") {
  const Pair two = pair();
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 5}));
  say(two.client, "x");
  OK(close(two.client));
  CHECK(receive(two.server).is("x"));
}

CASE("a linger with time waits no longer, though the peer reads nothing") {
  const Pair two = pair();
  CHECK(fill_up(two.client) > 0);
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 1}));
  const Watch watch;
  OK(close(two.client));
  CHECK(watch.ms() >= 900);
}

CASE("a socket that another process has too does not linger") {
  const Pair two = pair();
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 5}));
  int go[2];
  OK(pipe(go));
  const pid_t child = OK(fork());
  if (child == 0) {
    char byte;
    EQUAL(read(go[0], &byte, 1), 1);
    EQUAL(say(two.client, "still"), 5);
    _exit(0);
  }
  OK(close(two.client));
  EQUAL(write(go[1], "x", 1), 1);
  CHECK(receive(two.server).is("still"));
}

CASE("a one-to-many socket does not wait, whatever it lingers") {
  const Many two = many();
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 5}));
  const auto begun = std::chrono::steady_clock::now();
  OK(close(two.client));
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(2));
}

CASE("SO_LINGER is what was set") {
  const int fd = make();
  linger value = option<linger>(fd, SOL_SOCKET, SO_LINGER);
  EQUAL(value.l_onoff, 0);
  OK(set(fd, SOL_SOCKET, SO_LINGER, linger{1, 7}));
  value = option<linger>(fd, SOL_SOCKET, SO_LINGER);
  EQUAL(value.l_onoff, 1);
  EQUAL(value.l_linger, 7);
}

CASE("a closed descriptor is none") {
  const int fd = make();
  OK(close(fd));
  FAILS(close(fd), EBADF);
  FAILS(listen(fd, 1), EBADF);
}

CASE("a one-to-many socket ends all its associations") {
  const int fd = make(SOCK_SEQPACKET);
  int servers[3];
  for (int& server : servers) {
    const int listener = listening();
    OK(connect_to(fd, name_of(listener)));
    server = OK(accept(listener, nullptr, nullptr));
  }
  OK(close(fd));
  for (const int server : servers) EQUAL(receive(server).size, 0);
}

namespace {

/// What a process has said that then ended so, and the association with it.
template <class End>
void says_and_ends(End&& end) {
  const int listener = listening();
  const Address there = name_of(listener);
  const pid_t child = OK(fork());
  if (child == 0) {
    close(listener);
    const int fd = make();
    OK(connect_to(fd, there));
    say(fd, "bye");
    end();
  }
  const int server = OK(accept(listener, nullptr, nullptr));
  CHECK(receive(server).is("bye"));
  EQUAL(receive(server).size, 0);
}

}  // namespace

CASE("the end of a process is a close") {
  says_and_ends([] { _exit(0); });
}

CASE("quick_exit() ends associations as exit() does") {
  says_and_ends([] { quick_exit(0); });
}

CASE("a process that is killed ends its associations too") {
  const int listener = listening();
  const Address there = name_of(listener);
  const pid_t child = OK(fork());
  if (child == 0) {
    close(listener);
    const int fd = make();
    OK(connect_to(fd, there));
    pause();
  }
  const int server = OK(accept(listener, nullptr, nullptr));
  OK(kill(child, SIGKILL));
  const Message message = receive(server);
  CHECK(message.size == 0 || message.error == ECONNRESET);
}
