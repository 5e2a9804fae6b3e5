// Bytes and the big-endian integers in them. The callers check bounds; wire views do so once.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace millrace {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline std::uint16_t load_be16(const std::uint8_t* from) {
  std::uint16_t raw;
  std::memcpy(&raw, from, sizeof raw);
  return __builtin_bswap16(raw);
}

inline std::uint32_t load_be32(const std::uint8_t* from) {
  std::uint32_t raw;
  std::memcpy(&raw, from, sizeof raw);
  return __builtin_bswap32(raw);
}

inline std::uint64_t load_be64(const std::uint8_t* from) {
  std::uint64_t raw;
  std::memcpy(&raw, from, sizeof raw);
  return __builtin_bswap64(raw);
}

inline void store_be16(std::uint8_t* to, std::uint16_t value) {
  const std::uint16_t raw = __builtin_bswap16(value);
  std::memcpy(to, &raw, sizeof raw);
}

inline void store_be32(std::uint8_t* to, std::uint32_t value) {
  const std::uint32_t raw = __builtin_bswap32(value);
  std::memcpy(to, &raw, sizeof raw);
}

inline void store_be64(std::uint8_t* to, std::uint64_t value) {
  const std::uint64_t raw = __builtin_bswap64(value);
  std::memcpy(to, &raw, sizeof raw);
}

/// `length` rounded up to the four bytes that chunks, parameters and causes are padded to.
constexpr std::size_t padded4(std::size_t length) {
  return (length + 3) & ~std::size_t{3};
}

}  // namespace millrace
