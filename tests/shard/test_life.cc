// The life of an association between two shards: set-up, data, failover, end.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/support/raw_peer.h"

namespace millrace::test {
namespace {

std::vector<std::string> payloads_of(const End& end) {
  std::vector<std::string> payloads;
  std::string partial;
  for (const Told& told : end.told) {
    if (told.type != EventType::kMessage) continue;
    partial += told.payload;
    if (!(told.event.flags & kLastPiece)) continue;
    payloads.push_back(partial);
    partial.clear();
  }
  return payloads;
}

bool was_told(const End& end, EventType type) {
  return std::any_of(end.told.begin(), end.told.end(),
                     [type](const Told& told) { return told.type == type; });
}

std::string numbered(std::size_t number, std::size_t length) {
  std::string text = std::to_string(number) + ":";
  for (std::size_t i = text.size(); i < length; ++i) {
    text.push_back(static_cast<char>('a' + (number + i * 31) % 26));
  }
  return text;
}

// RFC 9260 5.1
TEST_CASE("an association is set up with four packets and data may ride on the third") {
  ShardPair pair;
  pair.b.shard().listen({.owner = End::kOwner, .port = 3868});
  ConnectRequest connect;
  connect.owner = End::kOwner;
  connect.peer_port = 3868;
  connect.peers = pair.b.addresses();
  AssociationHandle handle;
  REQUIRE(pair.a.shard().connect(pair.now, connect, handle) == Status::kOk);
  REQUIRE(pair.a.send(pair.now, handle, "first") == Status::kOk);
  pair.run_for(milliseconds(10));

  INFO(pair.trace[2]);
  CHECK(pair.trace[0].find("INIT(") != std::string::npos);
  CHECK(pair.trace[1].find("INIT ACK(") != std::string::npos);
  CHECK(pair.trace[2].find("COOKIE ECHO") != std::string::npos);
  CHECK(pair.trace[2].find("DATA(") != std::string::npos);
  CHECK(pair.trace[3].find("COOKIE ACK") != std::string::npos);
  CHECK(was_told(pair.a, EventType::kUp));
  CHECK(was_told(pair.b, EventType::kUp));
  CHECK(payloads_of(pair.b) == std::vector<std::string>{"first"});
}

// RFC 9260 8.1
TEST_CASE("the most attempts that can be asked for come to an end, too") {
  Parameters parameters;
  parameters.rto_initial = parameters.rto_min = parameters.rto_max = milliseconds(10);
  parameters.init_max_retrans = parameters.association_max_retrans = 255;
  ShardPair pair(parameters);
  pair.traces = false;
  const End* alone = &pair.a;
  std::size_t unanswered = 0;
  const Filter drop = [&](const PacketOut&, Bytes) { return ++unanswered == 0; };
  SECTION("INIT") {
    pair.from_a = drop;
    pair.associate();
  }
  SECTION("DATA") {
    const AssociationHandle handle = pair.associate();
    pair.from_a = drop;
    REQUIRE(pair.a.send(pair.now, handle, "lost") == Status::kOk);
  }
  SECTION("SHUTDOWN ACK") {
    const AssociationHandle handle = pair.associate();
    pair.from_b = drop;
    int packets = 0;
    pair.from_a = [packets](const PacketOut&, Bytes) mutable { return ++packets == 1; };
    alone = &pair.b;
    REQUIRE(pair.a.shard().shutdown(pair.now, End::kOwner, handle) == Status::kOk);
  }
  pair.run_for(seconds(20));
  CHECK(alone->told.back().type == EventType::kDown);
  CHECK(unanswered >= 256);
  CHECK(unanswered < 600);
}

TEST_CASE("messages of every size arrive whole, in order and once, also when packets are lost") {
  const std::size_t lost_every = GENERATE(0u, 7u, 3u);
  Parameters parameters;
  parameters.rto_min = milliseconds(50);
  parameters.rto_max = milliseconds(500);
  parameters.association_max_retrans = 100;
  ShardPair pair(parameters);
  std::size_t packets = 0;
  const AssociationHandle handle = pair.associate();
  const Filter drop = [&](const PacketOut&, Bytes) {
    return lost_every == 0 || ++packets % lost_every != 0;
  };
  pair.from_a = drop;
  pair.from_b = drop;
  std::vector<std::string> expected;
  for (std::size_t size : {1, 3, 64, 300, 1400, 1452, 1453, 1460, 3000, 8192, 65536, 400000}) {
    for (std::size_t i = 0; i < 5; ++i) {
      expected.push_back(numbered(i, size));
      while (pair.a.send(pair.now, handle, expected.back()) == Status::kBufferFull) {
        pair.run_for(milliseconds(10));
      }
    }
  }
  pair.run_for(seconds(900));  // one packet at a time after each timeout
  const auto got = payloads_of(pair.b);
  CHECK(got.size() == expected.size());
  CHECK((got == expected));
  CHECK(pair.a.payloads_held() == 0);
  CHECK(pair.b.has_all_buffers());
}

TEST_CASE("a message longer than the receive buffer is delivered in pieces") {
  Parameters parameters;
  parameters.receive_buffer = 64 << 10;
  parameters.partial_delivery_point = 16 << 10;
  parameters.send_buffer = 2 << 20;
  ShardPair pair(parameters);
  const AssociationHandle handle = pair.associate();
  const std::string message = numbered(1, 1 << 20);
  REQUIRE(pair.a.send(pair.now, handle, message) == Status::kOk);
  REQUIRE(pair.a.send(pair.now, handle, "after") == Status::kOk);
  pair.run_for(seconds(120));
  CHECK((payloads_of(pair.b) == std::vector<std::string>{message, "after"}));
}

// RFC 9260 9.2
TEST_CASE("a shutdown delivers what was sent before it and frees everything") {
  ShardPair pair;
  const AssociationHandle handle = pair.associate();
  for (std::size_t i = 0; i < 100; ++i) {
    REQUIRE(pair.a.send(pair.now, handle, numbered(i, 700)) == Status::kOk);
  }
  REQUIRE(pair.a.shard().shutdown(pair.now, End::kOwner, handle) == Status::kOk);
  CHECK(pair.a.send(pair.now, handle, "late") == Status::kShuttingDown);
  pair.run_for(seconds(10));
  CHECK(payloads_of(pair.b).size() == 100);
  CHECK(was_told(pair.b, EventType::kPeerShutdown));
  for (End* end : {&pair.a, &pair.b}) {
    REQUIRE(end->told.back().type == EventType::kDown);
    CHECK(end->told.back().event.reason == DownReason::kShutdown);
    CHECK(end->shard().associations() == 0);
    CHECK(end->has_all_buffers());
  }
}

// RFC 9260 9.1
TEST_CASE("an abort ends both sides at once and gives unsent messages back") {
  ShardPair pair;
  const AssociationHandle handle = pair.associate();
  pair.from_a = [](const PacketOut&, Bytes packet) {
    return packet[12] != static_cast<std::uint8_t>(ChunkType::kData);
  };
  for (std::size_t i = 0; i < 50; ++i) {
    REQUIRE(pair.a.send(pair.now, handle, numbered(i, 1000)) == Status::kOk);
  }
  pair.run_for(milliseconds(5));
  REQUIRE(pair.a.shard().abort(pair.now, End::kOwner, handle, {}) == Status::kOk);
  pair.run_for(milliseconds(5));
  std::size_t failed = 0;
  for (const Told& told : pair.a.told) failed += told.type == EventType::kSendFailed;
  CHECK(failed == 50);
  CHECK(pair.a.told.back().event.reason == DownReason::kAbortedLocally);
  CHECK(pair.b.told.back().event.reason == DownReason::kAbortedByPeer);
  CHECK(pair.b.told.back().event.error == 12);
  CHECK(pair.a.payloads_held() == 0);
  CHECK(pair.a.shard().associations() == 0);
  CHECK(pair.b.shard().associations() == 0);
}

// RFC 9260 8.2
TEST_CASE("a multihomed association goes on over the other path when one dies, and comes back") {
  Parameters parameters;
  parameters.rto_min = milliseconds(100);
  parameters.rto_initial = milliseconds(200);
  parameters.rto_max = milliseconds(400);
  parameters.path_max_retrans = 2;
  parameters.heartbeat_interval = milliseconds(500);
  ShardPair pair(parameters, {address("10.0.0.1"), address("10.0.1.1")},
                 {address("10.0.0.2"), address("10.0.1.2")});
  const AssociationHandle handle = pair.associate();
  pair.run_for(seconds(2));
  bool is_cut = true;
  const IpAddress dead_b = address("10.0.0.2");
  const IpAddress dead_a = address("10.0.0.1");
  pair.from_a = [&](const PacketOut& out, Bytes) { return !is_cut || out.destination != dead_b; };
  pair.from_b = [&](const PacketOut& out, Bytes) { return !is_cut || out.destination != dead_a; };
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < 200; ++i) {
    expected.push_back(numbered(i, 200));
    REQUIRE(pair.a.send(pair.now, handle, expected.back()) == Status::kOk);
    pair.run_for(milliseconds(20));
  }
  pair.run_for(seconds(10));
  CHECK((payloads_of(pair.b) == expected));
  AssociationStatus status;
  REQUIRE(pair.a.shard().status(End::kOwner, handle, status) == Status::kOk);
  CHECK_FALSE(status.paths[0].active);
  CHECK(status.paths[1].active);
  is_cut = false;
  pair.run_for(seconds(5));
  REQUIRE(pair.a.shard().status(End::kOwner, handle, status) == Status::kOk);
  CHECK(status.paths[0].active);
}

// RFC 9260 5.2.4
TEST_CASE("both sides connecting at the same time make one association") {
  ShardPair pair;
  for (End* end : {&pair.a, &pair.b}) {
    REQUIRE(end->shard().listen({.owner = End::kOwner, .port = 5000}) == Status::kOk);
  }
  AssociationHandle from_a, from_b;
  ConnectRequest connect;
  connect.owner = End::kOwner;
  connect.local_port = 5000;
  connect.peer_port = 5000;
  connect.peers = pair.b.addresses();
  REQUIRE(pair.a.shard().connect(pair.now, connect, from_a) == Status::kOk);
  connect.peers = pair.a.addresses();
  REQUIRE(pair.b.shard().connect(pair.now, connect, from_b) == Status::kOk);
  pair.run_for(seconds(20));
  CHECK(pair.a.shard().associations() == 1);
  CHECK(pair.b.shard().associations() == 1);
  REQUIRE(pair.a.send(pair.now, from_a, "to b") == Status::kOk);
  REQUIRE(pair.b.send(pair.now, from_b, "to a") == Status::kOk);
  pair.run_for(seconds(1));
  CHECK(payloads_of(pair.a) == std::vector<std::string>{"to a"});
  CHECK(payloads_of(pair.b) == std::vector<std::string>{"to b"});
}

TEST_CASE("a peer that does not answer is given up, and a port without a listener refuses") {
  Parameters parameters;
  parameters.init_max_retrans = 3;
  parameters.rto_initial = milliseconds(100);
  ShardPair pair(parameters);
  ConnectRequest connect;
  connect.owner = End::kOwner;
  connect.peer_port = 9;
  connect.peers = pair.b.addresses();
  AssociationHandle handle;
  SECTION("refused") {
    REQUIRE(pair.a.shard().connect(pair.now, connect, handle) == Status::kOk);
    pair.run_for(milliseconds(10));
    REQUIRE(pair.a.told.size() == 1);
    CHECK(pair.a.told[0].event.reason == DownReason::kRefused);
  }
  SECTION("silence") {
    pair.from_b = [](const PacketOut&, Bytes) { return false; };
    REQUIRE(pair.a.shard().connect(pair.now, connect, handle) == Status::kOk);
    pair.run_for(seconds(60));
    REQUIRE(pair.a.told.size() == 1);
    CHECK(pair.a.told[0].event.reason == DownReason::kInitFailed);
  }
  CHECK(pair.a.shard().associations() == 0);
}

TEST_CASE("an application that does not read closes its window and loses nothing") {
  Parameters parameters;
  parameters.receive_buffer = 20000;
  parameters.send_buffer = 1 << 20;
  parameters.rto_min = milliseconds(100);
  ShardPair pair(parameters);
  const AssociationHandle handle = pair.associate();
  pair.b.reads = false;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < 100; ++i) {
    expected.push_back(numbered(i, 1000));
    REQUIRE(pair.a.send(pair.now, handle, expected.back()) == Status::kOk);
  }
  pair.run_for(seconds(30));
  CHECK(payloads_of(pair.b).size() < 30);
  AssociationHandle at_b;
  for (const Told& told : pair.b.told) {
    at_b = told.handle;
    if (told.type == EventType::kMessage) {
      pair.b.shard().consumed(pair.now, End::kOwner, at_b, told.event.length);
    }
  }
  pair.b.reads = true;
  pair.run_for(seconds(60));
  CHECK((payloads_of(pair.b) == expected));
}

// Two ends of one seed draw the same numbers and have the same secrets: what one has offered the
// other has drawn again.
TEST_CASE("a cookie whose tag was drawn again is not for the association that has the tag") {
  RawPeer before, after({}, address("10.0.5.9"));
  before.listen();
  const Packet echo = before.ask_for_cookie(0x999);
  const AssociationHandle handle = after.associate();
  REQUIRE(after.end_tag == before.end_tag);
  after.send_from(before.own_address, before.end_tag, echo);
  CHECK(after.take().empty());
  CHECK(after.end.count(Counter::drop_bad_cookie) == 1);
  REQUIRE(after.end.send(after.now, handle, "hello") == Status::kOk);
  after.collect();
  CHECK(after.last_tag() == RawPeer::kTag);
}

}  // namespace
}  // namespace millrace::test
