// What lies in the memory that the engine and an application share: entries, indices, geometry.
//
// One context is one attach: one thread of an application. It has one transmit arena, which the
// application fills, and one channel per lcore. A channel is a block of memory with three rings and
// the receive arena:
//
//   submission ring  application -> engine   requests, SubmissionEntry
//   completion ring  engine -> application   events, CompletionEntry
//   returns ring     engine -> application   transmit slots that are free again, u32
//   receive arena    engine -> application   bytes of messages, in the order of their completions
//
// Only offsets are in here, never pointers. Numbers are in host order: both ends are one host.
// A change of anything in this file is a new kLayoutVersion.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/base/limits.h"

namespace millrace::ipc {

inline constexpr std::uint32_t kLayoutMagic = 0x4d524c31;  // "MRL1"
inline constexpr std::uint32_t kLayoutVersion = 6;

/// Transmit slots and messages in the receive arena start at multiples of this.
inline constexpr std::uint32_t kSlotUnit = 64;

/// What an application asks for.
enum class Operation : std::uint8_t {
  listen = 1,   ///< local_port, streams_*, flags, context; payload: local addresses (none: all)
  unlisten,     ///< local_port, context: those of the listen request
  connect,      ///< peer_port, local_port (0: any), streams_*, context; payload: `value` addresses
                ///< of the peer, the rest local ones (none: all)
  send,         ///< association, stream, ppid, flags, context, address with kSendToAddress;
                ///< payload: the message
  consumed,     ///< association, value = bytes that the application is done with
  shutdown,     ///< association: graceful, after everything queued is acknowledged
  abort,        ///< association; payload (may be empty): the reason for the peer
  set_primary,  ///< association, address
  set_parameter,  ///< association, parameter, value, address of one path (unspecified: all)
  get_status,     ///< association; answered by Event::status
  preset,      ///< parameter, value: for this context's next listen or connect at this lcore; what
               ///< is out of range is told with the answer to that
  get_engine,  ///< answered by Event::engine
  heartbeat,   ///< association, address
};
inline constexpr std::uint8_t kOperationFirst = static_cast<std::uint8_t>(Operation::listen);
inline constexpr std::uint8_t kOperationLast = static_cast<std::uint8_t>(Operation::heartbeat);

enum SubmissionFlag : std::uint8_t {
  kSendUnordered = 1 << 0,
  kSendImmediateSack = 1 << 1,  ///< RFC 7053: the peer acknowledges at once
  kSendToAddress = 1 << 3,      ///< while it is usable
  kListenShared = 1 << 4,       ///< others of this context may listen at the same addresses, too
  kConnectAnyPort = 1 << 5,     ///< another local port would do: it is not claimed
};
inline constexpr std::uint8_t kSubmissionFlags =
    kSendUnordered | kSendImmediateSack | kSendToAddress | kListenShared | kConnectAnyPort;

/// What Operation::set_parameter and preset set. Part of the ABI of millrace.h.
enum class Parameter : std::uint16_t {
  rto_initial_ms = 1,
  rto_min_ms,
  rto_max_ms,
  sack_delay_ms,          ///< at most 500
  sack_frequency,         ///< packets with DATA until a SACK is sent
  heartbeat_interval_ms,  ///< 0 turns heartbeats off
  association_max_retrans,
  path_max_retrans,
  max_burst,  ///< packets
  potentially_failed_max_retrans,
  primary_switchover_max_retrans,  ///< 255: never
  init_max_retrans,
  cookie_lifetime_ms,
  receive_buffer,          ///< bytes
  partial_delivery_point,  ///< bytes
  sender_dry_events,       ///< 1: Event::sender_dry is told
  adaptation,              ///< RFC 5061 4.2.6; 0: none
  init_rto_max_ms,         ///< 0: as any other
  path_mtu,                ///< bytes, where path_mtu_fixed is 1; 0: as it is
  path_mtu_fixed,          ///< 1: not looked for
  fragment_max,            ///< bytes of user data in one chunk; 0: as paths have it
  remote_error_events,     ///< 1: Event::remote_error is told
  dscp,                    ///< of packets, 0 to 63
  flow_label,              ///< of IPv6 packets, 20 bits; 1 << 20: as it follows from the addresses
  hop_limit,               ///< of packets, 1 to 255
};
inline constexpr std::uint16_t kParameterLast = static_cast<std::uint16_t>(Parameter::hop_limit);

/// A request. The payload of listen and connect is `length / 16` addresses of 16 bytes each
/// (IpAddress::bytes), that of abort is text, that of send is the message.
struct SubmissionEntry {
  Operation operation;
  std::uint8_t flags;  ///< SubmissionFlag
  union {
    std::uint16_t stream;
    Parameter parameter;
  };
  std::uint32_t ppid;         ///< as it stands on the wire, read as a big-endian number
  std::uint64_t association;  ///< generation(32) | lcore(8) | index(24)
  std::uint64_t context;      ///< the application's own; comes back in the answer
  std::uint32_t slot;         ///< where the payload starts in the transmit arena, in kSlotUnit
  std::uint32_t length;       ///< bytes of payload
  std::uint32_t value;
  std::uint32_t reserved;
  std::uint16_t peer_port;
  std::uint16_t local_port;
  std::uint16_t streams_out;  ///< 0: the engine's configured number
  std::uint16_t streams_in;   ///< 0: the engine's configured number
  std::uint8_t address[16];   ///< IpAddress::bytes
};
static_assert(sizeof(SubmissionEntry) == 64);
static_assert(offsetof(SubmissionEntry, association) == 8);
static_assert(offsetof(SubmissionEntry, slot) == 24);
static_assert(offsetof(SubmissionEntry, address) == 48);

/// What the engine tells an application. Part of the ABI of millrace.h.
enum class Event : std::uint8_t {
  listening = 1,       ///< answer to listen: status, local_port, context
  request_done,        ///< answer to unlisten, set_primary, set_parameter; or a refusal of another
  connecting,          ///< connect was accepted: association is its handle, context the request's
  association_up,      ///< streams_*, ports, address = the peer's primary, context of the connect,
                       ///< value = its adaptation indication
  association_failed,  ///< connect came to nothing: reason, status; as association_down
  association_down,    ///< reason, status; the handle is dead. The peer's ABORT chunk, if that is
                       ///< what ended it, in the receive arena
  message,             ///< stream, ssn, tsn, ppid, flags; payload in the receive arena
  send_failed,         ///< reason, stream, ppid, status, context of the send; `offset` and `length`
                       ///< name the *transmit* slot, which goes back to the application with this
                       ///< entry and not over the returns ring
  path_state,          ///< address, value = PathState
  restart,             ///< the peer restarted: as association_up
  peer_shutdown,       ///< the peer will send no more; ours still goes out
  sender_dry,          ///< everything that was sent is acknowledged
  status,              ///< answer to get_status: AssociationStatus in the receive arena
  engine = 32,         ///< answer to get_engine: EngineStatus in the receive arena (what lies
                       ///< between is the library's own)
  remote_error,        ///< an ERROR of the peer's; payload in the receive arena: its first cause
};

/// Part of the ABI of millrace.h.
enum CompletionFlag : std::uint8_t {
  kMessageUnordered = 1 << 0,
  kMessageFirst = 1 << 3,        ///< this piece begins a message
  kMessageLast = 1 << 4,         ///< this piece ends it; a message in one piece has both
  kAssociationPassive = 1 << 5,  ///< association_up: the peer connected to a listener of ours
  kSendFailedUnsent = 1 << 6,    ///< send_failed: no part of the message ever left
};

/// Why an association, or a message, came to its end. Part of the ABI of millrace.h.
enum class Reason : std::uint8_t {
  none = 0,
  shutdown,        ///< SHUTDOWN ran its course, whoever began it
  peer_abort,      ///< ABORT from the peer; value = its first cause code, 0 if it gave none
  local_abort,     ///< the application or the operator aborted it
  unreachable,     ///< Association.Max.Retrans exceeded
  init_failed,     ///< no answer to INIT or COOKIE ECHO
  refused,         ///< the peer answered INIT with ABORT; value as in peer_abort
  protocol_error,  ///< the peer broke the protocol; value = the cause that was sent to it
  no_resources,    ///< the engine ran out of something
  closed,          ///< the association was going down, or gone, when the request came
  engine_lost,     ///< made by the library: the engine is gone
};

/// What a path_state event tells. Part of the ABI of millrace.h.
enum class PathState : std::uint8_t {
  active = 0,
  inactive,
  confirmed,
  unconfirmed,
  potentially_failed
};

inline constexpr std::uint8_t kLocalLoopback = 255;
inline constexpr std::uint8_t kLocalUnknown = 254;
static_assert(kLocalAddressesMax <= kLocalUnknown);

/// An event. Payload of message and status: `length` bytes at `offset` in the receive arena.
struct CompletionEntry {
  Event event;
  std::uint8_t flags;  ///< CompletionFlag
  Reason reason;
  union {
    Operation operation;  ///< request_done: of the request
    std::uint8_t local;  ///< association_up: which of EngineStatus::addresses the peer has reached;
                         ///< kLocalLoopback: a loopback address; kLocalUnknown: its primary has
                         ///< sent nothing yet
  };
  union {
    std::uint16_t stream;
    std::uint16_t streams_out;
  };
  union {
    std::uint16_t ssn;
    std::uint16_t streams_in;
  };
  std::uint64_t association;
  std::uint64_t context;
  std::uint32_t offset;     ///< in kSlotUnit
  std::uint32_t length;     ///< bytes
  std::uint32_t arena_end;  ///< set by Channel: what the application writes to receive_freed
  union {
    std::uint32_t tsn;    ///< message: of its first fragment
    std::int32_t status;  ///< the rest: 0 or a negative errno
  };
  union {
    std::uint32_t ppid;
    std::uint32_t value;
  };
  std::uint16_t peer_port;
  std::uint16_t local_port;
  std::uint8_t address[16];  ///< IpAddress::bytes
};
static_assert(sizeof(CompletionEntry) == 64);
static_assert(offsetof(CompletionEntry, association) == 8);
static_assert(offsetof(CompletionEntry, offset) == 24);
static_assert(offsetof(CompletionEntry, address) == 48);

/// One destination address in AssociationStatus.
struct PathStatus {
  std::uint8_t address[16];
  std::uint8_t is_active;
  std::uint8_t is_confirmed;
  std::uint8_t is_primary;
  std::uint8_t is_potentially_failed;
  std::uint32_t error_count;
  std::uint32_t cwnd;  ///< this and the next three in bytes
  std::uint32_t ssthresh;
  std::uint32_t outstanding;
  std::uint32_t mtu;
  std::uint32_t srtt_us;
  std::uint32_t rto_us;
};
static_assert(sizeof(PathStatus) == 48);

/// The payload of Event::status.
struct AssociationStatus {
  std::uint64_t association;
  char state[24];  ///< "ESTABLISHED" and so on (RFC 9260 section 4), zero-terminated
  std::uint16_t local_port;
  std::uint16_t peer_port;
  std::uint16_t streams_out;
  std::uint16_t streams_in;
  std::uint32_t peer_rwnd;
  std::uint32_t a_rwnd;
  std::uint32_t unacked_chunks;   ///< DATA chunks sent, not cumulatively acknowledged
  std::uint32_t queued_messages;  ///< accepted, not yet in a packet
  std::uint32_t held_bytes;       ///< received, not yet consumed by the application
  std::uint32_t path_count;
  std::uint64_t messages_sent;
  std::uint64_t messages_received;
  std::uint64_t retransmissions;
  PathStatus paths[kPathsMax];
};
static_assert(sizeof(AssociationStatus) == 88 + 48 * kPathsMax);

/// The payload of Event::engine: what an application may use, and what it gets unless it says
/// otherwise.
struct EngineStatus {
  std::uint32_t parameters[kParameterLast + 1];  ///< by Parameter
  std::uint16_t streams_out;
  std::uint16_t streams_in;
  std::uint32_t send_buffer;  ///< bytes
  std::uint32_t path_mtu;     ///< bytes
  std::uint32_t address_count;
  std::uint8_t addresses[kLocalAddressesMax][16];  ///< IpAddress::bytes, without loopback ones
};
static_assert(sizeof(EngineStatus) == 120 + 16 * kLocalAddressesMax);

using SharedWord = std::atomic<std::uint32_t>;
static_assert(SharedWord::is_always_lock_free && sizeof(SharedWord) == 4);

/// In ApplicationWords::asleep: wake it for free space (slots that came back, requests that were
/// taken), and not for events alone.
inline constexpr std::uint32_t kAsleepWantsSpace = 1u << 31;

/// The words that the application writes and the engine reads: one line, so that a poll of the
/// engine costs one miss at most.
struct alignas(128) ApplicationWords {
  SharedWord submission_producer;  ///< pairs: RingProducer::publish -> Channel::take
  SharedWord completion_consumer;  ///< pairs: RingConsumer::publish -> Channel::post
  SharedWord returns_consumer;     ///< pairs: RingConsumer::publish -> Channel::return_slot
  SharedWord receive_freed;        ///< pairs: the library's release -> ReceiveArena::reserve
  SharedWord asleep;               ///< 0: awake; else a new number for every sleep, maybe with
                                   ///< kAsleepWantsSpace
};
/// The words that the engine writes and the application reads.
struct alignas(128) EngineWords {
  SharedWord submission_consumer;  ///< pairs: Channel::publish -> the library's send
  SharedWord completion_producer;  ///< pairs: Channel::publish -> the library's receive
  SharedWord returns_producer;     ///< pairs: Channel::publish -> the library's reclaim
  SharedWord asleep;               ///< 0: awake; else a new number for every sleep of the lcore
};

/// The head of a channel's block. The engine never reads the constants back.
struct ChannelHeader {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint32_t lcore;
  std::uint32_t reserved[29];
  ApplicationWords application;
  EngineWords engine;
};
static_assert(sizeof(ChannelHeader) == 384);

/// Sizes that both sides compute the layout from. Each side keeps a private copy: the engine the
/// one it was created from, the library the one it was told over the socket.
struct Geometry {
  std::uint32_t lcores = 1;
  std::uint32_t submission_capacity = 1024;      ///< entries; a power of two
  std::uint32_t completion_capacity = 1024;      ///< entries; a power of two
  std::uint32_t returns_capacity = 16384;        ///< slots; a power of two: bounds slots in flight
  std::uint32_t receive_arena_bytes = 8u << 20;  ///< of each channel; a multiple of the page size
  std::uint32_t transmit_arena_bytes = 32u << 20;

  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t rounded(std::size_t bytes) {
    return (bytes + kPage - 1) & ~(kPage - 1);
  }
  constexpr std::size_t submission_offset() const { return sizeof(ChannelHeader); }
  constexpr std::size_t completion_offset() const {
    return submission_offset() + std::size_t{submission_capacity} * sizeof(SubmissionEntry);
  }
  constexpr std::size_t returns_offset() const {
    return completion_offset() + std::size_t{completion_capacity} * sizeof(CompletionEntry);
  }
  constexpr std::size_t receive_offset() const {
    return rounded(returns_offset() + std::size_t{returns_capacity} * sizeof(std::uint32_t));
  }
  constexpr std::size_t channel_bytes() const { return receive_offset() + receive_arena_bytes; }
  constexpr std::size_t channels_bytes() const { return channel_bytes() * lcores; }

  /// Nothing for good, or what is wrong with these numbers.
  const char* problem() const;
};

}  // namespace millrace::ipc
