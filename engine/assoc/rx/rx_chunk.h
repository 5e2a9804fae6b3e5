// A received DATA chunk that waits: for its message to be complete, for its turn, or for its
// reader.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/base/buffer.h"
#include "engine/base/bytes.h"
#include "engine/base/list.h"
#include "engine/base/serial.h"
#include "engine/wire/chunk.h"

namespace millrace {

/// Chunks with consecutive TSNs of one message form a run, linked through `run_next`. Only the head
/// of a run is in a list; it knows the run's length, and both ends know each other. `previous` of
/// the others is the chunk before them. The payload stays in the packet's buffer, of which each
/// chunk holds a reference.
///
/// A chunk that is ready may stand for those behind it in its packet, too, if each is a whole
/// message whose turn comes right after: when it is taken off, it becomes the next of them.
struct RxChunk : ListNode<RxChunk> {
  Buffer* buffer = nullptr;
  const std::uint8_t* payload = nullptr;
  std::uint16_t length = 0;
  std::uint16_t stream = 0;
  Ssn ssn;
  std::uint8_t flags = 0;      ///< chunk flags of DATA (RFC 9260 3.3.1)
  std::uint8_t followers = 0;  ///< whole messages behind it that it stands for
  Tsn tsn;
  std::uint32_t ppid = 0;

  RxChunk* run_next = nullptr;
  RxChunk* run_end = nullptr;    ///< of the head the tail, of the tail the head
  std::uint32_t run_length = 0;  ///< head only: payload bytes of the run

  // RxIndex's:
  std::uint32_t key = 0;
  const List<RxChunk>* home = nullptr;  ///< nullptr: not in the index
  RxChunk* chain_next = nullptr;
};

/// A whole message in one DATA chunk, header and all, describes itself.
inline void describe(RxChunk& chunk, const std::uint8_t* at) {
  chunk.length = static_cast<std::uint16_t>(load_be16(at + 2) - kDataHeaderBytes);
  chunk.run_length = chunk.length;
  chunk.payload = at + kDataHeaderBytes;
  chunk.flags = at[1];
  chunk.tsn = Tsn{load_be32(at + 4)};
  chunk.stream = load_be16(at + 8);
  chunk.ssn = Ssn{load_be16(at + 10)};
  chunk.ppid = load_be32(at + 12);
}

/// A chunk that stands for others becomes the one behind it in the packet.
inline void become_follower(RxChunk& chunk) {
  --chunk.followers;
  describe(chunk, chunk.payload + padded4(chunk.length));
}

/// Copies the payload of the run that `head` begins; `to` has room for its run_length.
inline void copy_payload(const RxChunk& head, std::uint8_t* to) {
  std::memcpy(to, head.payload, head.length);
  to += head.length;
  for (const RxChunk* chunk = head.run_next; chunk != nullptr; chunk = chunk->run_next) {
    std::memcpy(to, chunk->payload, chunk->length);
    to += chunk->length;
  }
}

}  // namespace millrace
