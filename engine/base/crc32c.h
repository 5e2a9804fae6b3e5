// CRC32c (RFC 9260 6.8, appendix A): the reflected Castagnoli polynomial that SCTP uses.
#pragma once

#include <cstdint>

#include "engine/base/bytes.h"

namespace millrace {

/// A checksum over bytes that may come in several pieces. `Crc32c{}.add(a).add(b).value()`.
class Crc32c {
 public:
  Crc32c() = default;
  /// Goes on where another was at when its state() was asked.
  explicit Crc32c(std::uint32_t state) : state_(state) {}

  Crc32c& add(Bytes bytes);
  /// Copies `bytes` to `to` and adds them. Where sums_while_copying() says so, in one pass.
  Crc32c& add_copied(std::uint8_t* to, Bytes bytes);
  std::uint32_t value() const { return ~state_; }
  std::uint32_t state() const { return state_; }

 private:
  std::uint32_t state_ = 0xffffffff;
};

/// Whether this processor copies and sums in the time that it takes to sum.
bool sums_while_copying();

/// The checksum of an SCTP packet as it stands in the common header read little-endian, computed
/// with the checksum field taken as zero. `packet` is at least 12 bytes long.
std::uint32_t sctp_checksum(Bytes packet);
/// Writes the checksum into the common header of `packet`.
void store_sctp_checksum(MutableBytes packet);
/// The same for a packet of which the first bytes, with zeros for the checksum, have been added up
/// already.
void store_sctp_checksum(MutableBytes packet, Crc32c begun, std::size_t added);
/// Whether the checksum in the common header is right.
bool is_sctp_checksum_right(Bytes packet);

}  // namespace millrace
