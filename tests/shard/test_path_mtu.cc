// The path MTU of an association over its life: lowered by ICMP or by a black hole, found again
// with probes.
#include <catch2/catch.hpp>

#include "tests/support/two_homed.h"

namespace millrace::test {
namespace {

/// A peer behind a network that carries packets up to a limit and says nothing of larger ones. It
/// acknowledges what arrives, heartbeats too.
struct BehindNetwork : TwoHomed {
  explicit BehindNetwork(const Parameters& parameters = carrier_parameters())
      : TwoHomed(parameters) {
    settle(milliseconds(50));
  }

  void settle(Duration span) {
    const Time until = now + span;
    while (now < until) {
      run_for(milliseconds(5));
      answer_what_arrives();
    }
  }
  void answer_what_arrives() {
    collect();
    const std::vector<Packet> packets(replies.begin(), replies.end());
    const std::vector<IpAddress> went(destinations.begin(), destinations.end());
    const std::vector<std::uint16_t> passes = fragment_above;
    take();
    for (std::size_t i = 0; i < packets.size(); ++i) {
      const std::size_t size = packets[i].size() + 20;
      largest_sent = std::max(largest_sent, size);
      if (size <= limit || passes[i] != 0) answer(went[i], packets[i]);
    }
  }
  void answer(const IpAddress& from, const Packet& packet) {
    ChunkReader reader(packet);
    while (const auto chunk = reader.next()) {
      if (chunk->type() == ChunkType::kHeartbeat) {
        const Bytes info = chunk->value();
        send_from(from, end_tag, chunk_of(ChunkType::kHeartbeatAck, 0, {info.begin(), info.end()}));
      } else if (chunk->type() == ChunkType::kData) {
        arrived.insert(load_be32(chunk->value().data()));
        std::uint32_t cumulative = end_tsn - 1;
        while (arrived.count(cumulative + 1) != 0) ++cumulative;
        send_from(from, end_tag, sack_of(cumulative));
      }
    }
  }
  void send_large() { REQUIRE(end.send(now, handle, std::string(5000, 'x')) == Status::kOk); }

  std::size_t limit = 1500;
  std::size_t largest_sent = 0;
  std::set<std::uint32_t> arrived;
};

IcmpReport too_big(const RawPeer&, std::uint16_t mtu, const IpAddress& to) {
  IcmpReport report;
  report.kind = IcmpReport::Kind::kPacketTooBig;
  report.peer = to;
  report.mtu = mtu;
  static Packet quoted;
  quoted = be16(RawPeer::kEndPort);
  append(quoted, be16(RawPeer::kPort));
  append(quoted, be32(RawPeer::kTag));
  report.quoted = quoted;
  return report;
}

//= rfc8899 5.2 type=test
TEST_CASE("after ICMP lowered the MTU, a probe finds out that the path has grown again") {
  BehindNetwork peer;
  peer.end.shard().on_icmp(peer.now, too_big(peer, 1300, kFirst));
  REQUIRE(peer.path(0).mtu == 1300);
  CHECK(peer.path(1).mtu == 1500);
  peer.settle(seconds(500));
  CHECK(peer.path(0).mtu == 1300);
  CHECK(peer.end.count(Counter::mtu_probes_sent) == 0);
  peer.settle(seconds(110));
  CHECK(peer.path(0).mtu == 1500);
  CHECK(peer.end.count(Counter::mtu_probes_sent) == 1);
}

//= rfc8899 4.3 type=test
TEST_CASE("data that falls into a black hole is sent smaller, without any ICMP") {
  BehindNetwork peer;
  peer.limit = 1400;
  peer.send_large();
  // What was cut before goes in IP fragments now, and what is new in smaller packets.
  peer.settle(seconds(60));
  CHECK(peer.path(0).mtu > 1380);
  CHECK(peer.path(0).mtu <= 1400);
  const std::uint64_t expirations = peer.end.count(Counter::t3_expirations);
  CHECK(expirations >= 2);
  peer.send_large();
  peer.settle(seconds(5));
  CHECK(peer.end.count(Counter::t3_expirations) == expirations);
  CHECK(peer.end.payloads_held() == 0);
}

//= rfc8899 6.2 type=test
TEST_CASE("a probe that is lost is no error of the path and takes nothing from its window") {
  BehindNetwork peer;
  peer.end.shard().on_icmp(peer.now, too_big(peer, 1200, kFirst));
  const std::uint32_t cwnd = peer.path(0).cwnd;
  peer.limit = 1399;
  peer.settle(seconds(640));
  CHECK(peer.end.count(Counter::mtu_probes_sent) > 5);
  CHECK(peer.largest_sent == 1500);
  CHECK(peer.path(0).mtu > 1380);
  CHECK(peer.path(0).mtu <= 1399);
  CHECK(peer.path(0).error_count == 0);
  CHECK(peer.path(0).cwnd >= cwnd);
  CHECK(peer.end.count(Counter::path_potential_failures) == 0);
}

TEST_CASE("with probing switched off a lowered MTU stays") {
  Parameters parameters = carrier_parameters();
  parameters.path_mtu_probing = false;
  BehindNetwork peer(parameters);
  peer.end.shard().on_icmp(peer.now, too_big(peer, 1300, kFirst));
  peer.settle(seconds(700));
  CHECK(peer.path(0).mtu == 1300);
  CHECK(peer.end.count(Counter::mtu_probes_sent) == 0);
}

//= rfc8899 6.2 type=test
TEST_CASE("padding that a peer sends is nothing to complain of") {
  TwoHomed peer;
  peer.send({chunk_of(ChunkType::kPad, 0, Packet(100, 0)), data_of(RawPeer::kTsn, "a")});
  CHECK(peer.end.count(Counter::drop_unknown_chunk) == 0);
  CHECK(peer.end.count(Counter::messages_delivered) == 1);
}

}  // namespace
}  // namespace millrace::test
