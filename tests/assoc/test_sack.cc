// What SACKs do.
#include <algorithm>
#include <set>

#include "engine/assoc/rx/tsn_tracker.h"
#include "engine/base/hash.h"
#include "tests/assoc/outbound_fixture.h"

namespace millrace::test {
namespace {

using Fixture = OutboundFixture;
using Verdict = SackOutcome::Verdict;
using Tsns = std::vector<std::uint32_t>;

/// Ten chunks of 400 bytes under way, TSNs 1000 to 1009.
struct TenSent : Fixture {
  TenSent() {
    accept_many(10, 400);
    REQUIRE(send_all().size() == 10);
  }
};

// RFC 9260 6.2.1
TEST_CASE("gap ack blocks take chunks out of flight, and reneging puts them back") {
  TenSent f;
  f.sack(1001, {{3, 4}});
  CHECK(f.path(0).flight == 6 * 416);
  CHECK(f.take_returned().size() == 2);
  f.sack(1001, {{3, 3}});
  CHECK(f.path(0).flight == 7 * 416);
  f.sack(1001);
  CHECK(f.path(0).flight == 8 * 416);
  CHECK(f.path(0).t3_deadline != kNever);
  f.sack(1009);
  CHECK(f.outbound.is_drained());
}

// RFC 9260 6.2.1
TEST_CASE(
    "each time that a chunk is reneged on counts as a miss, and the third makes it go again") {
  TenSent f;
  for (int i = 0; i < 2; ++i) {
    f.sack(999, {{2, 2}});
    f.sack(999);
  }
  CHECK(f.sack(999, {{2, 2}}).fast_retransmit);  // of the first, which was never there
  CHECK(f.path(0).flight == 8 * 416);
  f.sack(999);
  CHECK(f.path(0).flight == 8 * 416);
  CHECK((f.send_again() == Tsns{1000, 1001}));
}

TEST_CASE("a chunk that a SACK reneges on and reports missing has one miss by it") {
  TenSent f;
  f.sack(999, {{2, 4}});
  f.sack(999, {{4, 5}});
  CHECK(f.sack(999, {{4, 6}}).fast_retransmit);
  CHECK((f.send_again() == Tsns{1000}));
  f.sack(999, {{4, 7}});
  CHECK((f.send_again() == Tsns{1001, 1002}));
}

// RFC 9260 6.2.1
TEST_CASE("SACKs that cannot be change nothing") {
  TenSent f;
  f.sack(1002);
  const auto [cumulative, gaps, verdict] = GENERATE(table<std::uint32_t, Fixture::Gaps, Verdict>({
      {1001, {}, Verdict::kOld},
      {999, {}, Verdict::kOld},
      {1010, {}, Verdict::kUnsent},
      {0x70000000, {}, Verdict::kUnsent},
      {1002, {{0, 1}}, Verdict::kBad},
      {1002, {{3, 2}}, Verdict::kBad},
      {1002, {{2, 3}, {3, 4}}, Verdict::kBad},
      {1002, {{4, 5}, {2, 2}}, Verdict::kBad},
      {1002, {{2, 8}}, Verdict::kUnsent},
      {1002, {{0xffff, 0xffff}}, Verdict::kUnsent},
  }));
  CHECK(f.sack(cumulative, gaps, 7).verdict == verdict);
  CHECK(f.path(0).flight == 7 * 416);
  CHECK(f.outbound.peer_rwnd() > 7);
}

// RFC 9260 7.2.4
TEST_CASE(
    "three reports of a missing chunk make it go again at once, one packet whatever cwnd is") {
  TenSent f;
  const std::uint32_t before = f.path(0).congestion.cwnd();
  CHECK_FALSE(f.sack(999, {{2, 2}}).fast_retransmit);
  CHECK_FALSE(f.sack(999, {{2, 3}}).fast_retransmit);
  CHECK_FALSE(f.outbound.has_retransmissions());
  CHECK(f.sack(999, {{2, 4}}).fast_retransmit);
  CHECK(f.outbound.is_in_fast_recovery());
  CHECK(f.path(0).congestion.cwnd() == std::max(before / 2, 4 * f.path(0).congestion.pmdcs()));
  CHECK_FALSE(f.outbound.first_retransmission()->timed_out);
  f.path(0).congestion.on_timeout();  // its window is one packet now, and more is in flight
  CHECK((f.send_again() == Tsns{1000}));
  SECTION("not again in the same recovery") {
    for (std::uint16_t i = 5; i < 9; ++i) {
      CHECK_FALSE(f.sack(999, {{2, i}}).fast_retransmit);
    }
    CHECK_FALSE(f.outbound.has_retransmissions());
  }
  SECTION("it ends when all that was in flight at its start is acknowledged") {
    f.sack(1008);
    CHECK(f.outbound.is_in_fast_recovery());
    f.sack(1009);
    CHECK_FALSE(f.outbound.is_in_fast_recovery());
  }
}

//= rfc9260 7.2.4#6 type=test
TEST_CASE("a SACK that acknowledges and shows a loss opens the window before it is cut") {
  Fixture f;
  f.accept_many(400, 1000);
  const Congestion& congestion = f.path(0).congestion;
  std::uint32_t first = 1000;
  const auto acknowledge_all = [&] {
    const auto sent = f.send_all();
    REQUIRE(sent.size() > 3);
    first = sent.back() + 1;
    f.sack(sent.back());
  };
  while (congestion.cwnd() <= 12 * congestion.pmdcs()) acknowledge_all();
  f.send_all();
  // The first and the third are missing; then the first comes late.
  f.sack(first - 1, {{2, 2}, {4, 4}});
  f.sack(first - 1, {{2, 2}, {4, 5}});
  f.send_all();
  const std::uint32_t before = congestion.cwnd();
  REQUIRE(f.path(0).flight >= before);
  CHECK(f.sack(first + 1, {{2, 4}}).fast_retransmit);
  CHECK(congestion.ssthresh() == (before + congestion.pmdcs()) / 2);
  CHECK(congestion.cwnd() == congestion.ssthresh());
}

// RFC 9260 7.2.4
TEST_CASE("a chunk above the highest newly acknowledged is not missing") {
  TenSent f;
  // 1009 arrived; then only lower ones are new: they say nothing of 1005 to 1008.
  f.sack(999, {{10, 10}});
  f.sack(1000, {{9, 9}});
  f.sack(1001, {{8, 8}});
  f.sack(1002, {{7, 7}});
  f.sack(1003, {{6, 6}});
  CHECK_FALSE(f.outbound.has_retransmissions());
}

// RFC 9260 7.2.4
TEST_CASE("duplicate SACKs that report nothing new count no miss") {
  TenSent f;
  f.sack(999, {{2, 2}});
  for (int i = 0; i < 10; ++i) CHECK_FALSE(f.sack(999, {{2, 2}}).fast_retransmit);
  CHECK_FALSE(f.outbound.has_retransmissions());
}

// RFC 9260 6.3.2
TEST_CASE("T3-rtx runs while something is in flight and starts anew for the earliest") {
  TenSent f;
  const Time armed = f.path(0).t3_deadline;
  CHECK(armed == f.now + f.path(0).rto.value());
  f.now = f.now + milliseconds(100);
  f.sack(999, {{2, 2}});
  CHECK(f.path(0).t3_deadline == armed);
  f.sack(1000, {});
  CHECK(f.path(0).t3_deadline == f.now + f.path(0).rto.value());
  f.sack(1009);
  CHECK(f.path(0).t3_deadline == kNever);
}

TEST_CASE("a SACK that covers what waits to be sent again calls it off") {
  TenSent f;
  f.outbound.on_t3_expired(f.by_index, 0);
  f.sack(1004, {{2, 3}});
  REQUIRE(f.outbound.has_retransmissions());
  CHECK((f.send_again() == Tsns{1005, 1008, 1009}));
  f.sack(1009);
  CHECK(f.outbound.is_drained());
  CHECK_FALSE(f.outbound.has_retransmissions());
}

TEST_CASE("a SHUTDOWN's cumulative TSN acknowledges, and old or impossible ones do nothing") {
  TenSent f;
  const auto ack = [&](std::uint32_t tsn) {
    return f.outbound.on_cumulative_ack(f.memory, f.by_index, Tsn{tsn}, f.now, f.parameters);
  };
  CHECK(ack(1004).advanced);
  CHECK(f.path(0).flight == 5 * 416);
  CHECK(ack(1003).verdict == Verdict::kOld);
  CHECK(ack(1010).verdict == Verdict::kUnsent);
  CHECK(ack(1009).advanced);
  CHECK(f.outbound.is_drained());
}

TEST_CASE("a SHUTDOWN gives back as much of the window as it acknowledges, and never more") {
  Fixture f(3000);
  f.accept_many(10, 1000);
  const auto ack = [&](std::uint32_t tsn) {
    return f.outbound.on_cumulative_ack(f.memory, f.by_index, Tsn{tsn}, f.now, f.parameters);
  };
  REQUIRE((f.send_all() == Tsns{1000, 1001, 1002}));
  CHECK(f.outbound.peer_rwnd() == 0);
  ack(999);
  CHECK(f.outbound.peer_rwnd() == 0);
  ack(1000);
  ack(1000);
  CHECK(f.outbound.peer_rwnd() == 1000);
  f.outbound.on_t3_expired(f.by_index, 0);  // these count as room from then on (6.2.1)
  CHECK(f.outbound.peer_rwnd() == 3000);
  ack(1002);
  CHECK(f.outbound.peer_rwnd() == 3000);
  CHECK((f.send_all() == Tsns{1003, 1004, 1005}));
}

TEST_CASE("a fast retransmission that no room was left for still needs no congestion window") {
  TenSent f;
  for (std::uint16_t end = 2; end <= 4; ++end) f.sack(999, {{2, end}});
  REQUIRE(f.outbound.is_in_fast_recovery());
  f.write([&](PacketWriter& writer) {
    writer.advance(writer.room() - 100);
    CHECK(f.outbound.fill_retransmissions(writer, f.by_index, 0, f.now) == 0);
    writer.advance(0);
  });
  CHECK(f.outbound.may_retransmit(f.path(0)));
}

/// A receiver over a wire that loses, doubles and reorders packets and SACKs.
TEST_CASE("over any wire everything is acknowledged in the end, and the books balance") {
  const std::uint64_t seed = GENERATE(range(1, 41));
  Fixture f(1 << 20, 0xffffff00u);
  Random random({seed, 5});
  Slab<TsnBitmap> bitmaps(2);
  TsnTracker tracker;
  tracker.start(Tsn{0xffffff00u});
  std::vector<Tsns> wire;
  const auto put = [&](const Tsns& tsns) {
    if (!tsns.empty() && random.below(5) != 0) wire.push_back(tsns);
    if (!tsns.empty() && random.below(9) == 0) wire.push_back(tsns);
  };
  std::size_t to_accept = 400, returned = 0;
  for (int turn = 0; turn < 20000 && returned < 400; ++turn) {
    f.now = f.now + milliseconds(5);
    for (; to_accept > 0 && random.below(3) != 0; --to_accept) f.accept(1 + random.below(4000));
    for (std::uint8_t path = 0; path < 2; ++path) {
      if (f.now >= f.path(path).t3_deadline) {
        f.path(path).congestion.on_timeout();
        f.outbound.on_t3_expired(f.by_index, path);
      }
      while (f.outbound.has_retransmissions() && f.outbound.may_retransmit(f.path(path))) {
        put(f.send_again(path));
      }
    }
    put(f.send_new(static_cast<std::uint8_t>(random.below(2))));
    if (!wire.empty() && random.below(2) == 0) {
      const std::size_t at = random.below(static_cast<std::uint32_t>(wire.size()));
      for (const std::uint32_t tsn : wire[at]) {
        const auto arrival = tracker.classify(Tsn{tsn});
        if (arrival != TsnTracker::Arrival::kDuplicate) REQUIRE(tracker.record(bitmaps, Tsn{tsn}));
      }
      wire.erase(wire.begin() + static_cast<std::ptrdiff_t>(at));
      std::vector<std::uint8_t> bytes(1400);
      bytes.resize(tracker.write_sack(bytes, 1 << 20));
      if (random.below(4) != 0) {
        const auto outcome = f.outbound.on_sack(f.memory, f.by_index, *SackView::parse({bytes}),
                                                f.now, f.parameters);
        REQUIRE(outcome.verdict == Verdict::kOk);
      }
    }
    returned += f.take_returned().size();
    for (std::size_t path = 0; path < 2; ++path) {
      if (f.path(path).flight > 0) REQUIRE(f.path(path).t3_deadline != kNever);
    }
  }
  CHECK(returned == 400);
  CHECK(f.outbound.is_drained());
  CHECK(f.outbound.buffered_bytes() == 0);
  tracker.clear(bitmaps);
}

}  // namespace
}  // namespace millrace::test
