#include <catch2/catch.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "engine/ipc/bell.h"
#include "tests/ipc/pair.h"

namespace millrace::ipc {
namespace {

using Clock = std::chrono::steady_clock;

TEST_CASE("a bell wakes a sleeper and a sleep without a bell ends by itself") {
  LcoreBell bell;
  const auto start = Clock::now();
  CHECK_FALSE(bell.sleep({}, milliseconds(20)));
  CHECK(Clock::now() - start >= std::chrono::milliseconds(15));
  bell.ring();
  CHECK(bell.sleep({}, seconds(60)));
  CHECK_FALSE(bell.sleep({}, milliseconds(1)));  // one ring, one wake-up
}

TEST_CASE("an lcore does not sleep while a request waits, or while it has other work") {
  Pair pair;
  LcoreBell bell;
  Channel* const channels[] = {&pair.channel()};
  pair.submissions.push(Pair::message(0, 1));
  CHECK(bell.sleep(channels, seconds(60)));
  std::array<SubmissionEntry, 4> taken;
  CHECK(pair.channel().take(taken) == 1);
  CHECK(bell.sleep(channels, seconds(60), [] { return true; }));
  CHECK_FALSE(bell.sleep(channels, milliseconds(1)));
}

TEST_CASE("a descriptor whose counter nobody reads wakes again and again") {
  LcoreBell bell;
  const int descriptor = eventfd(0, EFD_NONBLOCK);
  REQUIRE(bell.add(descriptor));
  const std::uint64_t one = 1;
  for (int i = 0; i < 100; ++i) {
    REQUIRE(write(descriptor, &one, sizeof one) == sizeof one);
    REQUIRE(bell.sleep({}, seconds(60)));
    REQUIRE_FALSE(bell.sleep({}, Duration{}));
  }
  bell.remove(descriptor);
  close(descriptor);
}

// The engine answers each request with an event and sleeps in between, as does the application. A
// single lost wake-up leaves both asleep until the sleep's limit, which is far beyond the test's.
TEST_CASE("no wake-up is lost between a sleeping application and a sleeping engine") {
  constexpr int kTurns = 20000;
  // A second LcoreBell plays the socket towards the application: what matters is who rings when.
  Pair pair;
  LcoreBell engine_bell;
  LcoreBell other_bell;
  const int to_engine = eventfd(0, EFD_NONBLOCK);
  REQUIRE(engine_bell.add(to_engine));
  std::atomic<bool> is_late{false};

  std::thread engine([&] {
    Channel* const channels[] = {&pair.channel()};
    std::array<SubmissionEntry, 16> taken;
    int answered = 0;
    while (answered < kTurns) {
      const std::size_t count = pair.channel().take(taken);
      for (std::size_t i = 0; i < count; ++i) {
        CompletionEntry entry{};
        entry.event = Event::sender_dry;
        pair.channel().post(entry);
        ++answered;
      }
      pair.channel().publish();
      if (count > 0) other_bell.ring_if_asleep();
      if (count == 0 && !engine_bell.sleep(channels, seconds(20))) is_late = true;
    }
  });
  std::uint32_t rung_for = 0;
  int got = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    pair.submissions.push(Pair::message(0, 1));
    dekker_fence();
    const std::uint32_t sleep = pair.client.header(0).engine.asleep.load();
    if (sleep != 0 && sleep != rung_for) {
      rung_for = sleep;
      const std::uint64_t one = 1;
      REQUIRE(write(to_engine, &one, sizeof one) == sizeof one);
    }
    CompletionEntry entries[16];
    while (got <= turn) {
      const std::uint32_t count = pair.completions.pop(entries);
      got += static_cast<int>(count);
      const auto has_work = [&] { return pair.completions.available(1) > 0; };
      if (count == 0 && !other_bell.sleep({}, seconds(20), has_work)) is_late = true;
    }
  }
  engine.join();
  CHECK_FALSE(is_late.load());
  CHECK(got == kTurns);
  close(to_engine);
}

}  // namespace
}  // namespace millrace::ipc
