// Several listeners of one owner at one port.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/support/raw_peer.h"

namespace millrace::test {
namespace {

constexpr std::uint16_t kListened = RawPeer::kEndPort;
constexpr Owner kOther = 2;

struct Bench : RawPeer {
  Status listen_at(const std::vector<IpAddress>& addresses, std::uint64_t context,
                   bool is_shared = false, Owner owner = End::kOwner) {
    ListenRequest request;
    request.owner = owner;
    request.port = kListened;
    request.addresses = addresses;
    request.context = context;
    request.is_shared = is_shared;
    return end.shard().listen(request);
  }
  Status unlisten(std::uint64_t context, Owner owner = End::kOwner) {
    return end.shard().unlisten(owner, kListened, context);
  }

  Status connect_from(std::uint16_t port, const char* peer, Owner owner, bool claims = true) {
    const IpAddress peers[] = {address(peer)};
    ConnectRequest request;
    request.owner = owner;
    request.local_port = port;
    request.claims_port = claims;
    request.peer_port = kPort;
    request.peers = peers;
    return end.shard().connect(now, request, handle);
  }

  AssociationHandle handle;  // of the last connect
  const IpAddress first = address("10.0.0.1"), second = address("10.0.1.1");
  const IpAddress any = address("0.0.0.0"), any_v6 = address("::");
};

TEST_CASE("listeners of one port have no address in common") {
  Bench bench;
  REQUIRE(bench.listen_at({bench.first}, 1) == Status::kOk);
  CHECK(bench.listen_at({bench.first}, 2) == Status::kPortInUse);
  CHECK(bench.listen_at({bench.second, bench.first}, 2) == Status::kPortInUse);
  CHECK(bench.listen_at({bench.any}, 2) == Status::kPortInUse);
  CHECK(bench.listen_at({}, 2) == Status::kPortInUse);
  CHECK(bench.listen_at({bench.second}, 2) == Status::kOk);
  CHECK(bench.listen_at({address("127.0.0.1")}, 3) == Status::kOk);
  CHECK(bench.listen_at({address("127.0.0.2")}, 4) == Status::kPortInUse);
  CHECK(bench.listen_at({bench.any_v6}, 4) == Status::kOk);
}

TEST_CASE("a wildcard of one version of IP leaves the other, and that of both leaves nothing") {
  Bench bench;
  REQUIRE(bench.listen_at({bench.any}, 1) == Status::kOk);
  CHECK(bench.listen_at({bench.second}, 2) == Status::kPortInUse);
  REQUIRE(bench.listen_at({bench.any_v6}, 2) == Status::kOk);
  REQUIRE(bench.unlisten(1) == Status::kOk);
  REQUIRE(bench.unlisten(2) == Status::kOk);
  REQUIRE(bench.listen_at({}, 3) == Status::kOk);
  CHECK(bench.listen_at({bench.any_v6}, 4) == Status::kPortInUse);
  CHECK(bench.listen_at({bench.any}, 4) == Status::kPortInUse);
}

TEST_CASE("a listener's number is its own at its port") {
  Bench bench;
  REQUIRE(bench.listen_at({bench.first}, 1) == Status::kOk);
  CHECK(bench.listen_at({bench.second}, 1) == Status::kPortInUse);
  CHECK(bench.listen_at({bench.first}, 1, true) == Status::kPortInUse);
  CHECK(bench.unlisten(2) == Status::kNoAssociation);
  CHECK(bench.unlisten(1, kOther) == Status::kNoAssociation);
  CHECK(bench.unlisten(1) == Status::kOk);
  CHECK(bench.unlisten(1) == Status::kNoAssociation);
  CHECK(bench.listen_at({bench.second}, 1) == Status::kOk);
}

TEST_CASE("a port is one owner's until its last listener is gone") {
  Bench bench;
  REQUIRE(bench.listen_at({bench.first}, 1) == Status::kOk);
  REQUIRE(bench.listen_at({bench.second}, 2) == Status::kOk);
  CHECK(bench.listen_at({bench.any_v6}, 1, false, kOther) == Status::kPortInUse);
  REQUIRE(bench.unlisten(1) == Status::kOk);
  CHECK(bench.listen_at({bench.first}, 1, false, kOther) == Status::kPortInUse);
  SECTION("ended by itself") {
    REQUIRE(bench.unlisten(2) == Status::kOk);
  }
  SECTION("ended with its owner") {
    bench.end.shard().drop_owner(bench.now, End::kOwner, false);
  }
  CHECK(bench.listen_at({bench.first}, 1, false, kOther) == Status::kOk);
}

TEST_CASE("so many listeners are at one port and no more") {
  Bench bench;
  std::uint64_t count = 0;
  while (bench.listen_at({bench.first}, count, true) == Status::kOk) ++count;
  CHECK(count == Listeners::kOfPortMax);
  CHECK(bench.listen_at({bench.first}, count, true) == Status::kNoMemory);
  REQUIRE(bench.unlisten(5) == Status::kOk);
  CHECK(bench.listen_at({bench.first}, count, true) == Status::kOk);
}

TEST_CASE("listeners share an address only if each of them says so, and then the peers") {
  Bench bench;
  REQUIRE(bench.listen_at({bench.first}, 1, true) == Status::kOk);
  CHECK(bench.listen_at({bench.first}, 2) == Status::kPortInUse);
  REQUIRE(bench.listen_at({bench.first, bench.second}, 2, true) == Status::kOk);
  REQUIRE(bench.listen_at({bench.second}, 3, true) == Status::kOk);
  std::map<std::uint64_t, int> ups;
  for (int i = 0; i < 40; ++i) {
    bench.own_address = address(("10.0.2." + std::to_string(i + 1)).c_str());
    const auto told = bench.end.told.size();
    bench.send({bench.ask_for_cookie(static_cast<std::uint32_t>(i + 1))});
    REQUIRE(bench.end.told.size() > told);
    ++ups[bench.end.told[told].context];
  }
  CHECK(ups[1] >= 10);
  CHECK(ups[2] >= 10);
  CHECK(ups[3] == 0);
}

TEST_CASE("each listener is told once, whatever the room") {
  Bench bench;
  for (std::uint64_t context = 1; context <= 5; ++context)
    REQUIRE(bench.listen_at({bench.first}, context, true) == Status::kOk);
  for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{65535}})
    REQUIRE(bench.end.shard().listen({.owner = End::kOwner, .port = port}) == Status::kOk);
  const std::size_t room = GENERATE(1u, 2u, 3u, 5u, 6u, 7u, 8u);
  std::vector<std::pair<std::uint16_t, std::uint64_t>> seen;
  std::vector<ListenerStatus> some(room);
  std::uint32_t cursor = 0;
  while (const std::size_t count = bench.end.shard().listeners(cursor, some)) {
    for (const ListenerStatus& one : std::span(some).first(count)) {
      CHECK(one.owner == End::kOwner);
      CHECK(one.locals == (one.port == kListened ? 1u : 0u));
      seen.emplace_back(one.port, one.context);
    }
  }
  CHECK(seen == std::vector<std::pair<std::uint16_t, std::uint64_t>>{{1, 0},
                                                                     {kListened, 1},
                                                                     {kListened, 2},
                                                                     {kListened, 3},
                                                                     {kListened, 4},
                                                                     {kListened, 5},
                                                                     {65535, 0}});
}

TEST_CASE("an association is that listener's whose INIT ACK its cookie came in") {
  struct Asked {
    IpAddress peer;
    std::uint32_t tag;
    Packet echo;
  };
  Bench bench;
  REQUIRE(bench.listen_at({bench.first}, 1, true) == Status::kOk);
  std::vector<Asked> asked;
  for (std::uint32_t i = 1; i <= 20; ++i) {
    bench.own_address = address(("10.0.2." + std::to_string(i)).c_str());
    const Packet echo = bench.ask_for_cookie(i);
    asked.push_back({bench.own_address, bench.end_tag, echo});
  }
  for (std::uint64_t context = 2; context <= 8; ++context)
    REQUIRE(bench.listen_at({bench.first, bench.second}, context, true) == Status::kOk);
  const auto ups = [&] {
    std::map<std::uint64_t, int> by_context;
    for (const Asked& one : asked) {
      const auto told = bench.end.told.size();
      bench.send_from(one.peer, one.tag, one.echo);
      REQUIRE(bench.end.told.size() > told);
      ++by_context[bench.end.told[told].context];
    }
    return by_context;
  };
  SECTION("however many share its peers by now") {
    CHECK(ups() == std::map<std::uint64_t, int>{{1, 20}});
  }
  SECTION("unless it is gone: then those who are there share them") {
    REQUIRE(bench.unlisten(1) == Status::kOk);
    const auto shared = ups();
    CHECK(shared.count(1) == 0);
    CHECK(shared.size() > 3);
  }
  SECTION("not another owner's with the same number, either") {
    bench.end.shard().drop_owner(bench.now, End::kOwner, false);
    for (std::uint64_t context = 1; context <= 8; ++context)
      REQUIRE(bench.listen_at({bench.first}, context, true, kOther) == Status::kOk);
    CHECK(ups().size() > 3);
  }
}

TEST_CASE("a port that an application connects from is its own until its last association ends") {
  Bench bench;
  Shard& shard = bench.end.shard();
  REQUIRE(bench.connect_from(kListened, "10.0.0.9", kOther) == Status::kOk);
  const AssociationHandle one = bench.handle;
  REQUIRE(bench.connect_from(kListened, "10.0.0.10", kOther) == Status::kOk);
  const AssociationHandle other = bench.handle;
  CHECK(bench.listen_at({bench.first}, 1) == Status::kPortInUse);
  CHECK(bench.connect_from(kListened, "10.0.0.11", End::kOwner) == Status::kPortInUse);
  CHECK(bench.connect_from(kListened, "10.0.0.11", End::kOwner, false) == Status::kPortInUse);
  CHECK(bench.connect_from(kListened, "10.0.0.10", kOther) == Status::kDuplicate);
  CHECK(bench.listen_at({bench.second}, 1, false, kOther) == Status::kOk);
  REQUIRE(bench.unlisten(1, kOther) == Status::kOk);
  REQUIRE(shard.abort(bench.now, kOther, one, {}) == Status::kOk);
  bench.end.take_events(bench.now);
  CHECK(bench.listen_at({bench.first}, 1) == Status::kPortInUse);
  SECTION("the last ends by itself") {
    REQUIRE(shard.abort(bench.now, kOther, other, {}) == Status::kOk);
    bench.end.take_events(bench.now);
  }
  SECTION("its owner goes, and it is yet to end") {
    shard.drop_owner(bench.now, kOther, true);
  }
  CHECK(bench.listen_at({bench.first}, 1) == Status::kOk);
  CHECK(bench.connect_from(kListened, "10.0.0.12", kOther) == Status::kPortInUse);
  REQUIRE(bench.unlisten(1) == Status::kOk);
  CHECK(bench.connect_from(kListened, "10.0.0.12", kOther) == Status::kOk);
}

TEST_CASE("a port that was only chosen is kept for nobody") {
  Bench bench;
  REQUIRE(bench.connect_from(kListened, "10.0.0.9", kOther, false) == Status::kOk);
  CHECK(bench.connect_from(kListened, "10.0.0.10", End::kOwner, false) == Status::kOk);
  CHECK(bench.listen_at({bench.first}, 1) == Status::kOk);
  CHECK(bench.connect_from(kListened, "10.0.0.11", kOther, false) == Status::kPortInUse);
}

// RFC 5062 2.3: who would camp on a client's address has to know its port, too.
//= rfc5062 2#3 type=test
TEST_CASE("a client's port is drawn from all of the range, and is not to be told from the last") {
  constexpr unsigned kFirst = 32768, kCount = 28232, kClients = 60;
  std::vector<std::set<std::uint16_t>> draws;
  for (const std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{2}}) {
    Shard::Config config;
    config.limits.associations = 256;
    config.limits.owners = 1;
    config.seed = {seed, 78};
    End end(config, {address("10.0.0.1")}, 256);
    std::set<std::uint16_t> ports;
    std::set<int> steps, quarters;
    int last = 0;
    for (unsigned i = 0; i < kClients; ++i) {
      ConnectRequest request;
      request.owner = End::kOwner;
      request.peer_port = kListened;
      const std::vector<IpAddress> peers{address("10.0.0.9")};
      request.peers = peers;
      AssociationHandle handle;
      REQUIRE(end.shard().connect(Time{} + seconds(10), request, handle) == Status::kOk);
      AssociationStatus status;
      REQUIRE(end.shard().status(End::kOwner, handle, status) == Status::kOk);
      const std::uint16_t port = status.local_port;
      REQUIRE(port >= kFirst);
      REQUIRE(port < kFirst + kCount);
      ports.insert(port);
      quarters.insert((port - kFirst) * 4 / kCount);
      steps.insert(port - last);
      last = port;
    }
    CHECK(ports.size() == kClients);
    CHECK(quarters.size() == 4);
    CHECK(steps.size() > kClients / 2);
    draws.push_back(ports);
  }
  CHECK(draws[0] != draws[1]);
}

}  // namespace
}  // namespace millrace::test
