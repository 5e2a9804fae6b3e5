// The frame of an SCTP packet: common header and chunks (RFC 9260 3, 3.1, 3.2).
//
// A view is made by a parse function that checks every bound once; after that nothing it does can
// fail. Views point into the packet and own nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "engine/base/bytes.h"

namespace millrace {

inline constexpr std::size_t kCommonHeaderBytes = 12;
inline constexpr std::size_t kChunkHeaderBytes = 4;
inline constexpr std::size_t kDataHeaderBytes = 16;  ///< chunk header included

//= rfc9260 3.2
enum class ChunkType : std::uint8_t {
  kData = 0,
  kInit = 1,
  kInitAck = 2,
  kSack = 3,
  kHeartbeat = 4,
  kHeartbeatAck = 5,
  kAbort = 6,
  kShutdown = 7,
  kShutdownAck = 8,
  kError = 9,
  kCookieEcho = 10,
  kCookieAck = 11,
  kEcne = 12,
  kCwr = 13,
  kShutdownComplete = 14,
  kPad = 0x84,  ///< RFC 4820
};

/// Chunk flags, each of its own chunk type.
inline constexpr std::uint8_t kDataFlagEnd = 0x01;
inline constexpr std::uint8_t kDataFlagBegin = 0x02;
inline constexpr std::uint8_t kDataFlagUnordered = 0x04;
inline constexpr std::uint8_t kDataFlagImmediate = 0x08;
inline constexpr std::uint8_t kFlagReflectedTag = 0x01;  ///< T bit of ABORT and SHUTDOWN COMPLETE

/// What the upper two bits of an unknown chunk or parameter type ask for.
//= rfc9260 3.2
//= rfc9260 3.2.1
constexpr bool unknown_type_is_skipped(unsigned type_upper_bits) {
  return type_upper_bits & 2;
}
constexpr bool unknown_type_is_reported(unsigned type_upper_bits) {
  return type_upper_bits & 1;
}

/// The common header (RFC 9260 3.1).
struct CommonHeader {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t verification_tag = 0;

  /// `packet` has kCommonHeaderBytes or more.
  static CommonHeader read(Bytes packet) {
    return {load_be16(packet.data()), load_be16(packet.data() + 2), load_be32(packet.data() + 4)};
  }
};

/// One chunk, header included and padding not.
struct ChunkView {
  Bytes bytes;  ///< kChunkHeaderBytes or more

  ChunkType type() const { return static_cast<ChunkType>(bytes[0]); }
  std::uint8_t flags() const { return bytes[1]; }
  Bytes value() const { return bytes.subspan(kChunkHeaderBytes); }
};

/// Walks the chunks of a packet. `next()` gives nullopt at the end and where a chunk does not fit:
/// then `is_malformed()` tells.
class ChunkReader {
 public:
  /// `packet` starts with a common header.
  explicit ChunkReader(Bytes packet) : rest_(packet.subspan(kCommonHeaderBytes)) {}

  std::optional<ChunkView> next() {
    if (rest_.empty()) return std::nullopt;
    if (rest_.size() < kChunkHeaderBytes) return malformed();
    const std::size_t length = load_be16(rest_.data() + 2);
    if (length < kChunkHeaderBytes || length > rest_.size()) return malformed();
    const ChunkView chunk{rest_.first(length)};
    // The last chunk's padding may be cut off by a sender that does not count it.
    rest_ = rest_.subspan(std::min(padded4(length), rest_.size()));
    return chunk;
  }
  bool is_malformed() const { return malformed_; }
  bool is_at_end() const { return rest_.empty(); }
  /// What next() has not given yet; skip() leaves out whole, padded chunks at its front.
  Bytes rest() const { return rest_; }
  void skip(std::size_t count) { rest_ = rest_.subspan(count); }

 private:
  std::nullopt_t malformed() {
    malformed_ = true;
    rest_ = {};
    return std::nullopt;
  }

  Bytes rest_;
  bool malformed_ = false;
};

}  // namespace millrace
