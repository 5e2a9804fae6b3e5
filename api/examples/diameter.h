// As much of Diameter (RFC 6733, RFC 8506) as the examples speak: headers and AVPs, written and
// read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace diameter {

enum Command : std::uint32_t {
  kCapabilitiesExchange = 257,  // CER, CEA
  kCreditControl = 272,         // CCR, CCA
  kDeviceWatchdog = 280,        // DWR, DWA
};
enum Avp : std::uint32_t {
  kClass = 25,
  kHostIpAddress = 257,
  kAuthApplicationId = 258,
  kSessionId = 263,
  kOriginHost = 264,
  kVendorId = 266,
  kResultCode = 268,
  kProductName = 269,
  kDestinationRealm = 283,
  kOriginRealm = 296,
  kCcRequestNumber = 415,
  kCcRequestType = 416,
};
inline constexpr std::uint8_t kRequest = 0x80;
inline constexpr std::uint8_t kProxiable = 0x40;
inline constexpr std::uint32_t kSuccess = 2001;
inline constexpr std::uint32_t kCreditControlApplication = 4;
inline constexpr std::uint32_t kPpid = 46;  // RFC 6733 2.1: Diameter in a clear text DATA chunk
inline constexpr std::size_t kHeaderBytes = 20;

inline std::uint32_t number_at(std::string_view bytes, std::size_t at, int count = 4) {
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i)
    value = value << 8 | static_cast<std::uint8_t>(bytes[at + static_cast<std::size_t>(i)]);
  return value;
}

struct Header {
  std::uint8_t flags = 0;
  std::uint32_t command = 0;
  std::uint32_t application = 0;
  std::uint32_t hop_by_hop = 0;
  std::uint32_t end_to_end = 0;

  bool is_request() const { return (flags & kRequest) != 0; }
  static std::optional<Header> read(std::string_view message) {
    if (message.size() < kHeaderBytes || message[0] != 1 ||
        number_at(message, 1, 3) != message.size())
      return std::nullopt;
    return Header{static_cast<std::uint8_t>(message[4]), number_at(message, 5, 3),
                  number_at(message, 8), number_at(message, 12), number_at(message, 16)};
  }
};

/// Calls `visit(code, whole, value)` for each AVP; false when they are malformed.
template <class Visit>
bool each_avp(std::string_view message, Visit&& visit) {
  for (std::size_t at = kHeaderBytes; at < message.size();) {
    if (message.size() - at < 8) return false;
    const std::size_t length = number_at(message, at + 5, 3);
    const std::size_t header = (message[at + 4] & 0x80) != 0 ? 12 : 8;
    const std::size_t padded = (length + 3) & ~std::size_t{3};
    if (length < header || padded > message.size() - at) return false;
    visit(number_at(message, at), message.substr(at, padded),
          message.substr(at + header, length - header));
    at += padded;
  }
  return true;
}

/// Builds a message in memory that is used again and again.
class Writer {
 public:
  Writer& begin(const Header& header) {
    bytes_.clear();
    put(0x01000000);  // the length comes with finish()
    put(std::uint32_t{header.flags} << 24 | header.command);
    put(header.application);
    put(header.hop_by_hop);
    put(header.end_to_end);
    return *this;
  }
  Writer& text(std::uint32_t code, std::string_view value) {
    put(code);
    put(0x40000000 | static_cast<std::uint32_t>(8 + value.size()));
    bytes_.append(value);
    bytes_.resize((bytes_.size() + 3) & ~std::size_t{3});
    return *this;
  }
  Writer& number(std::uint32_t code, std::uint32_t value) {
    put(code);
    put(0x4000000c);
    put(value);
    return *this;
  }
  Writer& raw(std::string_view avp) {
    bytes_.append(avp);
    return *this;
  }
  const std::string& finish() {
    for (std::size_t i = 1; i < 4; ++i)
      bytes_[i] = static_cast<char>(bytes_.size() >> (24 - 8 * i) & 0xff);
    return bytes_;
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  void put(std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift & 0xff);
  }
  std::string bytes_;
};

}  // namespace diameter
