// Parameters of INIT and INIT ACK, and error causes: both are type, length, value (RFC
// 9260 3.2.1, 3.3.10).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "engine/base/address.h"
#include "engine/base/bytes.h"

namespace millrace {

inline constexpr std::size_t kTlvHeaderBytes = 4;

enum class ParameterType : std::uint16_t {
  kHeartbeatInfo = 1,
  kIpv4Address = 5,
  kIpv6Address = 6,
  kStateCookie = 7,
  kUnrecognizedParameter = 8,
  kCookiePreservative = 9,
  kHostNameAddress = 11,
  kSupportedAddressTypes = 12,
  kEcnCapable = 0x8000,
  kAdaptationIndication = 0xc006,  ///< RFC 5061 4.2.6
};

//= rfc9260 3.3.10
enum class CauseCode : std::uint16_t {
  kNone = 0,
  kInvalidStreamIdentifier = 1,
  kMissingMandatoryParameter = 2,
  kStaleCookie = 3,
  kOutOfResource = 4,
  kUnresolvableAddress = 5,
  kUnrecognizedChunkType = 6,
  kInvalidMandatoryParameter = 7,
  kUnrecognizedParameters = 8,
  kNoUserData = 9,
  kCookieReceivedWhileShuttingDown = 10,
  kRestartWithNewAddresses = 11,
  kUserInitiatedAbort = 12,
  kProtocolViolation = 13,
};

/// One type-length-value, header included and padding not.
struct TlvView {
  Bytes bytes;

  std::uint16_t type() const { return load_be16(bytes.data()); }
  Bytes value() const { return bytes.subspan(kTlvHeaderBytes); }
};

/// Walks parameters or causes. `next()` gives nullopt at the end and where one does not fit: then
/// `is_malformed()` tells.
class TlvReader {
 public:
  explicit TlvReader(Bytes bytes) : rest_(bytes) {}

  std::optional<TlvView> next() {
    if (rest_.empty()) return std::nullopt;
    if (rest_.size() < kTlvHeaderBytes) return malformed();
    const std::size_t length = load_be16(rest_.data() + 2);
    if (length < kTlvHeaderBytes || length > rest_.size()) return malformed();
    const TlvView tlv{rest_.first(length)};
    rest_ = rest_.subspan(std::min(padded4(length), rest_.size()));
    return tlv;
  }
  bool is_malformed() const { return malformed_; }

 private:
  std::nullopt_t malformed() {
    malformed_ = true;
    rest_ = {};
    return std::nullopt;
  }

  Bytes rest_;
  bool malformed_ = false;
};

/// The address in an IPv4 or IPv6 Address parameter, if that is what `tlv` is (RFC 9260 3.3.2.1.1).
inline std::optional<IpAddress> address_in(TlvView tlv) {
  const Bytes value = tlv.value();
  switch (static_cast<ParameterType>(tlv.type())) {
    case ParameterType::kIpv4Address:
      return value.size() == 4 ? std::optional(IpAddress::v4(value.data())) : std::nullopt;
    case ParameterType::kIpv6Address:
      return value.size() == 16 ? std::optional(IpAddress::v6(value.data())) : std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace millrace
