// Packets that come in bursts, and messages that share a packet.
#include <catch2/catch.hpp>

#include "engine/shard/bursts.h"
#include "engine/shard/forecast.h"
#include "tests/support/shard_pair.h"

namespace millrace::test {
namespace {

std::string numbered(std::size_t number, std::size_t size) {
  std::string text(size, static_cast<char>('a' + number % 26));
  const std::string name = std::to_string(number).substr(0, size);
  return text.replace(0, name.size(), name);
}

// The packets that a sends now but for the first `lost` ones, given to b as a burst of its own
// making.
std::size_t carry_as_burst(ShardPair& pair, std::size_t lost = 0) {
  std::vector<PacketOut> packets;
  {
    Departures departures(pair.a.shard(), pair.now);
    PacketOut out;
    while (departures.next(out)) packets.push_back(out);
  }
  REQUIRE(packets.size() >= lost);
  for (std::size_t i = 0; i < lost; ++i) pair.a.buffers().release(packets[i].buffer);
  packets.erase(packets.begin(), packets.begin() + static_cast<std::ptrdiff_t>(lost));
  Arrivals arrivals(pair.b.shard(), pair.now);
  for (const PacketOut& packet : packets) {
    Buffer* buffer = pair.b.buffers().acquire();
    REQUIRE(buffer != nullptr);
    std::memcpy(buffer->data, packet.buffer->data, packet.buffer->length);
    buffer->length = packet.buffer->length;
    pair.a.buffers().release(packet.buffer);
    arrivals.take(buffer, pair.a.addresses()[0], packet.destination, buffer->bytes());
  }
  return packets.size();
}

std::vector<std::string> messages_of(const End& end) {
  std::vector<std::string> messages;
  for (const Told& told : end.told)
    if (told.type == EventType::kMessage) messages.push_back(told.payload);
  return messages;
}

}  // namespace

TEST_CASE("A forecast takes whatever is foreseen, and as much of it", "[bursts]") {
  ShardPair pair;
  const AssociationHandle handle = pair.associate();
  Forecast forecast(pair.b.shard());
  std::array<std::uint8_t, 12> packet{};
  for (std::uint32_t tag = 0; tag < 1000; ++tag) {
    store_be32(packet.data() + 4, tag * 0x9e3779b9);
    forecast.add_packet(packet, IpAddress{});
    forecast.add(handle);
    forecast.add({UINT32_MAX - tag, handle.generation});
    forecast.add({tag, handle.generation + tag});
  }
  forecast.fetch();
  REQUIRE(pair.a.send(pair.now, handle, "as before") == Status::kOk);
  pair.run_for(milliseconds(5));
  CHECK(messages_of(pair.b) == std::vector<std::string>{"as before"});
}

TEST_CASE("Messages that share packets of a burst arrive whole and in order", "[bursts]") {
  ShardPair pair;
  const AssociationHandle handle = pair.associate();
  std::vector<std::string> sent;
  const std::size_t before = messages_of(pair.b).size();
  for (std::size_t i = 0; i < 150; ++i) {
    // Sizes of all remainders by four, streams in turn, now and then one that is not like the rest.
    sent.push_back(numbered(i, 1 + i * 7 % 61));
    const std::uint8_t flags = i % 29 == 28 ? std::uint8_t{kSackImmediately} : std::uint8_t{0};
    REQUIRE(pair.a.send(pair.now, handle, sent.back(), static_cast<std::uint16_t>(i / 5 % 3),
                        flags) == Status::kOk);
  }
  std::size_t packets = 0;
  for (int turn = 0; turn < 8; ++turn) {
    packets += carry_as_burst(pair);
    pair.run_for(milliseconds(5));
  }
  CHECK(packets < 20);
  const std::vector<std::string> all = messages_of(pair.b);
  CHECK(std::vector<std::string>(all.begin() + static_cast<long>(before), all.end()) == sent);
  pair.run_for(seconds(1));
  CHECK(pair.a.payloads_held() == 0);
  CHECK(pair.a.has_all_buffers());
  CHECK(pair.b.has_all_buffers());
}

TEST_CASE("A burst that goes from one association to another and back serves both", "[bursts]") {
  ShardPair pair;
  const AssociationHandle first = pair.associate();
  ConnectRequest connect;
  connect.owner = End::kOwner;
  connect.peer_port = 3868;
  connect.peers = pair.b.addresses();
  AssociationHandle second;
  REQUIRE(pair.a.shard().connect(pair.now, connect, second) == Status::kOk);
  pair.run_for(milliseconds(50));
  for (int i = 0; i < 40; ++i) {
    const AssociationHandle to = i / 3 % 2 == 0 ? first : second;
    REQUIRE(pair.a.send(pair.now, to, numbered(static_cast<std::size_t>(i), 700)) == Status::kOk);
  }
  for (int turn = 0; turn < 20; ++turn) {
    carry_as_burst(pair);
    pair.run_for(milliseconds(5));
  }
  CHECK(messages_of(pair.b).size() == 40);
  CHECK(pair.b.count(Counter::data_chunks_received) == 40);
}

TEST_CASE("What was sent before packets ran out has its timer", "[bursts]") {
  ShardPair pair;
  const AssociationHandle handle = pair.associate();
  for (int i = 0; i < 4; ++i)
    REQUIRE(pair.a.send(pair.now, handle, std::string(1400, 'x')) == Status::kOk);
  BufferPool& pool = pair.a.buffers();
  std::vector<Buffer*> taken;
  while (pool.free_count() > 2) taken.push_back(pool.acquire());
  {
    Departures departures(pair.a.shard(), pair.now);
    PacketOut out;
    while (departures.next(out)) taken.push_back(out.buffer);
  }
  CHECK(pair.a.count(Counter::waits_for_memory) == 1);
  CHECK(pair.a.shard().next_deadline() <= pair.now + seconds(1));
  pair.now = pair.now + milliseconds(1010);
  pair.a.shard().on_deadline(pair.now);
  CHECK(pair.a.count(Counter::t3_expirations) == 1);
  for (Buffer* buffer : taken) pool.release(buffer);
  pair.run_for(seconds(5));
  CHECK(messages_of(pair.b).size() == 4);
  CHECK(pair.a.has_all_buffers());
}

TEST_CASE("An association that ends within a burst takes nothing of the rest", "[bursts]") {
  ShardPair pair;
  const AssociationHandle handle = pair.associate();
  REQUIRE(pair.a.send(pair.now, handle, "before") == Status::kOk);
  PacketOut data;
  REQUIRE(pair.a.shard().next_packet(pair.now, data));
  REQUIRE(pair.a.shard().abort(pair.now, End::kOwner, handle, {}) == Status::kOk);
  PacketOut abort;
  REQUIRE(pair.a.shard().next_packet(pair.now, abort));
  {
    Arrivals arrivals(pair.b.shard(), pair.now);
    for (const Buffer* from : {data.buffer, abort.buffer, data.buffer}) {
      Buffer* buffer = pair.b.buffers().acquire();
      std::memcpy(buffer->data, from->data, from->length);
      buffer->length = from->length;
      arrivals.take(buffer, pair.a.addresses()[0], pair.b.addresses()[0], buffer->bytes());
    }
  }
  CHECK(pair.b.count(Counter::drop_out_of_the_blue) == 1);
  pair.a.buffers().release(data.buffer);
  pair.a.buffers().release(abort.buffer);
  pair.run_for(milliseconds(50));
  CHECK(messages_of(pair.b) == std::vector<std::string>{"before"});
  CHECK(pair.b.shard().associations() == 0);
  CHECK(pair.b.has_all_buffers());
}

TEST_CASE("Messages that were not read when the peer restarts or the end comes go as one would",
          "[bursts]") {
  ShardPair pair;
  const AssociationHandle handle = pair.associate();
  pair.b.stuck = End::kOwner;
  for (std::size_t i = 0; i < 60; ++i)
    REQUIRE(pair.a.send(pair.now, handle, numbered(i, 40)) == Status::kOk);
  for (int turn = 0; turn < 4; ++turn) {
    carry_as_burst(pair);
    pair.run_for(milliseconds(5));
  }
  std::vector<AssociationStatus> found(1);
  std::uint32_t from = 0;
  REQUIRE(pair.b.shard().snapshot(from, found) == 1);
  CHECK(found[0].held_bytes == 60 * 40);
  pair.b.stuck = 0;
  pair.b.shard().drop_owner(pair.now, End::kOwner, false);
  CHECK(pair.b.shard().associations() == 0);
  pair.run_for(milliseconds(50));
  CHECK(pair.b.has_all_buffers());
}

//= rfc9260 6.7#1 type=test
//= rfc9260 7.2.4#1 type=test
TEST_CASE("A hole in a burst is reported as often as a fast retransmission takes", "[bursts]") {
  ShardPair pair;
  const AssociationHandle handle = pair.associate();
  for (std::size_t i = 0; i < 4; ++i) pair.a.send(pair.now, handle, numbered(i, 1400));
  REQUIRE(carry_as_burst(pair, 1) == 3);
  const std::uint64_t before = pair.b.count(Counter::sacks_sent);
  CHECK(before == 2);
  pair.run_for(milliseconds(50));
  CHECK(pair.a.count(Counter::fast_retransmits) == 1);
  CHECK(pair.a.count(Counter::t3_expirations) == 0);
  CHECK(messages_of(pair.b).size() == 4);
}

TEST_CASE("A long burst behind a hole is reported three times and no more", "[bursts]") {
  ShardPair pair;
  const AssociationHandle handle = pair.associate();
  // Acknowledged by and by, so that the window opens.
  for (std::size_t i = 0; i < 60; ++i) pair.a.send(pair.now, handle, numbered(i, 1400));
  pair.run_for(seconds(1));
  const std::uint64_t before = pair.b.count(Counter::sacks_sent);
  for (std::size_t i = 0; i < 12; ++i) pair.a.send(pair.now, handle, numbered(i, 1400));
  const std::size_t carried = carry_as_burst(pair, 1);
  REQUIRE(carried > 3);
  CHECK(pair.b.count(Counter::sacks_sent) == before + 2);
  pair.run_for(milliseconds(50));
  CHECK(pair.a.count(Counter::fast_retransmits) == 1);
  CHECK(messages_of(pair.b).size() == 72);
}

}  // namespace millrace::test
