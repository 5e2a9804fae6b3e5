// Reading SCTP packets: the frame, the chunks with fixed fields, parameters and causes.
#include <catch2/catch.hpp>
#include <vector>

#include "engine/wire/chunk.h"
#include "engine/wire/chunks.h"
#include "engine/wire/parameter.h"

namespace millrace {
namespace {

using Octets = std::vector<std::uint8_t>;

/// A packet from port 5000 to 3868 with tag 0x01020304 and these bytes behind the common header.
Octets packet_with(const Octets& chunks) {
  Octets packet{0x13, 0x88, 0x0f, 0x1c, 1, 2, 3, 4, 0, 0, 0, 0};
  for (const std::uint8_t octet : chunks) packet.push_back(octet);
  return packet;
}

ChunkView chunk_of(const Octets& bytes) {
  return ChunkView{bytes};
}

//= rfc9260 3#2 type=test
TEST_CASE("the common header names ports and tag") {
  const CommonHeader header = CommonHeader::read(packet_with({}));
  CHECK(header.source_port == 5000);
  CHECK(header.destination_port == 3868);
  CHECK(header.verification_tag == 0x01020304);
}

// RFC 9260 3.2
TEST_CASE("chunks follow each other on boundaries of four bytes, their padding not counted") {
  const Octets packet = packet_with({0, 3, 0, 5, 0xaa, 0, 0, 0, 11, 0, 0, 4});
  ChunkReader reader(packet);
  const auto first = reader.next();
  REQUIRE(first.has_value());
  CHECK(first->type() == ChunkType::kData);
  CHECK(first->flags() == 3);
  CHECK(first->value().size() == 1);
  const auto second = reader.next();
  REQUIRE(second.has_value());
  CHECK(second->type() == ChunkType::kCookieAck);
  CHECK(second->value().empty());
  CHECK_FALSE(reader.next().has_value());
  CHECK(reader.is_at_end());
  CHECK_FALSE(reader.is_malformed());
}

TEST_CASE("the last chunk may come without its padding") {
  const Octets packet = packet_with({4, 0, 0, 5, 0xaa});
  ChunkReader reader(packet);
  REQUIRE(reader.next().has_value());
  CHECK(reader.is_at_end());
  CHECK_FALSE(reader.is_malformed());
}

TEST_CASE("a chunk that does not fit ends the packet as malformed") {
  const std::vector<Octets> malformed{
      {0, 0, 0},                             // cut off in the chunk header
      {0, 0, 0, 3},                          // shorter than its own header
      {0, 0, 0, 0},                          //
      {0, 0, 0, 9, 1, 2, 3, 4},              // longer than the packet
      {0, 0, 0xff, 0xff},                    //
      {11, 0, 0, 4, 0, 0, 0, 9, 1, 2, 3, 4}  // the second one
  };
  for (const Octets& chunks : malformed) {
    const Octets packet = packet_with(chunks);
    ChunkReader reader(packet);
    while (reader.next()) {
    }
    CAPTURE(chunks);
    CHECK(reader.is_malformed());
    CHECK_FALSE(reader.next().has_value());
  }
}

// RFC 9260 3.2
TEST_CASE("the upper bits of an unknown chunk type say whether to go on and whether to report") {
  CHECK_FALSE(unknown_type_is_skipped(0b00));
  CHECK_FALSE(unknown_type_is_reported(0b00));
  CHECK_FALSE(unknown_type_is_skipped(0b01));
  CHECK(unknown_type_is_reported(0b01));
  CHECK(unknown_type_is_skipped(0b10));
  CHECK_FALSE(unknown_type_is_reported(0b10));
  CHECK(unknown_type_is_skipped(0b11));
  CHECK(unknown_type_is_reported(0b11));
}

// RFC 9260 3.3.1
TEST_CASE("DATA has its fields, and no payload is for the receiver to judge") {
  Octets bytes{0, 7, 0, 18, 0, 0, 0, 9, 0, 2, 0, 3, 0, 0, 0, 46, 0xaa, 0xbb};
  const auto data = DataView::parse(chunk_of(bytes));
  REQUIRE(data.has_value());
  CHECK(data->flags == (kDataFlagUnordered | kDataFlagBegin | kDataFlagEnd));
  CHECK(data->tsn == Tsn{9});
  CHECK(data->stream == 2);
  CHECK(data->ssn == Ssn{3});
  CHECK(data->ppid == 46);
  CHECK(data->payload.size() == 2);
  bytes.resize(kDataHeaderBytes);
  REQUIRE(DataView::parse(chunk_of(bytes)).has_value());
  CHECK(DataView::parse(chunk_of(bytes))->payload.empty());
  bytes.pop_back();
  CHECK_FALSE(DataView::parse(chunk_of(bytes)).has_value());
}

// RFC 9260 3.3.2
TEST_CASE("INIT has its fixed fields before its parameters") {
  Octets bytes{1,    0,    0, 24, 0xde, 0xad, 0xbe, 0xef, 0,    1,    0, 0,
               0x00, 0x0a, 0, 64, 0xff, 0xff, 0xff, 0xf0, 0x80, 0x00, 0, 4};
  const auto init = InitView::parse(chunk_of(bytes));
  REQUIRE(init.has_value());
  CHECK(init->initiate_tag == 0xdeadbeef);
  CHECK(init->a_rwnd == 65536);
  CHECK(init->streams_out == 10);
  CHECK(init->streams_in == 64);
  CHECK(init->initial_tsn == Tsn{0xfffffff0});
  CHECK(init->parameters.size() == 4);
  bytes.resize(InitView::kBytes - 1);
  CHECK_FALSE(InitView::parse(chunk_of(bytes)).has_value());
}

// RFC 9260 3.3.4
TEST_CASE("a SACK is as long as its counts of gaps and duplicates say") {
  Octets bytes{3, 0, 0, 28, 0, 0, 0, 17, 0, 1, 0, 0, 0, 2,
               0, 1, 0, 2,  0, 3, 0, 5,  0, 5, 0, 0, 0, 16};
  const auto sack = SackView::parse(chunk_of(bytes));
  REQUIRE(sack.has_value());
  CHECK(sack->cumulative_tsn_ack == Tsn{17});
  CHECK(sack->a_rwnd == 65536);
  REQUIRE(sack->gap_count == 2);
  CHECK(sack->gap(0).start == 2);
  CHECK(sack->gap(0).end == 3);
  CHECK(sack->gap(1).start == 5);
  CHECK(sack->gap(1).end == 5);
  REQUIRE(sack->duplicate_count == 1);
  CHECK(sack->duplicate(0) == Tsn{16});

  bytes[13] = 3;  // one gap more than there is room for
  CHECK_FALSE(SackView::parse(chunk_of(bytes)).has_value());
  bytes[13] = 1;  // one less
  CHECK_FALSE(SackView::parse(chunk_of(bytes)).has_value());
  bytes[12] = 0xff;  // a count that would wrap a sum of 16 bits
  CHECK_FALSE(SackView::parse(chunk_of(bytes)).has_value());
  bytes.resize(SackView::kFixedBytes - 1);
  CHECK_FALSE(SackView::parse(chunk_of(bytes)).has_value());
}

// RFC 9260 3.3.8
TEST_CASE("SHUTDOWN is eight bytes") {
  CHECK(parse_shutdown(chunk_of({7, 0, 0, 8, 0, 0, 0, 17})) == Tsn{17});
  CHECK_FALSE(parse_shutdown(chunk_of({7, 0, 0, 4})).has_value());
  CHECK_FALSE(parse_shutdown(chunk_of({7, 0, 0, 9, 0, 0, 0, 17, 0})).has_value());
}

// RFC 9260 3.2.1
TEST_CASE("parameters follow each other like chunks do") {
  const Octets bytes{0x00, 0x07, 0, 5, 0xaa, 0, 0, 0, 0x80, 0x00, 0, 4};
  TlvReader reader(bytes);
  const auto cookie = reader.next();
  REQUIRE(cookie.has_value());
  CHECK(cookie->type() == static_cast<std::uint16_t>(ParameterType::kStateCookie));
  CHECK(cookie->value().size() == 1);
  const auto ecn = reader.next();
  REQUIRE(ecn.has_value());
  CHECK(ecn->type() == 0x8000);
  CHECK_FALSE(reader.next().has_value());
  CHECK_FALSE(reader.is_malformed());
}

TEST_CASE("a parameter that does not fit is malformed") {
  for (const Octets& bytes : {Octets{0, 7, 0}, Octets{0, 7, 0, 3}, Octets{0, 7, 0, 6, 1}}) {
    TlvReader reader(bytes);
    CHECK_FALSE(reader.next().has_value());
    CHECK(reader.is_malformed());
  }
}

TEST_CASE("an address parameter has the length of its version") {
  const auto read = [](const Octets& bytes) { return address_in(TlvView{bytes}); };
  CHECK(read({0, 5, 0, 8, 192, 0, 2, 1}) == IpAddress::parse("192.0.2.1"));
  CHECK_FALSE(read({0, 5, 0, 7, 192, 0, 2}).has_value());
  Octets v6{0, 6, 0, 20, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  CHECK(read(v6) == IpAddress::parse("2001:db8::1"));
  v6[1] = 5;
  CHECK_FALSE(read(v6).has_value());
  CHECK_FALSE(read({0, 7, 0, 8, 192, 0, 2, 1}).has_value());
}

}  // namespace
}  // namespace millrace
