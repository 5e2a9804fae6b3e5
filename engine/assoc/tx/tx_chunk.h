// What waits to be sent or acknowledged: user messages, and the DATA chunks that they are cut into.
#pragma once

#include <cstdint>

#include "engine/base/list.h"
#include "engine/base/serial.h"
#include "engine/base/time.h"

namespace millrace {

/// A user message accepted from the application. Its payload stays in the application's memory
/// until every byte is acknowledged; then `token` goes back.
struct TxMessage : ListNode<TxMessage> {
  const std::uint8_t* payload = nullptr;
  std::uint64_t token = 0;
  std::uint64_t context = 0;
  std::uint32_t owner = 0;
  std::uint32_t length = 0;
  std::uint32_t cut = 0;             ///< bytes that are in chunks
  std::uint32_t chunks_pending = 0;  ///< chunks not yet cumulatively acknowledged
  std::uint32_t ppid = 0;
  std::uint16_t stream = 0;
  Ssn ssn;                 ///< set when the first chunk is cut
  std::uint8_t flags = 0;  ///< MessageFlag
};

/// One DATA chunk that has been sent at least once.
struct TxChunk : ListNode<TxChunk> {
  enum class State : std::uint8_t {
    kInFlight,
    kGapAcked,      ///< acknowledged by a Gap Ack Block: the peer may still renege
    kToRetransmit,  ///< believed lost
  };

  TxMessage* message = nullptr;
  std::uint32_t offset = 0;
  Tsn tsn;
  std::uint16_t length = 0;  ///< of the payload
  std::uint8_t flags = 0;    ///< chunk flags of DATA
  State state = State::kInFlight;
  std::uint8_t path = 0;  ///< index of the destination it was last sent to
  std::uint8_t miss_indications = 0;
  bool was_retransmitted = false;
  bool was_fast_retransmitted = false;
  bool timed_out = false;  ///< believed lost because T3-rtx expired: goes to another path
};

}  // namespace millrace
