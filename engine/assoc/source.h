// Which address of ours an association talks to an address of its peer's from.
#pragma once

#include <cstdint>
#include <span>

#include "engine/assoc/local_set.h"
#include "engine/base/address.h"

namespace millrace {

/// One route, and the addresses of ours on the interface that it leaves by.
struct SourceRoute {
  Prefix to;
  LocalSet from = 0;
};

/// One of `usable` (bits of `known`, of the version of `destination`): of its scope, and on an
/// interface that the best routes lead over; without a route, one that has most bits in common with
/// it. Of several the one that the fewest of `others` are, so that the paths of an association
/// differ in both addresses if they can (RFC 9260 6.4.1, RFC 6724 5). `routes`: the longest first;
/// `others`: what its other paths leave from. Unspecified: there is none.
IpAddress choose_source(std::span<const IpAddress> known, std::span<const SourceRoute> routes,
                        LocalSet usable, const IpAddress& destination,
                        std::span<const IpAddress> others);

}  // namespace millrace
