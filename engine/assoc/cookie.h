// The State Cookie (RFC 9260 5.1.3): everything needed to make an association, handed to the peer
// and taken back, so that an INIT costs no memory.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "engine/base/address.h"
#include "engine/base/limits.h"
#include "engine/base/mac.h"
#include "engine/base/serial.h"
#include "engine/base/time.h"

namespace millrace {

/// The longest that a cookie may live: a secret seals cookies for this long, and opens them as long
/// again.
inline constexpr Duration kCookieLifetimeMax = seconds(3600);

struct Cookie {
  Time created;
  Duration lifetime;
  std::uint32_t local_tag = 0, peer_tag = 0;
  std::uint32_t local_tie_tag = 0,
                peer_tie_tag = 0;  ///< 0: no association was there (RFC 9260 5.2.2)
  Tsn local_tsn, peer_tsn;         ///< initial
  std::uint32_t peer_rwnd = 0;
  std::uint32_t peer_adaptation = 0;              ///< RFC 5061 4.2.6; 0: none
  std::uint32_t listener = 0;                     ///< Listener::number; 0: of an association
  std::uint16_t streams_out = 0, streams_in = 0;  ///< negotiated
  std::uint16_t local_port = 0, peer_port = 0;
  IpAddress local_address;  ///< that the INIT was sent to
  std::size_t peer_count = 0;
  std::array<IpAddress, kPathsMax> peers;  ///< the first is where the INIT came from

  std::span<const IpAddress> addresses() const { return {peers.data(), peer_count}; }
};

/// The largest sealed cookie, bytes.
inline constexpr std::size_t kCookieBytesMax = sizeof(MacNonce) + 84 + 16 * kPathsMax + sizeof(Mac);

/// Seals and opens cookies under a secret that rotates; the previous secret opens what it has
/// sealed.
class CookieJar {
 public:
  /// Jars that share their secrets open each other's cookies, and differ in `number`: with a count
  /// of what a jar has sealed it makes the nonce of the MAC, which must never come twice.
  CookieJar(const MacKey& first_secret, std::uint32_t number);

  /// Installs a new secret; the current one becomes the previous one.
  void rotate(const MacKey& secret);

  /// Writes the cookie with its MAC and returns its size.
  std::size_t seal(const Cookie& cookie, std::array<std::uint8_t, kCookieBytesMax>& to);
  /// The cookie, if its MAC is right. Nothing in it is looked at before that is known.
  std::optional<Cookie> open(Bytes sealed) const;

 private:
  GmacSigner current_;
  GmacSigner previous_;
  MacKey secret_;
  std::uint32_t number_;
  std::uint64_t sealed_ = 0;
};

}  // namespace millrace
