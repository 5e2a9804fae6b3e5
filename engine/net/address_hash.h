// Where addresses fall in this layer's hash tables. Keyed, so that no one outside can aim at a
// slot.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/base/address.h"
#include "engine/base/hash.h"

namespace millrace::net {

/// The two halves of the 128-bit product, folded.
inline std::uint64_t fold_product(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t hash_address(const HashKey& key, const IpAddress& address) {
  std::uint64_t halves[2];
  std::memcpy(halves, address.bytes.data(), sizeof halves);
  return fold_product(halves[0] ^ key[0], halves[1] ^ key[1]);
}

inline std::uint64_t hash_address_pair(const HashKey& key, const IpAddress& first,
                                       const IpAddress& second) {
  return fold_product(hash_address(key, first) ^ key[1], hash_address(key, second) ^ key[0]);
}

}  // namespace millrace::net
