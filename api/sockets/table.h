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

/// One above the largest number that a descriptor of ours has had, a socket's or one of the
/// library's own. It only grows.
extern std::atomic<int> descriptors_end [[gnu::visibility("hidden")]];

inline void count_up_to(int descriptor) {
  int end = descriptors_end.load(std::memory_order_relaxed);
  while (end <= descriptor && !descriptors_end.compare_exchange_weak(end, descriptor + 1)) {
  }
}

inline bool is_ours(int descriptor) {
  return static_cast<unsigned>(descriptor) < static_cast<unsigned>(kDescriptorsMax) &&
         ours[descriptor].load(std::memory_order_relaxed) != 0;
}

}  // namespace millrace::sockets
