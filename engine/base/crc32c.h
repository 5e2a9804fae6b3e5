// CRC32c (RFC 9260 6.8, appendix A): the reflected Castagnoli polynomial that SCTP uses.
#pragma once

#include <cstdint>

#include "engine/base/bytes.h"

namespace millrace {

/// A checksum over bytes that may come in several pieces. `Crc32c{}.add(a).add(b).value()`.
class Crc32c {
 public:
  Crc32c& add(Bytes bytes);
  std::uint32_t value() const { return ~state_; }

 private:
  std::uint32_t state_ = 0xffffffff;
};

/// The checksum of an SCTP packet as it stands in the common header read little-endian, computed
/// with the checksum field taken as zero. `packet` is at least 12 bytes long.
std::uint32_t sctp_checksum(Bytes packet);
/// Writes the checksum into the common header of `packet`.
void store_sctp_checksum(MutableBytes packet);
/// Whether the checksum in the common header is right.
bool is_sctp_checksum_right(Bytes packet);

}  // namespace millrace
