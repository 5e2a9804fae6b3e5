// An association's name, and what the operator and the application see of it.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/address.h"
#include "engine/base/limits.h"
#include "engine/base/time.h"
#include "engine/shard/listeners.h"

namespace millrace {

/// Names an association of one shard: index and generation, so that an old handle never means a new
/// association. (An lcore adds its own number before applications see it.)
struct AssociationHandle {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  ///< never 0 for a live association
  bool operator==(const AssociationHandle&) const = default;
};

/// One destination address as the operator and the application see it.
struct PathStatus {
  IpAddress address;
  bool active = false, confirmed = false, primary = false, potentially_failed = false;
  std::uint32_t cwnd = 0, ssthresh = 0, outstanding = 0, mtu = 0;  ///< bytes
  Duration srtt, rto;
  std::uint32_t error_count = 0;
};

/// One association as the operator and the application see it.
struct AssociationStatus {
  AssociationHandle handle;
  Owner owner = 0;
  std::uint64_t context = 0;  ///< of the listener or the connect request
  const char* state = "";     ///< "ESTABLISHED" and so on (RFC 9260 section 4)
  std::uint16_t local_port = 0, peer_port = 0;
  std::uint16_t streams_out = 0, streams_in = 0;
  std::uint32_t local_tag = 0, peer_tag = 0;
  std::uint64_t locals = 0;                 ///< bits of the local addresses it uses; 0: all
  bool is_begun_here = false;               ///< as its lcore remembers it; the shard does not
  std::uint32_t peer_rwnd = 0, a_rwnd = 0;  ///< bytes
  std::uint32_t unacked_chunks = 0;         ///< DATA chunks sent, not cumulatively acknowledged
  std::uint32_t queued_messages = 0;        ///< accepted, not yet in a packet
  std::uint32_t held_bytes = 0;             ///< received, not yet consumed by the application
  std::uint64_t messages_sent = 0, messages_received = 0, retransmissions = 0;
  std::size_t path_count = 0;
  std::array<PathStatus, kPathsMax> paths;
};

}  // namespace millrace
