// The sizes that slots of the transmit arena come in: two per doubling up to 16 KiB, then one.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "engine/base/limits.h"

namespace millrace::api {

/// Slots up to half a page share pages; larger ones are runs of whole pages.
inline constexpr std::uint32_t kPageBytes = 65536;

inline constexpr std::array<std::uint32_t, 24> kClassBytes = {
    64,   128,  192,   256,   384,   512,   768,    1024,   1536,   2048,    3072,    4096,
    6144, 8192, 12288, 16384, 32768, 65536, 131072, 262144, 524288, 1048576, 2097152, 4194304};
static_assert(kClassBytes.back() == kMessageBytesMax);

inline constexpr std::uint32_t kTabledBytes = 16384;
inline constexpr std::uint8_t kClassOfTabled = 15;
static_assert(kClassBytes[kClassOfTabled] == kTabledBytes);

/// The class of a length by its 64-byte units.
inline constexpr auto kClassTable = [] {
  std::array<std::uint8_t, kTabledBytes / 64> table{};
  std::uint8_t size_class = 0;
  for (std::uint32_t units = 0; units < table.size(); ++units) {
    if ((units + 1) * 64 > kClassBytes[size_class]) ++size_class;
    table[units] = size_class;
  }
  return table;
}();

/// The smallest class that holds `length` bytes, 1 to kMessageBytesMax.
inline std::uint8_t size_class_of(std::uint32_t length) {
  if (length <= kTabledBytes) [[likely]]
    return kClassTable[(length - 1) / 64];
  return static_cast<std::uint8_t>(kClassOfTabled + std::bit_width((length - 1) / kTabledBytes));
}

}  // namespace millrace::api
