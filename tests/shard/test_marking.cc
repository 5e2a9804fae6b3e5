// What IP headers are to say of an association's packets, and which of our addresses it may use.
#include <catch2/catch.hpp>

#include "tests/support/raw_peer.h"

namespace millrace::test {
namespace {

const IpAddress kSecond = address("10.0.1.9");
const IpAddress kSixth = address("2001:db8::9");

Packet two_more_addresses() {
  Packet list = tlv_of(5, {10, 0, 1, 9});
  append(list, tlv_of(6, Packet{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}));
  return list;
}

struct Marked : RawPeer {
  Marked() {
    const std::vector<IpAddress> ours{address("10.0.0.1"), address("10.0.1.1"),
                                      address("2001:db8::1")};
    end.shard().set_local_addresses(ours);
    parameters.marking = {.flow_label = 0x12345, .dscp = 46, .hops = 7};
  }
  void listen_at(std::vector<IpAddress> addresses) {
    status = end.shard().listen({.owner = End::kOwner,
                                 .port = kEndPort,
                                 .addresses = addresses,
                                 .parameters = &parameters});
  }
  AssociationHandle come_up(const Packet& more = {}) {
    send({ask_for_cookie(kTag, more)});
    return end.told.empty() ? AssociationHandle{} : end.told.back().handle;
  }
  /// How many addresses the last INIT or INIT ACK has, all of IPv4, and the types that it names.
  int addresses_told(Packet* types = nullptr) {
    const InitView init = InitView::parse(last_chunk()).value();
    TlvReader reader(init.parameters);
    int count = 0;
    while (const auto parameter = reader.next()) {
      const auto type = static_cast<ParameterType>(parameter->type());
      CHECK(type != ParameterType::kIpv6Address);
      if (type == ParameterType::kIpv4Address) ++count;
      if (type == ParameterType::kSupportedAddressTypes && types != nullptr)
        types->assign(parameter->value().begin(), parameter->value().end());
    }
    return count;
  }
  /// Where the association may send, as text.
  std::string paths(AssociationHandle handle) {
    AssociationStatus seen;
    REQUIRE(end.shard().status(End::kOwner, handle, seen) == Status::kOk);
    std::string text;
    for (std::size_t i = 0; i < seen.path_count; ++i)
      text += seen.paths[i].address.to_string() + " ";
    return text;
  }

  Parameters parameters;
  Status status = Status::kOk;
};

TEST_CASE(
    "packets bear what the listener wants from INIT ACK on, and others what the engine does") {
  Marked peer;
  peer.listen_at({});
  peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, RawPeer::kTag));
  REQUIRE(peer.last_chunk().type() == ChunkType::kInitAck);
  CHECK(peer.markings.back() == peer.parameters.marking);
  const AssociationHandle handle = peer.come_up();
  REQUIRE(peer.last_chunk().type() == ChunkType::kCookieAck);
  CHECK(peer.markings.back() == peer.parameters.marking);
  REQUIRE(peer.end.send(peer.now, handle, "hello") == Status::kOk);
  peer.collect();
  CHECK(peer.markings.back() == peer.parameters.marking);
  peer.send_packet(12345, chunk_of(ChunkType::kCookieAck));
  peer.send_packet(12345, chunk_of(ChunkType::kShutdownAck));
  REQUIRE(peer.last_chunk().type() == ChunkType::kShutdownComplete);
  CHECK(peer.markings.back() == Marking{});
  REQUIRE(peer.end.shard().abort(peer.now, End::kOwner, handle, {}) == Status::kOk);
  peer.collect();
  REQUIRE(peer.last_chunk().type() == ChunkType::kAbort);
  CHECK(peer.markings.back() == peer.parameters.marking);
}

TEST_CASE("an address has a marking of its own, until all get another") {
  Marked peer;
  peer.listen_at({});
  const AssociationHandle handle = peer.come_up();
  Parameters own = peer.parameters;
  own.marking.dscp = 10;
  REQUIRE(peer.end.shard().set_parameters(peer.now, End::kOwner, handle, own, peer.own_address) ==
          Status::kOk);
  REQUIRE(peer.end.send(peer.now, handle, "hello") == Status::kOk);
  peer.collect();
  CHECK(peer.markings.back() == own.marking);
  Parameters all = peer.parameters;
  all.marking.hops = 99;  // and the DSCP stays as it was for all
  REQUIRE(peer.end.shard().set_parameters(peer.now, End::kOwner, handle, all, {}) == Status::kOk);
  REQUIRE(peer.end.send(peer.now, handle, "hello") == Status::kOk);
  peer.collect();
  CHECK(peer.markings.back() == Marking{.flow_label = 0x12345, .dscp = 10, .hops = 99});
  all.marking.dscp = 12;
  REQUIRE(peer.end.shard().set_parameters(peer.now, End::kOwner, handle, all, {}) == Status::kOk);
  REQUIRE(peer.end.send(peer.now, handle, "hello") == Status::kOk);
  peer.collect();
  CHECK(peer.markings.back() == all.marking);
}

// RFC 9260 5.1.2
TEST_CASE(
    "a listener of one version of IP tells its addresses of it, and learns the peer's of it") {
  Marked peer;
  peer.listen_at({address("0.0.0.0")});
  peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, RawPeer::kTag, two_more_addresses()));
  CHECK(peer.addresses_told() == 2);
  const AssociationHandle handle = peer.come_up(two_more_addresses());
  CHECK(peer.paths(handle) == "10.0.0.9 10.0.1.9 ");
}

TEST_CASE(
    "a listener of the only version of IP that the engine has learns no address of the other") {
  Marked peer;
  const std::vector<IpAddress> ours{address("10.0.0.1"), address("10.0.1.1")};
  peer.end.shard().set_local_addresses(ours);
  peer.listen_at({address("0.0.0.0")});
  const AssociationHandle handle = peer.come_up(two_more_addresses());
  CHECK(peer.paths(handle) == "10.0.0.9 10.0.1.9 ");
}

TEST_CASE("a listener of all addresses uses all") {
  Marked peer;
  peer.listen_at({address("0.0.0.0"), address("::")});
  const AssociationHandle handle = peer.come_up(two_more_addresses());
  CHECK(peer.paths(handle) == "10.0.0.9 10.0.1.9 2001:db8::9 ");
}

TEST_CASE("a listener at a loopback address or of the other version of IP is not reached") {
  for (const char* own : {"127.0.0.1", "::1", "::", "10.0.1.1"}) {
    Marked peer;
    peer.listen_at({address(own)});
    REQUIRE(peer.status == Status::kOk);
    peer.send_packet(0, RawPeer::init_of(ChunkType::kInit, RawPeer::kTag));
    CHECK(peer.last_chunk().type() == ChunkType::kAbort);
  }
  Marked peer;
  peer.listen_at({address("10.0.0.77")});
  CHECK(peer.status == Status::kNoAddress);
}

// A loopback address is none to reach others from.
TEST_CASE("a listener at a loopback address of the other version of IP learns no address of it") {
  Marked peer;
  peer.listen_at({address("10.0.0.1"), address("::1")});
  const AssociationHandle handle = peer.come_up(two_more_addresses());
  CHECK(peer.paths(handle) == "10.0.0.9 10.0.1.9 ");
}

TEST_CASE("an association begins with those of the peer's addresses that its own ones reach") {
  Marked peer;
  AssociationHandle handle;
  const auto connect = [&](std::vector<IpAddress> locals, std::vector<IpAddress> peers) {
    return peer.end.shard().connect(
        peer.now,
        {.owner = End::kOwner, .peer_port = RawPeer::kPort, .peers = peers, .locals = locals},
        handle);
  };
  CHECK(connect({address("127.0.0.1")}, {peer.own_address}) == Status::kNoRoute);
  CHECK(connect({address("10.0.0.1"), address("::1")}, {kSixth}) == Status::kNoRoute);
  CHECK(connect({address("127.0.0.1")}, {address("::1")}) == Status::kNoRoute);
  CHECK(connect({address("127.0.0.1")}, {address("127.0.0.7")}) == Status::kOk);
  peer.collect();
  REQUIRE(connect({address("10.0.0.1"), address("::1")}, {kSixth, peer.own_address, kSecond}) ==
          Status::kOk);
  CHECK(peer.paths(handle) == "10.0.0.9 10.0.1.9 ");
  peer.collect();
  Packet types;
  CHECK(peer.addresses_told(&types) == 0);
  CHECK(types == Packet{0, 5});
  REQUIRE(peer.end.shard().abort(peer.now, End::kOwner, handle, {}) == Status::kOk);
  peer.collect();
  CHECK(connect({}, {kSixth, peer.own_address}) == Status::kOk);
  CHECK(peer.paths(handle) == "2001:db8::9 10.0.0.9 ");
}

TEST_CASE("an association of one version of IP says so, and leaves the source to the route") {
  Marked peer;
  const std::vector<IpAddress> peers{peer.own_address};
  AssociationHandle handle;
  const auto connect_from = [&](const char* local) {
    const std::vector<IpAddress> locals{address(local)};
    REQUIRE(peer.end.shard().connect(peer.now,
                                     {.owner = End::kOwner,
                                      .peer_port = RawPeer::kPort,
                                      .peers = peers,
                                      .locals = locals,
                                      .parameters = &peer.parameters},
                                     handle) == Status::kOk);
    peer.collect();
    REQUIRE(peer.last_chunk().type() == ChunkType::kInit);
    return peer.sources.back();
  };
  CHECK(connect_from("10.0.1.1") == address("10.0.1.1"));
  CHECK(connect_from("0.0.0.0") == IpAddress{});
  Packet types;
  CHECK(peer.addresses_told(&types) == 2);
  CHECK(types == Packet{0, 5});
  CHECK(peer.markings.back() == peer.parameters.marking);
}

}  // namespace
}  // namespace millrace::test
