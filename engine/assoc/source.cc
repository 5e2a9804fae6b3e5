#include "engine/assoc/source.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace millrace {
namespace {

/// How many bits two addresses have in common from their beginning on.
int common_bits(const IpAddress& one, const IpAddress& other) {
  int bits = 0;
  for (std::size_t i = 0; i < one.bytes.size(); ++i, bits += 8) {
    const auto differing = static_cast<std::uint8_t>(one.bytes[i] ^ other.bytes[i]);
    if (differing != 0) return bits + std::countl_zero(differing);
  }
  return bits;
}

template <class Holds>
LocalSet those_that(std::span<const IpAddress> known, LocalSet set, Holds&& holds) {
  for (std::size_t i = 0; i < known.size(); ++i) {
    if ((set >> i & 1) != 0 && !holds(known[i])) set &= ~(LocalSet{1} << i);
  }
  return set;
}

// What answers to a link-local address is found on its link alone.
LocalSet of_scope(std::span<const IpAddress> known, LocalSet set, const IpAddress& destination) {
  const LocalSet same = those_that(known, set, [&](const IpAddress& local) {
    return local.is_link_local() == destination.is_link_local();
  });
  return same != 0 ? same : set;
}

// Those on the interfaces of the best routes that any of them is on; routes of one length are
// equally good.
LocalSet on_routes(std::span<const SourceRoute> routes, LocalSet set,
                   const IpAddress& destination) {
  LocalSet found = 0;
  int length = -1;
  for (const SourceRoute& route : routes) {
    if ((route.from & set) == 0 || !route.to.contains(destination)) continue;
    if (length >= 0 && route.to.length != length) break;
    length = route.to.length;
    found |= route.from & set;
  }
  return found;
}

LocalSet likest(std::span<const IpAddress> known, LocalSet set, const IpAddress& destination) {
  int most = -1;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if ((set >> i & 1) != 0) most = std::max(most, common_bits(known[i], destination));
  }
  return those_that(
      known, set, [&](const IpAddress& local) { return common_bits(local, destination) == most; });
}

}  // namespace

//= rfc9260 6.4.1
IpAddress choose_source(std::span<const IpAddress> known, std::span<const SourceRoute> routes,
                        LocalSet usable, const IpAddress& destination,
                        std::span<const IpAddress> others) {
  usable &= (LocalSet{1} << known.size()) - 1;  // no loopback address
  const LocalSet near = of_scope(known, usable, destination);
  const LocalSet routed = on_routes(routes, near, destination);
  LocalSet good = routed != 0 ? routed : likest(known, near, destination);
  IpAddress best;
  std::ptrdiff_t least = PTRDIFF_MAX;
  for (; good != 0; good &= good - 1) {
    const IpAddress& local = known[static_cast<std::size_t>(std::countr_zero(good))];
    const std::ptrdiff_t uses = std::count(others.begin(), others.end(), local);
    if (uses >= least) continue;
    best = local;
    least = uses;
  }
  return best;
}

}  // namespace millrace
