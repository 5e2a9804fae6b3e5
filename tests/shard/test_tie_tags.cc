// The tie tags of a State Cookie (RFC 9260 5.2.2) in the hands of somebody who has received one.
#include <catch2/catch.hpp>

#include "tests/support/connecting.h"

namespace millrace::test {
namespace {

// Where engine/assoc/cookie.cc writes the tags: behind the nonce and two times.
constexpr std::size_t kTagsAt = sizeof(MacNonce) + 16;

struct Tags {
  std::uint32_t local, peer, local_tie, peer_tie;
};

Tags tags_of(const Packet& cookie) {
  REQUIRE(cookie.size() >= kTagsAt + 16);
  const std::uint8_t* at = cookie.data() + kTagsAt;
  return {load_be32(at), load_be32(at + 4), load_be32(at + 8), load_be32(at + 12)};
}

/// The cookie of the INIT ACK that somebody with the peer's address gets for an INIT.
Tags tags_for_an_init(RawPeer& peer, std::uint32_t tag) {
  const std::uint32_t end_tag = peer.end_tag;
  const std::uint32_t end_tsn = peer.end_tsn;
  Packet echo = peer.ask_for_cookie(tag);
  peer.end_tag = end_tag;
  peer.end_tsn = end_tsn;
  return tags_of({echo.begin() + 4, echo.end()});
}

//= rfc5062 3#1 type=test
TEST_CASE("the tie tags in a cookie are not the association's tags, and open nothing") {
  RawPeer peer;
  const AssociationHandle handle = peer.associate();
  const Tags tags = tags_for_an_init(peer, 0xbad);
  // The place is right: the tag that the attacker chose is there, and the one of a restart.
  REQUIRE(tags.peer == 0xbad);
  REQUIRE(tags.local != peer.end_tag);
  REQUIRE(tags.local_tie != 0);
  REQUIRE(tags.peer_tie != 0);
  for (const std::uint32_t tie : {tags.local_tie, tags.peer_tie}) {
    CHECK(tie != peer.end_tag);
    CHECK(tie != RawPeer::kTag);
    const std::size_t events = peer.end.told.size();
    const std::uint64_t dropped = peer.end.count(Counter::drop_bad_tag);
    peer.send_packet(tie, data_of(RawPeer::kTsn, "not the peer's"));
    peer.send_packet(tie, chunk_of(ChunkType::kAbort));
    peer.send_packet(tie, chunk_of(ChunkType::kAbort, kFlagReflectedTag));
    CHECK(peer.end.told.size() == events);
    CHECK(peer.end.count(Counter::drop_bad_tag) == dropped + 3);
    CHECK(peer.state(handle) == "ESTABLISHED");
  }
  peer.send({data_of(RawPeer::kTsn, "the peer's")});
  CHECK(peer.end.told.back().payload == "the peer's");
}

//= rfc9260 5.2.1#12 type=test
TEST_CASE("the cookie of an INIT in COOKIE-ECHOED has tie tags, always the same") {
  Connecting peer;
  CHECK(tags_for_an_init(peer, 0x1).local_tie == 0);  // COOKIE-WAIT: there is no peer's tag yet
  peer.answer_init();
  REQUIRE(peer.state(peer.handle) == "COOKIE-ECHOED");
  const Tags once = tags_for_an_init(peer, 0xbad);
  const Tags again = tags_for_an_init(peer, 0xbad2);
  CHECK(once.local == peer.end_tag);
  CHECK(once.local_tie != 0);
  CHECK(once.peer_tie != 0);
  CHECK(once.local_tie == again.local_tie);
  CHECK(once.peer_tie == again.peer_tie);
}

TEST_CASE("the tie tags of an association stay what they are, and say nothing about another's") {
  RawPeer peer;
  peer.associate();
  const Tags once = tags_for_an_init(peer, 0xbad);
  const Tags again = tags_for_an_init(peer, 0xbad2);
  CHECK(once.local_tie == again.local_tie);
  CHECK(once.peer_tie == again.peer_tie);
  CHECK(once.local_tie != once.peer_tie);
}

}  // namespace
}  // namespace millrace::test
