// Which peers were heard of late, and which addresses of ours they talked to.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace millrace::net {

/// Pairs of IPv4 addresses, source and destination as they lie in a header, that have passed every
/// test there is for addresses. What an engine's own addresses are never changes, so a pair that
/// has passed will pass again. A table with one place for each hash: who pushes others out makes
/// them pass the tests again and nothing else.
class HeardPairs {
 public:
  /// `pair` points at the eight bytes.
  bool has(const std::uint8_t* pair) const {
    const std::uint64_t value = load(pair);
    return pairs_[place_of(value)] == value;
  }
  void add(const std::uint8_t* pair) {
    const std::uint64_t value = load(pair);
    pairs_[place_of(value)] = value;
  }

 private:
  static constexpr int kBits = 10;

  static std::uint64_t load(const std::uint8_t* pair) {
    std::uint64_t value;
    std::memcpy(&value, pair, sizeof value);
    return value;
  }
  static std::size_t place_of(std::uint64_t value) {
    return value * 0x9e3779b97f4a7c15 >> (64 - kBits);
  }

  // 0, from 0.0.0.0 to 0.0.0.0, never passes: it is what an empty place holds, and place 0 is
  // where it would be looked for.
  std::array<std::uint64_t, std::size_t{1} << kBits> pairs_{1};
};

}  // namespace millrace::net
