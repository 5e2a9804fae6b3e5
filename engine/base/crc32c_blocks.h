// CRC32c of whole blocks of 128 bytes, for processors that multiply without carries in 256-bit
// registers (and have none of 512 bits: crc32c_wide.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace {

inline constexpr std::size_t kCrc32cBlock = 128;

/// Whether this processor can.
bool has_crc32c_blocks();

/// The state after `count` more bytes, inverted neither at the start nor at the end. `count` is a
/// multiple of kCrc32cBlock and not 0.
std::uint32_t update_crc32c_blocks(std::uint32_t state, const std::uint8_t* from,
                                   std::size_t count);
/// The same, and copies the bytes to `to`: each is read once.
std::uint32_t copy_crc32c_blocks(std::uint32_t state, std::uint8_t* to, const std::uint8_t* from,
                                 std::size_t count);

}  // namespace millrace
