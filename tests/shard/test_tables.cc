// Tag table, timer wheel and steering against models.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "engine/shard/draws_ahead.h"
#include "engine/shard/offered_tags.h"
#include "engine/shard/steering.h"
#include "engine/shard/tag_table.h"
#include "engine/shard/timer_wheel.h"

namespace millrace {
namespace {

TEST_CASE("the tag table agrees with a map over random insertions and removals") {
  const std::uint32_t spread = GENERATE(64u, 1000u, 0xffffffffu);
  TagTable table(256);
  std::map<std::uint32_t, std::uint32_t> model;
  Random random({spread, 1});
  for (std::uint32_t i = 0; i < 100000; ++i) {
    // Few different low bits make long runs.
    const std::uint32_t tag = (1 + random.below(spread)) * (spread == 1000u ? 512 : 1);
    if (random.below(2) == 0 && model.size() < 256 && model.count(tag) == 0) {
      table.insert(tag, i);
      model[tag] = i;
    } else {
      table.remove(tag);
      model.erase(tag);
    }
    const std::uint32_t looked_up = (1 + random.below(spread)) * (spread == 1000u ? 512 : 1);
    const auto found = table.find(looked_up);
    const auto expected = model.find(looked_up);
    REQUIRE(found.has_value() == (expected != model.end()));
    if (found) REQUIRE(*found == expected->second);
  }
  for (const auto& [tag, slot] : model) REQUIRE(table.find(tag) == slot);
}

TEST_CASE("what is drawn ahead comes in the order in which it was drawn") {
  int drawn = 0;
  DrawsAhead<int> draws;
  const auto draw = [&] { return ++drawn; };
  for (int i = 1; i < 50; ++i) {
    CHECK(draws.next(draw) == i);
    CHECK(draws.front() == i + 1);
    CHECK(drawn > i + 4);
  }
}

TEST_CASE(
    "tags that were offered are known while their cookies are good, and a flood replaces them") {
  const auto tags = std::make_unique<OfferedTags>();
  const Time now = Time{} + seconds(1'000'000'000);
  tags->add(0xfffffff7, now + seconds(60));
  tags->add(0xfffffff8, now + seconds(60));
  CHECK(tags->has(now + seconds(60), 0xfffffff7));
  CHECK_FALSE(tags->has(now + seconds(62), 0xfffffff7));
  CHECK_FALSE(tags->has(now, 0x7ffffff7));  // another with the same place
  CHECK_FALSE(tags->has(now, 0));
  tags->remove(0x7ffffff8);
  CHECK(tags->has(now, 0xfffffff8));
  tags->remove(0xfffffff8);
  CHECK_FALSE(tags->has(now, 0xfffffff8));
  Random random({3, 4});
  for (int i = 0; i < 1'000'000; ++i) tags->add(random.next_u32() | 1, now + seconds(60));
  CHECK_FALSE(tags->has(now, 0xfffffff7));
}

struct Timer {
  Time deadline = kNever;
};

/// Moves on to `now` in calls that each take `most`, and calls `fire(index)` for what is due;
/// returns the calls.
template <class Fire>
std::size_t advance(TimerWheel& wheel, Time now, Fire&& fire, std::size_t most = 16) {
  std::vector<std::uint32_t> due(most);
  std::size_t calls = 0;
  do {
    const std::uint64_t moves = wheel.moves();
    const std::size_t count = wheel.take_due(now, due);
    REQUIRE(wheel.moves() - moves <= TimerWheel::kMovesAtOnce);
    for (std::size_t i = 0; i < count; ++i) fire(due[i]);
    ++calls;
  } while (wheel.next_deadline() <= now);
  return calls;
}

TEST_CASE("timers fire after their deadlines, within a tick or two, and never before") {
  const std::int64_t span_ms = GENERATE(10, 3000, 100'000, 20'000'000);
  std::vector<Timer> timers(300);
  TimerWheel wheel(timers.size());
  Random random({static_cast<std::uint64_t>(span_ms), 2});
  // A host that has been up for months is as good as one that has just started.
  const Duration uptime =
      nanoseconds(GENERATE(std::int64_t{0}, (std::int64_t{1} << 52) - 1'000'000'000));
  Time now = Time{} + uptime + milliseconds(random.below(100000));
  advance(wheel, now, [](std::uint32_t) {});
  std::size_t fired = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::uint32_t index = random.below(static_cast<std::uint32_t>(timers.size()));
    Timer& timer = timers[index];
    switch (random.below(4)) {
      case 0:
        wheel.disarm(index);
        REQUIRE_FALSE(wheel.is_armed(index));
        timer.deadline = kNever;
        break;
      case 1:
      case 2: {
        const Time deadline = now + microseconds(random.below(static_cast<std::uint32_t>(
                                        std::min<std::int64_t>(span_ms * 1000, UINT32_MAX))));
        wheel.arm(index, deadline);
        REQUIRE(wheel.is_armed(index));
        timer.deadline = earlier(timer.deadline, deadline);  // an earlier one stays
        break;
      }
      default: {
        Time next = wheel.next_deadline();
        const Time earliest = std::min_element(timers.begin(), timers.end(), [](auto& a, auto& b) {
                                return a.deadline < b.deadline;
                              })->deadline;
        REQUIRE((earliest == kNever) == (next == kNever));
        if (next == kNever) break;
        REQUIRE(next <= earliest + milliseconds(2));
        now = std::max(now, random.below(3) == 0 ? earliest + milliseconds(3) : next);
        advance(wheel, now, [&](std::uint32_t due) {
          REQUIRE(timers[due].deadline <= now);
          REQUIRE_FALSE(wheel.is_armed(due));
          timers[due].deadline = kNever;
          ++fired;
        });
        for (const Timer& left : timers) {
          REQUIRE((left.deadline == kNever || left.deadline + milliseconds(2) > now));
        }
      }
    }
  }
  CHECK(fired > 500);
}

TEST_CASE("a timer may be armed again where it fires, and one that is not due be disarmed") {
  constexpr std::uint32_t kAgain = 0, kVictim = 1;
  TimerWheel wheel(2);
  const Time start = Time{} + seconds(1);
  advance(wheel, start, [](std::uint32_t) {});
  wheel.arm(kAgain, start + milliseconds(10));
  wheel.arm(kVictim, start + milliseconds(30));
  int fired = 0;
  for (int ms = 0; ms < 1000; ms += 5) {
    advance(wheel, start + milliseconds(ms), [&](std::uint32_t timer) {
      CHECK(timer == kAgain);
      ++fired;
      wheel.disarm(kVictim);
      if (fired < 5) wheel.arm(kAgain, start + milliseconds(10 * fired));
    });
  }
  CHECK(fired == 5);
  CHECK_FALSE(wheel.is_armed(kVictim));
  CHECK(wheel.next_deadline() == kNever);
}

TEST_CASE("so many timers fire at once and no more, and the rest go on with the oldest") {
  std::array<Timer, 50> timers;
  TimerWheel wheel(timers.size());
  const Time start = Time{} + seconds(1);
  advance(wheel, start, [](std::uint32_t) {});
  for (std::size_t i = 0; i < timers.size(); ++i) {
    timers[i].deadline = start + milliseconds(20 * static_cast<std::int64_t>(i % 25));
    wheel.arm(static_cast<std::uint32_t>(i), timers[i].deadline);
  }
  const Time late = start + seconds(2);
  Time oldest = start;
  std::array<std::uint32_t, 7> due;
  std::size_t fired = 0;
  const auto take = [&](std::size_t most) {
    const std::size_t count = wheel.take_due(late, std::span(due).first(most));
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(timers[due[i]].deadline >= oldest);
      oldest = timers[due[i]].deadline;
    }
    fired += count;
  };
  while (fired < 7) take(7 - fired);
  CHECK(fired == 7);
  CHECK(wheel.next_deadline() <= late);
  REQUIRE(wheel.is_armed(3) != wheel.is_armed(28));  // one of these two has fired
  wheel.disarm(wheel.is_armed(3) ? 3 : 28);
  take(0);
  CHECK(fired == 7);
  while (wheel.next_deadline() <= late) take(7);
  CHECK(fired == 49);
  CHECK(wheel.next_deadline() == kNever);
}

// As heartbeats of many associations are: a slot of a higher level has thousands of them.
TEST_CASE("no turn moves more timers than it may, and those of a crowd still fire in time") {
  constexpr std::uint32_t kTimers = 200'000;
  constexpr Duration kInterval = seconds(30);
  constexpr std::size_t kMost = 16;
  TimerWheel wheel(kTimers);
  std::vector<Time> deadlines(kTimers);
  const Time start = Time{} + seconds(1000);
  advance(wheel, start, [](std::uint32_t) {});
  for (std::uint32_t i = 0; i < kTimers; ++i) {
    deadlines[i] = start + Duration{kInterval.ns / kTimers * i} + seconds(1);
    wheel.arm(i, deadlines[i]);
  }
  std::size_t fired = 0, most_calls = 0;
  for (Time now = start; now < start + kInterval + seconds(2); now = now + milliseconds(1)) {
    const std::size_t calls = advance(
        wheel, now,
        [&](std::uint32_t due) {
          REQUIRE(deadlines[due] <= now);
          REQUIRE(now < deadlines[due] + milliseconds(3));
          ++fired;
        },
        kMost);
    most_calls = std::max(most_calls, calls);
  }
  CHECK(fired == kTimers);
  CHECK(wheel.moves() > kTimers / 2);
  CHECK(most_calls < kTimers / 100);
}

// ---- steering ----

IpAddress peer_number(std::uint32_t number) {
  const std::uint8_t bytes[4] = {10, static_cast<std::uint8_t>(number >> 16),
                                 static_cast<std::uint8_t>(number >> 8),
                                 static_cast<std::uint8_t>(number)};
  return IpAddress::v4(bytes);
}

TEST_CASE("the directory agrees with a map over random insertions and removals") {
  Steering steering(3, 512, {1, 2});
  std::map<std::uint32_t, std::uint32_t> model;
  Random random({3, 4});
  for (std::uint32_t i = 1; i < 50000; ++i) {
    const std::uint32_t peer = random.below(700);
    const auto port = static_cast<std::uint16_t>(1 + peer % 3);
    const auto found = model.find(peer);
    switch (random.below(3)) {
      case 0: {
        if (model.size() >= 512) break;
        const bool expected = found == model.end();
        REQUIRE(steering.insert(port, peer_number(peer), 9, i) == expected);
        if (expected) model[peer] = i;
        break;
      }
      case 1:
        if (found == model.end()) break;
        // Only the tag that is there is removed; inserting it again is no conflict.
        steering.remove(port, peer_number(peer), 9, found->second + 1);
        REQUIRE(steering.find(port, peer_number(peer), 9) == found->second);
        REQUIRE(steering.insert(port, peer_number(peer), 9, found->second));
        steering.remove(port, peer_number(peer), 9, found->second);
        model.erase(found);
        break;
      default: {
        const auto tag = steering.find(port, peer_number(peer), 9);
        REQUIRE(tag.has_value() == (found != model.end()));
        if (tag) REQUIRE(*tag == found->second);
      }
    }
  }
}

TEST_CASE("what is found by its tag and by its peer has the same owner") {
  Steering steering(5, 64, {0x9e3779b97f4a7c15, 6});
  Random random({7, 8});
  std::vector<std::size_t> share(5);
  for (int i = 0; i < 5000; ++i) ++share[steering.owner_of_tag(random.next_u32())];
  for (const std::size_t count : share) CHECK(count > 700);

  const std::uint32_t tag = 0xcafe0001;
  REQUIRE(steering.insert(3868, peer_number(1), 7000, tag));
  const std::size_t owner = steering.owner_of_tag(tag);
  std::vector<std::uint8_t> packet(20);
  store_be16(packet.data(), 7000);
  store_be16(packet.data() + 2, 3868);
  const auto owner_with = [&](std::uint32_t with, std::uint8_t type, std::uint8_t flags,
                              std::size_t here) {
    store_be32(packet.data() + 4, with);
    packet[12] = type;
    packet[13] = flags;
    return steering.owner_of_packet(packet, peer_number(1), here);
  };
  for (std::size_t here = 0; here < 5; ++here) {
    CHECK(owner_with(tag, 0, 0, here) == owner);  // DATA with our tag
    CHECK(owner_with(0, 1, 0, here) == owner);    // INIT
    CHECK(owner_with(99, 6, 1, here) == owner);   // ABORT with the peer's tag
    CHECK(owner_with(99, 14, 1, here) == owner);  // SHUTDOWN COMPLETE with it
    CHECK(steering.owner_of_peer(3868, peer_number(2), 7000, here) == here);
  }
  CHECK(owner_with(99, 6, 0, 0) == steering.owner_of_tag(99));
  steering.remove(3868, peer_number(1), 7000, tag);
  for (std::size_t here = 0; here < 5; ++here) CHECK(owner_with(0, 1, 0, here) == here);
}

// INIT ACKs tell many tags and, to who guesses which shard was the least loaded, their owners.
TEST_CASE("the owners of some tags do not tell that of their sum") {
  Steering steering(16, 64, {0x9e3779b97f4a7c15, 6});
  Random random({7, 9});
  int told = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::uint32_t one = random.next_u32() >> 1, other = random.next_u32() >> 1;
    const std::size_t sum = steering.owner_of_tag(one) + steering.owner_of_tag(other);
    const std::size_t owner = steering.owner_of_tag(one + other);
    told += owner == sum % 16 || owner == (sum + 1) % 16 ? 1 : 0;
  }
  CHECK(told < 400);  // of any two owners one in eight
}

TEST_CASE("who owns which tag follows from all of the secret, and from a key of its own") {
  const HashKey secret = {0x9e3779b97f4a7c15, 6};
  const Steering steering(16, 64, secret);
  for (const HashKey& other : {HashKey{secret[0], 7}, HashKey{secret[0] ^ 1, 6}}) {
    const Steering changed(16, 64, other);
    int alike = 0;
    for (std::uint32_t tag = 1; tag <= 1600; ++tag)
      alike += steering.owner_of_tag(tag) == changed.owner_of_tag(tag) ? 1 : 0;
    CHECK(alike < 200);  // one in sixteen
    CHECK(steering.cookie_secret(1) != changed.cookie_secret(1));
    CHECK(steering.number_of_listener(1, 80, 0) != changed.number_of_listener(1, 80, 0));
  }
  CHECK(steering.cookie_secret(1) != steering.cookie_secret(2));
}

TEST_CASE("the least loaded shard is found, this one if it is as good as any") {
  Steering steering(3, 64, {5, 6});
  CHECK(steering.least_loaded(2) == 2);
  steering.add_load(2, 1);
  CHECK(steering.least_loaded(2) == 0);
  steering.add_load(0, 3);
  CHECK(steering.least_loaded(2) == 1);
  steering.add_load(0, -3);
  CHECK(steering.least_loaded(0) == 0);
}

TEST_CASE("a port is its claimant's until every shard has released it") {
  Steering steering(2, 64, {5, 6});
  CHECK(steering.port_owner(80) == 0);
  CHECK(steering.claim_port(80, 7));
  CHECK(steering.claim_port(80, 7));
  CHECK(steering.port_owner(80) == 7);
  CHECK_FALSE(steering.claim_port(80, 8));
  steering.release_port(80, 8);
  steering.release_port(80, 7);
  CHECK_FALSE(steering.claim_port(80, 8));
  steering.release_port(80, 7);
  CHECK(steering.claim_port(80, 8));
  steering.release_port(81, 8);
  CHECK(steering.port_owner(80) == 8);
  CHECK(steering.port_owner(81) == 0);
}

TEST_CASE("two shards insert, find and remove at the same time") {
  Steering steering(2, 4096, {9, 10});
  const auto churn = [&steering](std::uint32_t shard, std::size_t* failures) {
    Random random({shard, 11});
    std::map<std::uint32_t, std::uint32_t> own;
    for (std::uint32_t i = 1; i < 20000; ++i) {
      // Their keys do not overlap, their buckets do.
      const std::uint32_t peer = random.below(500) * 2 + shard;
      const std::uint32_t tag = i * 2 + shard;
      if (own.count(peer) == 0) {
        if (steering.insert(1, peer_number(peer), 2, tag)) own[peer] = tag;
      } else if (random.below(2) == 0) {
        steering.remove(1, peer_number(peer), 2, own[peer]);
        own.erase(peer);
      }
      const auto found = steering.find(1, peer_number(peer), 2);
      const auto expected = own.find(peer);
      const bool is_right =
          found.has_value() == (expected != own.end()) && (!found || *found == expected->second);
      *failures += is_right ? 0 : 1;
      steering.find(1, peer_number(random.below(1000)), 2);
      steering.add_load(shard, 1);
      steering.least_loaded(shard);
    }
  };
  std::size_t failures[2] = {};
  std::thread other(churn, 1, &failures[1]);
  churn(0, &failures[0]);
  other.join();
  CHECK(failures[0] == 0);
  CHECK(failures[1] == 0);
  CHECK(steering.load(0) == 19999);
}

}  // namespace
}  // namespace millrace
