// Keyed hashing and the pseudo-random numbers made from it.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/bytes.h"

namespace millrace {

/// A secret of 128 bits.
using HashKey = std::array<std::uint64_t, 2>;

/// SipHash-2-4 of `bytes` under `key`: a pseudo-random function whose outputs tell nothing of the
/// key or of each other.
std::uint64_t keyed_hash(const HashKey& key, Bytes bytes);

/// SipHash-1-3: for the places of a table whose hashes nobody sees, where it is enough that a peer
/// cannot choose keys that fall together.
std::uint64_t table_hash(const HashKey& key, Bytes bytes);

/// Unpredictable numbers from a seed that the driver of the engine supplies (the operating system's
/// entropy, or a simulator's seed): the keyed hash of a counter.
class Random {
 public:
  explicit Random(const HashKey& seed) : seed_(seed) {}
  std::uint64_t next_u64();
  std::uint32_t next_u32() { return static_cast<std::uint32_t>(next_u64()); }
  /// Uniform in [0, bound), bound > 0 (bias below 2^-32).
  std::uint32_t below(std::uint32_t bound);

 private:
  HashKey seed_;
  std::uint64_t counter_ = 0;
};

}  // namespace millrace
