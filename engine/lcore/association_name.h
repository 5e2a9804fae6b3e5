// What applications call an association: 64 bits that say which lcore has it and which one it is.
#pragma once

#include <cstdint>

#include "engine/base/limits.h"
#include "engine/shard/shard.h"

namespace millrace {

/// generation(32) | lcore(8) | index(24). Never 0 for an association.
using AssociationName = std::uint64_t;

inline constexpr unsigned kNameIndexBits = 24;
inline constexpr unsigned kNameLcoreBits = 8;
static_assert(kLcoresMax <= 1u << kNameLcoreBits);
static_assert(kAssociationsMax <= 1u << kNameIndexBits);

constexpr AssociationName name_of(std::size_t lcore, AssociationHandle handle) {
  return std::uint64_t{handle.generation} << 32 | std::uint64_t{lcore} << kNameIndexBits |
         handle.index;
}
constexpr std::size_t lcore_of(AssociationName name) {
  return (name >> kNameIndexBits) & ((1u << kNameLcoreBits) - 1);
}
constexpr AssociationHandle handle_of(AssociationName name) {
  return {static_cast<std::uint32_t>(name & ((1u << kNameIndexBits) - 1)),
          static_cast<std::uint32_t>(name >> 32)};
}

}  // namespace millrace
