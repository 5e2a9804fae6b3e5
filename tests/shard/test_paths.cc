// Several destinations of one peer, made by hand: which is used when, and what the network says of
// them.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "tests/support/connecting.h"
#include "tests/support/two_homed.h"

namespace millrace::test {
namespace {

// RFC 9260 5.4
TEST_CASE("an address that the peer only claims gets heartbeats and no data until it answers") {
  TwoHomed peer;
  CHECK(peer.path(0).confirmed);
  CHECK_FALSE(peer.path(1).confirmed);
  peer.run_for(milliseconds(50));
  CHECK(std::count(peer.destinations.begin(), peer.destinations.end(), kSecond) >= 1);
  peer.answer_heartbeats({kSecond});
  CHECK(peer.path(1).confirmed);
  CHECK(peer.end.told.back().type == EventType::kPathState);
  CHECK(peer.end.told.back().event.path_state == PathState::kConfirmed);
}

// RFC 9260 6.4
TEST_CASE("what timed out goes to the other address, once that is confirmed") {
  TwoHomed peer;
  const bool is_confirmed = GENERATE(true, false);
  peer.run_for(milliseconds(5));
  peer.answer_heartbeats(is_confirmed ? std::set<IpAddress>{kSecond} : std::set<IpAddress>{});
  REQUIRE(peer.end.send(peer.now, peer.handle, "hello") == Status::kOk);
  peer.collect();
  CHECK(peer.take_data_destinations() == std::vector<IpAddress>{kFirst});
  peer.run_for(milliseconds(130));
  const std::vector<IpAddress> again = peer.take_data_destinations();
  REQUIRE(again.size() == 1);
  CHECK(again[0].to_string() == (is_confirmed ? kSecond : kFirst).to_string());
}

// RFC 9260 6.4
TEST_CASE("a SACK goes to where the DATA came from") {
  TwoHomed peer;
  peer.run_for(milliseconds(5));
  peer.answer_heartbeats({kSecond});
  CHECK(peer.path(1).confirmed);
  const IpAddress from = GENERATE(kFirst, kSecond);
  peer.take();
  Packet chunks = data_of(RawPeer::kTsn, "a");
  append(chunks, data_of(RawPeer::kTsn + 2, "c", 0, 2));
  peer.send_from(from, peer.end_tag, chunks);
  REQUIRE(peer.replies.size() == 1);
  CHECK(peer.last_chunk().type() == ChunkType::kSack);
  CHECK(peer.destinations[0].to_string() == from.to_string());
}

// RFC 9260 8.2
TEST_CASE("a primary that does not answer is given up, data goes on, and it comes back") {
  TwoHomed peer;
  peer.run_for(milliseconds(5));
  peer.answer_heartbeats({kSecond});
  for (int i = 0; i < 1000 && peer.path(0).active; ++i) {
    peer.run_for(milliseconds(10));
    peer.answer_heartbeats({kSecond});
  }
  REQUIRE_FALSE(peer.path(0).active);
  CHECK(peer.end.count(Counter::path_failures) == 1);
  REQUIRE(peer.end.send(peer.now, peer.handle, "around") == Status::kOk);
  peer.collect();
  CHECK(peer.take_data_destinations() == std::vector<IpAddress>{kSecond});
  peer.send_from(kSecond, peer.end_tag, sack_of(peer.end_tsn));
  for (int i = 0; i < 1000 && !peer.path(0).active; ++i) {
    peer.run_for(milliseconds(10));
    peer.answer_heartbeats({kFirst, kSecond});
  }
  CHECK(peer.path(0).active);
  CHECK(peer.end.count(Counter::path_recoveries) == 1);
  REQUIRE(peer.end.send(peer.now, peer.handle, "back") == Status::kOk);
  peer.collect();
  CHECK(peer.take_data_destinations() == std::vector<IpAddress>{kFirst});
}

// RFC 9260 8.1
TEST_CASE("a peer that answers nowhere is given up after Association.Max.Retrans") {
  TwoHomed peer;
  peer.run_for(milliseconds(5));
  peer.answer_heartbeats({kSecond});
  REQUIRE(peer.end.send(peer.now, peer.handle, "anybody?") == Status::kOk);
  peer.collect();
  peer.run_for(seconds(60));
  CHECK(peer.state(peer.handle) == "gone");
  CHECK(peer.end.told.back().type == EventType::kDown);
  CHECK(peer.end.told.back().event.reason == DownReason::kUnreachable);
  CHECK(peer.end.count(Counter::associations_lost) == 1);
  CHECK(peer.end.payloads_held() == 0);
  CHECK(peer.end.has_all_buffers());
}

// RFC 9260 8.1
TEST_CASE("an answer in time starts the count anew") {
  TwoHomed peer;
  for (std::uint32_t i = 0; i < 20; ++i) {
    REQUIRE(peer.end.send(peer.now, peer.handle, "still there?") == Status::kOk);
    peer.collect();
    peer.run_for(milliseconds(450));
    peer.send({sack_of(peer.end_tsn + i)});
    peer.answer_heartbeats({kFirst, kSecond});
  }
  CHECK(peer.state(peer.handle) == "ESTABLISHED");
  CHECK(peer.end.count(Counter::t3_expirations) >= 20);
}

// RFC 9260 8.1
TEST_CASE("a peer whose heartbeats pass while its DATA never does is given up all the same") {
  TwoHomed peer;
  peer.run_for(milliseconds(5));
  peer.answer_heartbeats({kSecond});
  REQUIRE(peer.end.send(peer.now, peer.handle, "anybody?") == Status::kOk);
  peer.collect();
  for (int i = 0; i < 6000 && peer.state(peer.handle) != "gone"; ++i) {
    peer.run_for(milliseconds(10));
    peer.answer_heartbeats({kFirst, kSecond});
  }
  CHECK(peer.state(peer.handle) == "gone");
  CHECK(peer.end.count(Counter::associations_lost) == 1);
}

// RFC 9260 8.1
TEST_CASE("heartbeats that are lost where no data goes do not end the association") {
  Parameters impatient = quick();
  impatient.association_max_retrans = 1;
  TwoHomed peer(impatient);
  peer.run_for(milliseconds(5));
  peer.answer_heartbeats({kSecond});
  REQUIRE(peer.path(1).confirmed);
  for (int i = 0; i < 600; ++i) {
    peer.run_for(milliseconds(10));
    peer.answer_heartbeats({kFirst});
    if (peer.state(peer.handle) == "gone") break;
  }
  REQUIRE(peer.state(peer.handle) == "ESTABLISHED");
  CHECK_FALSE(peer.path(1).active);
  CHECK(peer.path(0).active);
}

// RFC 9260 5.2.5
TEST_CASE("a COOKIE ACK to an association that is up is dropped") {
  TwoHomed peer;
  peer.send({chunk_of(ChunkType::kCookieAck)});
  CHECK(peer.state(peer.handle) == "ESTABLISHED");
  CHECK(peer.end.count(Counter::drop_unexpected_chunk) == 1);
}

// RFC 9260 5.3.1
TEST_CASE("tags are never 0, and no two of them are the same or follow from each other") {
  RawPeer peer;
  peer.listen();
  std::set<std::uint32_t> tags, tsns, differences;
  std::uint32_t last = 0;
  for (std::uint32_t i = 1; i <= 2000; ++i) {
    peer.ask_for_cookie(i);
    CHECK(peer.end_tag != 0);
    tags.insert(peer.end_tag);
    tsns.insert(peer.end_tsn);
    differences.insert(peer.end_tag - last);
    last = peer.end_tag;
  }
  CHECK(tags.size() == 2000);
  CHECK(tsns.size() == 2000);
  CHECK(differences.size() == 2000);
}

// ---- ICMP ----

IcmpReport report_of(IcmpReport::Kind kind, const Packet& quoted, const IpAddress& to) {
  IcmpReport report;
  report.kind = kind;
  report.peer = to;
  report.quoted = quoted;
  return report;
}

Packet quote_of(std::uint32_t tag) {
  Packet quoted = be16(RawPeer::kEndPort);
  append(quoted, be16(RawPeer::kPort));
  append(quoted, be32(tag));
  return quoted;
}

// RFC 9260 10
TEST_CASE("ICMP is believed only if it quotes the peer's tag") {
  TwoHomed peer;
  const Packet wrong = quote_of(RawPeer::kTag + 1), right = quote_of(RawPeer::kTag);
  const Packet shorter(right.begin(), right.begin() + 7);
  const auto kind = IcmpReport::Kind::kProtocolUnreachable;
  peer.end.shard().on_icmp(peer.now, report_of(kind, wrong, kSecond));
  peer.end.shard().on_icmp(peer.now, report_of(kind, shorter, kSecond));
  peer.end.shard().on_icmp(peer.now, report_of(kind, right, address("10.0.0.77")));
  CHECK(peer.path(1).active);
  CHECK(peer.end.count(Counter::drop_bad_icmp) == 3);
  peer.end.shard().on_icmp(peer.now, report_of(kind, right, kSecond));
  peer.collect();
  CHECK(peer.state(peer.handle) == "gone");
}

// RFC 9260 10
TEST_CASE("a host without SCTP ends the association") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  const Packet quoted = quote_of(RawPeer::kTag);
  SECTION("the host is unreachable: that may pass") {
    peer.end.shard().on_icmp(peer.now, report_of(IcmpReport::Kind::kUnreachable, quoted, kFirst));
    CHECK(peer.state(handle) == "ESTABLISHED");
  }
  SECTION("the protocol is") {
    peer.end.shard().on_icmp(peer.now,
                             report_of(IcmpReport::Kind::kProtocolUnreachable, quoted, kFirst));
    peer.collect();
    CHECK(peer.state(handle) == "gone");
  }
}

// RFC 9260 7.3
TEST_CASE("a packet that was too big makes the path's packets smaller") {
  TwoHomed peer;
  const Packet quoted = quote_of(RawPeer::kTag);
  IcmpReport report = report_of(IcmpReport::Kind::kPacketTooBig, quoted, kFirst);
  report.mtu = 1000;
  peer.end.shard().on_icmp(peer.now, report);
  CHECK(peer.path(0).mtu == 1000);
  CHECK(peer.path(1).mtu == 1500);
  REQUIRE(peer.end.send(peer.now, peer.handle, std::string(1400, 'x')) == Status::kOk);
  peer.collect();
  for (const Packet& reply : peer.replies) CHECK(reply.size() <= 980);
}

// ---- while connecting ----

IcmpReport too_big(const Connecting& peer, const Packet& quoted) {
  IcmpReport report;
  report.kind = IcmpReport::Kind::kPacketTooBig;
  report.mtu = 512;
  report.peer = peer.own_address;
  report.quoted = quoted;
  return report;
}

std::uint32_t mtu_of(Connecting& peer) {
  AssociationStatus status;
  REQUIRE(peer.end.shard().status(End::kOwner, peer.handle, status) == Status::kOk);
  return status.paths[0].mtu;
}

// RFC 9260 10
TEST_CASE("ICMP about our INIT is believed if it quotes the tag in it") {
  Connecting peer;
  Packet quoted(peer.init.begin(), peer.init.begin() + 32);
  SECTION("another tag") {
    quoted[19] ^= 1;
  }
  SECTION("too short to have it") {
    quoted.resize(19);
  }
  SECTION("no INIT") {
    quoted[12] = static_cast<std::uint8_t>(ChunkType::kCookieEcho);
  }
  peer.end.shard().on_icmp(peer.now, too_big(peer, quoted));
  CHECK(mtu_of(peer) == 1500);
  CHECK(peer.end.count(Counter::drop_bad_icmp) == 1);
  const Packet right(peer.init.begin(), peer.init.begin() + 20);
  peer.end.shard().on_icmp(peer.now, too_big(peer, right));
  CHECK(mtu_of(peer) == 512);
}

TEST_CASE("a cookie that is larger than the path's MTU has become goes in fragments") {
  const bool is_v6 = GENERATE(true, false);
  const bool shrinks_first = GENERATE(true, false);
  Connecting peer({}, {address(is_v6 ? "2001:db8::9" : "10.0.0.9")});
  const Packet quoted_init(peer.init.begin(), peer.init.begin() + 32);
  if (shrinks_first) {
    peer.end.shard().on_icmp(peer.now, too_big(peer, quoted_init));
    REQUIRE(mtu_of(peer) == 512);
  }
  peer.answer_init(tlv_of(7, Packet(1400, 0xcc)));
  CHECK(peer.state(peer.handle) == "COOKIE-ECHOED");
  if (!shrinks_first) {
    CHECK(peer.fragment_above.back() == 0);
    const Packet& echo = peer.replies.back();
    peer.end.shard().on_icmp(peer.now, too_big(peer, {echo.begin(), echo.begin() + 32}));
    peer.forget();
    peer.run_for(seconds(2));
  }
  REQUIRE_FALSE(peer.replies.empty());
  CHECK(peer.last_chunk().type() == ChunkType::kCookieEcho);
  CHECK(peer.replies.back().size() == 12 + 1404);
  CHECK(peer.fragment_above.back() == 512);
  peer.send({chunk_of(ChunkType::kCookieAck)});
  CHECK(peer.state(peer.handle) == "ESTABLISHED");
  CHECK(peer.end.has_all_buffers());
}

TEST_CASE("a cookie that fills a packet of IPv4 is sent to an IPv6 address in fragments") {
  Connecting peer(quick(), {kFirst, address("2001:db8::9")});
  const Packet addresses =
      tlv_of(6, Packet{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9});
  Packet parameters = tlv_of(7, Packet(1460, 0xcc));
  append(parameters, addresses);
  peer.answer_init(parameters);
  REQUIRE(peer.state(peer.handle) == "COOKIE-ECHOED");
  CHECK(peer.fragment_above.back() == 0);
  peer.forget();
  peer.run_for(milliseconds(110));
  REQUIRE_FALSE(peer.replies.empty());
  CHECK(peer.destinations.back().to_string() == "2001:db8::9");
  CHECK(peer.replies.back().size() == 12 + 1464);
  CHECK(peer.fragment_above.back() == 1500);
}

// RFC 9260 5.4
TEST_CASE("an address that we connected to and the peer does not list must prove itself") {
  Connecting peer(quick(), {kFirst, kSecond});
  const bool is_listed = GENERATE(true, false);
  Packet parameters = tlv_of(7, Packet(40, 0xcc));
  if (is_listed) append(parameters, tlv_of(5, {10, 0, 1, 9}));
  peer.answer_init(parameters);
  peer.send({chunk_of(ChunkType::kCookieAck)});
  AssociationStatus status;
  REQUIRE(peer.end.shard().status(End::kOwner, peer.handle, status) == Status::kOk);
  REQUIRE(status.path_count == 2);
  CHECK(status.paths[0].confirmed);
  CHECK(status.paths[1].confirmed == is_listed);
  // Data that is lost goes to the second address only if it is known to be the peer's.
  REQUIRE(peer.end.send(peer.now, peer.handle, "hello") == Status::kOk);
  peer.collect();
  peer.forget();
  peer.run_for(milliseconds(110));
  bool went_there = false;
  for (std::size_t i = 0; i < peer.replies.size(); ++i) {
    const bool has_data = render_packet(peer.replies[i]).find("DATA(") != std::string::npos;
    went_there |= has_data && peer.destinations[i] == kSecond;
  }
  CHECK(went_there == is_listed);
}

}  // namespace
}  // namespace millrace::test
