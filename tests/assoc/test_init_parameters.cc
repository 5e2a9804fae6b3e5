#include <catch2/catch.hpp>
#include <vector>

#include "engine/assoc/init_parameters.h"
#include "engine/base/hash.h"

namespace millrace {
namespace {

const IpAddress kSource = *IpAddress::parse("192.0.2.1");

IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}

/// The parameters of an INIT.
struct Fields {
  Fields& add(std::uint16_t type, std::vector<std::uint8_t> value) {
    const std::size_t length = 4 + value.size();
    raw(type, static_cast<std::uint16_t>(length));
    bytes.insert(bytes.end(), value.begin(), value.end());
    while (bytes.size() % 4 != 0) bytes.push_back(0);
    return *this;
  }
  Fields& add(const char* text) {
    const IpAddress of = address(text);
    const Bytes wire = of.wire_bytes();
    return add(of.is_v4() ? 5 : 6, {wire.begin(), wire.end()});
  }
  /// A header that may lie about its length.
  Fields& raw(std::uint16_t type, std::uint16_t length) {
    for (const int byte : {type >> 8, type & 255, length >> 8, length & 255}) {
      bytes.push_back(static_cast<std::uint8_t>(byte));
    }
    return *this;
  }
  InitContents read(const IpAddress& source = kSource) const {
    return read_init(InitView{1, 1500, 1, 1, Tsn{1}, bytes}, source);
  }

  std::vector<std::uint8_t> bytes;
};

std::vector<IpAddress> peers_of(const InitContents& contents) {
  return {contents.addresses().begin(), contents.addresses().end()};
}

// RFC 9260 5.1.2
TEST_CASE("the peer's addresses are where the INIT came from and what it lists, each once") {
  const InitContents contents =
      Fields().add("198.51.100.7").add("192.0.2.1").add("2001:db8::7").add("198.51.100.7").read();
  CHECK_FALSE(contents.is_malformed);
  CHECK((peers_of(contents) ==
         std::vector<IpAddress>{kSource, address("198.51.100.7"), address("2001:db8::7")}));
}

TEST_CASE("addresses that no peer can have are left out") {
  const InitContents contents = Fields()
                                    .add("0.0.0.0")
                                    .add("255.255.255.255")
                                    .add("224.0.0.1")
                                    .add("127.0.0.1")
                                    .add("::")
                                    .add("::1")
                                    .add("ff02::1")
                                    .add("fe80::1")
                                    .add("169.254.1.1")
                                    .read();
  CHECK_FALSE(contents.is_malformed);
  CHECK(peers_of(contents) == std::vector<IpAddress>{kSource});
}

TEST_CASE("a peer on this host may be at loopback addresses") {
  const InitContents contents = Fields().add("127.0.0.2").read(address("127.0.0.1"));
  CHECK(contents.peer_count == 2);
}

TEST_CASE("more addresses than an association has are left out") {
  Fields parameters;
  for (int i = 1; i < 30; ++i) parameters.add(("198.51.100." + std::to_string(i)).c_str());
  CHECK(parameters.read().peer_count == kPathsMax);
}

// RFC 9260 3.2.1
TEST_CASE("the upper bits of an unknown parameter say whether to go on and whether to report it") {
  const auto [type, goes_on, is_reported] = GENERATE(table<std::uint16_t, bool, bool>({
      {std::uint16_t{0x0099}, false, false},
      {std::uint16_t{0x4099}, false, true},
      {std::uint16_t{0x8099}, true, false},
      {std::uint16_t{0xc099}, true, true},
  }));
  Fields fields;
  fields.add(type, {1, 2, 3}).add("198.51.100.7").add(7, {9, 9, 9, 9});
  const InitContents contents = fields.read();
  CHECK_FALSE(contents.is_malformed);
  CHECK((contents.peer_count == 2) == goes_on);
  CHECK(contents.cookie.empty() == !goes_on);
  REQUIRE((contents.unrecognized_count == 1) == is_reported);
  if (is_reported) {
    CHECK(contents.unrecognized[0].size() == 7);
    CHECK(load_be16(contents.unrecognized[0].data()) == type);
  }
}

TEST_CASE("no more unknown parameters are reported than there is room for") {
  Fields parameters;
  for (int i = 0; i < 20; ++i) parameters.add(0xc001, {1});
  CHECK(parameters.read().unrecognized_count == InitContents::kUnrecognizedMax);
}

TEST_CASE("parameters that do not fit are malformed") {
  SECTION("longer than what is there") {
    CHECK(Fields().add("198.51.100.7").raw(6, 20).read().is_malformed);
  }
  SECTION("shorter than a header") {
    CHECK(Fields().raw(5, 3).raw(0, 0).read().is_malformed);
    CHECK(Fields().raw(0xc000, 0).read().is_malformed);
  }
  SECTION("an address of another length") {
    CHECK(Fields().add(5, {1, 2, 3}).read().is_malformed);
    CHECK(Fields().add(6, {1, 2, 3, 4}).read().is_malformed);
  }
  SECTION("half a header") {
    Fields parameters;
    parameters.add("198.51.100.7");
    parameters.bytes.push_back(0);
    parameters.bytes.push_back(5);
    CHECK(parameters.read().is_malformed);
  }
}

// RFC 9260 3.3.2
TEST_CASE("host name, address types and cookie are found") {
  const InitContents contents =
      Fields().add(11, {'a', 0}).add(12, {0, 6}).add(7, {1, 2, 3, 4, 5}).read();
  CHECK(contents.has_host_name);
  CHECK(contents.host_name.size() == 6);
  CHECK(contents.unrecognized_count == 0);
  CHECK(contents.cookie.size() == 5);
}

TEST_CASE("any bytes can be read as parameters") {
  Random random({11, 12});
  std::vector<std::uint8_t> all(600);
  for (int i = 0; i < 20000; ++i) {
    Fields parameters;
    parameters.bytes.resize(random.below(600));
    for (auto& byte : parameters.bytes) {
      byte = static_cast<std::uint8_t>(random.below(3) == 0 ? random.next_u32() : random.below(13));
    }
    const InitContents contents = parameters.read();
    REQUIRE(contents.peer_count >= 1);
    REQUIRE(contents.peer_count <= kPathsMax);
    REQUIRE(contents.unrecognized_count <= InitContents::kUnrecognizedMax);
    for (const IpAddress& peer : contents.addresses()) REQUIRE(peer.is_unicast());
  }
}

TEST_CASE("what is announced can be read, and is what the peer can reach") {
  BufferPool pool(1);
  BufferSlab slab(pool, 1);
  Buffer* buffer = pool.acquire();
  const std::vector<IpAddress> ours = {address("127.0.0.1"), address("198.51.100.7"),
                                       address("2001:db8::7"), address("198.51.100.8")};
  PacketWriter writer(*buffer, CommonHeader{1, 2, 0}, 1200);
  write_init_fields(writer, ChunkType::kInit, {5, 6, 7, 8, Tsn{9}});
  write_local_addresses(writer, ours, /*mask=*/0b0111, kSource);
  write_supported_address_types(writer, true, true);
  writer.end_chunk();
  ChunkReader reader(buffer->bytes());
  const auto init = InitView::parse(*reader.next());
  REQUIRE(init.has_value());
  CHECK(init->initiate_tag == 5);
  CHECK(init->initial_tsn == Tsn{9});
  const InitContents contents = read_init(*init, address("198.51.100.7"));
  CHECK((peers_of(contents) ==
         std::vector<IpAddress>{address("198.51.100.7"), address("2001:db8::7")}));
  pool.release(buffer);
}

}  // namespace
}  // namespace millrace
