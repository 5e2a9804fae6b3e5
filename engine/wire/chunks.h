// Views of the chunks that have fixed fields (RFC 9260 3.3). parse() gives nullopt for a chunk
// whose length cannot be right; after that nothing fails.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/base/serial.h"
#include "engine/wire/chunk.h"

namespace millrace {

/// DATA (RFC 9260 3.3.1).
struct DataView {
  std::uint8_t flags;
  Tsn tsn;
  std::uint16_t stream;
  Ssn ssn;
  std::uint32_t ppid;
  Bytes payload;  ///< may be empty: the receiver answers that with an ABORT

  static std::optional<DataView> parse(ChunkView chunk) {
    if (chunk.bytes.size() < kDataHeaderBytes) return std::nullopt;
    const std::uint8_t* at = chunk.bytes.data();
    return DataView{chunk.flags(),      Tsn{load_be32(at + 4)},
                    load_be16(at + 8),  Ssn{load_be16(at + 10)},
                    load_be32(at + 12), chunk.bytes.subspan(kDataHeaderBytes)};
  }
};

/// INIT and INIT ACK (RFC 9260 3.3.2, 3.3.3).
struct InitView {
  static constexpr std::size_t kBytes = 20;

  std::uint32_t initiate_tag;
  std::uint32_t a_rwnd;
  std::uint16_t streams_out;
  std::uint16_t streams_in;
  Tsn initial_tsn;
  Bytes parameters;

  static std::optional<InitView> parse(ChunkView chunk) {
    if (chunk.bytes.size() < kBytes) return std::nullopt;
    const std::uint8_t* at = chunk.bytes.data();
    return InitView{load_be32(at + 4),  load_be32(at + 8),       load_be16(at + 12),
                    load_be16(at + 14), Tsn{load_be32(at + 16)}, chunk.bytes.subspan(kBytes)};
  }
};

/// SACK (RFC 9260 3.3.4).
struct SackView {
  static constexpr std::size_t kFixedBytes = 16;

  /// A Gap Ack Block, as offsets from the cumulative TSN, both inclusive.
  struct Gap {
    std::uint16_t start, end;
  };

  Tsn cumulative_tsn_ack;
  std::uint32_t a_rwnd;
  std::uint16_t gap_count;
  std::uint16_t duplicate_count;
  Bytes blocks;  ///< exactly the gaps and duplicates

  static std::optional<SackView> parse(ChunkView chunk) {
    if (chunk.bytes.size() < kFixedBytes) return std::nullopt;
    const std::uint8_t* at = chunk.bytes.data();
    const std::uint16_t gaps = load_be16(at + 12);
    const std::uint16_t duplicates = load_be16(at + 14);
    if (chunk.bytes.size() != kFixedBytes + 4 * (std::size_t{gaps} + duplicates)) {
      return std::nullopt;
    }
    return SackView{Tsn{load_be32(at + 4)}, load_be32(at + 8), gaps, duplicates,
                    chunk.bytes.subspan(kFixedBytes)};
  }
  /// `index` is below gap_count.
  Gap gap(std::size_t index) const {
    const std::uint8_t* at = blocks.data() + 4 * index;
    return {load_be16(at), load_be16(at + 2)};
  }
  /// `index` is below duplicate_count.
  Tsn duplicate(std::size_t index) const {
    return Tsn{load_be32(blocks.data() + 4 * (gap_count + index))};
  }
};

/// SHUTDOWN: its cumulative TSN ack.
//= rfc9260 3.3.8
inline std::optional<Tsn> parse_shutdown(ChunkView chunk) {
  if (chunk.bytes.size() != 8) return std::nullopt;
  return Tsn{load_be32(chunk.bytes.data() + 4)};
}

}  // namespace millrace
