// Which descriptors of this process are sockets of ours.
#pragma once

#include <atomic>
#include <cstdint>

namespace millrace::sockets {

/// Sockets with larger numbers are not made (-EMFILE).
inline constexpr int kDescriptorsMax = 1 << 16;

/// Set and cleared under the process's lock. What everybody pays who calls read() or write() on
/// something else: a comparison and a byte.
extern std::atomic<std::uint8_t> ours[kDescriptorsMax] [[gnu::visibility("hidden")]];

inline bool is_ours(int descriptor) {
  return static_cast<unsigned>(descriptor) < static_cast<unsigned>(kDescriptorsMax) &&
         ours[descriptor].load(std::memory_order_relaxed) != 0;
}

}  // namespace millrace::sockets
