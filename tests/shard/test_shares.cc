// No owner takes what another needs, and no peer what its association's owner needs.
#include <catch2/catch.hpp>

#include "tests/support/raw_peer.h"

namespace millrace::test {
namespace {

constexpr Owner kGreedy = 2;
constexpr Owner kOther = 3;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Parameters without_burst_limit() {
  Parameters parameters;
  parameters.max_burst = 0;
  return parameters;
}

/// One shard, peers at any address.
struct Tenants : RawPeer {
  explicit Tenants(const ShardLimits& limits, const Parameters& parameters = without_burst_limit())
      : RawPeer(parameters, address("10.0.0.9"), limits) {}

  /// An association of `owner` with a peer at `peer`, which sends from now on.
  AssociationHandle associate_of(Owner owner, const char* peer) {
    own_address = address(peer);
    listen(owner);
    send({ask_for_cookie()});
    take();
    REQUIRE(end.shard().unlisten(owner, kEndPort) == Status::kOk);
    return end.told.back().handle;
  }
  Status connect(Owner owner, std::uint32_t peer) {
    const std::string text =
        "10.1." + std::to_string(peer / 250) + "." + std::to_string(1 + peer % 250);
    const IpAddress to = address(text.c_str());
    ConnectRequest request;
    request.owner = owner;
    request.peer_port = kPort;
    request.peers = {&to, 1};
    return end.shard().connect(now, request, connected);
  }
  AssociationStatus status(Owner owner, AssociationHandle handle) {
    AssociationStatus status;
    REQUIRE(end.shard().status(owner, handle, status) == Status::kOk);
    return status;
  }
  AssociationHandle connected;
};

ShardLimits limits() {
  ShardLimits limits = RawPeer::small_limits();
  limits.listeners = 9;
  return limits;
}

TEST_CASE("one owner cannot have all messages that may be queued") {
  ShardLimits few = limits();
  few.messages_queued = 90;
  Tenants tenants(few);
  REQUIRE(tenants.connect(kGreedy, 1) == Status::kOk);
  std::size_t taken = 0;
  while (taken < 200 &&
         tenants.end.send(tenants.now, tenants.connected, "x", 0, 0, kGreedy) == Status::kOk) {
    ++taken;
  }
  CHECK(taken == 80);
  CHECK(tenants.end.send(tenants.now, tenants.connected, "x", 0, 0, kGreedy) == Status::kOverShare);
  CHECK(tenants.end.count(Counter::requests_over_share) == 2);
  REQUIRE(tenants.connect(kOther, 2) == Status::kOk);
  for (int i = 0; i < 8; ++i) {
    CHECK(tenants.end.send(tenants.now, tenants.connected, "x", 0, 0, kOther) == Status::kOk);
  }
}

TEST_CASE("one owner cannot have all associations") {
  ShardLimits few = limits();
  few.associations = 63;
  Tenants tenants(few);
  std::uint32_t taken = 0;
  while (taken < 100 && tenants.connect(kGreedy, taken) == Status::kOk) ++taken;
  CHECK(taken == 56);
  CHECK(tenants.connect(kGreedy, 100) == Status::kOverShare);
  tenants.collect();
  tenants.listen(kGreedy);
  tenants.send({tenants.ask_for_cookie()});
  CHECK(contains(tenants.take(), "ABORT(cause 4"));
  CHECK(tenants.end.count(Counter::drop_application_share) == 1);
  CHECK(tenants.end.shard().associations() == 56);
  CHECK(tenants.connect(kOther, 101) == Status::kOk);
}

TEST_CASE("one owner cannot have all listeners") {
  Tenants tenants(limits());
  std::uint16_t port = 1;
  while (port < 20 && tenants.end.shard().listen({.owner = kGreedy, .port = port}) == Status::kOk) {
    ++port;
  }
  CHECK(port == 9);
  CHECK(tenants.end.count(Counter::requests_over_share) == 1);
  CHECK(tenants.end.shard().listen({.owner = kGreedy, .port = port}) == Status::kOverShare);
  CHECK(tenants.end.count(Counter::requests_over_share) == 2);
  CHECK(tenants.end.shard().listen({.owner = kOther, .port = port}) == Status::kOk);
  // What is given up can be had again.
  CHECK(tenants.end.shard().unlisten(kGreedy, 1) == Status::kOk);
  CHECK(tenants.end.shard().listen({.owner = kGreedy, .port = 50}) == Status::kOk);
  tenants.end.shard().drop_owner(tenants.now, kGreedy, false);
  for (port = 100; port < 107; ++port) {
    CHECK(tenants.end.shard().listen({.owner = kGreedy, .port = port}) == Status::kOk);
  }
}

TEST_CASE("one owner cannot have all chunks in flight, and goes on when some are acknowledged") {
  ShardLimits few = limits();
  few.chunks_sent = 18;
  Tenants tenants(few);
  const AssociationHandle greedy = tenants.associate_of(kGreedy, "10.0.0.8");
  const std::uint32_t tag = tenants.end_tag, tsn = tenants.end_tsn;
  for (int i = 0; i < 20; ++i) {
    REQUIRE(tenants.end.send(tenants.now, greedy, "x", 0, 0, kGreedy) == Status::kOk);
  }
  tenants.collect();
  CHECK(tenants.status(kGreedy, greedy).unacked_chunks == 16);
  CHECK(tenants.end.count(Counter::waits_for_share) > 0);
  const AssociationHandle other = tenants.associate_of(kOther, "10.0.0.7");
  REQUIRE(tenants.end.send(tenants.now, other, "y", 0, 0, kOther) == Status::kOk);
  tenants.collect();
  CHECK(tenants.status(kOther, other).unacked_chunks == 1);
  tenants.send_from(address("10.0.0.8"), tag, sack_of(tsn + 15));
  tenants.run_for(milliseconds(20));
  CHECK(tenants.status(kGreedy, greedy).unacked_chunks == 4);
  CHECK(tenants.status(kGreedy, greedy).queued_messages == 0);
}

TEST_CASE("of one owner's associations, one that waits goes on when another is acknowledged") {
  ShardLimits few = limits();
  few.chunks_sent = 18;
  Tenants tenants(few);
  const AssociationHandle first = tenants.associate_of(kGreedy, "10.0.0.8");
  const std::uint32_t tag = tenants.end_tag, tsn = tenants.end_tsn;
  const AssociationHandle second = tenants.associate_of(kGreedy, "10.0.0.7");
  for (int i = 0; i < 16; ++i) {
    REQUIRE(tenants.end.send(tenants.now, first, "x", 0, 0, kGreedy) == Status::kOk);
  }
  tenants.collect();
  REQUIRE(tenants.end.send(tenants.now, second, "y", 0, 0, kGreedy) == Status::kOk);
  tenants.collect();
  CHECK(tenants.status(kGreedy, second).unacked_chunks == 0);
  tenants.send_from(address("10.0.0.8"), tag, sack_of(tsn + 15));
  tenants.run_for(milliseconds(20));
  CHECK(tenants.status(kGreedy, second).unacked_chunks == 1);
}

TEST_CASE("packets held for a slow reader leave room for what another has to put together") {
  ShardLimits few = limits();
  const bool buffers_are_few = GENERATE(true, false);
  (buffers_are_few ? few.buffers_held : few.chunks_held) = 90;
  Tenants tenants(few);
  std::vector<std::pair<IpAddress, std::uint32_t>> peers;
  for (const char* peer : {"10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8"}) {
    tenants.associate_of(kGreedy, peer);
    peers.push_back({tenants.own_address, tenants.end_tag});
  }
  tenants.end.stuck = kGreedy;
  // Each of its associations keeps what it can.
  for (const auto& [peer, tag] : peers) {
    std::uint32_t tsn = RawPeer::kTsn;
    for (std::uint16_t i = 0; i < 60; ++i) tenants.send_from(peer, tag, data_of(tsn++, "x", 0, i));
  }
  CHECK(tenants.end.buffers().held_count() > 70);
  CHECK(tenants.end.buffers().held_count() <= 81);
  CHECK(tenants.end.count(Counter::drop_receive_share) > 0);
  tenants.associate_of(kOther, "10.0.0.9");
  const std::uint32_t tsn = RawPeer::kTsn;
  tenants.send({data_of(tsn + 2, "ree", 0, 0, kDataFlagEnd)});
  tenants.send({data_of(tsn, "th", 0, 0, kDataFlagBegin)});
  CHECK(tenants.end.told.back().type != EventType::kMessage);
  tenants.send({data_of(tsn + 1, "-th", 0, 0, 0)});
  CHECK(tenants.end.told.back().payload == "th-three");
}

TEST_CASE("peers that send long messages at a time do not wait for each other") {
  ShardLimits few = limits();
  const bool buffers_are_few = GENERATE(true, false);
  (buffers_are_few ? few.buffers_held : few.chunks_held) = 90;
  Tenants tenants(few);
  constexpr std::uint32_t kPeers = 20, kPieces = 30;
  std::vector<std::pair<IpAddress, std::uint32_t>> peers;
  for (std::uint32_t i = 0; i < kPeers; ++i) {
    tenants.associate_of(End::kOwner, ("10.0.0." + std::to_string(100 + i)).c_str());
    peers.push_back({tenants.own_address, tenants.end_tag});
  }
  for (std::uint32_t piece = 0; piece < kPieces; ++piece) {
    const std::uint8_t flags = piece == 0             ? kDataFlagBegin
                               : piece + 1 == kPieces ? kDataFlagEnd
                                                      : 0;
    for (const auto& [peer, tag] : peers) {
      tenants.send_from(peer, tag, data_of(RawPeer::kTsn + piece, "x", 0, 0, flags));
    }
    CHECK(tenants.end.buffers().held_count() <= 90);
  }
  std::size_t bytes = 0, ends = 0;
  for (const Told& told : tenants.end.told) {
    if (told.type != EventType::kMessage) continue;
    bytes += told.payload.size();
    ends += told.event.flags & kLastPiece ? 1 : 0;
  }
  CHECK(bytes == kPeers * kPieces);
  CHECK(ends == kPeers);
  CHECK(tenants.end.count(Counter::drop_receive_share) == 0);
  CHECK(tenants.end.buffers().held_count() == 0);
}

TEST_CASE("one peer cannot make its association hold all that its owner may") {
  ShardLimits few = limits();
  few.buffers_held = 36;
  Tenants tenants(few);
  tenants.associate_of(kGreedy, "10.0.0.8");
  for (std::uint32_t i = 0; i < 40; ++i) {
    tenants.send({data_of(RawPeer::kTsn + 1 + i, "x", 0, static_cast<std::uint16_t>(1 + i))});
  }
  CHECK(tenants.end.buffers().held_count() == 18);
  tenants.associate_of(kGreedy, "10.0.0.7");
  tenants.send({data_of(RawPeer::kTsn + 1, "out", 0, 0, kDataFlagEnd)});
  tenants.send({data_of(RawPeer::kTsn, "with", 0, 0, kDataFlagBegin)});
  CHECK(tenants.end.told.back().payload == "without");
}

TEST_CASE("one owner cannot have the state of all streams") {
  ShardLimits few = limits();
  few.associations = 9;  // and 16 blocks of 16 streams for each
  Tenants tenants(few);
  tenants.streams = 4000;
  std::size_t delivered = 0;
  for (const char* peer : {"10.0.0.6", "10.0.0.7", "10.0.0.8"}) {
    tenants.associate_of(kGreedy, peer);
    const std::size_t before = tenants.end.told.size();
    for (std::uint32_t i = 0; i < 100; ++i) {
      tenants.send({data_of(RawPeer::kTsn + i, "x", static_cast<std::uint16_t>(16 * i), 0)});
    }
    delivered += tenants.end.told.size() - before;
  }
  CHECK(delivered == 126);
  CHECK(tenants.end.count(Counter::drop_no_memory) == 300 - 126);
  for (const Owner owner : {kGreedy, kOther}) {
    tenants.associate_of(owner, owner == kGreedy ? "10.0.0.5" : "10.0.0.4");
    tenants.send({data_of(RawPeer::kTsn, "heard", 0, 0)});
    CHECK(tenants.end.told.back().payload == "heard");
    tenants.send({data_of(RawPeer::kTsn + 1, "one more", 16, 0)});
    CHECK(tenants.end.told.back().payload == "heard");
  }
}

TEST_CASE("peers that touch all streams leave the first for every association of the owner") {
  ShardLimits few = limits();
  few.associations = 20;
  Tenants tenants(few);
  tenants.streams = 4000;
  for (int peer = 1; peer <= 20; ++peer) {
    tenants.associate_of(kGreedy, ("10.0.0." + std::to_string(10 + peer)).c_str());
    tenants.send({data_of(RawPeer::kTsn, "heard", 0, 0)});
    REQUIRE(tenants.end.told.back().payload == "heard");
    for (std::uint32_t i = 1; i < 200; ++i) {
      tenants.send({data_of(RawPeer::kTsn + i, "x", static_cast<std::uint16_t>(16 * i), 0)});
    }
  }
}

TEST_CASE("when all chunks are in flight that may be, those that were lost are sent again") {
  ShardLimits few = limits();
  few.chunks_sent = 18;
  Tenants tenants(few);
  for (const Owner owner : {kGreedy, kOther}) {
    const AssociationHandle handle =
        tenants.associate_of(owner, owner == kGreedy ? "10.0.0.8" : "10.0.0.7");
    for (int i = 0; i < 20; ++i)
      REQUIRE(tenants.end.send(tenants.now, handle, "x", 0, 0, owner) == Status::kOk);
    tenants.collect();
  }
  REQUIRE(tenants.end.count(Counter::data_chunks_sent) == 18);
  tenants.run_for(milliseconds(1500));
  CHECK(tenants.end.count(Counter::t3_expirations) == 2);
  CHECK(tenants.end.count(Counter::data_chunks_retransmitted) == 18);
}

TEST_CASE("cookies of handshakes that do not end leave packets for others") {
  ShardLimits few = limits();
  few.buffers_held = 18;
  Tenants tenants(few);
  for (std::uint32_t i = 0; i < 30; ++i) {
    const IpAddress to = address(("10.0.0." + std::to_string(20 + i)).c_str());
    ConnectRequest request;
    request.owner = kGreedy;
    request.local_port = RawPeer::kEndPort;
    request.peer_port = RawPeer::kPort;
    request.peers = {&to, 1};
    AssociationHandle handle;
    REQUIRE(tenants.end.shard().connect(tenants.now, request, handle) == Status::kOk);
    tenants.collect();
    const InitView init = InitView::parse(tenants.last_chunk()).value();
    tenants.forget();
    tenants.send_from(
        to, init.initiate_tag,
        RawPeer::init_of(ChunkType::kInitAck, RawPeer::kTag, tlv_of(7, Packet(40, 0xcc))));
  }
  CHECK(tenants.end.buffers().held_count() == 16);
  CHECK(tenants.end.count(Counter::drop_no_memory) == 14);
}

TEST_CASE("data whose turn never comes is held up to a bound") {
  Parameters parameters;
  parameters.receive_buffer = 4000;
  parameters.partial_delivery_point = 2000;
  Tenants tenants(limits(), parameters);
  const AssociationHandle handle = tenants.associate_of(kOther, "10.0.0.9");
  for (std::uint16_t i = 0; i < 40; ++i) {
    tenants.send(
        {data_of(RawPeer::kTsn + i, std::string(1000, 'x'), 0, static_cast<std::uint16_t>(1 + i))});
  }
  CHECK(tenants.status(kOther, handle).held_bytes == 8000);
  CHECK(tenants.end.count(Counter::drop_window_full) == 32);
}

}  // namespace
}  // namespace millrace::test
