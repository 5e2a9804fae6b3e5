#include <catch2/catch.hpp>
#include <vector>

#include "engine/base/mac.h"

namespace millrace {

TEST_CASE("GMAC gives the published values") {
  GmacSigner signer;
  // The first of NIST's gcmEncryptExtIV128 whose text is empty and whose AAD has 128 bits.
  signer.set_key({0x77, 0xbe, 0x63, 0x70, 0x89, 0x71, 0xc4, 0xe2, 0x40, 0xd1, 0xcb, 0x79, 0xe8,
                  0xd7, 0x7f, 0xeb});
  const std::vector<std::uint8_t> message{0x7a, 0x43, 0xec, 0x1d, 0x9c, 0x0a, 0x5a, 0x78,
                                          0xa0, 0xb1, 0x65, 0x33, 0xa6, 0x21, 0x3c, 0xab};
  CHECK(signer.sign({0xe0, 0xe0, 0x0f, 0x19, 0xfe, 0xd7, 0xba, 0x01, 0x36, 0xa7, 0x97, 0xf3},
                    message) == Mac{0x20, 0x9f, 0xcc, 0x8d, 0x36, 0x75, 0xed, 0x93, 0x8e, 0x9c,
                                    0x71, 0x66, 0x70, 0x9d, 0xd9, 0x46});
  // Test case 1 of the specification of GCM: everything zero, and nothing to sign.
  signer.set_key({});
  CHECK(signer.sign({}, {}) == Mac{0x58, 0xe2, 0xfc, 0xce, 0xfa, 0x7e, 0x30, 0x61, 0x36, 0x7f, 0x1d,
                                   0x57, 0xa4, 0xe7, 0x45, 0x5a});
}

namespace {

/// Sixteen bytes that count how often each is read.
struct CountingMac {
  Mac bytes{};
  mutable std::array<int, 16> reads{};

  std::size_t size() const { return bytes.size(); }
  std::uint8_t operator[](std::size_t index) const {
    ++reads[index];
    return bytes[index];
  }
};

}  // namespace

//= faults 9#1 type=test
TEST_CASE("every byte of two MACs is read once, wherever they differ") {
  std::array<int, 16> once;
  once.fill(1);
  for (std::uint32_t differing = 0; differing < 1u << 16; ++differing) {
    CountingMac ours, theirs;
    for (std::size_t i = 0; i < ours.bytes.size(); ++i) {
      ours.bytes[i] = static_cast<std::uint8_t>(17 * i);
      theirs.bytes[i] = static_cast<std::uint8_t>(ours.bytes[i] ^ (differing >> i & 1) << (i % 8));
    }
    REQUIRE(macs_are_equal(ours, theirs) == (differing == 0));
    REQUIRE(ours.reads == once);
    REQUIRE(theirs.reads == once);
  }
}

TEST_CASE("MACs of different lengths are not equal") {
  const Mac mac{};
  CHECK(macs_are_equal(Bytes(mac), mac));
  CHECK_FALSE(macs_are_equal(Bytes(mac).first(15), mac));
  CHECK_FALSE(macs_are_equal(mac, Bytes(mac).first(15)));
}

}  // namespace millrace
