#include "engine/base/crc32c_wide.h"

#include <immintrin.h>

#include "engine/base/crc32c_fold.h"

// gcc 12 warns of the registers that its own header means to leave undefined.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace millrace {
namespace {

#define MR_WIDE [[gnu::target("avx512f,avx512bw,avx512vl,vpclmulqdq,pclmul,sse4.2")]]

constexpr std::size_t kBlock = 64;
constexpr std::size_t kStep = 4 * kBlock;

constexpr Crc32cShift kByStep = crc32c_shift_by(8 * kStep);
constexpr Crc32cShift kByBlocks[] = {crc32c_shift_by(512), crc32c_shift_by(1024),
                                     crc32c_shift_by(1536)};
constexpr Crc32cShift kByLanes[] = {crc32c_shift_by(128), crc32c_shift_by(256),
                                    crc32c_shift_by(384)};

MR_WIDE inline __m512i all_lanes(const Crc32cShift& shift) {
  return _mm512_broadcast_i32x4(
      _mm_set_epi64x(static_cast<long long>(shift.high), static_cast<long long>(shift.low)));
}

// `value` moved on by `shift`, and `next` added.
MR_WIDE inline __m512i fold(__m512i value, __m512i shift, __m512i next) {
  constexpr int kXorOfThree = 0x96;
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(value, shift, 0x00),
                                   _mm512_clmulepi64_epi128(value, shift, 0x11), next, kXorOfThree);
}

MR_WIDE inline std::uint32_t reduce(__m512i lanes) {
  const __m128i first = fold_128(_mm512_castsi512_si128(lanes), kByLanes[2]);
  const __m128i second = fold_128(_mm512_extracti32x4_epi32(lanes, 1), kByLanes[1]);
  const __m128i third = fold_128(_mm512_extracti32x4_epi32(lanes, 2), kByLanes[0]);
  return reduce_128(_mm_xor_si128(_mm_xor_si128(first, second),
                                  _mm_xor_si128(third, _mm512_extracti32x4_epi32(lanes, 3))));
}

// Zeros in front of a message do not change its checksum, so the first step is filled up with them:
// then there is nothing left over at the end.
template <bool kCopies>
MR_WIDE inline std::uint32_t update(std::uint32_t state, std::uint8_t* to, const std::uint8_t* from,
                                    std::size_t count) {
  const std::size_t zeros = (kStep - count % kStep) % kStep;
  const std::uint8_t* at = from - zeros;
  if constexpr (kCopies) to -= zeros;
  const std::size_t first = zeros / 4;  // word of the step that the message begins with
  __m512i sums[4];
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t words = 16 * i;
    const auto there = static_cast<__mmask16>(
        first <= words ? 0xffff : (first >= words + 16 ? 0 : 0xffff << (first - words)));
    const auto start = static_cast<__mmask16>(std::uint64_t{1} << first >> words);
    const __m512i bytes = _mm512_maskz_loadu_epi32(there, at + kBlock * i);
    if constexpr (kCopies) _mm512_mask_storeu_epi32(to + kBlock * i, there, bytes);
    sums[i] = _mm512_xor_si512(bytes, _mm512_maskz_set1_epi32(start, static_cast<int>(state)));
  }
  const __m512i by_step = all_lanes(kByStep);
  const std::uint8_t* const end = from + count;
  for (at += kStep; at != end; at += kStep) {
    if constexpr (kCopies) to += kStep;
    for (std::size_t i = 0; i < 4; ++i) {
      const __m512i bytes = _mm512_loadu_si512(at + kBlock * i);
      if constexpr (kCopies) _mm512_storeu_si512(to + kBlock * i, bytes);
      sums[i] = fold(sums[i], by_step, bytes);
    }
  }
  const __m512i late = fold(sums[2], all_lanes(kByBlocks[0]), sums[3]);
  const __m512i early = fold(sums[0], all_lanes(kByBlocks[2]), _mm512_setzero_si512());
  const __m512i sum = fold(sums[1], all_lanes(kByBlocks[1]), _mm512_xor_si512(late, early));
  return reduce(sum);
}

}  // namespace

bool has_wide_crc32c() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0 &&
         __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.2") != 0;
}

MR_WIDE std::uint32_t update_crc32c_wide(std::uint32_t state, const std::uint8_t* from,
                                         std::size_t count) {
  return update<false>(state, nullptr, from, count);
}

MR_WIDE std::uint32_t copy_crc32c_wide(std::uint32_t state, std::uint8_t* to,
                                       const std::uint8_t* from, std::size_t count) {
  return update<true>(state, to, from, count);
}

}  // namespace millrace
