// Message authentication for what we hand out and want back unchanged: the State Cookie.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "engine/base/bytes.h"

namespace millrace {

using Mac = std::array<std::uint8_t, 16>;
using MacKey = std::array<std::uint8_t, 16>;
using MacNonce = std::array<std::uint8_t, 12>;

/// AES-128-GMAC (NIST SP 800-38D) by Intel's ipsec-mb. Holds that library's manager: one object per
/// thread. The choice of algorithm is local (RFC 9260 5.1.3): the library's GMAC of one message of
/// 200 bytes takes a tenth of the time of its CMAC or HMAC, whose jobs are made for many messages
/// at a time.
class GmacSigner {
 public:
  GmacSigner();
  ~GmacSigner();
  GmacSigner(const GmacSigner&) = delete;
  GmacSigner& operator=(const GmacSigner&) = delete;

  void set_key(const MacKey& key);
  /// Under one key no two messages may be signed with the same nonce, by whichever object: who has
  /// both could find out what makes other MACs. To verify, the same nonce is given again.
  Mac sign(const MacNonce& nonce, Bytes bytes) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Compares in a time that does not depend on where they differ: each byte of both is looked at,
/// once. The arguments are sequences of bytes.
template <class Left, class Right>
bool macs_are_equal(const Left& a, const Right& b) {
  if (a.size() != b.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

}  // namespace millrace
