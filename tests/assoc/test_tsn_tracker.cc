#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "engine/assoc/rx/tsn_tracker.h"
#include "engine/base/hash.h"

namespace millrace {
namespace {

using Arrival = TsnTracker::Arrival;

/// A tracker with memory for its gaps, and what its SACK says.
struct Fixture {
  explicit Fixture(std::uint32_t initial, std::size_t gaps = 4) : bitmaps(gaps) {
    tracker.start(Tsn{initial});
  }
  ~Fixture() { tracker.clear(bitmaps); }

  bool record(std::uint32_t tsn) { return tracker.record(bitmaps, Tsn{tsn}); }
  SackView sack(std::size_t size_max = 1400) {
    const std::size_t size =
        tracker.write_sack(MutableBytes(bytes.data(), size_max), /*a_rwnd=*/4711);
    const auto view = SackView::parse({Bytes(bytes.data(), size)});
    REQUIRE(view.has_value());
    CHECK(view->a_rwnd == 4711);
    return *view;
  }

  // The first of all is acknowledged at once (RFC 9260 5.1).
  void acknowledge_first(Time now) {
    record(tracker.cumulative().next().value);
    tracker.on_packet_end(now, parameters);
    CHECK(tracker.is_sack_due());
    sack();
  }

  Slab<TsnBitmap> bitmaps;
  TsnTracker tracker;
  Parameters parameters;
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(40000);
};

std::vector<std::pair<int, int>> gaps_of(const SackView& sack) {
  std::vector<std::pair<int, int>> gaps;
  for (std::size_t i = 0; i < sack.gap_count; ++i) {
    gaps.push_back({sack.gap(i).start, sack.gap(i).end});
  }
  return gaps;
}

// RFC 9260 3.3.4
TEST_CASE("a SACK reports the cumulative TSN and what lies behind gaps") {
  // The figure of the RFC: TSNs 10 to 17 but for 13 and 16, with 9 received before.
  Fixture f(10);
  for (const std::uint32_t tsn : {10u, 11u, 12u, 14u, 15u, 17u}) REQUIRE(f.record(tsn));
  const SackView sack = f.sack();
  CHECK(sack.cumulative_tsn_ack == Tsn{12});
  CHECK(gaps_of(sack) == std::vector<std::pair<int, int>>{{2, 3}, {5, 5}});
  REQUIRE(f.record(13));
  CHECK(f.sack().cumulative_tsn_ack == Tsn{15});
  REQUIRE(f.record(16));
  CHECK(f.sack().cumulative_tsn_ack == Tsn{17});
  CHECK_FALSE(f.tracker.has_gap());
  CHECK(f.bitmaps.used() == 0);
}

TEST_CASE("what is old, next, ahead, known or too far is told apart, also where TSNs wrap") {
  const std::uint32_t initial = GENERATE(1u, 0x80000000u, 0xfffffffeu, 0u);
  Fixture f(initial);
  CHECK(f.tracker.classify(Tsn{initial - 1}) == Arrival::kDuplicate);
  CHECK(f.tracker.classify(Tsn{initial}) == Arrival::kNext);
  CHECK(f.tracker.classify(Tsn{initial + 1}) == Arrival::kAhead);
  CHECK(f.tracker.classify(Tsn{initial + kTsnWindow - 2}) == Arrival::kAhead);
  CHECK(f.tracker.classify(Tsn{initial + kTsnWindow - 1}) == Arrival::kTooFar);
  CHECK(f.tracker.classify(Tsn{initial + 0x7ffffff0}) == Arrival::kTooFar);
  REQUIRE(f.record(initial + 3));
  CHECK(f.tracker.classify(Tsn{initial + 3}) == Arrival::kDuplicate);
  CHECK(f.tracker.classify(Tsn{initial + 2}) == Arrival::kAhead);
  CHECK(f.tracker.highest() == Tsn{initial + 3});
}

TEST_CASE("the tracker agrees with a set of TSNs over random arrivals") {
  const std::uint32_t initial = GENERATE(100u, 0xffffff00u);
  const std::uint32_t spread = GENERATE(5u, 200u, kTsnWindow - 2);
  Fixture f(initial);
  Random random({initial, spread});
  std::set<std::uint32_t> ahead;  // offsets from the initial TSN
  std::uint32_t next = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::uint32_t offset = next + random.below(spread);
    const Arrival arrival = f.tracker.classify(Tsn{initial + offset});
    if (ahead.count(offset)) {
      REQUIRE(arrival == Arrival::kDuplicate);
      continue;
    }
    REQUIRE(arrival == (offset == next ? Arrival::kNext : Arrival::kAhead));
    REQUIRE(f.record(initial + offset));
    ahead.insert(offset);
    while (ahead.erase(next) > 0) ++next;
    REQUIRE(f.tracker.cumulative() == Tsn{initial + next - 1});
    REQUIRE(f.tracker.has_gap() == !ahead.empty());
    if (i % 97 != 0) continue;
    std::set<std::uint32_t> reported;
    const SackView sack = f.sack(39996);
    for (const auto& [start, end] : gaps_of(sack)) {
      for (int at = start; at <= end; ++at) {
        reported.insert(next - 1 + static_cast<std::uint32_t>(at));
      }
    }
    REQUIRE(reported == ahead);
  }
}

TEST_CASE("gaps that do not fit are left out, the lowest are said") {
  Fixture f(0);
  for (std::uint32_t tsn = 1; tsn < 200; tsn += 2) REQUIRE(f.record(tsn));
  CHECK(f.sack(SackView::kFixedBytes).gap_count == 0);
  const SackView sack = f.sack(SackView::kFixedBytes + 4 * 10);
  REQUIRE(sack.gap_count == 10);
  CHECK(sack.gap(0).start == 2);
  CHECK(sack.gap(9).start == 20);
  CHECK(f.sack().gap_count == 100);
}

TEST_CASE("without memory for a gap nothing is recorded, and what is next still is") {
  Fixture f(50, 1);
  TsnBitmap* last = f.bitmaps.create();
  CHECK_FALSE(f.record(52));
  CHECK_FALSE(f.tracker.has_gap());
  CHECK(f.record(50));
  CHECK(f.tracker.cumulative() == Tsn{50});
  f.bitmaps.destroy(last);
}

TEST_CASE("a SACK that is due waits for no time") {
  Fixture f(0xffffffff);
  const Time now = Time{} + seconds(1);
  f.acknowledge_first(now);
  f.record(0);
  f.tracker.on_packet_end(now, f.parameters);
  CHECK(f.tracker.deadline() == now + f.parameters.sack_delay);
  f.tracker.acknowledge_now();
  CHECK(f.tracker.deadline() == kNever);
  f.sack();
  CHECK(f.tracker.deadline() == kNever);
}

// RFC 9260 6.2
TEST_CASE("a SACK is sent for every second packet, or when the delay is over") {
  Fixture f(0xffffffff);
  const Time now = Time{} + seconds(1);
  f.acknowledge_first(now);
  f.record(0);
  f.tracker.on_packet_end(now, f.parameters);
  CHECK(f.tracker.is_sack_pending());
  CHECK_FALSE(f.tracker.is_sack_due());
  CHECK(f.tracker.deadline() == now + f.parameters.sack_delay);
  SECTION("the second packet") {
    f.record(1);
    f.tracker.on_packet_end(now + milliseconds(1), f.parameters);
    CHECK(f.tracker.is_sack_due());
  }
  SECTION("the delay") {
    f.tracker.on_deadline(now + f.parameters.sack_delay - nanoseconds(1));
    CHECK_FALSE(f.tracker.is_sack_due());
    f.tracker.on_deadline(now + f.parameters.sack_delay);
    CHECK(f.tracker.is_sack_due());
  }
  f.sack();
  CHECK_FALSE(f.tracker.is_sack_pending());
  CHECK(f.tracker.deadline() == kNever);
}

// RFC 9260 6.7
TEST_CASE("a gap, a duplicate or the I bit are acknowledged at once") {
  Fixture f(0xffffffff);
  const Time now = Time{} + seconds(1);
  f.acknowledge_first(now);
  SECTION("a gap") {
    f.record(1);
    f.tracker.on_packet_end(now, f.parameters);
  }
  SECTION("a duplicate") {
    f.record(0);
    f.tracker.record_duplicate(Tsn{0});
    f.tracker.on_packet_end(now, f.parameters);
  }
  SECTION("asked for") {
    f.record(0);
    f.tracker.acknowledge_now();
    f.tracker.on_packet_end(now, f.parameters);
  }
  CHECK(f.tracker.is_sack_due());
}

// RFC 9260 6.2
TEST_CASE("duplicates are reported once, as many as there is room for") {
  Fixture f(0);
  for (std::uint32_t tsn = 0; tsn < 20; ++tsn) f.record(tsn);
  for (std::uint32_t tsn = 0; tsn < 12; ++tsn) f.tracker.record_duplicate(Tsn{tsn});
  CHECK(f.tracker.has_duplicates());
  const SackView sack = f.sack();
  REQUIRE(sack.duplicate_count > 0);
  for (std::size_t i = 0; i < sack.duplicate_count; ++i) {
    CHECK(sack.duplicate(i) == Tsn{static_cast<std::uint32_t>(i)});
  }
  CHECK(f.sack().duplicate_count == 0);
  f.tracker.record_duplicate(Tsn{3});
  CHECK(f.sack(SackView::kFixedBytes).duplicate_count == 0);
}

}  // namespace
}  // namespace millrace
