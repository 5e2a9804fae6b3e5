// What waits to be sent or acknowledged: user messages, and the DATA chunks that they are cut into.
#pragma once

#include <cstdint>

#include "engine/base/list.h"
#include "engine/base/serial.h"

namespace millrace {

struct TxMessage;

/// One DATA chunk that has been sent at least once.
struct TxChunk {
  enum class State : std::uint8_t {
    kInFlight,
    kGapAcked,      ///< acknowledged by a Gap Ack Block: the peer may still renege
    kToRetransmit,  ///< believed lost
  };

  TxChunk* next = nullptr;
  TxMessage* message = nullptr;
  std::uint32_t offset = 0;
  Tsn tsn;
  std::uint16_t length = 0;  ///< of the payload
  std::uint8_t flags = 0;    ///< chunk flags of DATA
  std::uint8_t path = 0;     ///< index of the destination it was last sent to
  State state = State::kInFlight;
  std::uint8_t miss_indications : 3 = 0;
  bool reneged : 1 = false;      ///< by the SACK at hand
  bool was_counted : 1 = false;  ///< acknowledged and reneged on: nothing new when it comes again
  bool was_retransmitted : 1 = false;
  bool was_fast_retransmitted : 1 = false;
  bool timed_out : 1 = false;      ///< believed lost because T3-rtx expired: goes to another path
  bool begins_packet : 1 = false;  ///< the first DATA chunk of the packet that it was last sent in
  bool probes_window : 1 = false;  ///< last sent when the peer had no window
  bool has_moved : 1 = false;  ///< was sent to another destination before: either may have got it
};
static_assert(sizeof(TxChunk) == 32);

/// No destination in particular.
inline constexpr std::uint8_t kAnyPath = 0xff;

/// A user message accepted from the application. Its payload stays in the application's memory
/// until every byte is acknowledged; then `token` goes back.
struct TxMessage {
  TxMessage* next = nullptr;
  const std::uint8_t* payload = nullptr;
  std::uint64_t token = 0;
  std::uint64_t context = 0;
  std::uint32_t owner = 0;
  std::uint32_t length = 0;
  std::uint32_t cut = 0;  ///< bytes that are in chunks
  std::uint32_t ppid = 0;
  std::uint16_t stream = 0;
  Ssn ssn;                       ///< set when the first chunk is cut
  std::uint8_t flags = 0;        ///< MessageFlag
  std::uint8_t path = kAnyPath;  ///< index of the destination that the application has chosen
  TxChunk whole;                 ///< the chunk of a message that is not cut
};

}  // namespace millrace
