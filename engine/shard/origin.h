// Who is behind an address, for limits.
#pragma once

#include <algorithm>

#include "engine/base/address.h"

namespace millrace {

/// The address itself, and of an IPv6 address that is not link-local its subnet (/64): whoever has
/// one of those has them all.
inline IpAddress origin_of(IpAddress address) {
  constexpr std::size_t kSubnetBytes = 8;
  if (!address.is_v4() && !address.is_link_local())
    std::fill(address.bytes.begin() + kSubnetBytes, address.bytes.end(), 0);
  return address;
}

}  // namespace millrace
