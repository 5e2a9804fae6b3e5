// CRC32c in steps of 256 bytes, for processors that multiply without carries in 512-bit registers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace {

/// Whether this processor can.
bool has_wide_crc32c();

/// The state after `count` more bytes, inverted neither at the start nor at the end. `count` is a
/// multiple of 4 and not 0.
std::uint32_t update_crc32c_wide(std::uint32_t state, const std::uint8_t* from, std::size_t count);
/// The same, and copies the bytes to `to`: each is read once.
std::uint32_t copy_crc32c_wide(std::uint32_t state, std::uint8_t* to, const std::uint8_t* from,
                               std::size_t count);

}  // namespace millrace
