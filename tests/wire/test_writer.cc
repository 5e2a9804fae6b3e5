// Writing SCTP packets, and what they look like as text.
#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/wire/chunks.h"
#include "engine/wire/render.h"
#include "engine/wire/writer.h"

namespace millrace {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr CommonHeader kHeader{5000, 3868, 0x01020304};

/// A buffer from a pool of one.
struct OneBuffer {
  BufferPool pool{1};
  BufferSlab slab{pool, 1};
  Buffer& buffer = *pool.acquire();
  ~OneBuffer() { pool.release(&buffer); }
};

Octets written(const Buffer& buffer) {
  return {buffer.data + kCommonHeaderBytes, buffer.data + buffer.length};
}

TEST_CASE("a new packet is a common header with a zero checksum") {
  OneBuffer one;
  const PacketWriter writer(one.buffer, kHeader, 1452);
  CHECK(writer.is_empty());
  CHECK(writer.room() == 1440);
  const Octets expected{0x13, 0x88, 0x0f, 0x1c, 1, 2, 3, 4, 0, 0, 0, 0};
  CHECK(std::ranges::equal(one.buffer.bytes(), expected));
}

// RFC 9260 3.2
TEST_CASE("a chunk is padded with zeros that its length does not count") {
  OneBuffer one;
  PacketWriter writer(one.buffer, kHeader, 1452);
  writer.begin_chunk(ChunkType::kCookieEcho, 0);
  writer.append(Octets{0xaa});
  writer.end_chunk();
  writer.begin_chunk(ChunkType::kShutdownComplete, kFlagReflectedTag);
  writer.end_chunk();
  CHECK(written(one.buffer) == Octets{10, 0, 0, 5, 0xaa, 0, 0, 0, 14, 1, 0, 4});
}

// RFC 9260 3.2.1
// RFC 9260 3.3.10
TEST_CASE("a chunk counts the padding between its parameters but not behind the last") {
  OneBuffer one;
  PacketWriter writer(one.buffer, kHeader, 1452);
  writer.begin_chunk(ChunkType::kAbort, 0);
  writer.append_cause(CauseCode::kUserInitiatedAbort, Octets{1});
  writer.append_cause(CauseCode::kProtocolViolation, Octets{2});
  writer.end_chunk();
  CHECK(written(one.buffer) ==
        Octets{6, 0, 0, 17, 0, 12, 0, 5, 1, 0, 0, 0, 0, 13, 0, 5, 2, 0, 0, 0});
}

TEST_CASE("addresses are written as the parameter of their version") {
  OneBuffer one;
  PacketWriter writer(one.buffer, kHeader, 1452);
  std::uint8_t* fields = writer.begin_chunk(ChunkType::kInit, 0, 16);
  std::fill_n(fields, 16, std::uint8_t{0});
  writer.append_address(*IpAddress::parse("192.0.2.1"));
  writer.append_address(*IpAddress::parse("2001:db8::1"));
  writer.end_chunk();
  ChunkReader chunks(one.buffer.bytes());
  const auto init = InitView::parse(chunks.next().value());
  REQUIRE(init.has_value());
  TlvReader parameters(init->parameters);
  CHECK(address_in(parameters.next().value()) == IpAddress::parse("192.0.2.1"));
  CHECK(address_in(parameters.next().value()) == IpAddress::parse("2001:db8::1"));
  CHECK_FALSE(parameters.next().has_value());
}

TEST_CASE("a packet is filled to its last byte") {
  OneBuffer one;
  PacketWriter writer(one.buffer, kHeader, kCommonHeaderBytes + 8);
  writer.begin_chunk(ChunkType::kHeartbeat, 0);
  writer.append(Octets{1, 2, 3, 4});
  writer.end_chunk();
  CHECK(writer.room() == 0);
  CHECK(one.buffer.length == kCommonHeaderBytes + 8);
}

TEST_CASE("a packet is one line of text") {
  OneBuffer one;
  PacketWriter writer(one.buffer, kHeader, 1452);
  std::uint8_t* sack = writer.begin_chunk(ChunkType::kSack, 0, 16);
  store_be32(sack, 17);
  store_be32(sack + 4, 65536);
  store_be16(sack + 8, 1);
  store_be16(sack + 10, 0);
  store_be16(sack + 12, 2);
  store_be16(sack + 14, 3);
  writer.end_chunk();
  std::uint8_t* data =
      writer.begin_chunk(ChunkType::kData, kDataFlagBegin | kDataFlagEnd, kDataHeaderBytes - 4);
  store_be32(data, 9);
  store_be16(data + 4, 1);
  store_be16(data + 6, 4);
  store_be32(data + 8, 46);
  writer.append(Octets(3));
  writer.end_chunk();
  CHECK(render_packet(one.buffer.bytes()) ==
        "5000>3868 tag=01020304 SACK(cum=17 rwnd=65536 gaps=2-3) "
        "DATA(tsn=9 sid=1 ssn=4 ppid=46 BE len=3)");
}

TEST_CASE("what is malformed is named in the text") {
  const Octets head{0x13, 0x88, 0x0f, 0x1c, 1, 2, 3, 4, 0, 0, 0, 0};
  CHECK(render_packet(Bytes(head).first(5)) == "malformed: 5 bytes");
  Octets packet = head;
  packet.insert(packet.end(), {0, 3, 0, 4});
  CHECK(render_packet(packet) == "5000>3868 tag=01020304 DATA(malformed)");
  packet.insert(packet.end(), {0, 3, 0, 40});
  CHECK(render_packet(packet) == "5000>3868 tag=01020304 DATA(malformed) malformed chunk");
  CHECK(chunk_name(10) == "COOKIE ECHO");
  CHECK(chunk_name(77) == "CHUNK 77");
}

}  // namespace
}  // namespace millrace
