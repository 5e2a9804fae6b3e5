// Handshakes at an engine of two lcores: which of them a packet goes to must not decide what
// becomes of it.
#include <catch2/catch.hpp>

#include "tests/support/raw_peer.h"

namespace millrace::test {
namespace {

struct Lcore {
  Lcore(Steering& steering, std::size_t number)
      : slab(buffers, 256), shard(config(number), steering, buffers, counters) {
    shard.set_local_addresses(addresses);
    shard.listen({.owner = End::kOwner, .port = RawPeer::kEndPort});
  }

  static Shard::Config config(std::size_t number) {
    Shard::Config config;
    config.limits = RawPeer::small_limits();
    config.number = number;
    config.seed = {number + 1, 7};
    return config;
  }

  std::vector<IpAddress> addresses{address("10.0.0.1")};
  BufferPool buffers{256};
  BufferSlab slab;
  Counters counters;
  Shard shard;
};

struct Engine {
  /// As Worker does: the packet to its owner. Returns what is answered, from the one asked, in
  /// words.
  std::string send(const char* source, std::uint32_t tag, const Packet& chunks, std::size_t here) {
    Packet packet = be16(RawPeer::kPort);
    append(packet, be16(RawPeer::kEndPort));
    append(packet, be32(tag));
    append(packet, be32(0));
    append(packet, chunks);
    const IpAddress from = address(source);
    asked = steering.owner_of_packet(packet, from, here);
    Lcore& lcore = lcores[asked];
    Buffer* buffer = lcore.buffers.acquire();
    std::copy(packet.begin(), packet.end(), buffer->data);
    buffer->length = static_cast<std::uint32_t>(packet.size());
    lcore.shard.on_packet(now, buffer, from, lcore.addresses[0], buffer->bytes());
    std::string text;
    PacketOut out;
    while (lcore.shard.next_packet(now, out)) {
      const Bytes bytes = out.buffer->bytes();
      if (out.destination == from) {
        text += render_packet(bytes) + "\n";
        last.assign(bytes.begin(), bytes.end());
      }
      lcore.buffers.release(out.buffer);
    }
    return text;
  }

  std::string init(const char* source, std::uint32_t tag, const Packet& parameters,
                   std::size_t here) {
    Packet value = be32(tag);
    append(value, be32(65536));
    append(value, be32(10 << 16 | 10));
    append(value, be32(RawPeer::kTsn));
    append(value, parameters);
    return send(source, 0, chunk_of(ChunkType::kInit, 0, value), here);
  }

  /// Echoes the cookie of the INIT ACK that came last.
  std::string cookie_echo(const char* source, std::size_t here) {
    const auto init = InitView::parse(*ChunkReader(last).next());
    last_init_ack = last;
    const InitContents contents = read_init(*init, address(source));
    const Packet cookie(contents.cookie.begin(), contents.cookie.end());
    return send(source, init->initiate_tag, chunk_of(ChunkType::kCookieEcho, 0, cookie), here);
  }

  /// Answers the heartbeat that the lcore that had the last packet sends to `peer` next.
  void confirm(const char* peer) {
    const std::uint32_t tag = InitView::parse(*ChunkReader(last_init_ack).next())->initiate_tag;
    Lcore& lcore = lcores[asked];
    now = now + milliseconds(20);
    lcore.shard.on_deadline(now);
    Packet info;
    PacketOut out;
    while (lcore.shard.next_packet(now, out)) {
      const auto chunk = ChunkReader(out.buffer->bytes()).next();
      if (out.destination == address(peer) && chunk->type() == ChunkType::kHeartbeat) {
        info.assign(chunk->value().begin(), chunk->value().end());
      }
      lcore.buffers.release(out.buffer);
    }
    REQUIRE(!info.empty());
    send(peer, tag, chunk_of(ChunkType::kHeartbeatAck, 0, info), asked);
  }

  std::size_t associations() const {
    return lcores[0].shard.associations() + lcores[1].shard.associations();
  }

  Time now = Time{} + seconds(1);
  Steering steering{2, 256, {0x9e3779b97f4a7c15, 4}};
  Lcore lcores[2] = {{steering, 0}, {steering, 1}};
  std::size_t asked = 0;  ///< the lcore that had the last packet
  Packet last;            ///< the last answer
  Packet last_init_ack;   ///< whose cookie was echoed
};

Packet v4(const char* text) {
  const IpAddress parsed = address(text);
  const Bytes bytes = parsed.wire_bytes();
  return tlv_of(5, {bytes.begin(), bytes.end()});
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

//= rfc5062 2#1 type=test
TEST_CASE("who has camped on an address gives way to its owner, on whichever lcore it is") {
  Engine engine;
  const std::size_t here = GENERATE(0u, 1u);
  REQUIRE(contains(engine.init("10.0.0.66", 0xbad, v4("10.0.0.9"), here), "INIT ACK"));
  REQUIRE(contains(engine.cookie_echo("10.0.0.66", here), "COOKIE ACK"));
  const std::size_t campers = engine.asked;
  REQUIRE(contains(engine.init("10.0.0.9", 0x900d, {}, 1 - campers), "INIT ACK"));
  CHECK(contains(engine.cookie_echo("10.0.0.9", 1 - campers), "COOKIE ACK"));
  CHECK(engine.associations() == 2);
}

//= rfc5062 2#1 type=test
TEST_CASE("a second address that was camped on is its owner's once it has proved it") {
  Engine engine;
  const std::size_t here = GENERATE(0u, 1u);
  REQUIRE(contains(engine.init("10.0.0.66", 0xbad, v4("10.0.1.9"), here), "INIT ACK"));
  REQUIRE(contains(engine.cookie_echo("10.0.0.66", here), "COOKIE ACK"));
  const std::size_t campers = engine.asked;
  REQUIRE(contains(engine.init("10.0.0.9", 0x900d, v4("10.0.1.9"), 1 - campers), "INIT ACK"));
  REQUIRE(contains(engine.cookie_echo("10.0.0.9", 1 - campers), "COOKIE ACK"));
  const std::size_t owners = engine.asked;
  CHECK(owners != campers);
  engine.confirm("10.0.1.9");
  REQUIRE(engine.associations() == 2);
  // Nothing but the addresses says where it belongs.
  engine.send("10.0.1.9", 0x900d, chunk_of(ChunkType::kAbort, kFlagReflectedTag, {}), campers);
  CHECK(engine.asked == owners);
  CHECK(engine.lcores[owners].counters.get(Counter::associations_aborted) == 1);
}

//= rfc9260 8.5#3 type=test
TEST_CASE("what has an association's ends and another tag is not answered, wherever it arrives") {
  Engine engine;
  const std::size_t here = GENERATE(0u, 1u);
  const Packet data = chunk_of(ChunkType::kData, 3, Packet(16));
  std::uint32_t of_lcore[2] = {1, 1};
  for (std::size_t i : {0u, 1u}) {
    while (engine.steering.owner_of_tag(of_lcore[i]) != i) ++of_lcore[i];
    CHECK(contains(engine.send("10.0.0.9", of_lcore[i], data, here), "ABORT"));
  }
  REQUIRE(contains(engine.init("10.0.0.9", 0x900d, {}, here), "INIT ACK"));
  REQUIRE(contains(engine.cookie_echo("10.0.0.9", here), "COOKIE ACK"));
  for (std::size_t i : {0u, 1u}) {
    CHECK(engine.send("10.0.0.9", of_lcore[i], data, here).empty());
    CHECK(engine.asked == i);
    CHECK(engine.lcores[i].counters.get(Counter::drop_bad_tag) == 1);
  }
}

//= rfc9260 5.1.2#6 type=test
//= rfc9260 5.2.2#2 type=test
TEST_CASE("an INIT that lists an association's address is about it, on whichever lcore that is") {
  Engine engine;
  const std::size_t here = GENERATE(0u, 1u);
  REQUIRE(contains(engine.init("10.0.0.9", 0x900d, {}, here), "INIT ACK"));
  REQUIRE(contains(engine.cookie_echo("10.0.0.9", here), "COOKIE ACK"));
  for (const std::size_t arrives : {0u, 1u}) {
    CHECK(contains(engine.init("10.0.0.66", 0x99, v4("10.0.0.9"), arrives), "ABORT(cause 11)"));
  }
  CHECK(engine.associations() == 1);
}

TEST_CASE("of listeners that share a port a peer has the same one, whichever lcore is asked") {
  Engine engine;
  Parameters parameters;
  for (Lcore& lcore : engine.lcores) {
    REQUIRE(lcore.shard.unlisten(End::kOwner, RawPeer::kEndPort) == Status::kOk);
    for (const std::uint32_t context : {1u, 2u}) {
      parameters.receive_buffer = context * 100'000;
      REQUIRE(lcore.shard.listen({.owner = End::kOwner,
                                  .port = RawPeer::kEndPort,
                                  .is_shared = true,
                                  .context = context,
                                  .parameters = &parameters}) == Status::kOk);
    }
  }
  std::size_t peers_of[3] = {};
  std::size_t moved = 0;  // whose cookie went to another lcore than their INIT
  for (int i = 1; i <= 40; ++i) {
    const std::string peer = "10.0.3." + std::to_string(i);
    const auto tag = static_cast<std::uint32_t>(i);
    std::uint64_t of_lcore[2];
    for (const std::size_t here : {0u, 1u}) {
      engine.init(peer.c_str(), tag, {}, here);
      of_lcore[here] = InitView::parse(*ChunkReader(engine.last).next())->a_rwnd / 100'000;
    }
    const std::uint64_t context = of_lcore[0];
    CHECK(of_lcore[1] == context);
    REQUIRE(contains(engine.cookie_echo(peer.c_str(), 1), "COOKIE ACK"));
    moved += engine.asked == 0 ? 1 : 0;
    Delivery up;
    REQUIRE(engine.lcores[engine.asked].shard.next_event(up));
    CHECK(up.event->type == EventType::kUp);
    CHECK(up.context == context);
    engine.lcores[engine.asked].shard.take_event();
    ++peers_of[context];
  }
  CHECK(peers_of[1] >= 10);
  CHECK(peers_of[2] >= 10);
  CHECK(moved >= 10);
}

TEST_CASE("a port that is claimed on one lcore is claimed on all") {
  Engine engine;
  constexpr Owner kOther = 2;
  constexpr std::uint16_t kNamed = 7001;
  const IpAddress peers[] = {address("10.0.0.9")};
  ConnectRequest request;
  request.owner = kOther;
  request.local_port = kNamed;
  request.peer_port = RawPeer::kPort;
  request.peers = peers;
  AssociationHandle handle;
  REQUIRE(engine.lcores[0].shard.connect(engine.now, request, handle) == Status::kOk);
  const ListenRequest listen{.owner = End::kOwner, .port = kNamed};
  CHECK(engine.lcores[1].shard.listen(listen) == Status::kPortInUse);
  request.owner = End::kOwner;
  CHECK(engine.lcores[1].shard.connect(engine.now, request, handle) == Status::kPortInUse);
  engine.lcores[0].shard.drop_owner(engine.now, kOther, false);
  CHECK(engine.lcores[1].shard.listen(listen) == Status::kOk);
}

}  // namespace
}  // namespace millrace::test
