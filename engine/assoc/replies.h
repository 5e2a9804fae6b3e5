// Packets that are written at once and on their own: answers, heartbeats, aborts.
#pragma once

#include "engine/assoc/resources.h"
#include "engine/wire/writer.h"

namespace millrace {

/// What such a packet may be long, common header included: fits the smallest IPv6 MTU.
inline constexpr std::size_t kReplyBytesMax = 1280 - 40;

/// The common header of an answer to a packet with this one.
inline CommonHeader reply_to(const CommonHeader& header, std::uint32_t tag) {
  return {header.destination_port, header.source_port, tag};
}

/// Writes a packet with `write(PacketWriter&)` and puts it into the outbox. False: dropped and
/// counted, there was no buffer or no room.
template <class Write>
bool send_reply(Resources& resources, const CommonHeader& header, const IpAddress& source,
                const IpAddress& destination, Marking marking, Write&& write,
                std::size_t size_max = kReplyBytesMax) {
  Buffer* buffer = resources.buffers.acquire();
  if (buffer == nullptr) {
    resources.count(Counter::drop_no_buffer);
    return false;
  }
  PacketWriter writer(*buffer, header, size_max);
  write(writer);
  if (resources.outbox.push({source, destination, buffer, 0, marking})) return true;
  resources.count(Counter::drop_no_memory);
  resources.buffers.release(buffer);
  return false;
}

/// A chunk without contents.
void send_empty_chunk(Resources& resources, const CommonHeader& header, ChunkType type,
                      std::uint8_t flags, const IpAddress& source, const IpAddress& destination,
                      Marking marking);

/// ABORT or ERROR with one cause; a `value` that is too long is cut.
void send_cause(Resources& resources, const CommonHeader& header, ChunkType type,
                std::uint8_t flags, CauseCode cause, Bytes value, const IpAddress& source,
                const IpAddress& destination, Marking marking);

/// ERROR with the cause Stale Cookie (RFC 9260 3.3.10.3): how much too old it was.
void send_stale_cookie(Resources& resources, const CommonHeader& header, Duration staleness,
                       const IpAddress& source, const IpAddress& destination, Marking marking);

}  // namespace millrace
