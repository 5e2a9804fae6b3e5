// Shutdown and restart in every state, from a peer made by hand.
#include <catch2/catch.hpp>

#include "tests/support/connecting.h"

namespace millrace::test {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Packet shutdown_of(std::uint32_t cumulative) {
  return chunk_of(ChunkType::kShutdown, 0, be32(cumulative));
}

/// Established, with the shard asked to shut down while one message is under way.
struct Pending : RawPeer {
  Pending() {
    handle = associate();
    REQUIRE(end.send(now, handle, "last words") == Status::kOk);
    collect();
    REQUIRE(end.shard().shutdown(now, End::kOwner, handle) == Status::kOk);
    collect();
    REQUIRE(state(handle) == "SHUTDOWN-PENDING");
    take();
  }
  AssociationHandle handle;
};

struct Sent : Pending {
  Sent() {
    send({sack_of(end_tsn)});
    REQUIRE(state(handle) == "SHUTDOWN-SENT");
  }
};

// RFC 9260 9.2
TEST_CASE("SHUTDOWN is sent when everything is acknowledged, and says what has arrived") {
  Pending peer;
  peer.send({data_of(RawPeer::kTsn, "x"), data_of(RawPeer::kTsn + 1, "y", 0, 1)});
  CHECK(peer.end.told.back().payload == "y");
  peer.take();
  peer.send({sack_of(peer.end_tsn)});
  CHECK(contains(peer.take(), "SHUTDOWN(cum=5001)"));
  peer.send({chunk_of(ChunkType::kShutdownAck)});
  CHECK(contains(peer.take(), "SHUTDOWN COMPLETE"));
  CHECK(peer.state(peer.handle) == "gone");
  CHECK(peer.end.told.back().event.reason == DownReason::kShutdown);
}

// RFC 9260 9.2
TEST_CASE("while SHUTDOWN is sent, DATA is taken and answered with SHUTDOWN") {
  Sent peer;
  CHECK(contains(peer.take(), "SHUTDOWN(cum=4999)"));
  peer.send({data_of(RawPeer::kTsn, "late")});
  CHECK(peer.end.told.back().payload == "late");
  CHECK(contains(peer.take(), "SHUTDOWN(cum=5000)"));
}

// RFC 9260 9.2
TEST_CASE("SHUTDOWN is repeated until it is answered, or the association is given up") {
  Sent peer;
  peer.take();
  peer.run_for(seconds(2));
  CHECK(contains(peer.take(), "SHUTDOWN(cum"));
  peer.run_for(seconds(3600));
  CHECK(peer.state(peer.handle) == "gone");
  CHECK(peer.end.told.back().event.reason == DownReason::kUnreachable);
  CHECK(peer.end.has_all_buffers());
}

// RFC 9260 9.2
TEST_CASE("when SHUTDOWNs cross, both are acknowledged") {
  Sent peer;
  peer.take();
  peer.send({shutdown_of(peer.end_tsn)});
  CHECK(peer.state(peer.handle) == "SHUTDOWN-ACK-SENT");
  CHECK(contains(peer.take(), "SHUTDOWN ACK"));
  SECTION("the peer completes") {
    peer.send({chunk_of(ChunkType::kShutdownComplete)});
  }
  SECTION("the peer acknowledges too") {
    peer.send({chunk_of(ChunkType::kShutdownAck)});
    CHECK(contains(peer.take(), "SHUTDOWN COMPLETE"));
  }
  CHECK(peer.state(peer.handle) == "gone");
}

// RFC 9260 9.2
TEST_CASE("the peer's SHUTDOWN is acknowledged when ours is all acknowledged") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  REQUIRE(peer.end.send(peer.now, handle, "one") == Status::kOk);
  REQUIRE(peer.end.send(peer.now, handle, "two") == Status::kOk);
  peer.collect();
  peer.take();
  peer.send({shutdown_of(peer.end_tsn)});
  CHECK(peer.state(handle) == "SHUTDOWN-RECEIVED");
  CHECK(peer.end.told.back().type == EventType::kPeerShutdown);
  CHECK(peer.end.send(peer.now, handle, "three") == Status::kShuttingDown);
  CHECK_FALSE(contains(peer.take(), "SHUTDOWN ACK"));
  SECTION("by another SHUTDOWN") {
    peer.send({shutdown_of(peer.end_tsn + 1)});
  }
  SECTION("by a SACK") {
    peer.send({sack_of(peer.end_tsn + 1)});
  }
  CHECK(contains(peer.take(), "SHUTDOWN ACK"));
  CHECK(peer.state(handle) == "SHUTDOWN-ACK-SENT");
  peer.send({shutdown_of(peer.end_tsn + 1)});
  CHECK(contains(peer.take(), "SHUTDOWN ACK"));
  peer.send({chunk_of(ChunkType::kShutdownComplete)});
  CHECK(peer.state(handle) == "gone");
  CHECK(peer.end.has_all_buffers());
}

// RFC 9260 9.2
TEST_CASE("after the peer's SHUTDOWN its DATA is taken no more") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  REQUIRE(peer.end.send(peer.now, handle, "one") == Status::kOk);
  peer.collect();
  peer.send({shutdown_of(peer.end_tsn - 1)});
  const std::size_t events = peer.end.told.size();
  peer.send({data_of(RawPeer::kTsn, "no")});
  CHECK(peer.end.told.size() == events);
  CHECK(peer.end.count(Counter::drop_unexpected_chunk) == 1);
}

TEST_CASE("SHUTDOWN, SHUTDOWN ACK and SHUTDOWN COMPLETE that nobody waits for change nothing") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  peer.send({chunk_of(ChunkType::kShutdownAck)});
  peer.send({chunk_of(ChunkType::kShutdownComplete)});
  peer.send({chunk_of(ChunkType::kCookieAck)});
  peer.send({chunk_of(ChunkType::kShutdown)});
  CHECK(peer.state(handle) == "ESTABLISHED");
}

// RFC 9260 8.5.1
TEST_CASE("a SHUTDOWN ACK while connecting is completed with its own tag") {
  Connecting peer;
  peer.send({chunk_of(ChunkType::kShutdownAck)});
  REQUIRE_FALSE(peer.replies.empty());
  CHECK(peer.last_chunk().type() == ChunkType::kShutdownComplete);
  CHECK(peer.last_chunk().flags() == kFlagReflectedTag);
  CHECK(peer.last_tag() == peer.end_tag);
  CHECK(peer.state(peer.handle) == "COOKIE-WAIT");
}

// RFC 9260 9.2
TEST_CASE("an INIT during SHUTDOWN-ACK-SENT is answered with SHUTDOWN ACK again") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  peer.send({shutdown_of(peer.end_tsn - 1)});
  REQUIRE(peer.state(handle) == "SHUTDOWN-ACK-SENT");
  peer.take();
  peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, 0x99));
  CHECK(contains(peer.take(), "SHUTDOWN ACK"));
}

// ---- connecting ----

// RFC 9260 5.1
TEST_CASE("connecting: INIT, INIT ACK, COOKIE ECHO, COOKIE ACK") {
  Connecting peer;
  peer.answer_init();
  CHECK(peer.state(peer.handle) == "COOKIE-ECHOED");
  CHECK(contains(peer.take(), "tag=11223344 COOKIE ECHO"));
  peer.send({chunk_of(ChunkType::kCookieAck)});
  CHECK(peer.state(peer.handle) == "ESTABLISHED");
  CHECK(peer.end.told.back().type == EventType::kUp);
  CHECK(peer.end.told.back().event.streams_out == 10);
}

// RFC 9260 5.2.3
TEST_CASE("a second INIT ACK is dropped") {
  Connecting peer;
  peer.answer_init();
  peer.take();
  peer.answer_init();
  CHECK(peer.take().empty());
  CHECK(peer.state(peer.handle) == "COOKIE-ECHOED");
}

// RFC 9260 3.3.3
TEST_CASE("an INIT ACK that cannot be used ends the attempt, and says why") {
  Connecting peer;
  const auto [parameters, cause] = GENERATE(table<Packet, std::string>({
      {Packet{}, "ABORT(cause 2"},
      {Packet{0, 7, 0, 99}, "ABORT(cause 7"},
      {tlv_of(11, {'h', 0}), "ABORT(cause 5"},
      {tlv_of(7, Packet(1500)), "ABORT(cause 13"},
  }));
  peer.answer_init(parameters);
  CHECK(contains(peer.take(), cause));
  CHECK(peer.state(peer.handle) == "gone");
  CHECK(peer.end.told.back().type == EventType::kDown);
}

// RFC 9260 5.2.6
TEST_CASE("a stale cookie starts the handshake again") {
  Connecting peer;
  peer.answer_init();
  peer.take();
  peer.send({chunk_of(ChunkType::kError, 0, tlv_of(3, {0, 0, 1, 0}))});
  CHECK(peer.state(peer.handle) == "COOKIE-WAIT");
  CHECK(contains(peer.take(), "tag=00000000 INIT("));
  CHECK(peer.end.has_all_buffers());
}

// RFC 9260 4
TEST_CASE("a lost INIT or COOKIE ECHO is sent again, Max.Init.Retransmits times") {
  Parameters parameters;
  parameters.init_max_retrans = 3;
  Connecting peer(parameters);
  const bool is_echo = GENERATE(false, true);
  if (is_echo) peer.answer_init();
  peer.replies.clear();
  peer.run_for(seconds(600));
  CHECK(peer.replies.size() == 3);
  for (const Packet& reply : peer.replies) {
    CHECK(contains(render_packet(reply), is_echo ? "COOKIE ECHO" : "INIT("));
  }
  CHECK(peer.end.told.back().event.reason == DownReason::kInitFailed);
}

TEST_CASE("an ABORT while connecting is a refusal") {
  Connecting peer;
  peer.send({chunk_of(ChunkType::kAbort)});
  CHECK(peer.end.told.back().event.reason == DownReason::kRefused);
  CHECK(peer.state(peer.handle) == "gone");
}

// RFC 9260 5.2.1
TEST_CASE("an INIT that crosses ours gets our own tag and TSN") {
  Connecting peer;
  const std::uint32_t tag = peer.end_tag, tsn = peer.end_tsn;
  const Packet echo = peer.ask_for_cookie(0x77);
  CHECK(peer.end_tag == tag);
  CHECK(peer.end_tsn == tsn);
  SECTION("and its cookie establishes, with the tag that the peer chose then") {
    peer.send({echo});
    CHECK(peer.state(peer.handle) == "ESTABLISHED");
    REQUIRE_FALSE(peer.replies.empty());
    CHECK(peer.last_tag() == 0x77);
    CHECK(contains(peer.take(), "COOKIE ACK"));
  }
  CHECK(peer.end.shard().associations() == 1);
}

// ---- restart ----

// RFC 9260 5.2.2
// RFC 9260 5.2.4
TEST_CASE("a peer that lost its state begins anew: the handle stays, the numbers start again") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  REQUIRE(peer.end.send(peer.now, handle, "lost") == Status::kOk);
  peer.send({data_of(RawPeer::kTsn, "before"), data_of(RawPeer::kTsn + 2, "never", 0, 2)});
  const std::uint32_t old_tag = peer.end_tag;
  const Packet echo = peer.ask_for_cookie(0x5555);
  CHECK(peer.end_tag != old_tag);
  peer.send({echo, data_of(RawPeer::kTsn, "after")});
  CHECK(contains(peer.take(), "tag=00005555 COOKIE ACK"));
  CHECK(peer.end.count(Counter::associations_restarted) == 1);
  CHECK(peer.state(handle) == "ESTABLISHED");
  std::string story;
  for (const Told& told : peer.end.told) {
    if (told.type == EventType::kRestart) story += "restart ";
    if (told.type == EventType::kSendFailed) story += "failed ";
    if (told.type == EventType::kMessage) story += told.payload + " ";
  }
  CHECK(contains(story, "before "));
  CHECK(contains(story, "failed "));
  CHECK(story.find("restart") < story.find("after"));
  CHECK_FALSE(contains(story, "never"));
  // The old tag is nobody's any more.
  peer.send_packet(old_tag, chunk_of(ChunkType::kAbort));
  CHECK(peer.state(handle) == "ESTABLISHED");
}

TEST_CASE("a restart before the application has heard of the association comes in its place") {
  RawPeer peer;
  peer.listen();
  peer.takes_events = false;
  const bool had_data = GENERATE(true, false);
  peer.send({peer.ask_for_cookie()});
  if (had_data) peer.send({data_of(RawPeer::kTsn, "before")});
  peer.send({peer.ask_for_cookie(0x5555), data_of(RawPeer::kTsn, "after")});
  peer.takes_events = true;
  peer.collect();
  std::string story;
  for (const Told& told : peer.end.told) {
    if (told.type == EventType::kUp) story += "up ";
    if (told.type == EventType::kRestart) story += "restart ";
    if (told.type == EventType::kMessage) story += told.payload + " ";
  }
  CHECK(story == (had_data ? "up before restart after " : "up after "));
}

TEST_CASE(
    "of two restarts that the application was not told of it hears the last, and the data since") {
  RawPeer peer;
  peer.associate();
  peer.takes_events = false;
  peer.send({data_of(RawPeer::kTsn, "one")});
  peer.send({peer.ask_for_cookie(0x5555), data_of(RawPeer::kTsn, "two")});
  peer.send({peer.ask_for_cookie(0x6666), data_of(RawPeer::kTsn, "three")});
  peer.end.told.clear();
  peer.takes_events = true;
  peer.collect();
  std::string story;
  for (const Told& told : peer.end.told) {
    if (told.type == EventType::kRestart) story += "restart ";
    if (told.type == EventType::kMessage) story += told.payload + " ";
  }
  CHECK(story == "one restart three ");
  CHECK(peer.end.has_all_buffers());
}

TEST_CASE(
    "a restart goes on with a shutdown that was asked for, whoever asked is still there or not") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  const bool is_orphan = GENERATE(true, false);
  if (is_orphan) {
    peer.end.shard().drop_owner(peer.now, End::kOwner, /*gracefully=*/true);
  } else {
    REQUIRE(peer.end.shard().shutdown(peer.now, End::kOwner, handle) == Status::kOk);
  }
  peer.collect();
  CHECK(contains(peer.take(), "SHUTDOWN(cum"));
  peer.send({peer.ask_for_cookie(0x5555)});
  CHECK(peer.end.count(Counter::associations_restarted) == 1);
  CHECK(peer.take() == "tag=00005555 COOKIE ACK(len=4) SHUTDOWN(cum=4999)");
  peer.send({chunk_of(ChunkType::kShutdownAck)});
  CHECK(peer.end.shard().associations() == 0);
  CHECK(peer.end.shard().owned(End::kOwner) == 0);
  CHECK(peer.end.has_all_buffers());
}

// RFC 9260 9.2
TEST_CASE("a storm of INITs during a shutdown is answered one for one, and delays nothing") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  const bool is_ours = GENERATE(true, false);
  if (is_ours) {
    REQUIRE(peer.end.shard().shutdown(peer.now, End::kOwner, handle) == Status::kOk);
    peer.collect();
  } else {
    peer.send({shutdown_of(peer.end_tsn - 1)});
  }
  const std::uint32_t tag = peer.end_tag;
  const std::string state = is_ours ? "SHUTDOWN-SENT" : "SHUTDOWN-ACK-SENT";
  REQUIRE(peer.state(handle) == state);
  const Time retransmission = peer.end.shard().next_deadline();
  peer.forget();
  for (std::uint32_t i = 0; i < 500; ++i) {
    peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, 0x1000 + i));
  }
  CHECK(peer.replies.size() == 500);
  CHECK(peer.state(handle) == state);
  CHECK(peer.end.shard().associations() == 1);
  CHECK(peer.end.shard().next_deadline() == retransmission);
  CHECK(peer.end.has_all_buffers());
  peer.send_packet(tag, chunk_of(is_ours ? ChunkType::kShutdownAck : ChunkType::kShutdownComplete));
  CHECK(peer.state(handle) == "gone");
}

// RFC 9260 5.2.2
TEST_CASE("a restart with an address that the association does not have is refused") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  const Packet more = tlv_of(5, {10, 0, 0, 66});
  peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, 0x99, more));
  CHECK(peer.last_tag() == 0x99);
  CHECK(contains(peer.take(), "ABORT(cause 11"));
  CHECK(peer.state(handle) == "ESTABLISHED");
}

// RFC 9260 5.2.4
TEST_CASE("a restart's cookie that is used twice restarts once") {
  RawPeer peer;
  peer.associate();
  const Packet echo = peer.ask_for_cookie(0x5555);
  peer.send({echo});
  peer.send({data_of(RawPeer::kTsn, "x")});
  peer.send({echo, data_of(RawPeer::kTsn, "x")});
  CHECK(peer.end.count(Counter::associations_restarted) == 1);
  CHECK(peer.end.count(Counter::data_chunks_duplicate) == 1);
}

TEST_CASE("an old cookie of an association that has restarted is dropped") {
  RawPeer peer;
  peer.listen();
  const Packet first = peer.ask_for_cookie();
  const std::uint32_t first_tag = peer.end_tag;
  peer.send({first});
  const Packet second = peer.ask_for_cookie(0x5555);
  peer.send({second});
  peer.take();
  peer.send_packet(first_tag, first);
  CHECK(peer.take().empty());
  CHECK(peer.end.shard().associations() == 1);
  CHECK(peer.end.count(Counter::associations_restarted) == 1);
}

TEST_CASE("a cookie brings no association back that has ended") {
  RawPeer peer;
  peer.listen();
  const Packet echo = peer.ask_for_cookie();
  peer.send({echo});
  const AssociationHandle handle = peer.end.told.back().handle;
  SECTION("as it was") {}
  SECTION("after a restart") {
    const std::uint32_t old_tag = peer.end_tag;
    peer.send({peer.ask_for_cookie(0x5555)});
    REQUIRE(peer.end.count(Counter::associations_restarted) == 1);
    peer.end_tag = old_tag;
  }
  // The ABORT is lost, as was the COOKIE ACK, and the peer asks again.
  REQUIRE(peer.end.shard().abort(peer.now, End::kOwner, handle, {}) == Status::kOk);
  peer.collect();
  peer.take();
  peer.send({echo});
  CHECK(peer.take() == "tag=11223344 ABORT");
  CHECK(peer.end.shard().associations() == 0);
}

}  // namespace
}  // namespace millrace::test
