// One association as the socket that has it sees it.
#pragma once

#include "api/sockets/abi.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "api/millrace.h"
#include "api/sockets/address.h"

namespace millrace::sockets {

class Socket;
struct Association;

/// enum mr_parameter's values, by their number.
using ParameterValues = std::array<std::uint32_t, MR_PARAMETERS>;

/// SCTP_DEFAULT_SEND_PARAM and SCTP_DEFAULT_SNDINFO are two views of this.
struct SendDefaults {
  std::uint16_t stream = 0;
  std::uint16_t flags = 0;
  std::uint32_t ppid = 0;  // in network order, as the application gave it
  std::uint32_t context = 0;
  std::uint32_t time_to_live = 0;
};

/// Of what SCTP_INITMSG and SCTP_INIT ask for, as many as the engine makes.
inline std::uint32_t attempts_of(const sctp_initmsg& init) {
  return std::min<std::uint32_t>(init.sinit_max_attempts, 255);
}

/// Which notifications are wanted: bit n is type SCTP_SN_TYPE_BASE + n.
using EventMask = std::uint16_t;

/// Something to receive: a notification, or a message or a piece of one.
struct Item {
  std::shared_ptr<Association> association;  // null only in Association::early
  std::string data;
  std::size_t taken = 0;  // bytes that were read already
  std::uint32_t ppid = 0;
  std::uint32_t tsn = 0;
  std::uint16_t stream = 0;
  std::uint16_t ssn = 0;
  bool is_notification = false;
  bool is_unordered = false;
  bool is_first = true;  // it begins one
  bool is_last = true;   // it ends with a record
  timespec arrived{};    // by the clock of the day, if the socket wants to know (SO_TIMESTAMP)
};

/// SPP_HB_ENABLE and its like: the interval stays while there are none.
struct Heartbeats {
  std::uint32_t interval_ms = 30'000;
  bool is_off = false;

  /// MR_HEARTBEAT_INTERVAL_MS, of which 0 means that there are none.
  std::uint32_t parameter() const { return is_off ? 0 : std::max(interval_ms, 1u); }
};

/// SCTP_DELAYED_SACK: delay and frequency stay while SACKs are not delayed.
struct DelayedSacks {
  std::uint32_t delay_ms = 200;
  std::uint32_t frequency = 2;
  bool is_off = false;

  /// MR_SACK_FREQUENCY, of which 1 means that they are not delayed.
  std::uint32_t frequency_parameter() const { return is_off ? 1 : frequency; }
};

/// Options that a socket has and each association of it may have otherwise.
struct AssociationOptions {
  ParameterValues parameters{};
  Heartbeats heartbeats;
  DelayedSacks sacks;
  bool has_unbounded_bursts = false;  // SCTP_MAX_BURST 0
  SendDefaults defaults;
  EventMask events = 0;
  std::uint32_t context = 0;      // SCTP_CONTEXT
  std::uint32_t send_buffer = 0;  // bytes; 0: the engine's
  std::uint8_t exposes_doubtful = SCTP_PF_EXPOSE_UNSET;
  bool has_own_dscp = false;  // by SPP_DSCP, which goes before IP_TOS
};

/// What a destination address has of its own.
struct PathOptions {
  mr_address address{};
  ParameterValues parameters{};
  Heartbeats heartbeats;
  bool has_own_dscp = false;
};

struct Association : std::enable_shared_from_this<Association> {
  enum class State : std::uint8_t { starting, up, ended };

  sctp_assoc_t id = 0;
  mr_association handle = 0;
  Socket* socket = nullptr;  // none while it waits to be accepted, and after its socket was closed
  State state = State::starting;
  std::uint16_t local_port = 0;
  std::uint16_t peer_port = 0;
  std::uint16_t streams_out = 0;
  std::uint16_t streams_in = 0;
  mr_address primary{};
  mr_address local{};              // of ours, that the peer has reached; none while it is not up
  std::vector<mr_address> peers;   // as far as they are known
  std::vector<mr_address> locals;  // that it was restricted to; none: all
  AssociationOptions options;
  std::vector<PathOptions> path_options;
  /// Potentially failed, which the program was not told.
  std::vector<mr_address> in_doubt;
  std::uint32_t adaptation = 0;  // the peer's indication; 0: none
  std::uint32_t owed = 0;        // bytes that were read and not yet credited
  std::uint32_t queued = 0;      // bytes that wait to be read
  std::uint32_t statuses = 0;    // that were asked for and have not come
  bool is_passive = false;
  bool is_orphan = false;         // its socket was closed
  bool is_full = false;           // a send found no room
  bool is_shut_down = false;      // by this side
  bool is_aborted = false;        // likewise
  bool peer_shut_down = false;    // by the other
  int error = 0;                  // errno it ended with
  std::int64_t last_used_us = 0;  // for SCTP_AUTOCLOSE
  /// Those of them that were asked for before what paths carry was set.
  std::uint32_t outdated_statuses = 0;
  /// What its paths carried in one chunk by the last status (0: that is not known), and until when
  /// none is asked for because of that.
  std::uint32_t chunk_fits = 0;
  std::int64_t chunk_fits_until_us = 0;
  std::deque<Item> early;     // came before it was accepted; without an association yet
  std::string unfinished;     // a message of which the end is yet to be sent
  bool is_in_pieces = false;  // a message is received of which the end has not come
  std::uint16_t piece_stream = 0;
  std::uint16_t piece_ssn = 0;
};

/// The largest message that goes in one chunk, which has to fit each path: `fragment_max` (0: no
/// bound) or less. 0 if there is no path.
std::uint32_t fragmentation_point(const mr_status& status, std::uint32_t fragment_max);

}  // namespace millrace::sockets
