// What an operator allows one shard to hold and to answer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/base/counters.h"
#include "engine/base/slab.h"
#include "engine/shard/init_rate.h"

namespace millrace {

/// How much a shard may hold; memory is reserved at construction and taken when first used. Of each
/// an owner may take what share.h says.
struct ShardLimits {
  std::size_t associations = 1 << 16;
  /// That came from one address of a peer's; 0: no limit.
  std::uint32_t associations_per_peer = 0;
  std::size_t messages_queued = 1 << 17;  ///< accepted from applications and not yet acknowledged
  std::size_t chunks_sent = 1 << 17;      ///< DATA chunks in flight
  std::size_t chunks_held = 1 << 17;      ///< DATA chunks received and not yet delivered
  /// Of these, those of one association; 0: what share.h says is all.
  std::size_t chunks_held_per_association = 0;
  std::size_t listeners = 1024;
  std::size_t buffers_held = 8192;  ///< packets received and not yet wholly delivered
  /// Owners that there may be at a time; a power of two. Two that live at the same time differ in
  /// their numbers modulo this.
  std::size_t owners = 4096;
  InitRateLimits inits;
  /// Packets that belong to no association and are answered in a second; 0: no limit.
  std::uint32_t out_of_the_blue_answers = 10'000;
};

/// What is used of one of them, as the operator sees it.
struct LimitUse {
  const char* limit = "";  ///< its name in the configuration, or of what has none
  std::size_t most = 0, used = 0;
  std::size_t bytes = 0;  ///< memory that it has taken so far: what is given up is used again
  Counter refused{};      ///< how often it was met, be it this one or another that counts there
};
using LimitUses = std::array<LimitUse, 7>;

template <class T>
LimitUse use_of(const char* limit, const Slab<T>& slab, Counter refused) {
  return {limit, slab.capacity(), slab.used(), slab.touched() * slab.cell_bytes(), refused};
}

}  // namespace millrace
