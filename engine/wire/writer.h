// Writes SCTP packets into buffers (RFC 9260 3). The checksum is left zero: it is computed below.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/base/assert.h"
#include "engine/base/buffer.h"
#include "engine/base/serial.h"
#include "engine/wire/chunk.h"
#include "engine/wire/parameter.h"

namespace millrace {

/// Appends chunks to one packet of at most `size_max` bytes (common header included). Every chunk
/// is padded to four bytes as it is closed.
class PacketWriter {
 public:
  PacketWriter(Buffer& buffer, const CommonHeader& header, std::size_t size_max)
      : buffer_(buffer), size_max_(static_cast<std::uint32_t>(size_max)) {
    std::uint8_t* at = buffer.data;
    store_be16(at, header.source_port);
    store_be16(at + 2, header.destination_port);
    store_be32(at + 4, header.verification_tag);
    store_be32(at + 8, 0);
    buffer.length = kCommonHeaderBytes;
  }

  /// Goes on with a packet that has been begun: whole, padded chunks.
  PacketWriter(Buffer& buffer, std::size_t size_max)
      : buffer_(buffer), size_max_(static_cast<std::uint32_t>(size_max)) {}

  std::size_t size() const { return buffer_.length; }
  std::size_t room() const { return size_max_ - buffer_.length; }
  /// The room behind what is written; advance() takes over what was put there: whole, padded
  /// chunks.
  MutableBytes tail() { return {buffer_.data + buffer_.length, room()}; }
  void advance(std::size_t count) { buffer_.length += static_cast<std::uint32_t>(count); }
  bool is_empty() const { return buffer_.length == kCommonHeaderBytes; }
  Buffer& buffer() { return buffer_; }

  /// Starts a chunk with `fixed` bytes after its header and returns where they go. The caller has
  /// checked room() for the header and them.
  std::uint8_t* begin_chunk(ChunkType type, std::uint8_t flags, std::size_t fixed = 0) {
    MR_ASSERT(room() >= kChunkHeaderBytes + fixed);
    chunk_start_ = buffer_.length;
    std::uint8_t* at = buffer_.data + buffer_.length;
    at[0] = static_cast<std::uint8_t>(type);
    at[1] = flags;
    buffer_.length += static_cast<std::uint32_t>(kChunkHeaderBytes + fixed);
    return at + kChunkHeaderBytes;
  }

  /// A DATA chunk (RFC 9260 3.3.1). The caller has checked room() for its header and the payload,
  /// which is not empty. Most packets are made of these: in one go, through no other function.
  void append_data(std::uint8_t flags, Tsn tsn, std::uint16_t stream, Ssn ssn, std::uint32_t ppid,
                   Bytes payload) {
    const std::size_t length = kDataHeaderBytes + payload.size();
    MR_ASSERT(room() >= length);
    std::uint8_t* at = buffer_.data + buffer_.length;
    buffer_.length += static_cast<std::uint32_t>(padded4(length));
    store_be32(at, std::uint32_t{flags} << 16 | static_cast<std::uint32_t>(length));
    static_assert(static_cast<int>(ChunkType::kData) == 0);
    store_be32(at + 4, tsn.value);
    store_be32(at + 8, std::uint32_t{stream} << 16 | ssn.value);
    store_be32(at + 12, ppid);
    std::memset(at + padded4(length) - 4, 0, 4);  // the padding, before what it does not cover
    if (payload.size() >= kSumsAheadMin && (buffer_.flags & kSumsAhead) != 0) {
      return copy_and_sum(at + kDataHeaderBytes, payload);
    }
    std::memcpy(at + kDataHeaderBytes, payload.data(), payload.size());
  }

  void append(Bytes bytes) {
    MR_ASSERT(room() >= bytes.size());
    if (bytes.empty()) return;
    std::memcpy(buffer_.data + buffer_.length, bytes.data(), bytes.size());
    buffer_.length += static_cast<std::uint32_t>(bytes.size());
  }

  /// Appends a parameter or cause inside the open chunk, padded.
  void append_tlv(std::uint16_t type, Bytes value) {
    std::uint8_t header[kTlvHeaderBytes];
    store_be16(header, type);
    store_be16(header + 2, static_cast<std::uint16_t>(kTlvHeaderBytes + value.size()));
    pad();
    append(header);
    append(value);
  }
  void append_parameter(ParameterType type, Bytes value) {
    append_tlv(static_cast<std::uint16_t>(type), value);
  }
  void append_cause(CauseCode code, Bytes value) {
    append_tlv(static_cast<std::uint16_t>(code), value);
  }
  void append_address(const IpAddress& address) {
    append_parameter(address.is_v4() ? ParameterType::kIpv4Address : ParameterType::kIpv6Address,
                     address.wire_bytes());
  }

  /// Closes the open chunk: writes its length, which counts the padding inside of it but not the
  /// padding behind it.
  void end_chunk() {
    store_be16(buffer_.data + chunk_start_ + 2,
               static_cast<std::uint16_t>(buffer_.length - chunk_start_));
    pad();
  }

 private:
  /// From here on it costs less to add a payload to the checksum while it is copied than later.
  static constexpr std::size_t kSumsAheadMin = 512;

  void copy_and_sum(std::uint8_t* to, Bytes payload);
  void pad() {
    while (buffer_.length % 4 != 0) buffer_.data[buffer_.length++] = 0;
  }

  Buffer& buffer_;
  std::uint32_t size_max_;
  std::uint32_t chunk_start_ = 0;
};

}  // namespace millrace
