// What is sent, and when it may be.
#include "tests/assoc/outbound_fixture.h"

namespace millrace::test {
namespace {

using Fixture = OutboundFixture;
using Tsns = std::vector<std::uint32_t>;

TEST_CASE("small messages share a packet, and the payload goes back when it is acknowledged") {
  Fixture f;
  f.accept_many(3, 100);
  CHECK((f.send_new() == Tsns{1000, 1001, 1002}));
  CHECK(f.path(0).flight == 3 * 116);
  CHECK(f.outbound.buffered_bytes() == 300);
  f.sack(1001);
  CHECK((f.take_returned() == std::vector<std::uint64_t>{1, 2}));
  CHECK(f.path(0).flight == 116);
  CHECK(f.path(0).t3_deadline != kNever);
  f.sack(1002);
  CHECK((f.take_returned() == std::vector<std::uint64_t>{3}));
  CHECK(f.outbound.is_drained());
  CHECK(f.path(0).t3_deadline == kNever);
}

TEST_CASE("finding what is to be sent again takes one walk, not one for each packet") {
  Fixture f;
  f.path(0).congestion.start(100000, true);
  constexpr std::uint32_t kCount = 4000;
  f.accept_many(kCount, 20);
  REQUIRE(f.send_all().size() == kCount);
  f.outbound.on_t3_expired(f.by_index, 0);
  std::size_t packets = 0;
  for (std::uint32_t sent = 0; sent < kCount; ++packets) {
    REQUIRE(f.outbound.first_retransmission()->tsn == Tsn{1000 + sent});
    REQUIRE(f.outbound.next_chunk_size() == 36);
    const std::size_t again = f.send_again().size();
    REQUIRE(again > 0);
    sent += static_cast<std::uint32_t>(again);
  }
  CHECK(packets > 90);
  CHECK(f.outbound.search_steps() <= kCount);
  CHECK_FALSE(f.outbound.has_retransmissions());
  f.sack(999 + kCount);
}

//= rfc9260 1.6#3 type=test
//= rfc9260 6.1#22,23 type=test
TEST_CASE("what is in flight is never more than a SACK can be asked to look at") {
  Fixture f;
  f.path(0).congestion.start(200000, true);
  f.accept_many(kChunksInFlightMax + 100, 1);
  CHECK(f.send_all().size() == kChunksInFlightMax);
  f.sack(1000 + 9);
  CHECK(f.send_all().size() == 10);
  f.sack(1000 + kChunksInFlightMax + 9);
  CHECK(f.send_all().size() == 90);
  f.sack(1000 + kChunksInFlightMax + 99);
}

// RFC 9260 6.9
TEST_CASE("a long message is cut into chunks that fill packets, and is done when all are") {
  Fixture f;
  f.accept(1452 + 1452 + 10);
  CHECK(f.send_new().size() == 1);
  CHECK(f.last_payloads.front() == 1452);
  CHECK(f.send_new().size() == 1);
  f.accept(50);
  CHECK((f.send_new() == Tsns{1002, 1003}));
  CHECK((f.last_payloads == std::vector<std::size_t>{10, 50}));
  f.sack(1001);
  CHECK(f.take_returned().empty());
  f.sack(1002);
  CHECK((f.take_returned() == std::vector<std::uint64_t>{1}));
}

// RFC 9260 6.1
TEST_CASE("the congestion window bounds what is in flight") {
  Fixture f;
  f.accept_many(100, 1000);
  const std::size_t sent = f.send_all().size();
  CHECK(f.path(0).flight >= f.path(0).congestion.cwnd());
  CHECK(f.path(0).flight < f.path(0).congestion.cwnd() + 1480);
  CHECK(sent < 10);
  CHECK_FALSE(f.outbound.may_send_new(f.path(0), 1452));
  CHECK(f.outbound.may_send_new(f.path(1), 1452));
}

TEST_CASE("with short chunks the peer's window is used to its end") {
  Fixture f(2000);
  f.accept(5000);
  Tsns all;
  for (int packet = 0; packet < 3; ++packet) {
    const Tsns sent = f.write([&](PacketWriter& writer) {
      f.outbound.fill_new(f.memory, writer, f.by_index, 0, f.now, 400, false);
    });
    all.insert(all.end(), sent.begin(), sent.end());
  }
  CHECK((all == Tsns{1000, 1001, 1002, 1003, 1004}));
  CHECK(f.outbound.peer_rwnd() < 400);
}

TEST_CASE("the round's limit bounds what is in flight") {
  Fixture f;
  f.accept_many(100, 1000);
  f.path(0).flight_limit = 1500;
  CHECK(f.send_all().size() == 2);
}

// RFC 9260 6.1
TEST_CASE("with the peer's window closed only one chunk goes, and only if nothing is on its way") {
  Fixture f(2000);
  f.accept_many(10, 1000);
  CHECK(f.send_all().size() == 2);
  CHECK(f.outbound.peer_rwnd() == 0);
  f.sack(1001, {}, 0);
  CHECK(f.outbound.waits_to_probe());
  CHECK(f.send_all().empty());
  f.outbound.let_probe();
  CHECK((f.send_all() == Tsns{1002}));
  CHECK(f.outbound.is_window_probe());
  CHECK(f.outbound.probes() == 1);
  CHECK(f.send_all().empty());
  SECTION("the window opens: what probed it goes again at once") {
    f.sack(1001, {}, 50000);
    REQUIRE(f.outbound.has_retransmissions());
    CHECK((f.send_again() == Tsns{1002}));
    CHECK(f.send_all().size() > 0);
  }
  SECTION("the probe is taken: nothing is sent twice") {
    f.sack(1002, {}, 50000);
    CHECK_FALSE(f.outbound.has_retransmissions());
    CHECK(f.send_all().size() > 1);
  }
  SECTION("it times out, and is sent again") {
    f.outbound.on_t3_expired(f.by_index, 0);
    CHECK((f.send_again() == Tsns{1002}));
  }
}

TEST_CASE("the peer's window is what it says less what is still on its way") {
  Fixture f;
  f.accept_many(4, 1000);
  f.send_all();
  f.sack(1001, {}, 5000);
  CHECK(f.outbound.peer_rwnd() == 3000);
  f.sack(1001, {{2, 2}}, 4000);
  CHECK(f.outbound.peer_rwnd() == 3000);
  f.sack(1001, {{2, 2}}, 500);
  CHECK(f.outbound.peer_rwnd() == 0);
}

// RFC 9260 6.3.3
TEST_CASE("when T3-rtx expires all of the path is sent again, as far as its window goes") {
  Fixture f;
  f.accept_many(3, 1000);
  f.send_all(0);
  f.accept(700);
  f.send_all(1);
  f.path(0).congestion.on_timeout();
  f.outbound.on_t3_expired(f.by_index, 0);
  CHECK(f.path(0).flight == 0);
  CHECK(f.path(1).flight == 716);
  CHECK(f.path(0).t3_deadline == kNever);
  REQUIRE(f.outbound.first_retransmission() != nullptr);
  CHECK(f.outbound.first_retransmission()->timed_out);
  CHECK((f.send_again(1) == Tsns{1000}));
  CHECK(f.path(1).flight == 716 + 1016);
  CHECK((f.send_again(1) == Tsns{1001}));
  // The late acknowledgement of the first transmission counts for where it was sent last.
  f.sack(1003);
  CHECK(f.outbound.is_drained());
}

// RFC 9260 6.3.1
TEST_CASE("a round trip is measured only on what was sent once") {
  Fixture f;
  f.accept(1000);
  f.send_new();
  f.now = f.now + milliseconds(80);
  SECTION("sent once") {
    f.sack(1000);
    CHECK(f.path(0).rto.srtt() == milliseconds(80));
  }
  SECTION("sent twice") {
    f.outbound.on_t3_expired(f.by_index, 0);
    f.send_again();
    f.now = f.now + milliseconds(5);
    f.sack(1000);
    CHECK(f.path(0).rto.srtt() == Duration{});
  }
}

//= rfc9260 6.3.1#5 type=test
TEST_CASE("no round trip is measured on a chunk when one before it has to be sent again") {
  const bool is_lost = GENERATE(true, false);
  Fixture f;
  f.accept(1400);
  f.send_new();
  f.path(0).cancel_measurement();
  f.accept(100);
  f.send_new();
  REQUIRE(f.path(0).is_measuring());
  f.now = f.now + milliseconds(80);
  if (is_lost) {
    REQUIRE(f.path(0).lower_mtu(f.now, 1000));
    f.outbound.mark_large_lost(f.by_index, 0);
    REQUIRE(f.outbound.first_retransmission()->tsn == Tsn{1000});
  }
  f.sack(1001);
  CHECK(f.path(0).rto.srtt() == (is_lost ? Duration{} : milliseconds(80)));
}

TEST_CASE(
    "everything that was not acknowledged comes back in order, and says whether it was sent") {
  Fixture f;
  f.accept_many(3, 1000);
  f.accept(20000);
  f.accept(30);
  f.send_all();
  f.sack(1000);
  f.take_returned();
  Fifo<TxMessage> failed;
  f.outbound.fail_all(f.memory, f.by_index, failed);
  std::vector<std::pair<std::uint64_t, bool>> got;
  while (TxMessage* message = failed.pop_front()) {
    got.push_back({message->token, message->flags & kWasSent});
    f.messages.destroy(message);
  }
  CHECK((got ==
         std::vector<std::pair<std::uint64_t, bool>>{{2, true}, {3, true}, {4, true}, {5, false}}));
  CHECK(f.outbound.is_drained());
  CHECK(f.outbound.buffered_bytes() == 0);
}

TEST_CASE("a message of which a part was sent and acknowledged was sent") {
  Fixture f;
  f.accept(20000);
  const std::uint32_t last = f.send_all().back();
  f.sack(last);
  REQUIRE_FALSE(f.outbound.has_outstanding());
  Fifo<TxMessage> failed;
  f.outbound.fail_all(f.memory, f.by_index, failed);
  REQUIRE(failed.size() == 1);
  CHECK(failed.front()->flags & kWasSent);
  f.messages.destroy(failed.pop_front());
}

TEST_CASE("messages for streams that the peer did not grant fail, the others stay") {
  Fixture f;
  f.accept(100, 0);
  f.accept(100, 9);
  f.accept(100, 3);
  f.outbound.set_peer(1 << 20, 4);
  Fifo<TxMessage> failed;
  f.outbound.fail_beyond_streams(failed);
  REQUIRE(failed.size() == 1);
  CHECK(failed.front()->token == 2);
  f.messages.destroy(failed.pop_front());
  CHECK(f.send_new().size() == 2);
  CHECK(f.outbound.buffered_bytes() == 200);
}

//= rfc9260 1.6#1,4 type=test
TEST_CASE(
    "our TSNs cross their wrap, and are acknowledged, reported missing and sent again across it") {
  Fixture f(1 << 20, 0xfffffffe);
  f.accept_many(6, 1452);
  f.path(0).congestion.start(100000, true);
  CHECK((f.send_all() == Tsns{0xfffffffe, 0xffffffff, 0, 1, 2, 3}));
  SECTION("one after the other") {
    for (const std::uint32_t tsn : {0xfffffffeu, 0xffffffffu, 0u, 1u, 2u, 3u}) f.sack(tsn);
  }
  SECTION("at once") {
    CHECK(f.sack(3).verdict == SackOutcome::Verdict::kOk);
  }
  SECTION("with gaps on both sides") {
    CHECK(f.sack(0xfffffffd, {{2, 2}, {4, 4}}).verdict == SackOutcome::Verdict::kOk);
    CHECK(f.sack(0xfffffffd, {{2, 2}, {4, 5}}).verdict == SackOutcome::Verdict::kOk);
    CHECK(f.sack(0xfffffffd, {{2, 2}, {4, 6}}).fast_retransmit);
    CHECK((f.send_again() == Tsns{0xfffffffe}));
    CHECK(f.sack(0xffffffff, {{2, 4}}).verdict == SackOutcome::Verdict::kOk);
    CHECK((f.send_again() == Tsns{0}));
    CHECK(f.sack(3).verdict == SackOutcome::Verdict::kOk);
  }
  SECTION("sent again when T3-rtx expires") {
    f.sack(0xfffffffe);
    f.outbound.on_t3_expired(f.by_index, 0);
    CHECK((f.send_again() == Tsns{0xffffffff}));
    CHECK(f.sack(0xfffffffd).verdict == SackOutcome::Verdict::kOld);
    f.sack(3);
  }
  CHECK(f.outbound.is_drained());
  CHECK((f.take_returned() == std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
}

//= rfc9260 6.5#3-5 type=test
TEST_CASE("our SSN follows 65535 with 0, on each stream for itself") {
  Fixture f;
  f.path(0).congestion.start(100000, true);
  std::uint32_t next = 1000;
  std::uint32_t ssn = 0;
  const auto send_and_acknowledge = [&](std::size_t count) {
    f.accept_many(count, 1);
    while (count > 0) {
      const Tsns sent = f.send_new();
      REQUIRE(!sent.empty());
      for (const std::uint16_t got : f.last_ssns) REQUIRE(got == ssn++ % 65536);
      count -= sent.size();
      next += static_cast<std::uint32_t>(sent.size());
      f.sack(next - 1);
    }
    f.take_returned();
  };
  for (std::size_t left = 65537; left > 0;) {
    const std::size_t count = std::min<std::size_t>(left, 1000);
    send_and_acknowledge(count);
    left -= count;
  }
  CHECK(f.last_ssns.back() == 0);
  f.accept(1, 3);
  f.accept(1);
  CHECK(f.send_new().size() == 2);
  CHECK((f.last_ssns == std::vector<std::uint16_t>{0, 1}));
  f.sack(next + 1);
}

}  // namespace
}  // namespace millrace::test
