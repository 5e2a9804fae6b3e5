#include <catch2/catch.hpp>

#include <deque>
#include <vector>

#include "engine/base/hash.h"
#include "engine/ipc/receive_arena.h"

namespace millrace::ipc {
namespace {

constexpr std::uint32_t kBytes = 4096;

struct Fixture {
  std::vector<std::byte> memory = std::vector<std::byte>(kBytes);
  SharedWord freed{0};
  ReceiveArena arena{memory.data(), kBytes, &freed};
};

TEST_CASE("messages lie one after the other, each at its own line") {
  Fixture f;
  REQUIRE(f.arena.reserve(10) != nullptr);
  CHECK(f.arena.commit(10).offset == 0);
  REQUIRE(f.arena.reserve(65) != nullptr);
  CHECK(f.arena.commit(65).offset == 1);
  REQUIRE(f.arena.reserve(1) != nullptr);
  CHECK(f.arena.commit(1).offset == 3);
  CHECK(f.arena.used() == 256);
}

TEST_CASE("an empty arena starts again at its first byte") {
  Fixture f;
  for (int i = 0; i < 100; ++i) {
    REQUIRE(f.arena.reserve(1000) != nullptr);
    const ReceiveArena::Place place = f.arena.commit(1000);
    CHECK(place.offset == 0);
    f.freed.store(place.end);
    f.arena.refresh();
    CHECK(f.arena.is_empty());
  }
}

TEST_CASE(
    "a message that does not fit at the end goes to the start, and the gap is freed with it") {
  Fixture f;
  f.arena.reserve(3000);
  const ReceiveArena::Place first = f.arena.commit(3000);
  f.arena.reserve(500);
  const ReceiveArena::Place second = f.arena.commit(500);
  CHECK(f.arena.reserve(1000) == nullptr);
  f.freed.store(first.end);
  REQUIRE(f.arena.reserve(1000) != nullptr);
  const ReceiveArena::Place third = f.arena.commit(1000);
  CHECK(third.offset == 0);
  CHECK(third.end - second.end == kBytes - 3008 - 512 + 1024);
  f.freed.store(third.end);
  f.arena.refresh();
  CHECK(f.arena.is_empty());
}

TEST_CASE("the whole arena fits one message and nothing fits more") {
  Fixture f;
  CHECK(f.arena.reserve(kBytes) != nullptr);
  CHECK(f.arena.reserve(kBytes + 1) == nullptr);
  CHECK(f.arena.reserve(0) == nullptr);
  CHECK(f.arena.reserve(0xffffffff) == nullptr);
}

TEST_CASE("after a message that ends at the arena's very end the next one starts at 0") {
  Fixture f;
  f.arena.reserve(2048);
  const ReceiveArena::Place first = f.arena.commit(2048);
  f.arena.reserve(2048);
  f.arena.commit(2048);
  f.freed.store(first.end);
  std::uint8_t* to = f.arena.reserve(64);
  CHECK(to == reinterpret_cast<std::uint8_t*>(f.memory.data()));
  CHECK(f.arena.commit(64).offset == 0);
}

TEST_CASE("no two messages that are both held ever overlap") {
  Fixture f;
  Random random({5, 6});
  struct Held {
    std::uint32_t start, end, counter;
  };
  std::deque<Held> held;
  for (int step = 0; step < 20000; ++step) {
    if (random.below(2) == 0 && !held.empty()) {
      f.freed.store(held.front().counter);
      held.pop_front();
      continue;
    }
    const std::uint32_t length = 1 + random.below(random.below(2) == 0 ? 200 : 3000);
    const std::uint8_t* to = f.arena.reserve(length);
    if (to == nullptr) continue;
    const ReceiveArena::Place place = f.arena.commit(length);
    const std::uint32_t start = place.offset * kSlotUnit;
    REQUIRE(to == reinterpret_cast<std::uint8_t*>(f.memory.data()) + start);
    REQUIRE(start + length <= kBytes);
    for (const Held& other : held) REQUIRE((start + length <= other.start || start >= other.end));
    held.push_back({start, start + length, place.end});
  }
  CHECK_FALSE(f.arena.is_broken());
}

TEST_CASE("a counter that frees what was never given breaks the arena for good") {
  for (const std::uint32_t lie : {1u, 65u, 0x80000000u, 0xffffffffu}) {
    Fixture f;
    f.freed.store(lie);
    f.arena.refresh();
    CHECK(f.arena.is_broken());
    CHECK(f.arena.reserve(1) == nullptr);
  }
  Fixture f;
  f.arena.reserve(1000);
  const ReceiveArena::Place place = f.arena.commit(1000);
  f.freed.store(place.end);
  f.arena.refresh();
  CHECK_FALSE(f.arena.is_broken());
  f.freed.store(place.end - 64);  // back
  f.arena.refresh();
  CHECK(f.arena.is_broken());
}

}  // namespace
}  // namespace millrace::ipc
