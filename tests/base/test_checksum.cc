#include <catch2/catch.hpp>
#include <numeric>
#include <string_view>
#include <vector>

#include "engine/base/crc32c.h"
#include "engine/base/crc32c_blocks.h"
#include "engine/base/crc32c_wide.h"

namespace millrace {
namespace {

std::uint32_t crc_of(const std::vector<std::uint8_t>& bytes) {
  return Crc32c{}.add(bytes).value();
}

//= rfc9260 6.8#1 type=test
TEST_CASE("CRC32c gives the published check values") {
  const std::string_view digits = "123456789";
  CHECK(crc_of({digits.begin(), digits.end()}) == 0xe3069283);

  // RFC 3720 B.4 prints the bytes in the order of transmission.
  CHECK(crc_of(std::vector<std::uint8_t>(32, 0x00)) == __builtin_bswap32(0xaa36918a));
  CHECK(crc_of(std::vector<std::uint8_t>(32, 0xff)) == 0x62a8ab43);
  std::vector<std::uint8_t> rising(32);
  std::iota(rising.begin(), rising.end(), std::uint8_t{0});
  CHECK(crc_of(rising) == 0x46dd794e);
  CHECK(crc_of({rising.rbegin(), rising.rend()}) == 0x113fdb5c);
}

// Bit by bit, as RFC 9260 appendix A defines it.
std::uint32_t crc_by_definition(const std::vector<std::uint8_t>& bytes) {
  std::uint32_t state = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    state ^= byte;
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) != 0 ? 0x82f63b78 : 0);
  }
  return ~state;
}

// What one processor takes for itself is tried on all that can: crc32c.cc chooses but one.
using Sum = std::uint32_t (*)(std::uint32_t, const std::uint8_t*, std::size_t);
using CopyingSum = std::uint32_t (*)(std::uint32_t, std::uint8_t*, const std::uint8_t*,
                                     std::size_t);
void check_whole_steps(Sum sum, CopyingSum copying_sum, std::size_t step) {
  for (std::size_t steps = 1; steps * step <= 1800; ++steps) {
    const std::size_t odd = steps % 7;
    std::vector<std::uint8_t> bytes(odd + steps * step);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 167);
    const std::vector<std::uint8_t> summed(bytes.begin() + static_cast<std::ptrdiff_t>(odd),
                                           bytes.end());
    INFO(summed.size());
    CHECK(~sum(0xffffffff, bytes.data() + odd, summed.size()) == crc_by_definition(summed));
    std::vector<std::uint8_t> copy(summed.size());
    CHECK(~copying_sum(0xffffffff, copy.data(), bytes.data() + odd, summed.size()) ==
          crc_by_definition(summed));
    CHECK(copy == summed);
  }
}

// RFC 9260 appendix A
TEST_CASE("each way of summing whole steps that this processor has is right") {
  if (has_crc32c_blocks())
    check_whole_steps(update_crc32c_blocks, copy_crc32c_blocks, kCrc32cBlock);
  if (has_wide_crc32c()) check_whole_steps(update_crc32c_wide, copy_crc32c_wide, 4);
  if (!has_crc32c_blocks() && !has_wide_crc32c()) WARN("this processor has none of them");
}

// RFC 9260 appendix A
TEST_CASE("CRC32c is right for every length of a packet") {
  std::vector<std::uint8_t> bytes;
  for (std::size_t length = 0; length <= 1800; ++length) {
    INFO(length);
    REQUIRE(crc_of(bytes) == crc_by_definition(bytes));
    bytes.push_back(static_cast<std::uint8_t>(length * 167 + length / 7));
  }
}

TEST_CASE("CRC32c over pieces is CRC32c over the whole") {
  std::vector<std::uint8_t> bytes(1452);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{7});
  const std::uint32_t whole = crc_of(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); cut += 11) {
    const Bytes all(bytes);
    CHECK(Crc32c{}.add(all.first(cut)).add(all.subspan(cut)).value() == whole);
  }
}

//= rfc9260 6.8#1,2 type=test
TEST_CASE("a packet's checksum is right after it is stored and wrong after any byte changes") {
  std::vector<std::uint8_t> packet(64, 0x5a);
  store_sctp_checksum(packet);
  CHECK(is_sctp_checksum_right(packet));
  for (std::size_t i = 0; i < packet.size(); ++i) {
    packet[i] ^= 1;
    CHECK_FALSE(is_sctp_checksum_right(packet));
    packet[i] ^= 1;
  }
}

TEST_CASE("Bytes that are summed while they are copied arrive as they are, with the same sum") {
  std::vector<std::uint8_t> from(2100);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<std::uint8_t>(i * 37 + i / 7);
  for (std::size_t size = 0; size <= 2048; size += size < 600 ? 1 : 23) {
    const std::size_t shift = size % 5;
    std::vector<std::uint8_t> to(size + 16, 0xee);
    const Bytes bytes{from.data() + shift, size};
    const Crc32c before = Crc32c{}.add({from.data(), 11});
    CHECK(Crc32c{before.state()}.add_copied(to.data() + 8, bytes).value() ==
          Crc32c{before.state()}.add(bytes).value());
    const std::vector<std::uint8_t> edge(8, 0xee);
    REQUIRE(std::equal(bytes.begin(), bytes.end(), to.begin() + 8));
    REQUIRE(std::equal(edge.begin(), edge.end(), to.begin()));
    REQUIRE(std::equal(edge.begin(), edge.end(), to.end() - 8));
  }
}

TEST_CASE("A packet that was summed in part gets the checksum that it would get as a whole") {
  std::vector<std::uint8_t> packet(333);
  std::iota(packet.begin(), packet.end(), std::uint8_t{3});
  std::fill_n(packet.begin() + 8, 4, std::uint8_t{0});
  for (const std::size_t added : {12u, 13u, 200u, 333u}) {
    std::vector<std::uint8_t> copy = packet;
    store_sctp_checksum(copy, Crc32c{}.add(Bytes(packet).first(added)), added);
    CHECK(is_sctp_checksum_right(copy));
  }
}

}  // namespace
}  // namespace millrace
