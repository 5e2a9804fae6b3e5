// Memory that is soon needed, asked for ahead.
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace {

inline constexpr std::uintptr_t kCacheLine = 64;

/// Starts to bring `bytes` from `from` on into the nearest cache and does not wait for them. An
/// address that is nobody's, nullptr too, does no harm.
inline void prefetch(const void* from, std::size_t bytes) {
  const auto first = reinterpret_cast<std::uintptr_t>(from) & ~(kCacheLine - 1);
  const auto end = reinterpret_cast<std::uintptr_t>(from) + bytes;
  // To GCC a function that does nothing but ask for memory does nothing, and a call of it is left
  // out. Not if there is this in it.
  asm volatile("");
  for (std::uintptr_t line = first; line < end; line += kCacheLine)
    __builtin_prefetch(reinterpret_cast<const void*>(line));
}

}  // namespace millrace
