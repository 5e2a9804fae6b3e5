// One-to-one sockets: the calls of RFC 6458 section 4, and what poll says meanwhile.
#include <signal.h>

#include <thread>
#include <utility>

#include "api/sockets/socket.h"
#include "tests/sockets/engine.h"

namespace millrace::sockets {
namespace {

TEST_CASE("a message comes whole, with MSG_EOR and its sender's address") {
  Pair pair;
  CHECK(pair.client.send("hello") == 5);
  const Received got = receive(pair.server);
  CHECK(got.data == "hello");
  CHECK((got.flags & MSG_EOR) != 0);
  CHECK((got.flags & MSG_NOTIFICATION) == 0);
  CHECK(ntohs(got.from.sin_port) == pair.client.port());
  CHECK(got.from.sin_addr.s_addr == at("10.0.0.1", 0).sin_addr.s_addr);
}

TEST_CASE("a message larger than the buffer comes in pieces, the last one with MSG_EOR") {
  Pair pair;
  CHECK(pair.client.send("abcdefgh") == 8);
  const Received first = receive(pair.server, 0, 3);
  CHECK(first.data == "abc");
  CHECK((first.flags & MSG_EOR) == 0);
  CHECK(pair.server.ready() & POLLIN);
  const Received looked = receive(pair.server, MSG_PEEK, 100);
  CHECK(looked.data == "defgh");
  const Received second = receive(pair.server, 0, 100);
  CHECK(second.data == "defgh");
  CHECK((second.flags & MSG_EOR) != 0);
  CHECK((pair.server.ready() & POLLIN) == 0);
}

TEST_CASE("a large message survives, and so do many small ones in order") {
  Pair pair;
  std::string large(300'000, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7);
  CHECK(pair.client.send(large) == static_cast<ssize_t>(large.size()));
  CHECK(receive(pair.server, 0, large.size()).data == large);
  for (int i = 0; i < 1000; ++i) REQUIRE(pair.client.send(std::to_string(i)) > 0);
  for (int i = 0; i < 1000; ++i) REQUIRE(receive(pair.server).data == std::to_string(i));
}

TEST_CASE("poll tells a fresh, a connected and a listening socket apart") {
  const Handle fresh(SOCK_STREAM);
  CHECK(fresh.ready() == 0);
  Pair pair;
  CHECK(pair.client.ready() == POLLOUT);
  CHECK(pair.listener.ready() == 0);
  const Handle another(SOCK_STREAM);
  REQUIRE(another.connect("10.0.0.1", pair.listener.port()) == 0);
  CHECK(pair.listener.becomes(POLLIN));
  const Handle accepted(Handle::Adopt{calls::accept(pair.listener.number, nullptr, nullptr, 0)});
  CHECK(accepted.number >= 0);
  CHECK(pair.listener.ready() == 0);
}

TEST_CASE("close sends what was written, and then the peer reads the end") {
  Pair pair;
  CHECK(pair.client.send("last words") == 10);
  pair.client.close();
  CHECK(receive(pair.server).data == "last words");
  CHECK(receive(pair.server).size == 0);
  CHECK((pair.server.ready() & (POLLIN | POLLRDHUP)) == (POLLIN | POLLRDHUP));
  CHECK(pair.server.send("too late") == -1);
  CHECK(errno == EPIPE);
}

TEST_CASE("shutdown ends sending, and the caller still reads its own end") {
  Pair pair;
  CHECK(calls::shutdown(pair.client.number, SHUT_WR) == 0);
  CHECK(pair.client.send("no") == -1);
  CHECK(errno == EPIPE);
  CHECK(receive(pair.server).size == 0);
  CHECK(receive(pair.client).size == 0);
}

TEST_CASE("SO_LINGER of zero seconds aborts, and the peer is told so once") {
  Pair pair;
  REQUIRE(pair.client.set(SOL_SOCKET, SO_LINGER, linger{1, 0}) == 0);
  pair.client.close();
  CHECK(pair.server.becomes(POLLIN));
  CHECK(receive(pair.server).error == ECONNRESET);
  CHECK(receive(pair.server).error == ENOTCONN);
}

TEST_CASE("no flag of a call keeps an error for the next") {
  Pair pair;
  const linger now{1, 0};
  REQUIRE(pair.client.set(SOL_SOCKET, SO_LINGER, now) == 0);
  pair.client.close();
  CHECK(receive(pair.server, kLeavesError).error == ECONNRESET);
  CHECK(receive(pair.server, kLeavesError).error == ENOTCONN);
}

TEST_CASE("closing with data unread aborts") {
  Pair pair;
  CHECK(pair.client.send("nobody reads this") > 0);
  CHECK(pair.server.becomes(POLLIN));
  pair.server.close();
  CHECK(receive(pair.client).error == ECONNRESET);
}

TEST_CASE("a connect that nobody answers is refused, blocking or not") {
  const Handle client(SOCK_STREAM);
  CHECK(client.connect("10.0.0.1", 9) == -1);
  CHECK(errno == ECONNREFUSED);
  const Handle other(SOCK_STREAM | SOCK_NONBLOCK);
  const int status = other.connect("10.0.0.1", 9);
  CHECK(status == -1);
  if (errno == EINPROGRESS) {
    CHECK(other.becomes(POLLOUT));
    int error = 0;
    CHECK(other.get(SOL_SOCKET, SO_ERROR, error) == 0);
    CHECK(error == ECONNREFUSED);
    CHECK(other.get(SOL_SOCKET, SO_ERROR, error) == 0);
    CHECK(error == 0);
  } else {
    CHECK(errno == ECONNREFUSED);
  }
}

TEST_CASE("a connect in progress becomes writable when it is up") {
  const Handle listener(SOCK_STREAM);
  REQUIRE(listener.bind("0.0.0.0", 0) == 0);
  REQUIRE(calls::listen(listener.number, 5) == 0);
  const Handle client(SOCK_STREAM | SOCK_NONBLOCK);
  const int status = client.connect("127.0.0.1", listener.port());
  CHECK((status == 0 || errno == EINPROGRESS));
  CHECK(client.becomes(POLLOUT));
  int error = 1;
  CHECK(client.get(SOL_SOCKET, SO_ERROR, error) == 0);
  CHECK(error == 0);
  CHECK(client.connect("127.0.0.1", listener.port()) == -1);
  CHECK(errno == EISCONN);
}

TEST_CASE("a full send buffer says EAGAIN, poll waits for room, and nothing is lost") {
  Pair pair;
  pair.client.set_non_blocking();
  const std::string block(10'000, 'b');
  int sent = 0;
  do {  // until the peer's buffer is full too: before that the engine makes room meanwhile
    const int before = sent;
    while (sent < 1000 && pair.client.send(block) > 0) ++sent;
    REQUIRE(sent < 1000);
    REQUIRE(sent > before);
    CHECK(errno == EAGAIN);
  } while (pair.client.becomes(POLLOUT, 300));
  for (int i = 0; i < sent; ++i) REQUIRE(receive(pair.server).size == 10'000);
  CHECK(pair.client.becomes(POLLOUT));
  CHECK(pair.client.send("more") == 4);
  CHECK(receive(pair.server).data == "more");
}

TEST_CASE("a blocked sender and a blocked receiver are woken") {
  Pair pair;
  const std::string block(50'000, 'b');
  std::thread writer([&] {
    for (int i = 0; i < 100; ++i) {
      if (pair.client.send(block) != 50'000) return;
    }
    pair.client.close();
  });
  std::size_t total = 0;
  while (true) {
    const Received got = receive(pair.server);
    if (got.size <= 0) break;
    total += got.data.size();
  }
  writer.join();
  CHECK(total == 100 * block.size());
}

void nothing(int) {}

TEST_CASE("a signal ends a blocked call with EINTR, or with SA_RESTART does not") {
  Pair pair;
  struct sigaction action {};
  action.sa_handler = nothing;
  sigaction(SIGUSR1, &action, nullptr);
  std::atomic<int> phase{0};
  std::atomic<bool> restarts{false};
  std::thread reader([&] {
    phase = 1;
    const Received interrupted = receive(pair.server);
    CHECK(interrupted.error == EINTR);
    phase = 2;
    while (!restarts) usleep(1000);  // one signal more may come before calls are restarted
    CHECK(receive(pair.server).data == "at last");
    phase = 3;
  });
  while (phase == 0) usleep(1000);
  while (phase == 1) {
    usleep(20'000);
    pthread_kill(reader.native_handle(), SIGUSR1);
  }
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  restarts = true;
  for (int i = 0; i < 3; ++i) {
    usleep(20'000);
    pthread_kill(reader.native_handle(), SIGUSR1);
  }
  CHECK(phase == 2);
  pair.client.send("at last");
  reader.join();
}

// AddressSanitizer does not follow the unwinding of a cancelled thread: it takes the frames that
// are gone for live ones.
#if defined(__SANITIZE_ADDRESS__)
#define MILLRACE_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MILLRACE_HAS_ASAN 1
#endif
#endif

#ifndef MILLRACE_HAS_ASAN
TEST_CASE("a thread that is cancelled in a blocked call leaves everything usable") {
  Pair pair;
  pthread_t thread;
  REQUIRE(pthread_create(
              &thread, nullptr,
              [](void* server) -> void* {
                char byte;
                iovec part{&byte, 1};
                msghdr message{};
                message.msg_iov = &part;
                message.msg_iovlen = 1;
                calls::recvmsg(*static_cast<int*>(server), &message, 0);
                return nullptr;
              },
              &pair.server.number) == 0);
  usleep(50'000);
  CHECK(pthread_cancel(thread) == 0);
  void* result = nullptr;
  CHECK(pthread_join(thread, &result) == 0);
  CHECK(result == PTHREAD_CANCELED);
  CHECK(pair.client.send("still works") == 11);
  CHECK(receive(pair.server).data == "still works");
}

#endif

TEST_CASE("SO_RCVTIMEO ends a receive call with EAGAIN") {
  Pair pair;
  REQUIRE(pair.server.set(SOL_SOCKET, SO_RCVTIMEO, timeval{0, 50'000}) == 0);
  CHECK(receive(pair.server).error == EAGAIN);
  CHECK(pair.client.send("x") == 1);
  CHECK(receive(pair.server).data == "x");
}

TEST_CASE("a copied descriptor keeps the association, and the last close ends it") {
  Pair pair;
  const int copy = calls::copy(pair.client.number, -1, [&] { return ::dup(pair.client.number); });
  pair.client.close();
  const Handle other(Handle::Adopt{copy});
  CHECK(other.send("still here") == 10);
  CHECK(receive(pair.server).data == "still here");
}

TEST_CASE("a socket that was closed behind the library's back ends when its number is another's") {
  Pair pair;
  const int number = std::exchange(pair.server.number, -1);
  ::close(number);
  const Handle next(SOCK_STREAM);
  CHECK(next.number == number);
  CHECK(receive(pair.client).size == 0);
}

TEST_CASE("two sockets of a process listen at one port, one for each version of IP") {
  const Handle v6(SOCK_STREAM, AF_INET6);
  const int on = 1;
  REQUIRE(v6.set(IPPROTO_IPV6, IPV6_V6ONLY, on) == 0);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  REQUIRE(calls::bind(v6.number, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
  REQUIRE(calls::listen(v6.number, 5) == 0);
  const Handle v4(SOCK_STREAM);
  REQUIRE(v4.bind("0.0.0.0", v6.port()) == 0);
  REQUIRE(calls::listen(v4.number, 5) == 0);
  const Handle client(SOCK_STREAM);
  REQUIRE(client.connect("10.0.0.1", v4.port()) == 0);
  CHECK(v4.becomes(POLLIN));
  CHECK(v6.ready() == 0);
  const Handle rival(SOCK_STREAM);
  CHECK(rival.bind("0.0.0.0", v4.port()) == -1);
  CHECK(errno == EADDRINUSE);
}

}  // namespace
}  // namespace millrace::sockets
