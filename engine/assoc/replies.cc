#include "engine/assoc/replies.h"

#include <algorithm>

namespace millrace {

void send_empty_chunk(Resources& resources, const CommonHeader& header, ChunkType type,
                      std::uint8_t flags, const IpAddress& source, const IpAddress& destination,
                      Marking marking) {
  send_reply(resources, header, source, destination, marking, [&](PacketWriter& writer) {
    writer.begin_chunk(type, flags);
    writer.end_chunk();
  });
}

void send_cause(Resources& resources, const CommonHeader& header, ChunkType type,
                std::uint8_t flags, CauseCode cause, Bytes value, const IpAddress& source,
                const IpAddress& destination, Marking marking) {
  send_reply(resources, header, source, destination, marking, [&](PacketWriter& writer) {
    writer.begin_chunk(type, flags);
    if (cause != CauseCode::kNone) {
      const std::size_t room = writer.room() - kTlvHeaderBytes;
      writer.append_cause(cause, value.first(std::min(value.size(), room)));
    }
    writer.end_chunk();
  });
}

//= rfc9260 3.3.10.3
void send_stale_cookie(Resources& resources, const CommonHeader& header, Duration staleness,
                       const IpAddress& source, const IpAddress& destination, Marking marking) {
  std::uint8_t microseconds[4];
  store_be32(microseconds,
             static_cast<std::uint32_t>(std::min<std::int64_t>(staleness.ns / 1000, UINT32_MAX)));
  send_cause(resources, header, ChunkType::kError, 0, CauseCode::kStaleCookie, microseconds, source,
             destination, marking);
}

}  // namespace millrace
