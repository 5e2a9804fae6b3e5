#include "engine/base/crc32c.h"

#include <isa-l/crc.h>

#include <array>

#include "engine/base/assert.h"

namespace millrace {
namespace {

constexpr std::size_t kChecksumOffset = 8;
constexpr std::size_t kCommonHeaderBytes = 12;

// The function of ISA-L neither inverts at the start nor at the end, and does not write.
std::uint32_t update(std::uint32_t state, const std::uint8_t* from, std::size_t count) {
  return crc32_iscsi(const_cast<unsigned char*>(from), static_cast<int>(count), state);
}

}  // namespace

Crc32c& Crc32c::add(Bytes bytes) {
  state_ = update(state_, bytes.data(), bytes.size());
  return *this;
}

std::uint32_t sctp_checksum(Bytes packet) {
  MR_ASSERT(packet.size() >= kCommonHeaderBytes);
  std::array<std::uint8_t, kCommonHeaderBytes> header{};
  std::memcpy(header.data(), packet.data(), kChecksumOffset);
  return Crc32c{}.add(header).add(packet.subspan(kCommonHeaderBytes)).value();
}

void store_sctp_checksum(MutableBytes packet) {
  MR_ASSERT(packet.size() >= kCommonHeaderBytes);
  std::memset(packet.data() + kChecksumOffset, 0, 4);
  const std::uint32_t checksum = Crc32c{}.add(packet).value();
  std::memcpy(packet.data() + kChecksumOffset, &checksum, sizeof checksum);
}

bool is_sctp_checksum_right(Bytes packet) {
  std::uint32_t stored;
  std::memcpy(&stored, packet.data() + kChecksumOffset, sizeof stored);
  return stored == sctp_checksum(packet);
}

}  // namespace millrace
