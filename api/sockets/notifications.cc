#include "api/sockets/notifications.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace millrace::sockets {
namespace {

template <class Layout>
std::string bytes_of(const Layout& layout) {
  return std::string(reinterpret_cast<const char*>(&layout), sizeof layout);
}

int state_of(std::uint8_t path_state) {
  switch (path_state) {
    case MR_PATH_ACTIVE:
      return SCTP_ADDR_AVAILABLE;
    case MR_PATH_CONFIRMED:
      return SCTP_ADDR_CONFIRMED;
    case MR_PATH_POTENTIALLY_FAILED:
      return SCTP_ADDR_POTENTIALLY_FAILED;
    default:
      return SCTP_ADDR_UNREACHABLE;
  }
}

std::uint16_t flags_of(std::uint8_t flags) {
  return (flags & MR_UNORDERED) != 0 ? std::uint16_t{SCTP_UNORDERED} : std::uint16_t{0};
}

// What the old and the new notification of a message that was not sent have in common; the message
// stands behind it.
template <class Layout>
std::string failure_of(Layout& failed, int type, const Association& association,
                       const mr_event& event) {
  failed.ssf_type = static_cast<std::uint16_t>(type);
  failed.ssf_flags = (event.flags & MR_UNSENT) != 0 ? SCTP_DATA_UNSENT : SCTP_DATA_SENT;
  failed.ssf_length = static_cast<std::uint32_t>(sizeof failed + event.length);
  failed.ssf_error = event.cause;
  failed.ssf_assoc_id = association.id;
  return bytes_of(failed) + std::string(static_cast<const char*>(event.data), event.length);
}

}  // namespace

// The error is a protocol's cause in network order, as Linux has it.
//= rfc6458 6.1.1
std::string association_change(const Association& association, int state, int error,
                               std::string_view abort_chunk) {
  sctp_assoc_change change{};
  change.sac_type = SCTP_ASSOC_CHANGE;
  change.sac_length = static_cast<std::uint32_t>(sizeof change + abort_chunk.size());
  change.sac_state = static_cast<std::uint16_t>(state);
  change.sac_error = static_cast<std::uint16_t>(error);
  change.sac_outbound_streams = association.streams_out;
  change.sac_inbound_streams = association.streams_in;
  change.sac_assoc_id = association.id;
  return bytes_of(change).append(abort_chunk);  // sac_info
}

std::string address_change(const Association& association, const mr_event& event,
                           const Socket& socket) {
  return address_change(association, event.address, state_of(event.path_state), socket);
}

//= rfc6458 6.1.2
std::string address_change(const Association& association, const mr_address& about, int state,
                           const Socket& socket) {
  sctp_paddr_change change{};
  change.spc_type = SCTP_PEER_ADDR_CHANGE;
  change.spc_length = sizeof change;
  sockaddr_storage address;
  write_endpoint({about, association.peer_port}, socket.family(), socket.maps_v4, address);
  std::memcpy(&change.spc_aaddr, &address, sizeof address);
  change.spc_state = state;
  change.spc_assoc_id = association.id;
  return bytes_of(change);
}

//= rfc6458 6.1.5
std::string shutdown_event(const Association& association) {
  sctp_shutdown_event event{};
  event.sse_type = SCTP_SHUTDOWN_EVENT;
  event.sse_length = sizeof event;
  event.sse_assoc_id = association.id;
  return bytes_of(event);
}

//= rfc6458 6.1.4
std::string send_failed(const Association& association, const mr_event& event) {
  sctp_send_failed failed{};
  failed.ssf_info.sinfo_stream = event.stream;
  failed.ssf_info.sinfo_flags = flags_of(event.flags);
  failed.ssf_info.sinfo_ppid = htonl(event.ppid);
  failed.ssf_info.sinfo_context = static_cast<std::uint32_t>(event.send_context);
  failed.ssf_info.sinfo_assoc_id = association.id;
  return failure_of(failed, SCTP_SEND_FAILED, association, event);
}

//= rfc6458 6.1.11
std::string send_failed_event(const Association& association, const mr_event& event) {
  sctp_send_failed_event failed{};
  failed.ssfe_info.snd_sid = event.stream;
  failed.ssfe_info.snd_flags = flags_of(event.flags);
  failed.ssfe_info.snd_ppid = htonl(event.ppid);
  failed.ssfe_info.snd_context = static_cast<std::uint32_t>(event.send_context);
  failed.ssfe_info.snd_assoc_id = association.id;
  return failure_of(failed, SCTP_SEND_FAILED_EVENT, association, event);
}

//= rfc6458 6.1.9
std::string sender_dry(const Association& association) {
  sctp_sender_dry_event event{};
  event.sender_dry_type = SCTP_SENDER_DRY_EVENT;
  event.sender_dry_length = sizeof event;
  event.sender_dry_assoc_id = association.id;
  return bytes_of(event);
}

// The cause stands behind it as it came, its header included.
//= rfc6458 6.1.3
std::string remote_error(const Association& association, const mr_event& event) {
  const std::string cause(static_cast<const char*>(event.data), event.length);
  sctp_remote_error error{};
  error.sre_type = SCTP_REMOTE_ERROR;
  error.sre_length = static_cast<std::uint32_t>(sizeof error + cause.size());
  std::memcpy(&error.sre_error, cause.data(), std::min(sizeof error.sre_error, cause.size()));
  error.sre_assoc_id = association.id;
  return bytes_of(error) + cause;
}

//= rfc6458 6.1.6
std::string adaptation_indication(const Association& association) {
  sctp_adaptation_event event{};
  event.sai_type = SCTP_ADAPTATION_INDICATION;
  event.sai_length = sizeof event;
  event.sai_adaptation_ind = association.adaptation;
  event.sai_assoc_id = association.id;
  return bytes_of(event);
}

//= rfc6458 6.1.7
std::string delivery_aborted(const Association& association) {
  sctp_pdapi_event event{};
  event.pdapi_type = SCTP_PARTIAL_DELIVERY_EVENT;
  event.pdapi_length = sizeof event;
  event.pdapi_indication = SCTP_PARTIAL_DELIVERY_ABORTED;
  event.pdapi_assoc_id = association.id;
  event.pdapi_stream = association.piece_stream;
  event.pdapi_seq = association.piece_ssn;
  return bytes_of(event);
}

Item item_of(const std::shared_ptr<Association>& association, const mr_event& event) {
  Item item;
  item.association = association;
  item.data.assign(static_cast<const char*>(event.data), event.length);
  item.ppid = event.ppid;
  item.tsn = event.tsn;
  item.stream = event.stream;
  item.ssn = event.ssn;
  item.is_unordered = (event.flags & MR_UNORDERED) != 0;
  item.is_first = (event.flags & MR_FIRST_PIECE) != 0;
  item.is_last = (event.flags & MR_LAST_PIECE) != 0;
  return item;
}

}  // namespace millrace::sockets
