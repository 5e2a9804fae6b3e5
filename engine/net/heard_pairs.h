// Which peers were heard of late, and which addresses of ours they talked to.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "engine/base/prefetch.h"
#include "engine/net/address_hash.h"

namespace millrace::net {

/// Pairs of IPv4 addresses, source and destination as they lie in a header, that have passed every
/// test there is for addresses. What an engine's own addresses are never changes, so a pair that
/// has passed will pass again. Four places for each hash: the oldest pair of four goes when a fifth
/// comes, passes the tests again when it is heard again, and nothing else.
class HeardPairs {
 public:
  explicit HeardPairs(const HashKey& key) : key_(key) {}

  /// `pair` points at the eight bytes.
  bool has(const std::uint8_t* pair) const {
    const std::uint64_t value = load(pair);
    const Set& set = sets_[place_of(value)];
    // All four at once: which one it is nobody asks.
    const bool is_there =
        (set[0] == value) | (set[1] == value) | (set[2] == value) | (set[3] == value);
    return is_there && value != 0;  // which is what an empty place holds, and never passes
  }
  /// Starts to bring nearer where has() will look.
  void prefetch(const std::uint8_t* pair) const {
    millrace::prefetch(&sets_[place_of(load(pair))], sizeof(Set));
  }
  /// One that is not there.
  void add(const std::uint8_t* pair) {
    const std::uint64_t value = load(pair);
    Set& set = sets_[place_of(value)];
    std::move_backward(set.begin(), set.end() - 1, set.end());
    set[0] = value;
  }

 private:
  static constexpr std::size_t kSets = 1024;

  using Set = std::array<std::uint64_t, 4>;  // the latest first

  static std::uint64_t load(const std::uint8_t* pair) {
    std::uint64_t value;
    std::memcpy(&value, pair, sizeof value);
    return value;
  }
  // Addresses of a network differ in a few bits, which one product does not spread.
  std::size_t place_of(std::uint64_t value) const {
    constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
    return fold_product(fold_product(value ^ key_[0], key_[1]) ^ key_[0], kOdd) % kSets;
  }

  HashKey key_;
  alignas(64) std::array<Set, kSets> sets_{};
};

}  // namespace millrace::net
