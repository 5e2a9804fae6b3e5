// Serial number arithmetic (RFC 1982, RFC 9260 1.6): numbers that wrap and compare by distance.
#pragma once

#include <cstdint>
#include <type_traits>

namespace millrace {

/// A serial number of type `Rep`. `Tag` keeps the kinds apart: a Tsn is not an Ssn.
/// `a < b` holds if b is ahead of a by less than half of the number space.
template <class Tag, class Rep>
struct Serial {
  using Signed = std::make_signed_t<Rep>;
  Rep value = 0;

  constexpr bool operator==(const Serial&) const = default;
  constexpr bool operator<(Serial other) const { return (*this - other) < 0; }
  constexpr bool operator>(Serial other) const { return (*this - other) > 0; }
  constexpr bool operator<=(Serial other) const { return !(*this > other); }
  constexpr bool operator>=(Serial other) const { return !(*this < other); }
  constexpr Serial operator+(Rep count) const { return {static_cast<Rep>(value + count)}; }
  constexpr Serial operator-(Rep count) const { return {static_cast<Rep>(value - count)}; }
  constexpr Serial next() const { return *this + Rep{1}; }
  /// Signed distance from `other` to this.
  constexpr Signed operator-(Serial other) const {
    return static_cast<Signed>(static_cast<Rep>(value - other.value));
  }
};

/// Transmission Sequence Number (RFC 9260 3.3.1).
using Tsn = Serial<struct TsnTag, std::uint32_t>;
/// Stream Sequence Number (RFC 9260 3.3.1).
using Ssn = Serial<struct SsnTag, std::uint16_t>;

}  // namespace millrace
