#include "tests/sockets_suite/suite.h"

#include <pthread.h>

using namespace suite;

static constexpr char kGroup[] = "threads";

namespace {

constexpr int kMessages = 300;

template <class Function>
pthread_t start(Function function) {
  static Function kept = function;  // one thread of each kind in a case
  pthread_t thread;
  EQUAL(pthread_create(
            &thread, nullptr,
            [](void*) -> void* {
              kept();
              return nullptr;
            },
            nullptr),
        0);
  return thread;
}

}  // namespace

CASE("one reads while another writes on the same socket") {
  const Pair two = pair();
  const pthread_t echo = start([two] {
    char bytes[64];
    for (int i = 0; i < kMessages; ++i) {
      const ssize_t size = recv(two.server, bytes, sizeof bytes, 0);
      CHECK(size > 0);
      EQUAL(send(two.server, bytes, static_cast<size_t>(size), 0), size);
    }
  });
  const pthread_t writer = start([two] {
    for (int i = 0; i < kMessages; ++i) EQUAL(say(two.client, "message"), 7);
  });
  for (int i = 0; i < kMessages; ++i) CHECK(receive(two.client).is("message"));
  pthread_join(echo, nullptr);
  pthread_join(writer, nullptr);
}

CASE("four that read share the messages, each of which comes once") {
  const Pair two = pair();
  static int fd, seen[kMessages];
  fd = two.server;
  pthread_t readers[4];
  for (pthread_t& reader : readers) {
    pthread_create(
        &reader, nullptr,
        [](void*) -> void* {
          int number;
          while (recv(fd, &number, sizeof number, 0) == sizeof number)
            __atomic_add_fetch(&seen[number], 1, __ATOMIC_SEQ_CST);
          return nullptr;
        },
        nullptr);
  }
  for (int i = 0; i < kMessages; ++i) EQUAL(send(two.client, &i, sizeof i, MSG_NOSIGNAL), sizeof i);
  OK(shutdown(two.client, SHUT_WR));
  for (const pthread_t reader : readers) pthread_join(reader, nullptr);
  for (const int times : seen) EQUAL(times, 1);
}

CASE("four that accept share the associations") {
  static int listener, total;
  listener = listening();
  pthread_t servers[4];
  for (pthread_t& server : servers) {
    pthread_create(
        &server, nullptr,
        [](void*) -> void* {
          for (int i = 0; i < 3; ++i) {
            OK(accept(listener, nullptr, nullptr));
            __atomic_add_fetch(&total, 1, __ATOMIC_SEQ_CST);
          }
          return nullptr;
        },
        nullptr);
  }
  for (int i = 0; i < 12; ++i) OK(connect_to(make(), name_of(listener)));
  for (const pthread_t server : servers) pthread_join(server, nullptr);
  EQUAL(total, 12);
}

CASE("a descriptor that is closed while a thread waits: the call goes on, and then it is the end") {
  const Pair two = pair();
  static Message got;
  const pthread_t waiter = start([two] { got = receive(two.server); });
  sleep_ms(50);
  OK(close(two.server));
  sleep_ms(50);
  EQUAL(say(two.client, "still"), 5);
  pthread_join(waiter, nullptr);
  CHECK(got.is("still"));
  EQUAL(receive(two.client).size, 0);
}

CASE("shutdown wakes a thread that waits on the same socket") {
  const Pair two = pair();
  const pthread_t waiter = start([two] {
    char byte;
    recv(two.server, &byte, 1, 0);
  });
  sleep_ms(30);
  OK(shutdown(two.server, SHUT_RDWR));
  pthread_join(waiter, nullptr);
}
