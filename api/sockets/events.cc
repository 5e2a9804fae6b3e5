// What the engine says, taken to the sockets that it is about.
#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "api/sockets/notifications.h"
#include "api/sockets/process.h"
#include "api/sockets/socket.h"

namespace millrace::sockets {
namespace {

// What a connect() that failed says, or a call on a one-to-one socket whose association was lost.
int errno_of(const mr_event& event) {
  switch (event.reason) {
    case MR_REASON_REFUSED:
      return ECONNREFUSED;
    case MR_REASON_INIT_FAILED:
    case MR_REASON_UNREACHABLE:
      return ETIMEDOUT;
    case MR_REASON_PEER_ABORT:
    case MR_REASON_PROTOCOL_ERROR:
      return ECONNRESET;
    case MR_REASON_LOCAL_ABORT:
      return ECONNABORTED;
    case MR_REASON_ENGINE_LOST:
      return ENETDOWN;
    default:
      return event.status < 0 ? -event.status : ECONNRESET;
  }
}

/// Who has not asked for potentially failed paths is not told of one, nor that it works again, as
/// on Linux.
bool tells_of_path(Association& association, const mr_event& event) {
  const bool was_in_doubt = std::erase(association.in_doubt, event.address) > 0;
  if (event.path_state != MR_PATH_POTENTIALLY_FAILED)
    return !was_in_doubt || event.path_state != MR_PATH_ACTIVE;
  const bool is_asked = association.options.exposes_doubtful == SCTP_PF_EXPOSE_ENABLE;
  if (!is_asked) association.in_doubt.push_back(event.address);
  return is_asked;
}

std::string_view abort_chunk_of(const mr_event& event) {
  return {static_cast<const char*>(event.data), event.length};
}

}  // namespace

void Process::dispatch(const mr_event& event) {
  switch (event.type) {
    case MR_EVENT_LISTENING:
      return on_listening(event);
    case MR_EVENT_REQUEST_DONE:
      return on_request_done(event);
    case MR_EVENT_STATUS:
      return on_status(event);
    case MR_EVENT_ENGINE:
      std::memcpy(&engine_, event.data, sizeof engine_);
      has_engine_ = true;
      return;
    case MR_EVENT_ENGINE_LOST:
      if (!awaited_.is_answered()) awaited_.answer(-ENETDOWN);
      return;
    case MR_EVENT_ENGINE_BACK:  // perhaps with other addresses
      return tell_engine([this] { return mr_get_engine(context_); });
    default:
      return on_association_event(event);
  }
}

/// That nobody awaits is of a listener which the engine is given again after a restart. It may be
/// configured otherwise by now.
void Process::on_listening(const mr_event& event) {
  if (awaited_.is(MR_REQUEST_LISTEN, event.context)) return awaited_.answer(event.status);
  const auto found = listening_.find(event.context);
  if (event.status == 0 || found == listening_.end()) return;
  Socket* socket = found->second.socket;
  listening_.erase(found);
  if (socket->listener == event.context) socket->on_listener_lost(-event.status);
}

void Process::on_request_done(const mr_event& event) {
  const auto kind = static_cast<mr_request>(event.request);
  const std::uint64_t about = kind == MR_REQUEST_UNLISTEN ? event.context : event.association;
  const bool is_earlier = kind == MR_REQUEST_GET_STATUS && !is_last_status(event);
  if (!is_earlier && awaited_.is(kind, about)) awaited_.answer(event.status);
}

/// Counts an answer to MR_REQUEST_GET_STATUS: whether it is to the latest. They come in the order
/// of the requests.
bool Process::is_last_status(const mr_event& event) {
  const auto found = by_handle_.find(event.association);
  if (found == by_handle_.end()) return true;
  Association& association = *found->second;
  if (association.outdated_statuses > 0) --association.outdated_statuses;
  return --association.statuses == 0;
}

void Process::on_status(const mr_event& event) {
  mr_status status;
  std::memcpy(&status, event.data, sizeof status);
  const auto found = by_handle_.find(event.association);
  const bool is_known = found != by_handle_.end();
  const bool is_outdated = is_known && found->second->outdated_statuses > 0;
  if (is_last_status(event) && awaited_.is(MR_REQUEST_GET_STATUS, event.association))
    awaited_.answer(status);
  if (!is_known) return;
  Association& association = *found->second;
  if (!is_outdated) association.chunk_fits = fragmentation_point(status, 0);
  std::vector<mr_address> peers;
  for (std::uint32_t i = 0; i < status.path_count && i < MR_PATHS_MAX; ++i) {
    peers.push_back(status.paths[i].address);
    if (status.paths[i].is_primary != 0) association.primary = status.paths[i].address;
  }
  if (peers == association.peers) return;
  if (association.socket != nullptr) association.socket->forget_peers(association);
  association.peers = std::move(peers);
}

void Process::on_association_event(const mr_event& event) {
  std::shared_ptr<Association> association;
  if (const auto known = by_handle_.find(event.association);
      event.association != 0 && known != by_handle_.end()) {
    association = known->second;
  } else if (event.type == MR_EVENT_ASSOCIATION_UP && (event.flags & MR_PASSIVE) != 0) {
    return on_passive(event);
  } else if (const auto named = by_id_.find(static_cast<sctp_assoc_t>(event.context));
             event.type == MR_EVENT_CONNECTING || event.type == MR_EVENT_ASSOCIATION_FAILED) {
    if (named == by_id_.end()) return end_unknown(event);
    association = named->second;
  }
  if (association == nullptr) return;
  if (event.type == MR_EVENT_CONNECTING) {
    name(association, event.association);
    if (association->options.send_buffer != 0)
      mr_set_send_buffer(context_, event.association, association->options.send_buffer);
    return;
  }
  Socket* socket = association->socket;
  switch (event.type) {
    case MR_EVENT_ASSOCIATION_UP:
      association->state = Association::State::up;
      association->last_used_us = monotonic_us();  // it has not been idle while the handshake ran
      tell_status(association->handle);
      if (socket != nullptr) socket->on_up(association, event);
      return;
    case MR_EVENT_ASSOCIATION_FAILED:
    case MR_EVENT_ASSOCIATION_DOWN:
      forget(*association);
      association->state = Association::State::ended;
      association->error = event.reason == MR_REASON_SHUTDOWN ? 0 : errno_of(event);
      if (socket == nullptr) return;
      return event.type == MR_EVENT_ASSOCIATION_DOWN ? socket->on_down(association, event)
                                                     : socket->on_failed(association, event);
    case MR_EVENT_MESSAGE:
      association->last_used_us = monotonic_us();
      if (socket != nullptr) return socket->on_message(association, event);
      if (association->is_orphan) {
        mr_consumed(context_, association->handle, event.length);
        return;
      }
      // Not with the association, which would then hold itself.
      association->early.push_back(item_of(nullptr, event));
      return;
    default:
      if (event.type == MR_EVENT_PEER_SHUTDOWN) association->peer_shut_down = true;
      if (event.type == MR_EVENT_WRITABLE) Socket::set_full(*association, false);
      if (socket != nullptr) socket->on_notice(association, event);
  }
}

/// An association that no socket waits for any more.
void Process::end_unknown(const mr_event& event) {
  if (event.type == MR_EVENT_ASSOCIATION_FAILED) return;
  tell_engine(
      [this, handle = event.association] { return mr_abort(context_, handle, nullptr, 0); });
}

void Process::on_passive(const mr_event& event) {
  const auto found = listening_.find(event.context);
  if (found == listening_.end()) return end_unknown(event);
  std::shared_ptr<Association> association = make_association();
  association->is_passive = true;
  association->state = Association::State::up;
  name(association, event.association);
  tell_status(association->handle);
  found->second.socket->on_up(association, event);
  // What the engine's listener had for it may be older.
  const ParameterValues& told = found->second.told;
  for (int parameter = 1; parameter < MR_PARAMETERS; ++parameter) {
    const std::uint32_t wanted = association->options.parameters[parameter];
    if (wanted != told[parameter]) tell_parameter(association->handle, parameter, wanted);
  }
  // A least that is above the old most was refused before the new most was told.
  const std::uint32_t least = association->options.parameters[MR_RTO_MIN_MS];
  if (least > told[MR_RTO_MAX_MS]) tell_parameter(association->handle, MR_RTO_MIN_MS, least);
}

void Process::tell_parameter(mr_association handle, int parameter, std::uint32_t value) {
  tell_engine([=, this] { return mr_set_parameter(context_, handle, parameter, value); });
}

/// Asks for the peer's addresses.
void Process::tell_status(mr_association handle) {
  tell_engine([this, handle] {
    const auto found = by_handle_.find(handle);
    return found != by_handle_.end() ? request_status(*found->second) : 0;
  });
}

// A loopback address reaches itself.
mr_address Process::local_of(const mr_event& event) const {
  if (event.local < engine_.address_count) return engine_.addresses[event.local];
  if (event.local != MR_LOCAL_LOOPBACK)
    return any_address(is_v4(event.address) ? AF_INET : AF_INET6);
  return is_loopback(event.address) ? event.address : loopback_address(is_v4(event.address));
}

void Socket::on_up(const std::shared_ptr<Association>& association, const mr_event& event) {
  Association& up = *association;
  up.local_port = event.local_port;
  up.peer_port = event.peer_port;
  up.primary = event.address;
  up.local = Process::get().local_of(event);
  if (up.peers.empty()) up.peers.push_back(event.address);
  up.streams_out = event.streams_out;
  up.streams_in = event.streams_in;
  up.adaptation = event.adaptation;
  if (up.is_passive) {
    up.options = options;
    up.locals = locals_;
    if (up.options.send_buffer != 0)
      mr_set_send_buffer(Process::get().context(), up.handle, up.options.send_buffer);
    const bool is_full =
        is_one_to_one() && accept_queue_.size() >= static_cast<std::size_t>(backlog_);
    if (is_full) {
      Process::get().tell_engine(
          [handle = up.handle] { return mr_abort(Process::get().context(), handle, nullptr, 0); });
      return;
    }
    if (is_one_to_one()) {
      accept_queue_.push_back(association);
      return refresh_for_more();
    }
    up.socket = this;
    associations[up.id] = association;
  }
  if (is_one_to_one()) {
    was_connected_ = true;
    peer_ = {up.primary, up.peer_port};
    local_ = up.local;
  }
  if (autoclose_s > 0) Process::get().look_after_idle(true);
  tell_of_start(association);
  refresh();
}

void Socket::on_listener_lost(int error) {
  listener = 0;
  error_ = error;
  refresh();
}

void Socket::tell_of_start(const std::shared_ptr<Association>& association) {
  const Association& up = *association;
  if (wants(up, SCTP_ASSOC_CHANGE)) notify(association, association_change(up, SCTP_COMM_UP, 0));
  if (up.adaptation != 0 && wants(up, SCTP_ADAPTATION_INDICATION))
    notify(association, adaptation_indication(up));
}

void Socket::on_failed(const std::shared_ptr<Association>& association, const mr_event& event) {
  if (is_one_to_one()) error_ = association->error;
  if (wants(*association, SCTP_ASSOC_CHANGE))
    notify(association, association_change(*association, SCTP_CANT_STR_ASSOC, htons(event.cause),
                                           abort_chunk_of(event)));
  forget(association);
}

void Socket::on_down(const std::shared_ptr<Association>& association, const mr_event& event) {
  const bool is_orderly = event.reason == MR_REASON_SHUTDOWN;
  end_pieces(association);
  if (is_one_to_one() && !is_orderly && event.reason != MR_REASON_LOCAL_ABORT)
    error_ = association->error;
  if (wants(*association, SCTP_ASSOC_CHANGE)) {
    const int state = is_orderly ? SCTP_SHUTDOWN_COMP : SCTP_COMM_LOST;
    notify(association,
           association_change(*association, state, htons(event.cause), abort_chunk_of(event)));
  }
  if (is_one_to_one()) {
    input_ended_ = true;
    was_aborted_ = !is_orderly;
  }
  forget(association);
}

// It may stay in items, which are still to be read.
void Socket::forget(const std::shared_ptr<Association>& association) {
  std::erase(accept_queue_, association);
  associations.erase(association->id);
  forget_peers(*association);
  set_full(*association, false);
  association->socket = nullptr;
  refresh();
}

void Socket::on_message(const std::shared_ptr<Association>& association, const mr_event& event) {
  if (is_closed_ || shut_read_) {
    mr_consumed(Process::get().context(), association->handle, event.length);
    return;
  }
  queue(item_of(association, event));
}

/// As Linux tells it: of the one that is the primary already, too, but not before COMM_UP.
void Socket::on_made_primary(const std::shared_ptr<Association>& association,
                             const mr_address& address) {
  association->primary = address;
  if (association->state == Association::State::up && wants(*association, SCTP_PEER_ADDR_CHANGE))
    notify(association, address_change(*association, address, SCTP_ADDR_MADE_PRIM, *this));
  refresh();
}

void Socket::on_notice(const std::shared_ptr<Association>& association, const mr_event& event) {
  Association& about = *association;
  switch (event.type) {
    case MR_EVENT_PEER_SHUTDOWN:
      if (wants(about, SCTP_SHUTDOWN_EVENT)) notify(association, shutdown_event(about));
      if (is_one_to_one()) input_ended_ = true;
      break;
    case MR_EVENT_RESTART:
      end_pieces(association);
      if (wants(about, SCTP_ASSOC_CHANGE))
        notify(association, association_change(about, SCTP_RESTART, 0));
      break;
    case MR_EVENT_PATH_STATE:
      // COMM_UP comes first.
      if (about.state == Association::State::up && tells_of_path(about, event) &&
          wants(about, SCTP_PEER_ADDR_CHANGE))
        notify(association, address_change(about, event, *this));
      break;
    case MR_EVENT_SEND_FAILED:
      if (wants(about, SCTP_SEND_FAILED)) notify(association, send_failed(about, event));
      if (wants(about, SCTP_SEND_FAILED_EVENT))
        notify(association, send_failed_event(about, event));
      break;
    case MR_EVENT_REMOTE_ERROR:
      if (wants(about, SCTP_REMOTE_ERROR)) notify(association, remote_error(about, event));
      break;
    case MR_EVENT_SENDER_DRY:
      if (wants(about, SCTP_SENDER_DRY_EVENT)) notify(association, sender_dry(about));
      break;
    default:
      break;
  }
  refresh();
}

bool Socket::wants(const Association& association, int type) const {
  if (is_closed_) return false;
  return (association.options.events >> (type - SCTP_SN_TYPE_BASE) & 1) != 0;
}

void Socket::notify(const std::shared_ptr<Association>& association, std::string notification) {
  Item item;
  item.association = association;
  item.is_notification = true;
  item.data = std::move(notification);
  queue(std::move(item));
}

}  // namespace millrace::sockets
