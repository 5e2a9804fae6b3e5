// What a checksum's remainder is multiplied by to stand further on, for multiplications without
// carries.
#pragma once

#include <cstdint>

namespace millrace {

/// x^exponent modulo the polynomial, bits reflected, for a carry-less product that is one bit
/// short.
constexpr std::uint64_t crc32c_power(unsigned exponent) {
  std::uint32_t value = 0x80000000;  // x^0
  for (; exponent > 0; --exponent) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78 : 0);
  return std::uint64_t{value} << 1;
}

/// What the low and the high half of 128 bits are multiplied by to stand `bits` further on.
struct Crc32cShift {
  std::uint64_t low, high;
};
constexpr Crc32cShift crc32c_shift_by(unsigned bits) {
  return {crc32c_power(bits + 32), crc32c_power(bits - 32)};
}

}  // namespace millrace
