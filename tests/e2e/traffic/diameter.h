// Just enough Diameter (RFC 6733) to answer a request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tests/e2e/traffic/message.h"

namespace millrace::traffic {

inline constexpr std::size_t kDiameterHeaderSize = 20;
inline constexpr std::uint8_t kDiameterRequest = 0x80;

/// Turns a request into its answer in place: the R bit goes, the identifiers and AVPs stay.
/// Gives the end-to-end identifier, or nothing when this is no Diameter request.
inline std::optional<std::uint32_t> make_diameter_answer(std::span<std::uint8_t> message) {
  if (message.size() < kDiameterHeaderSize || message[0] != 1) return std::nullopt;
  if ((load32(message.data()) & 0xffffff) != message.size()) return std::nullopt;
  if ((message[4] & kDiameterRequest) == 0) return std::nullopt;
  message[4] = static_cast<std::uint8_t>(message[4] & ~kDiameterRequest);
  return load32(message.data() + 16);
}

}  // namespace millrace::traffic
