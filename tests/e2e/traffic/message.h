// The messages that the traffic programs send each other: a header, then a pattern that depends on
// it, so that a receiver can tell a lost, repeated, misplaced or damaged message from a good one.
//
// Everything here is plain C++ without the engine, so that peers that know nothing of it share it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace millrace::traffic {

inline constexpr std::uint32_t kMagic = 0x4d525431;  // "MRT1", also the payload protocol identifier
inline constexpr std::size_t kHeaderSize = 16;
inline constexpr std::size_t kMessageSizeMax = std::size_t{1} << 20;
inline constexpr std::uint16_t kFlagLast = 1;  // last message of its class on its stream

/// Big-endian on the wire, in this order. Sequences count per stream, ordered and unordered apart.
struct Header {
  std::uint16_t stream = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  std::uint32_t length = 0;
};

inline void store32(std::uint8_t* at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

inline std::uint32_t load32(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 |
         at[3];
}

/// Byte i of the pattern, counted from its first byte (the one after the header, if there is one).
inline std::uint8_t pattern_byte(std::uint32_t sequence, std::uint16_t stream, std::size_t i) {
  return static_cast<std::uint8_t>(sequence * 7 + stream + i * 31);
}

inline void fill_pattern(std::span<std::uint8_t> bytes, std::uint32_t sequence,
                         std::uint16_t stream) {
  std::uint8_t value = pattern_byte(sequence, stream, 0);
  for (std::uint8_t& byte : bytes) {
    byte = value;
    value = static_cast<std::uint8_t>(value + 31);
  }
}

inline bool is_pattern(std::span<const std::uint8_t> bytes, std::uint32_t sequence,
                       std::uint16_t stream) {
  std::uint8_t value = pattern_byte(sequence, stream, 0);
  for (const std::uint8_t byte : bytes) {
    if (byte != value) return false;
    value = static_cast<std::uint8_t>(value + 31);
  }
  return true;
}

/// Fills a whole message. One shorter than a header carries the pattern of sequence 0 alone.
inline void write_message(std::span<std::uint8_t> message, const Header& header) {
  if (message.size() < kHeaderSize) {
    fill_pattern(message, 0, header.stream);
    return;
  }
  store32(message.data(), kMagic);
  store32(message.data() + 4, std::uint32_t{header.stream} << 16 | header.flags);
  store32(message.data() + 8, header.sequence);
  store32(message.data() + 12, static_cast<std::uint32_t>(message.size()));
  fill_pattern(message.subspan(kHeaderSize), header.sequence, header.stream);
}

inline std::optional<Header> read_header(std::span<const std::uint8_t> message) {
  if (message.size() < kHeaderSize || load32(message.data()) != kMagic) return std::nullopt;
  const std::uint32_t word = load32(message.data() + 4);
  return Header{static_cast<std::uint16_t>(word >> 16), static_cast<std::uint16_t>(word),
                load32(message.data() + 8), load32(message.data() + 12)};
}

}  // namespace millrace::traffic
