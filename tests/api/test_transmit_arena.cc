#include <catch2/catch.hpp>

#include <map>
#include <vector>

#include "api/transmit_arena.h"
#include "engine/base/hash.h"

namespace millrace::api {
namespace {

constexpr std::uint32_t kBytes = 8u << 20;

struct Fixture {
  Fixture() { arena.open(memory.data(), kBytes); }
  std::uint32_t allocate(std::uint32_t length) {
    const std::uint8_t size_class = size_class_of(length);
    const std::uint32_t slot = arena.reuse(size_class);
    return slot != TransmitArena::kNone ? slot : arena.grow(size_class);
  }
  std::vector<std::byte> memory = std::vector<std::byte>(kBytes);
  TransmitArena arena;
};

TEST_CASE("the class of a length is the smallest that holds it") {
  for (std::uint32_t length = 1; length <= kMessageBytesMax; length += length < 70000 ? 1 : 997) {
    const std::uint8_t size_class = size_class_of(length);
    REQUIRE(kClassBytes[size_class] >= length);
    if (size_class > 0) REQUIRE(kClassBytes[size_class - 1] < length);
  }
  CHECK(kClassBytes[size_class_of(kMessageBytesMax)] == kMessageBytesMax);
}

TEST_CASE("no two slots overlap, none leaves the arena, and the last one back is the next out") {
  Fixture f;
  Random random({1, 2});
  std::map<std::uint32_t, std::uint32_t> held;  // start to end, in bytes
  for (int step = 0; step < 50000; ++step) {
    if (random.below(2) == 0 && !held.empty()) {
      auto pick = held.lower_bound(random.below(kBytes));
      if (pick == held.end()) pick = held.begin();
      f.arena.give_back(pick->first / 64);
      held.erase(pick);
      continue;
    }
    const std::uint32_t kind = random.below(100);
    const std::uint32_t length = 1 + random.below(kind < 80 ? 2000 : kind < 98 ? 60000 : 2u << 20);
    const std::uint32_t slot = f.allocate(length);
    if (slot == TransmitArena::kNone) continue;
    REQUIRE(f.arena.size_of(slot) >= length);
    const std::uint32_t start = slot * 64, end = start + f.arena.size_of(slot);
    REQUIRE(end <= kBytes);
    const auto after = held.lower_bound(start);
    REQUIRE((after == held.end() || end <= after->first));
    REQUIRE((after == held.begin() || std::prev(after)->second <= start));
    held[start] = end;
    REQUIRE(f.arena.slot_at(f.arena.bytes_of(slot)) == slot);
  }
  const std::uint32_t slot = f.allocate(64);
  f.arena.give_back(slot);
  CHECK(f.allocate(64) == slot);
}

TEST_CASE("memory goes from one class to another when it is all free again") {
  Fixture f;
  std::vector<std::uint32_t> slots;
  for (const std::uint32_t length : {64u, 1500u, 200000u, 4u << 20, 64u, 8u << 10}) {
    std::uint32_t slot;
    while ((slot = f.allocate(length)) != TransmitArena::kNone) slots.push_back(slot);
    CHECK(std::uint64_t{slots.size()} * kClassBytes[size_class_of(length)] > kBytes * 9 / 10);
    for (const std::uint32_t one : slots) f.arena.give_back(one);
    slots.clear();
  }
}

TEST_CASE("an address that is no slot is told from one that is") {
  Fixture f;
  const std::uint32_t slot = f.allocate(192);
  CHECK(f.arena.slot_at(f.arena.bytes_of(slot) + 1) == TransmitArena::kNone);
  CHECK(f.arena.slot_at(f.arena.bytes_of(slot) + 64) == TransmitArena::kNone);
  CHECK(f.arena.slot_at(f.memory.data() + kBytes) == TransmitArena::kNone);
  CHECK(f.arena.slot_at(f.memory.data() + kBytes - 64) == TransmitArena::kNone);  // untouched page
  CHECK(f.arena.slot_at(nullptr) == TransmitArena::kNone);
}

}  // namespace
}  // namespace millrace::api
