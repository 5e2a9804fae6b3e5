#include "engine/lcore/translate.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/lcore/association_name.h"

namespace millrace {

std::int32_t errno_of(Status status) {
  switch (status) {
    case Status::kOk:
      return 0;
    case Status::kNoAssociation:
      return -ENOENT;
    case Status::kBadArgument:
    case Status::kBadStream:
      return -EINVAL;
    case Status::kMessageTooLong:
      return -EMSGSIZE;
    case Status::kShuttingDown:
      return -ESHUTDOWN;
    case Status::kBufferFull:
      return -EAGAIN;
    case Status::kPortInUse:
      return -EADDRINUSE;
    case Status::kNoPort:
    case Status::kNoAddress:
      return -EADDRNOTAVAIL;
    case Status::kNoRoute:
      return -EHOSTUNREACH;
    case Status::kNoMemory:
    case Status::kOverShare:
      return -ENOBUFS;
    case Status::kDuplicate:
      return -EISCONN;
  }
  return -EINVAL;
}

ipc::Reason reason_of(DownReason reason) {
  switch (reason) {
    case DownReason::kNone:
      return ipc::Reason::none;
    case DownReason::kShutdown:
      return ipc::Reason::shutdown;
    case DownReason::kAbortedByPeer:
      return ipc::Reason::peer_abort;
    case DownReason::kAbortedLocally:
      return ipc::Reason::local_abort;
    case DownReason::kUnreachable:
      return ipc::Reason::unreachable;
    case DownReason::kInitFailed:
      return ipc::Reason::init_failed;
    case DownReason::kRefused:
      return ipc::Reason::refused;
    case DownReason::kProtocolError:
      return ipc::Reason::protocol_error;
    case DownReason::kResources:
      return ipc::Reason::no_resources;
  }
  return ipc::Reason::none;
}

ipc::PathState path_state_of(PathState state) {
  switch (state) {
    case PathState::kActive:
      return ipc::PathState::active;
    case PathState::kInactive:
      return ipc::PathState::inactive;
    case PathState::kConfirmed:
      return ipc::PathState::confirmed;
    case PathState::kUnconfirmed:
      return ipc::PathState::unconfirmed;
    case PathState::kPotentiallyFailed:
      return ipc::PathState::potentially_failed;
  }
  return ipc::PathState::unconfirmed;
}

ipc::Reason refusal_of(Status status) {
  switch (status) {
    case Status::kNoAssociation:
    case Status::kShuttingDown:
      return ipc::Reason::closed;
    case Status::kNoRoute:
      return ipc::Reason::unreachable;
    default:
      return ipc::Reason::no_resources;
  }
}

namespace {

std::uint32_t in_microseconds(Duration span) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(span.ns / 1000, 0, UINT32_MAX));
}

void translate_path(const PathStatus& from, ipc::PathStatus& to) {
  std::copy(from.address.bytes.begin(), from.address.bytes.end(), to.address);
  to.is_active = from.active ? 1 : 0;
  to.is_confirmed = from.confirmed ? 1 : 0;
  to.is_primary = from.primary ? 1 : 0;
  to.is_potentially_failed = from.potentially_failed ? 1 : 0;
  to.error_count = from.error_count;
  to.cwnd = from.cwnd;
  to.ssthresh = from.ssthresh;
  to.outstanding = from.outstanding;
  to.srtt_us = in_microseconds(from.srtt);
  to.rto_us = in_microseconds(from.rto);
  to.mtu = from.mtu;
}

}  // namespace

void translate(std::size_t lcore, const AssociationStatus& from, ipc::AssociationStatus& to) {
  to = {};
  to.association = name_of(lcore, from.handle);
  std::strncpy(to.state, from.state, sizeof to.state - 1);
  to.local_port = from.local_port;
  to.peer_port = from.peer_port;
  to.streams_out = from.streams_out;
  to.streams_in = from.streams_in;
  to.peer_rwnd = from.peer_rwnd;
  to.a_rwnd = from.a_rwnd;
  to.unacked_chunks = from.unacked_chunks;
  to.queued_messages = from.queued_messages;
  to.held_bytes = from.held_bytes;
  to.path_count = static_cast<std::uint32_t>(std::min(from.path_count, kPathsMax));
  to.messages_sent = from.messages_sent;
  to.messages_received = from.messages_received;
  to.retransmissions = from.retransmissions;
  for (std::size_t i = 0; i < to.path_count; ++i) translate_path(from.paths[i], to.paths[i]);
}

}  // namespace millrace
