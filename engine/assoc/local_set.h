// Sets of the engine's own addresses, as bits: bit i for its i-th address, and one for the loopback
// addresses of either version of IP. No bit at all stands for all addresses, loopback included.
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/address.h"
#include "engine/base/limits.h"

namespace millrace {

using LocalSet = std::uint64_t;

inline constexpr unsigned kLoopbackV4Bit = 62;  ///< 127.0.0.0/8
inline constexpr unsigned kLoopbackV6Bit = 63;  ///< ::1
static_assert(kLocalAddressesMax <= kLoopbackV4Bit);
inline constexpr LocalSet kLoopbackBits = LocalSet{1} << kLoopbackV4Bit | LocalSet{1}
                                                                              << kLoopbackV6Bit;

/// The bit of one of our addresses; -1 if it is none.
inline int local_bit(std::span<const IpAddress> known, const IpAddress& address) {
  if (address.is_loopback())
    return static_cast<int>(address.is_v4() ? kLoopbackV4Bit : kLoopbackV6Bit);
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i] == address) return static_cast<int>(i);
  }
  return -1;
}

/// The bits of all addresses of one version of IP.
inline LocalSet locals_of(std::span<const IpAddress> known, bool v4) {
  LocalSet set = LocalSet{1} << (v4 ? kLoopbackV4Bit : kLoopbackV6Bit);
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i].is_v4() == v4) set |= LocalSet{1} << i;
  }
  return set;
}

}  // namespace millrace
