#include "engine/base/crc32c_blocks.h"

#include <immintrin.h>

#include "engine/base/crc32c_fold.h"

namespace millrace {
namespace {

#define MR_BLOCKS [[gnu::target("avx2,vpclmulqdq,pclmul,sse4.2")]]

constexpr std::size_t kVector = 32;
constexpr Crc32cShift kByBlock = crc32c_shift_by(8 * kCrc32cBlock);
constexpr Crc32cShift kByVectors[] = {crc32c_shift_by(256), crc32c_shift_by(512),
                                      crc32c_shift_by(768)};
constexpr Crc32cShift kByLane = crc32c_shift_by(128);

MR_BLOCKS inline __m256i both_lanes(const Crc32cShift& shift) {
  return _mm256_set_epi64x(static_cast<long long>(shift.high), static_cast<long long>(shift.low),
                           static_cast<long long>(shift.high), static_cast<long long>(shift.low));
}

// `value` moved on by `shift`, and `next` added.
MR_BLOCKS inline __m256i fold(__m256i value, __m256i shift, __m256i next) {
  return _mm256_xor_si256(_mm256_clmulepi64_epi128(value, shift, 0x11),
                          _mm256_xor_si256(_mm256_clmulepi64_epi128(value, shift, 0x00), next));
}

MR_BLOCKS inline std::uint32_t reduce(__m256i lanes) {
  return reduce_128(_mm_xor_si128(fold_128(_mm256_castsi256_si128(lanes), kByLane),
                                  _mm256_extracti128_si256(lanes, 1)));
}

// The i-th vector of a block.
template <bool kCopies>
MR_BLOCKS inline __m256i take(std::uint8_t* to, const std::uint8_t* from, std::size_t i) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + kVector * i));
  if constexpr (kCopies) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + kVector * i), bytes);
  }
  return bytes;
}

template <bool kCopies>
MR_BLOCKS inline std::uint32_t update(std::uint32_t state, std::uint8_t* to,
                                      const std::uint8_t* from, std::size_t count) {
  const __m128i start = _mm_cvtsi32_si128(static_cast<int>(state));
  __m256i a = _mm256_xor_si256(take<kCopies>(to, from, 0), _mm256_zextsi128_si256(start));
  __m256i b = take<kCopies>(to, from, 1);
  __m256i c = take<kCopies>(to, from, 2);
  __m256i d = take<kCopies>(to, from, 3);
  const __m256i by_block = both_lanes(kByBlock);
  for (const std::uint8_t* const end = from + count - kCrc32cBlock; from != end;) {
    from += kCrc32cBlock;
    if constexpr (kCopies) to += kCrc32cBlock;
    a = fold(a, by_block, take<kCopies>(to, from, 0));
    b = fold(b, by_block, take<kCopies>(to, from, 1));
    c = fold(c, by_block, take<kCopies>(to, from, 2));
    d = fold(d, by_block, take<kCopies>(to, from, 3));
  }
  const __m256i early = fold(a, both_lanes(kByVectors[2]), _mm256_setzero_si256());
  const __m256i late = fold(c, both_lanes(kByVectors[0]), d);
  return reduce(fold(b, both_lanes(kByVectors[1]), _mm256_xor_si256(early, late)));
}

}  // namespace

bool has_crc32c_blocks() {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0 &&
         __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.2") != 0;
}

MR_BLOCKS std::uint32_t update_crc32c_blocks(std::uint32_t state, const std::uint8_t* from,
                                             std::size_t count) {
  return update<false>(state, nullptr, from, count);
}

MR_BLOCKS std::uint32_t copy_crc32c_blocks(std::uint32_t state, std::uint8_t* to,
                                           const std::uint8_t* from, std::size_t count) {
  return update<true>(state, to, from, count);
}

}  // namespace millrace
