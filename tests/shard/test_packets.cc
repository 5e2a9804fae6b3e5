// What a shard answers to packets that a peer made by hand: with and without an association.
#include <catch2/catch.hpp>

#include "tests/support/raw_peer.h"

namespace millrace::test {
namespace {

constexpr std::uint8_t kT = kFlagReflectedTag;
constexpr std::uint32_t kStrange = 0xdeadbeef;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Packet stale_cookie_error() {
  return chunk_of(ChunkType::kError, 0, tlv_of(3, {0, 0, 0, 9}));
}

// RFC 9260 8.4
TEST_CASE("packets out of the blue") {
  const auto [chunks, answer] = GENERATE(table<Packet, std::string>({
      {data_of(1, "x"), "tag=deadbeef ABORT"},
      {sack_of(1), "tag=deadbeef ABORT"},
      {chunk_of(ChunkType::kHeartbeat, 0, tlv_of(1, {1, 2, 3, 4})), "tag=deadbeef ABORT"},
      {chunk_of(ChunkType::kShutdown, 0, be32(1)), "tag=deadbeef ABORT"},
      {RawPeer::init_of(ChunkType::kInitAck, 5), "tag=deadbeef ABORT"},
      {chunk_of(ChunkType::kShutdownAck), "tag=deadbeef SHUTDOWN COMPLETE"},
      {chunk_of(ChunkType::kAbort), ""},
      {chunk_of(ChunkType::kAbort, kT), ""},
      {chunk_of(ChunkType::kShutdownComplete), ""},
      {chunk_of(ChunkType::kShutdownComplete, kT), ""},
      {chunk_of(ChunkType::kCookieAck), ""},
      {stale_cookie_error(), ""},
      {chunk_of(ChunkType::kError, 0, tlv_of(4, {})), "tag=deadbeef ABORT"},
      {chunk_of(static_cast<ChunkType>(0xc5)), "tag=deadbeef ABORT"},
  }));
  RawPeer peer;
  peer.send_packet(kStrange, chunks);
  INFO(render_packet(chunks));
  const bool is_answered = !peer.replies.empty();
  CHECK(is_answered == !answer.empty());
  // Both answers reflect the tag, and say so.
  if (is_answered) CHECK(peer.last_chunk().flags() == kT);
  CHECK(contains(peer.take(), answer));
  CHECK(peer.end.count(Counter::drop_out_of_the_blue) == 1);
}

// RFC 9260 8.4
TEST_CASE("an ABORT anywhere in a packet out of the blue keeps it unanswered") {
  RawPeer peer;
  Packet chunks = data_of(1, "x");
  append(chunks, chunk_of(ChunkType::kAbort));
  peer.send_packet(kStrange, chunks);
  CHECK(peer.take().empty());
}

// RFC 9260 8.4
TEST_CASE("packets from or to addresses that are not unicast are not answered") {
  RawPeer peer;
  for (const char* source : {"0.0.0.0", "255.255.255.255", "224.0.0.1", "ff02::1", "::"}) {
    peer.send_from(address(source), kStrange, data_of(1, "x"));
    peer.send_from(address(source), 0, RawPeer::init_of(ChunkType::kInit, 5));
  }
  CHECK(peer.take().empty());
  CHECK(peer.end.count(Counter::drop_bad_address) == 10);
}

// RFC 9260 5.1
TEST_CASE("an INIT to a port that nobody listens on is refused with its own tag") {
  RawPeer peer;
  peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, 0x55));
  CHECK(peer.last_chunk().flags() == 0);
  CHECK(peer.take() == "tag=00000055 ABORT");
  CHECK(peer.end.count(Counter::drop_no_listener) == 1);
}

// RFC 9260 8.5.1
TEST_CASE("an INIT is alone and carries the tag 0, anything else does not") {
  RawPeer peer;
  peer.listen();
  const Packet init = RawPeer::init_of(ChunkType::kInit, 0x55);
  Packet bundled = init;
  append(bundled, data_of(1, "x"));
  peer.send_packet(kStrange, init);
  peer.send_packet(0, bundled);
  peer.send_packet(0, data_of(1, "x"));
  CHECK(peer.take().empty());
  CHECK(peer.end.count(Counter::drop_bad_bundling) == 3);
}

// RFC 9260 3.3.2
TEST_CASE("an INIT with impossible fields gets no cookie") {
  RawPeer peer;
  peer.listen();
  SECTION("tag 0: silence") {
    peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, 0));
    CHECK(peer.take().empty());
  }
  SECTION("no streams") {
    peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, 5, {}, 0, 10));
    CHECK(contains(peer.take(), "tag=00000005 ABORT(cause 7"));
    peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, 5, {}, 10, 0));
    CHECK(contains(peer.take(), "tag=00000005 ABORT(cause 7"));
  }
  SECTION("a parameter that does not fit") {
    Packet parameters = tlv_of(5, {1, 2, 3, 4});
    append(parameters, {0, 5, 0, 99});
    peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, 5, parameters));
    CHECK(contains(peer.take(), "ABORT(cause 7"));
  }
  SECTION("too short") {
    peer.send_packet(0, chunk_of(ChunkType::kInit, 0, be32(5)));
    CHECK(peer.take().empty());
  }
  CHECK(peer.end.count(Counter::drop_bad_init) >= 1);
  CHECK(peer.end.count(Counter::init_acks_sent) == 0);
}

// RFC 9260 5.1.2
TEST_CASE("a host name is refused as unresolvable") {
  RawPeer peer;
  peer.listen();
  peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, 5, tlv_of(11, {'a', '.', 'b', 0})));
  CHECK(contains(peer.take(), "tag=00000005 ABORT(cause 5"));
}

// RFC 9260 3.2.2
TEST_CASE("unknown parameters of an INIT are reported in the INIT ACK when they ask for it") {
  RawPeer peer;
  peer.listen();
  Packet parameters = tlv_of(0xc077, {1, 2, 3});
  append(parameters, tlv_of(0x8077, {}));
  append(parameters, tlv_of(0x4077, {4, 5}));
  append(parameters, tlv_of(0xc078, {}));  // not looked at any more
  peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, 5, parameters));
  const InitView init = InitView::parse(peer.last_chunk()).value();
  TlvReader reader(init.parameters);
  std::vector<std::uint16_t> reported;
  while (const auto parameter = reader.next()) {
    if (parameter->type() == 8) reported.push_back(load_be16(parameter->value().data()));
  }
  CHECK((reported == std::vector<std::uint16_t>{0xc077, 0x4077}));
}

// RFC 9260 5.1.3
TEST_CASE("an INIT costs nothing, and many of them cost as little") {
  RawPeer peer;
  peer.listen();
  for (std::uint32_t i = 1; i <= 1000; ++i) {
    CHECK_FALSE(peer.ask_for_cookie(i).empty());
  }
  CHECK(peer.end.shard().associations() == 0);
  CHECK(peer.end.has_all_buffers());
  CHECK(peer.end.shard().next_deadline() == kNever);
}

// RFC 9260 5.1.5
TEST_CASE("a cookie that was changed, or comes with another tag or port, makes no association") {
  RawPeer peer;
  peer.listen();
  const Packet echo = peer.ask_for_cookie();
  for (std::size_t i = 4; i < echo.size(); ++i) {
    Packet changed = echo;
    changed[i] ^= 1;
    peer.send({changed});
  }
  peer.send_packet(peer.end_tag ^ 1, echo);
  CHECK(peer.take().empty());
  CHECK(peer.end.shard().associations() == 0);
  CHECK(peer.end.count(Counter::drop_bad_cookie) == echo.size() - 3);
  peer.send({echo});
  CHECK(contains(peer.take(), "COOKIE ACK"));
}

// RFC 9260 5.1.5
TEST_CASE("a cookie that is too old is answered with how much too old it is") {
  RawPeer peer;
  peer.listen();
  const Packet echo = peer.ask_for_cookie();
  peer.run_for(seconds(61));
  peer.send({echo});
  REQUIRE(peer.replies.size() == 1);
  const ChunkView error = peer.last_chunk();
  CHECK(error.type() == ChunkType::kError);
  TlvReader causes(error.value());
  const auto cause = causes.next();
  REQUIRE(cause.has_value());
  CHECK(cause->type() == 3);
  CHECK(load_be32(cause->value().data()) == 1'000'000);  // microseconds
  CHECK(peer.last_tag() == RawPeer::kTag);
  CHECK(peer.end.shard().associations() == 0);
}

TEST_CASE("a cookie outlives the change of the secret that sealed it") {
  RawPeer peer;
  peer.listen();
  peer.now = Time{} + seconds(3599);
  const Packet echo = peer.ask_for_cookie();
  peer.now = Time{} + seconds(3601);
  peer.send({echo});
  CHECK(contains(peer.take(), "COOKIE ACK"));
}

// RFC 9260 5.2.4
TEST_CASE("a cookie that comes twice makes one association, and is acknowledged twice") {
  RawPeer peer;
  peer.listen();
  const Packet echo = peer.ask_for_cookie();
  peer.send({echo, data_of(RawPeer::kTsn, "once")});
  CHECK(contains(peer.take(), "COOKIE ACK"));
  peer.send({echo, data_of(RawPeer::kTsn, "once")});
  CHECK(contains(peer.take(), "COOKIE ACK"));
  CHECK(peer.end.shard().associations() == 1);
  int ups = 0, messages = 0;
  for (const Told& told : peer.end.told) {
    ups += told.type == EventType::kUp ? 1 : 0;
    messages += told.type == EventType::kMessage ? 1 : 0;
  }
  CHECK(ups == 1);
  CHECK(messages == 1);
}

TEST_CASE("a cookie for a port that nobody listens on any more is refused") {
  RawPeer peer;
  peer.listen();
  const Packet echo = peer.ask_for_cookie();
  REQUIRE(peer.end.shard().unlisten(End::kOwner, RawPeer::kEndPort) == Status::kOk);
  peer.send({echo});
  CHECK(contains(peer.take(), "ABORT"));
  CHECK(peer.end.shard().associations() == 0);
}

// ---- with an association ----

// RFC 9260 8.5
TEST_CASE("packets with a wrong tag, port or address are not the association's") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  peer.send_packet(peer.end_tag ^ 0x100, chunk_of(ChunkType::kAbort));
  peer.send_from(address("10.0.0.77"), peer.end_tag, chunk_of(ChunkType::kAbort));
  CHECK(peer.state(handle) == "ESTABLISHED");
  CHECK(peer.end.count(Counter::drop_bad_tag) == 1);
  CHECK(peer.end.count(Counter::drop_out_of_the_blue) == 1);
}

// RFC 9260 8.5.1
TEST_CASE("an ABORT carries our tag, or with the T bit the peer's own") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  const auto [tag, flags, ends] = GENERATE(table<int, std::uint8_t, bool>({
      {0, std::uint8_t{0}, true},   // ours, T clear
      {1, kT, true},                // the peer's, T set
      {1, std::uint8_t{0}, false},  // the peer's, T clear
      {0, kT, false},               // ours, T set
  }));
  peer.send_packet(tag == 0 ? peer.end_tag : RawPeer::kTag, chunk_of(ChunkType::kAbort, flags));
  CHECK((peer.state(handle) == "gone") == ends);
  CHECK(peer.take().empty());
  if (ends) CHECK(peer.end.told.back().event.reason == DownReason::kAbortedByPeer);
}

// RFC 9260 3.2
TEST_CASE("the upper bits of an unknown chunk say whether to go on and whether to report it") {
  const auto [type, goes_on, is_reported] = GENERATE(table<int, bool, bool>({
      {0x3f, false, false},
      {0x7f, false, true},
      {0xbf, true, false},
      {0xff, true, true},
  }));
  RawPeer peer;
  peer.associate();
  peer.send({chunk_of(static_cast<ChunkType>(type), 0, {1, 2, 3}), data_of(RawPeer::kTsn, "x")});
  const bool is_delivered = peer.end.told.back().type == EventType::kMessage;
  CHECK(is_delivered == goes_on);
  const std::string replies = peer.take();
  CHECK(contains(replies, "ERROR(cause 6") == is_reported);
  CHECK(peer.end.count(Counter::drop_unknown_chunk) == 1);
}

// RFC 9260 6.2
TEST_CASE("DATA without a payload ends the association with its TSN") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  peer.send({data_of(RawPeer::kTsn, "")});
  CHECK(contains(peer.take(), "ABORT(cause 9"));
  CHECK(peer.state(handle) == "gone");
}

// RFC 9260 6.5
TEST_CASE("DATA for a stream that does not exist is acknowledged and reported, not delivered") {
  RawPeer peer;
  peer.associate();
  peer.send({data_of(RawPeer::kTsn, "x", 10), data_of(RawPeer::kTsn + 1, "y", 9)});
  const std::string replies = peer.take();
  CHECK(contains(replies, "ERROR(cause 1"));
  peer.run_for(seconds(1));
  CHECK(contains(replies + peer.take(), "SACK(cum=5001"));
  CHECK(peer.end.told.back().payload == "y");
  CHECK(peer.end.count(Counter::drop_bad_stream) == 1);
}

// RFC 9260 6.2
TEST_CASE("a duplicate is acknowledged at once and delivered no more") {
  RawPeer peer;
  peer.associate();
  peer.send({data_of(RawPeer::kTsn, "x")});
  const std::size_t events = peer.end.told.size();
  peer.take();
  peer.send({data_of(RawPeer::kTsn, "x")});
  CHECK(contains(peer.take(), "SACK(cum=5000 rwnd=1048576 dups=1)"));
  CHECK(peer.end.told.size() == events);
}

// RFC 9260 8.3
TEST_CASE("a HEARTBEAT comes back as it was, to where it came from") {
  RawPeer peer;
  peer.associate();
  const Packet info = tlv_of(1, {9, 8, 7, 6, 5, 4, 3, 2, 1});
  peer.send({chunk_of(ChunkType::kHeartbeat, 0, info)});
  REQUIRE(peer.replies.size() == 1);
  CHECK(peer.destinations.back() == address("10.0.0.9"));
  CHECK(peer.last_chunk().type() == ChunkType::kHeartbeatAck);
  const Bytes value = peer.last_chunk().value();
  CHECK(Packet(value.begin(), value.end()) == info);
}

TEST_CASE("a HEARTBEAT ACK that answers no heartbeat is counted and dropped") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  for (const std::size_t length : {0u, 3u, 12u, 40u}) {
    peer.send({chunk_of(ChunkType::kHeartbeatAck, 0, tlv_of(1, Packet(length)))});
  }
  peer.send({chunk_of(ChunkType::kHeartbeatAck)});
  CHECK(peer.end.count(Counter::drop_bad_heartbeat) == 5);
  CHECK(peer.state(handle) == "ESTABLISHED");
}

// RFC 9260 12.4
TEST_CASE("a SACK of what was never sent ends the association, one that is malformed does not") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  REQUIRE(peer.end.send(peer.now, handle, "hello") == Status::kOk);
  peer.collect();
  peer.send({chunk_of(ChunkType::kSack, 0, be32(1))});
  CHECK(peer.end.payloads_held() == 1);
  CHECK(peer.end.count(Counter::drop_bad_sack) == 1);
  CHECK(peer.state(handle) == "ESTABLISHED");
  peer.take();
  peer.send({sack_of(peer.end_tsn + GENERATE(1u, 0x7ffffffeu))});
  CHECK(contains(peer.take(), "ABORT(cause 13"));
  CHECK(peer.state(handle) == "gone");
}

TEST_CASE("a packet that is cut anywhere is no more than counted") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  Packet whole = be16(RawPeer::kPort);
  append(whole, be16(RawPeer::kEndPort));
  append(whole, be32(peer.end_tag));
  append(whole, be32(0));
  append(whole, sack_of(peer.end_tsn - 1));
  append(whole, data_of(RawPeer::kTsn + 1, "somewhere ahead"));
  // (The padding of the last chunk may be missing.)
  for (std::size_t length = 0; length < whole.size() - 1; ++length) {
    peer.inject(address("10.0.0.9"), {whole.begin(), whole.begin() + static_cast<long>(length)});
  }
  CHECK(peer.state(handle) == "ESTABLISHED");
  CHECK(peer.end.told.back().type == EventType::kUp);
}

}  // namespace
}  // namespace millrace::test
