// What the main thread asks of a worker, and what the worker says in return.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/ipc/channel.h"
#include "engine/ipc/ring.h"
#include "engine/net/packet.h"
#include "engine/shard/shard.h"

namespace millrace {

/// Main thread to worker. Memory that an order points to belongs to the worker until its report.
struct Order {
  enum class Kind : std::uint8_t {
    kAttach,      ///< owner, channel: serve this context
    kDetach,      ///< owner, gracefully: end what it owns; reported as kGone when nothing is left
    kSnapshot,    ///< cursor, statuses, capacity: reported as kSnapshot
    kNeighbours,  ///< cursor, neighbours, capacity: reported as kSnapshot
    kListeners,   ///< cursor, listeners, capacity: reported as kSnapshot
    kLimits,      ///< limit_uses: reported as kSnapshot
    kAbort,       ///< handle: abort this association, whoever owns it; reported as kAborted
    kAnnounce,    ///< tell the neighbours our addresses
  };
  Kind kind = Kind::kAttach;
  bool gracefully = false;
  Owner owner = 0;
  ipc::Channel* channel = nullptr;
  AssociationHandle handle;
  AssociationStatus* statuses = nullptr;
  net::NeighbourStatus* neighbours = nullptr;
  ListenerStatus* listeners = nullptr;
  LimitUses* limit_uses = nullptr;
  std::uint32_t capacity = 0;
  std::uint32_t cursor = 0;
};

/// Worker to main thread.
struct Report {
  enum class Kind : std::uint8_t {
    kGone,      ///< owner: nothing of it is left here, its channel will not be touched again
    kEvicted,   ///< owner, offence: it wrote what no library writes and is served no more
    kSnapshot,  ///< count of what was filled in, cursor to go on at; no more if count is 0
    kAborted,   ///< status
  };
  Kind kind = Kind::kGone;
  ipc::Offence offence = ipc::Offence::none;
  Status status = Status::kOk;
  Owner owner = 0;
  std::uint32_t count = 0;
  std::uint32_t cursor = 0;
};

/// What happened to an association, for the log; as its application is told it.
struct Note {
  enum class Kind : std::uint8_t {
    kUp,       ///< is_begun_here, local_port, peer
    kDown,     ///< reason, error
    kFailed,   ///< reason, error: it never was up
    kRestart,  ///< peer
    kPath,     ///< path_state, peer: the address
  };
  Kind kind = Kind::kUp;
  bool is_begun_here = false;
  DownReason reason = DownReason::kNone;
  PathState path_state = PathState::kActive;
  std::uint16_t error = 0;
  std::uint16_t local_port = 0;
  Owner owner = 0;
  AssociationHandle handle;
  SocketAddress peer;
};

/// The rings between the main thread and one worker.
struct ControlLink {
  /// Main thread: at most this many orders that are answered may be under way, and as many reports
  /// come unasked.
  static constexpr std::uint32_t kEntries = 1024;
  ipc::Ring<Order> orders{kEntries};    ///< main thread produces
  ipc::Ring<Report> reports{kEntries};  ///< worker produces
  ipc::Ring<Note> notes{kEntries};      ///< worker produces; nobody is woken for them
  /// Notes that found no room. Any thread.
  std::atomic<std::uint64_t> notes_lost{0};  // pairs: Deliveries::note -> Journal::look
};

}  // namespace millrace
