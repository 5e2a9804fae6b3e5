// Options about what is received, and how.
#include <algorithm>
#include <cerrno>

#include "api/sockets/notifications.h"
#include "api/sockets/options.h"

namespace millrace::sockets {
namespace {

constexpr int kTypes = SCTP_SN_TYPE_MAX - SCTP_SN_TYPE_BASE + 1;
static_assert(sizeof(sctp_event_subscribe) == kTypes);
constexpr EventMask kErrors = 1 << (SCTP_REMOTE_ERROR - SCTP_SN_TYPE_BASE);
constexpr EventMask kDry = 1 << (SCTP_SENDER_DRY_EVENT - SCTP_SN_TYPE_BASE);

}  // namespace

// The structure has grown with Linux: what an older program leaves out stays off.
//= rfc6458 6.2.1
int Options::set_events(Socket& socket, const void* value, socklen_t length) {
  if (length > kTypes) return -EINVAL;
  const auto* bytes = static_cast<const std::uint8_t*>(value);
  EventMask mask = 0;
  for (socklen_t i = 0; i < length; ++i) {
    if (bytes[i] != 0) mask = static_cast<EventMask>(mask | 1 << i);
  }
  Scope all;
  all.has_socket = all.has_all = true;
  each(socket, all, [mask](AssociationOptions& options) { options.events = mask; });
  change(socket, all, MR_SENDER_DRY_EVENTS, (mask & kDry) != 0 ? 1 : 0);
  change(socket, all, MR_REMOTE_ERROR_EVENTS, (mask & kErrors) != 0 ? 1 : 0);
  return 0;
}

int Options::get_events(Socket& socket, void* value, socklen_t& length) {
  std::uint8_t bytes[kTypes];
  for (int i = 0; i < kTypes; ++i) bytes[i] = socket.options.events >> i & 1;
  length = std::min<socklen_t>(length, kTypes);
  std::memcpy(value, bytes, length);
  return 0;
}

/// Of an association that has nothing to send, the event comes when it is asked for.
//= rfc6458 6.1.9
void Options::tell_who_is_dry(Socket& socket, const Scope& scope) {
  std::vector<std::shared_ptr<Association>> wanted;
  for (const auto& [id, association] : socket.associations) {
    if (scope.has_all || association.get() == scope.association) wanted.push_back(association);
  }
  for (const auto& association : wanted) {
    Association* still = nullptr;
    mr_status status;
    if (engine_status(socket, association->id, still, status) != 0) continue;
    if (status.unacked_chunks != 0 || status.queued_messages != 0) continue;
    socket.notify(association, sender_dry(*association));
    socket.refresh();
  }
}

//= rfc6458 6.2.2
int Options::set_event(Socket& socket, const void* value, socklen_t) {
  const auto event = read_value<sctp_event>(value);
  if (event.se_type < SCTP_SN_TYPE_BASE || event.se_type > SCTP_SN_TYPE_MAX) return -EINVAL;
  Scope scope;
  if (const int status = scope_of(socket, event.se_assoc_id, scope); status != 0) return status;
  const auto bit = static_cast<EventMask>(1 << (event.se_type - SCTP_SN_TYPE_BASE));
  each(socket, scope, [&](AssociationOptions& options) {
    options.events =
        static_cast<EventMask>(event.se_on != 0 ? options.events | bit : options.events & ~bit);
  });
  if (bit == kDry) change(socket, scope, MR_SENDER_DRY_EVENTS, event.se_on != 0 ? 1 : 0);
  if (bit == kDry && event.se_on != 0) tell_who_is_dry(socket, scope);
  if (bit == kErrors) change(socket, scope, MR_REMOTE_ERROR_EVENTS, event.se_on != 0 ? 1 : 0);
  return 0;
}

int Options::get_event(Socket& socket, void* value, socklen_t& length) {
  auto event = read_value<sctp_event>(value);
  if (event.se_type < SCTP_SN_TYPE_BASE || event.se_type > SCTP_SN_TYPE_MAX) return -EINVAL;
  Scope scope;
  if (const int status = scope_of(socket, event.se_assoc_id, scope); status != 0) return status;
  event.se_on = seen(socket, scope).events >> (event.se_type - SCTP_SN_TYPE_BASE) & 1;
  return write_value(event, value, length);
}

int Options::get_rcvinfo(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.wants_rcvinfo ? 1 : 0}, value, length);
}

int Options::set_rcvinfo(Socket& socket, const void* value, socklen_t) {
  socket.wants_rcvinfo = read_value<int>(value) != 0;
  return 0;
}

int Options::get_nxtinfo(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.wants_nxtinfo ? 1 : 0}, value, length);
}

int Options::set_nxtinfo(Socket& socket, const void* value, socklen_t) {
  socket.wants_nxtinfo = read_value<int>(value) != 0;
  return 0;
}

//= rfc6458 8.1.22
int Options::get_extended(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.wants_extended ? 1 : 0}, value, length);
}

int Options::set_extended(Socket& socket, const void* value, socklen_t) {
  socket.wants_extended = read_value<int>(value) != 0;
  return 0;
}

int Options::get_mapped(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.maps_v4 ? 1 : 0}, value, length);
}

int Options::set_mapped(Socket& socket, const void* value, socklen_t) {
  socket.maps_v4 = read_value<int>(value) != 0;
  return 0;
}

int Options::get_interleave(Socket& socket, void* value, socklen_t& length) {
  return write_value(socket.interleave_, value, length);
}

int Options::set_interleave(Socket& socket, const void* value, socklen_t) {
  const int level = read_value<int>(value);
  if (level < 0 || level > 2) return -EINVAL;
  if (level == 2) return -EOPNOTSUPP;  // wants the interleaving extension
  socket.interleave_ = level;
  socket.release_held();
  return 0;
}

int Options::get_partial_delivery(Socket& socket, void* value, socklen_t& length) {
  return write_value(socket.options.parameters[MR_PARTIAL_DELIVERY_POINT], value, length);
}

int Options::set_partial_delivery(Socket& socket, const void* value, socklen_t) {
  const auto point = read_value<std::uint32_t>(value);
  if (point > socket.options.parameters[MR_RECEIVE_BUFFER]) return -EINVAL;
  Scope scope;
  scope.has_socket = true;
  change(socket, scope, MR_PARTIAL_DELIVERY_POINT, std::max(point, 1u));
  return 0;
}

int Options::get_context(Socket& socket, void* value, socklen_t& length) {
  auto wanted = read_value<sctp_assoc_value>(value);
  Scope scope;
  if (const int status = scope_of(socket, wanted.assoc_id, scope); status != 0) return status;
  wanted.assoc_value = seen(socket, scope).context;
  return write_value(wanted, value, length);
}

int Options::set_context(Socket& socket, const void* value, socklen_t) {
  const auto wanted = read_value<sctp_assoc_value>(value);
  Scope scope;
  if (const int status = scope_of(socket, wanted.assoc_id, scope); status != 0) return status;
  each(socket, scope, [&](AssociationOptions& options) { options.context = wanted.assoc_value; });
  return 0;
}

int Options::get_autoclose(Socket& socket, void* value, socklen_t& length) {
  if (socket.is_one_to_one()) return -EOPNOTSUPP;
  return write_value(socket.autoclose_s, value, length);
}

int Options::set_autoclose(Socket& socket, const void* value, socklen_t) {
  if (socket.is_one_to_one()) return -EOPNOTSUPP;
  socket.autoclose_s = read_value<std::uint32_t>(value);
  if (socket.autoclose_s > 0) Process::get().look_after_idle(true);
  return 0;
}

}  // namespace millrace::sockets
