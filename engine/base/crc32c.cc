#include "engine/base/crc32c.h"

#include <isa-l/crc.h>
#include <nmmintrin.h>
#include <wmmintrin.h>

#include <array>

#include "engine/base/assert.h"
#include "engine/base/crc32c_blocks.h"
#include "engine/base/crc32c_powers.h"
#include "engine/base/crc32c_wide.h"

namespace millrace {
namespace {

constexpr std::size_t kChecksumOffset = 8;
constexpr std::size_t kCommonHeaderBytes = 12;

const bool kIsWide = has_wide_crc32c();
constexpr std::size_t kWideMin = 96;  // below, one instruction after the other is as fast

// Without wide registers, whole steps go to what is fastest there: blocks of 128 bytes, or ISA-L,
// which is fast over 256 bytes (1280 bytes take 31 ns, but 1276 take 70, and 12 take 16). What is
// left over goes through the processor's own instruction, 8 bytes at a time (12 bytes: 2 ns),
// beside them rather than after them: the two results are put together by one multiplication.
const bool kHasBlocks = !kIsWide && has_crc32c_blocks();
constexpr std::size_t kIsalStep = 256;
const std::size_t kStep = kHasBlocks ? kCrc32cBlock : kIsalStep;  // a power of two
constexpr std::size_t kApartMin = 16;  // bytes left over from which that is worth it

// [n] is what a state is multiplied by to have n more bytes of zeros behind it (n >= 4). The
// instruction that shift() ends with adds 32 bits of them by itself.
constexpr auto kShifts = [] {
  std::array<std::uint64_t, kIsalStep> shifts{};
  for (unsigned n = 4; n < kIsalStep; ++n) shifts[n] = crc32c_power(8 * n - 32);
  return shifts;
}();

[[gnu::target("sse4.2,pclmul")]] std::uint32_t shift(std::uint32_t state, std::size_t count) {
  const __m128i product =
      _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(state)),
                           _mm_cvtsi64_si128(static_cast<long long>(kShifts[count])), 0);
  return static_cast<std::uint32_t>(
      _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(product))));
}

// If it copies, each byte is read once, and written to `to`.
template <bool kCopies = false>
[[gnu::target("sse4.2")]] std::uint32_t update_serially(std::uint32_t state,
                                                        const std::uint8_t* from, std::size_t count,
                                                        std::uint8_t* to = nullptr) {
  std::uint64_t wide = state;
  for (; count >= 8; from += 8, count -= 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    if constexpr (kCopies) {
      std::memcpy(to, &bytes, sizeof bytes);
      to += sizeof bytes;
    }
    wide = _mm_crc32_u64(wide, bytes);
  }
  auto narrow = static_cast<std::uint32_t>(wide);
  if (count >= 4) {
    std::uint32_t bytes;
    std::memcpy(&bytes, from, sizeof bytes);
    if constexpr (kCopies) {
      std::memcpy(to, &bytes, sizeof bytes);
      to += sizeof bytes;
    }
    narrow = _mm_crc32_u32(narrow, bytes);
    from += 4;
    count -= 4;
  }
  for (; count > 0; --count) {
    const std::uint8_t byte = *from++;
    if constexpr (kCopies) *to++ = byte;
    narrow = _mm_crc32_u8(narrow, byte);
  }
  return narrow;
}

// Of a packet's common header, with zeros for the checksum.
[[gnu::target("sse4.2")]] std::uint32_t state_of_header(Bytes packet) {
  static_assert(kChecksumOffset == 8 && kCommonHeaderBytes == 12);
  std::uint64_t ports_and_tag;
  std::memcpy(&ports_and_tag, packet.data(), sizeof ports_and_tag);
  return _mm_crc32_u32(static_cast<std::uint32_t>(_mm_crc32_u64(0xffffffff, ports_and_tag)), 0);
}

// As all of these, it neither inverts at the start nor at the end. ISA-L does not write.
template <bool kCopies>
std::uint32_t update_in_steps(std::uint32_t state, const std::uint8_t* from, std::size_t count,
                              std::uint8_t* to) {
  if constexpr (kCopies) return copy_crc32c_blocks(state, to, from, count);
  if (kHasBlocks) return update_crc32c_blocks(state, from, count);
  return crc32_iscsi(const_cast<unsigned char*>(from), static_cast<int>(count), state);
}

template <bool kCopies = false>
std::uint32_t update_without_wide(std::uint32_t state, const std::uint8_t* from, std::size_t count,
                                  std::uint8_t* to = nullptr) {
  const std::size_t rest = count & (kStep - 1);
  const std::size_t whole = count - rest;
  if (whole == 0) return update_serially<kCopies>(state, from, rest, to);
  const std::uint8_t* const last = from + whole;
  std::uint8_t* const last_to = kCopies ? to + whole : nullptr;
  if (rest < kApartMin) {
    return update_serially<kCopies>(update_in_steps<kCopies>(state, from, whole, to), last, rest,
                                    last_to);
  }
  const std::uint32_t behind = update_serially<kCopies>(0, last, rest, last_to);
  return shift(update_in_steps<kCopies>(state, from, whole, to), rest) ^ behind;
}

std::uint32_t update(std::uint32_t state, const std::uint8_t* from, std::size_t count) {
  if (!kIsWide || count < kWideMin) return update_without_wide(state, from, count);
  const std::size_t odd = count % 4;
  if (odd != 0) state = update_serially(state, from, odd);
  return update_crc32c_wide(state, from + odd, count - odd);
}

// The wide way takes words of four bytes.
std::uint32_t copy_wide(std::uint32_t state, std::uint8_t* to, Bytes bytes) {
  const std::size_t odd = bytes.size() % 4;
  return copy_crc32c_wide(update_serially<true>(state, bytes.data(), odd, to), to + odd,
                          bytes.data() + odd, bytes.size() - odd);
}

}  // namespace

Crc32c& Crc32c::add(Bytes bytes) {
  state_ = update(state_, bytes.data(), bytes.size());
  return *this;
}

bool sums_while_copying() {
  return kIsWide || kHasBlocks;
}

// Somebody else may be changing the bytes meanwhile: what is summed is what was copied.
Crc32c& Crc32c::add_copied(std::uint8_t* to, Bytes bytes) {
  const std::size_t least = kIsWide ? kWideMin : kCrc32cBlock;
  if (!sums_while_copying() || bytes.size() < least) {
    std::memcpy(to, bytes.data(), bytes.size());
    return add({to, bytes.size()});
  }
  state_ = kIsWide ? copy_wide(state_, to, bytes)
                   : update_without_wide<true>(state_, bytes.data(), bytes.size(), to);
  return *this;
}

std::uint32_t sctp_checksum(Bytes packet) {
  MR_ASSERT(packet.size() >= kCommonHeaderBytes);
  return ~update(state_of_header(packet), packet.data() + kCommonHeaderBytes,
                 packet.size() - kCommonHeaderBytes);
}

void store_sctp_checksum(MutableBytes packet) {
  MR_ASSERT(packet.size() >= kCommonHeaderBytes);
  const std::uint32_t checksum = sctp_checksum(packet);
  std::memcpy(packet.data() + kChecksumOffset, &checksum, sizeof checksum);
}

void store_sctp_checksum(MutableBytes packet, Crc32c begun, std::size_t added) {
  MR_ASSERT(added >= kCommonHeaderBytes && added <= packet.size());
  const std::uint32_t checksum = begun.add(packet.subspan(added)).value();
  std::memcpy(packet.data() + kChecksumOffset, &checksum, sizeof checksum);
}

bool is_sctp_checksum_right(Bytes packet) {
  std::uint32_t stored;
  std::memcpy(&stored, packet.data() + kChecksumOffset, sizeof stored);
  return stored == sctp_checksum(packet);
}

}  // namespace millrace
