// What the ways of summing by carry-less multiplication end with: lanes of 128 bits that become
// one, and that the checksum's state.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "engine/base/crc32c_powers.h"

namespace millrace {

#define MR_FOLD [[gnu::target("pclmul,sse4.2")]] inline

/// `value` further on by `by`.
MR_FOLD __m128i fold_128(__m128i value, const Crc32cShift& by) {
  const __m128i shift =
      _mm_set_epi64x(static_cast<long long>(by.high), static_cast<long long>(by.low));
  return _mm_xor_si128(_mm_clmulepi64_si128(value, shift, 0x00),
                       _mm_clmulepi64_si128(value, shift, 0x11));
}

/// 128 bits into 32: what is congruent has the same checksum.
MR_FOLD std::uint32_t reduce_128(__m128i sum) {
  const std::uint64_t low = _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(sum)));
  return static_cast<std::uint32_t>(
      _mm_crc32_u64(low, static_cast<std::uint64_t>(_mm_extract_epi64(sum, 1))));
}

#undef MR_FOLD

}  // namespace millrace
