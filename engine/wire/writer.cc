#include "engine/wire/writer.h"

#include "engine/base/crc32c.h"

namespace millrace {

// What stands before the payload does not change any more, or it would have to be added again:
// chunks are closed one after the other.
void PacketWriter::copy_and_sum(std::uint8_t* to, Bytes payload) {
  Crc32c sum = buffer_.summed == 0 ? Crc32c{} : Crc32c{buffer_.sum};
  const auto before = static_cast<std::size_t>(to - buffer_.data) - buffer_.summed;
  sum.add({buffer_.data + buffer_.summed, before}).add_copied(to, payload);
  buffer_.summed = static_cast<std::uint16_t>(buffer_.summed + before + payload.size());
  buffer_.sum = sum.state();
}

}  // namespace millrace
