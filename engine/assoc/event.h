// What an association tells the application that owns it.
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/address.h"
#include "engine/base/bytes.h"
#include "engine/base/serial.h"

namespace millrace {

struct RxChunk;

enum class EventType : std::uint8_t {
  kUp,            ///< COMMUNICATION UP (RFC 9260 11.2.4)
  kDown,          ///< the association is gone (11.2.5, 11.2.8): its handle is no longer valid
  kRestart,       ///< the peer restarted (11.2.7): sequence numbers start again
  kMessage,       ///< a user message, or a piece of one
  kSendFailed,    ///< a message that will not be delivered (11.2.2); its payload is given back
  kPathState,     ///< a destination address changed its state (11.2.3)
  kPeerShutdown,  ///< the peer has sent SHUTDOWN: it accepts no more data
  kSenderDry,     ///< everything that was sent has been acknowledged
  kRemoteError,   ///< the peer has sent an ERROR (11.2.6)
};

/// Why an association went down.
enum class DownReason : std::uint8_t {
  kNone,
  kShutdown,        ///< graceful, by either side
  kAbortedByPeer,   ///< ABORT received; `error` is its first cause code
  kAbortedLocally,  ///< the application or the operator aborted it
  kUnreachable,     ///< Association.Max.Retrans exceeded
  kInitFailed,      ///< Max.Init.Retransmits exceeded
  kRefused,         ///< ABORT received in answer to INIT
  kProtocolError,   ///< the peer broke the protocol; `error` is the cause that was sent to it
  kResources,       ///< the engine had no memory for it
};

enum class PathState : std::uint8_t {
  kActive,
  kInactive,
  kConfirmed,  ///< a heartbeat was answered for the first time (RFC 9260 5.4)
  kUnconfirmed,
  kPotentiallyFailed,  ///< did not answer; others are preferred until it does (RFC 7829)
};

/// Flags of a message on its way to or from an application.
enum MessageFlag : std::uint8_t {
  kUnordered = 1 << 0,        ///< U bit
  kFirstPiece = 1 << 1,       ///< received: starts a message
  kLastPiece = 1 << 2,        ///< received: ends it (end of record)
  kSackImmediately = 1 << 3,  ///< to be sent: I bit
  kChosenPath = 1 << 5,       ///< to be sent: to a destination that is named
  kWasSent = 1 << 4,          ///< send failed: at least one piece was sent (not: unsent)
};

/// One event. Fields that say nothing about its type may hold anything. Pointers are valid until
/// the event is taken off the queue.
struct Event {
  EventType type = EventType::kUp;
  DownReason reason = DownReason::kNone;
  PathState path_state = PathState::kActive;
  std::uint8_t flags = 0;   ///< MessageFlag
  std::uint16_t error = 0;  ///< cause code (RFC 9260 3.3.10), 0 if none
  std::uint16_t stream = 0;
  Ssn ssn;
  std::uint16_t streams_out = 0;  ///< kUp, kRestart: negotiated
  std::uint16_t streams_in = 0;
  Tsn tsn;                          ///< kMessage: of the first piece's first chunk
  std::uint32_t ppid = 0;           ///< host order
  std::uint32_t length = 0;         ///< kMessage, kSendFailed: payload bytes
  std::uint64_t context = 0;        ///< kSendFailed: what the sender gave
  std::uint64_t token = 0;          ///< kSendFailed: the payload's token (see SendRequest)
  SocketAddress peer;               ///< kUp: primary address and port; kPathState: the destination
  std::uint16_t local_port = 0;     ///< kUp
  IpAddress local;                  ///< kUp: of ours, where the peer has reached us last
  Bytes abort_chunk;                ///< kDown: the peer's ABORT, if that is what ended it
  std::uint32_t adaptation = 0;     ///< kUp, kRestart: the peer's indication; 0: none
  Bytes cause;                      ///< kRemoteError: the whole of the first cause
  const RxChunk* chunks = nullptr;  ///< kMessage: the payload; read it with copy_payload()
};

/// Copies the payload of a kMessage event; `to` has room for `event.length` bytes.
void copy_payload(const Event& event, std::uint8_t* to);

}  // namespace millrace
