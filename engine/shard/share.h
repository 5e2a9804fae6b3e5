// How much of what a shard has for all one owner may take, and one association.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/slab.h"

namespace millrace {

/// What one association, or all of one owner, holds of what a shard has for all.
struct Usage {
  std::uint32_t chunks_sent = 0;
  std::uint32_t chunks_held = 0;
  std::uint32_t buffers_held = 0;
  std::uint32_t streams_in = 0;  ///< blocks of them, as StreamTable makes them
  std::uint32_t streams_out = 0;

  bool operator==(const Usage&) const = default;
};

/// An owner may hold so many times what it leaves free: eight ninths when it is alone, and whoever
/// comes later finds something, however many have taken all that they may.
inline constexpr std::size_t kOwnerShare = 8;
/// The same for what one association keeps for later, which its peer decides: half.
inline constexpr std::size_t kAssociationShare = 1;

/// Whether who has `held` of the `used` may take one more.
constexpr bool may_take(std::size_t share, std::size_t held, std::size_t used,
                        std::size_t capacity) {
  return used < capacity && held < share * (capacity - used);
}

/// How many more it may take before may_take() says no.
constexpr std::size_t allowance(std::size_t share, std::size_t held, std::size_t used,
                                std::size_t capacity) {
  if (!may_take(share, held, used, capacity)) return 0;
  return (share * (capacity - used) - held + share) / (share + 1);
}

template <class T>
bool may_take(std::size_t share, std::size_t held, const Slab<T>& slab) {
  return may_take(share, held, slab.used(), slab.capacity());
}

}  // namespace millrace
