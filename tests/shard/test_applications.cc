// Applications that a shard has to live with: dead ones, slow ones, ones that talk to themselves.
#include <catch2/catch.hpp>

#include "tests/support/raw_peer.h"
#include "tests/support/shard_pair.h"

namespace millrace::test {
namespace {

/// The peer of an application that does not read: it has sent four messages of 1000 bytes, and the
/// window is full.
struct SlowReader : RawPeer {
  SlowReader() : RawPeer(small_window()), handle(associate()) {
    end.reads = false;
    for (std::uint16_t i = 0; i < 4; ++i) {
      send({data_of(next_tsn++, std::string(1000, 'a'), 0, i)});
    }
  }
  static Parameters small_window() {
    Parameters parameters;
    parameters.receive_buffer = 4000;
    return parameters;
  }
  AssociationHandle handle;
  std::uint32_t next_tsn = kTsn;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("owners are told apart, and a dead one's port is free again") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  constexpr Owner kNext = End::kOwner + 4;  // the same place, a later owner
  CHECK(peer.end.shard().abort(peer.now, kNext, handle, {}) == Status::kNoAssociation);
  CHECK(peer.end.shard().listen({.owner = kNext, .port = RawPeer::kEndPort}) == Status::kPortInUse);
  peer.end.shard().drop_owner(peer.now, End::kOwner, false);
  peer.collect();
  CHECK(contains(peer.take(), "ABORT(cause 12"));
  CHECK(peer.end.shard().owned(End::kOwner) == 0);
  CHECK(peer.end.shard().listen({.owner = kNext, .port = RawPeer::kEndPort}) == Status::kOk);
}

TEST_CASE("a slow reader's window is not overrun by probes, and opens at once") {
  SlowReader peer;
  for (int i = 0; i < 10; ++i) peer.send({data_of(peer.next_tsn, std::string(1000, 'b'), 0, 4)});
  AssociationStatus status;
  REQUIRE(peer.end.shard().status(End::kOwner, peer.handle, status) == Status::kOk);
  CHECK(status.held_bytes == 4000);
  CHECK(contains(peer.take(), "SACK(cum=5003 rwnd=0)"));
  CHECK(peer.end.count(Counter::drop_window_full) == 10);
  peer.end.shard().consumed(peer.now, End::kOwner, peer.handle, 4000);
  peer.collect();
  CHECK(contains(peer.take(), "SACK(cum=5003 rwnd=4000)"));
}

TEST_CASE("data that finds no packet buffer goes out when there is one again") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  std::vector<Buffer*> taken;
  while (Buffer* buffer = peer.end.buffers().acquire()) taken.push_back(buffer);
  REQUIRE(peer.end.send(peer.now, handle, "patient") == Status::kOk);
  peer.collect();
  CHECK(peer.take().empty());
  for (Buffer* buffer : taken) peer.end.buffers().release(buffer);
  peer.collect();
  CHECK(contains(peer.take(), "DATA("));
}

TEST_CASE("what a dead application had not read does not keep the window closed") {
  SlowReader peer;
  REQUIRE(peer.end.send(peer.now, peer.handle, "not yet acknowledged") == Status::kOk);
  peer.collect();
  peer.end.shard().drop_owner(peer.now, End::kOwner, /*gracefully=*/true);
  peer.collect();
  peer.take();
  peer.send({data_of(peer.next_tsn, std::string(1000, 'b'), 0, 4)});
  peer.run_for(seconds(1));
  CHECK(contains(peer.take(), "SACK(cum=5004 rwnd=4000)"));
}

TEST_CASE("what an application had shut down before it went ends as it wanted, the rest aborts") {
  for (const bool shuts_down : {false, true}) {
    RawPeer peer;
    const AssociationHandle handle = peer.associate();
    REQUIRE(peer.end.send(peer.now, handle, "last words") == Status::kOk);
    if (shuts_down) peer.end.shard().shutdown(peer.now, End::kOwner, handle);
    peer.end.shard().drop_owner(peer.now, End::kOwner, /*gracefully=*/false);
    peer.collect();
    const std::string sent = peer.take();
    CHECK(contains(sent, "ABORT") != shuts_down);
    CHECK(contains(sent, "DATA") == shuts_down);
  }
}

TEST_CASE("an attempt that nobody answered and nothing waits for ends with its application") {
  RawPeer peer;
  const bool was_shut_down = GENERATE(false, true);
  const bool has_message = GENERATE(false, true);
  ConnectRequest request;
  request.owner = End::kOwner;
  request.peer_port = 3868;
  const IpAddress nobody = address("10.0.0.77");
  request.peers = {&nobody, 1};
  AssociationHandle handle;
  REQUIRE(peer.end.shard().connect(peer.now, request, handle) == Status::kOk);
  if (has_message) REQUIRE(peer.end.send(peer.now, handle, "last words") == Status::kOk);
  if (was_shut_down) peer.end.shard().shutdown(peer.now, End::kOwner, handle);
  peer.end.shard().drop_owner(peer.now, End::kOwner, /*gracefully=*/true);
  peer.collect();
  CHECK(peer.end.shard().owned(End::kOwner) == (has_message ? 2 : 0));
  CHECK(!contains(peer.take(), "ABORT"));
}

TEST_CASE(
    "a handle never means another association, not even when the numbers of a slot are over") {
  RawPeer peer({}, address("10.0.0.9"), RawPeer::small_limits(), 0xfffffffa);
  std::vector<AssociationHandle> handles;
  for (int i = 0; i < 6; ++i) {
    handles.push_back(peer.associate());
    CHECK(peer.state(handles.back()) == "ESTABLISHED");
    for (int j = 0; j < i; ++j) CHECK(peer.state(handles[j]) == "gone");
    REQUIRE(peer.end.shard().abort(peer.now, End::kOwner, handles.back(), {}) == Status::kOk);
    peer.collect();
  }
  // A slot has three numbers left, and another takes its place.
  CHECK(handles[2].generation == 0xffffffff);
  CHECK(handles[2].index == handles[0].index);
  CHECK(handles[3].index != handles[0].index);
  CHECK(peer.end.shard().associations() == 0);
}

TEST_CASE("a port belongs to one owner on all shards, until it is given up on each") {
  const HashKey seed{0x9e3779b97f4a7c15, 6};
  Steering steering(2, 128, seed);
  BufferPool buffers(64);
  BufferSlab memory(buffers, 64);
  Counters counters;
  Shard::Config config;
  config.limits = RawPeer::small_limits();
  config.seed = seed;
  Shard first(config, steering, buffers, counters);
  config.number = 1;
  Shard second(config, steering, buffers, counters);
  const IpAddress own = address("10.0.0.1"), peer = address("10.0.0.9");
  first.set_local_addresses({&own, 1});
  second.set_local_addresses({&own, 1});
  constexpr Owner kOne = 1, kTwo = 2;
  ConnectRequest request;
  request.owner = kTwo;
  request.local_port = 5000;
  request.peer_port = 6000;
  request.peers = {&peer, 1};
  AssociationHandle handle;

  REQUIRE(first.listen({.owner = kOne, .port = 5000}) == Status::kOk);
  CHECK(second.listen({.owner = kTwo, .port = 5000}) == Status::kPortInUse);
  CHECK(second.connect(Time{}, request, handle) == Status::kPortInUse);
  REQUIRE(second.listen({.owner = kOne, .port = 5000}) == Status::kOk);
  REQUIRE(first.unlisten(kOne, 5000) == Status::kOk);
  CHECK(first.listen({.owner = kTwo, .port = 5000}) == Status::kPortInUse);
  SECTION("given up") {
    REQUIRE(second.unlisten(kOne, 5000) == Status::kOk);
  }
  SECTION("or lost with its owner") {
    second.drop_owner(Time{}, kOne, false);
  }
  CHECK(first.listen({.owner = kTwo, .port = 5000}) == Status::kOk);
  CHECK(second.connect(Time{}, request, handle) == Status::kOk);
  // A refusal for want of room leaves no claim behind.
  CHECK(second.connect(Time{}, request, handle) == Status::kDuplicate);
}

TEST_CASE("an association with itself is refused") {
  RawPeer peer;
  const IpAddress own = address("10.0.0.1");
  ConnectRequest request;
  request.owner = End::kOwner;
  request.local_port = request.peer_port = 5000;
  request.peers = {&own, 1};
  AssociationHandle handle;
  CHECK(peer.end.shard().connect(peer.now, request, handle) == Status::kBadArgument);
}

}  // namespace
}  // namespace millrace::test
