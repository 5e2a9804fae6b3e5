// Ports that the application listens on. Every lcore of the engine may answer an INIT, so a
// listener is a request to each of them, and the application hears of it when all have answered.
#include <algorithm>
#include <cerrno>

#include "api/context.h"

namespace millrace::api {

Listener* Context::listener(std::uint16_t port, std::uint64_t listen_context) {
  const auto found = std::find_if(listeners_.begin(), listeners_.end(), [&](const Listener& one) {
    return one.port == port && one.context == listen_context;
  });
  return found != listeners_.end() ? &*found : nullptr;
}

/// Whether each lane takes some more requests now, one of them with a payload.
bool Context::has_request_room(std::size_t payload, std::size_t requests) {
  const std::uint32_t slot =
      payload > 0 ? allocate(static_cast<std::uint32_t>(payload)) : std::uint32_t{0};
  if (slot == TransmitArena::kNone) return false;
  if (payload > 0) arena_.give_back(slot);
  return std::all_of(lanes_.begin(), lanes_.end(), [requests](const auto& lane) {
    const auto wanted = static_cast<std::uint32_t>(requests);
    return lane->has_slots() && lane->submissions.reserve(wanted) == wanted;
  });
}

int Context::start(Listener& listener) {
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::listen;
  entry.flags = listener.flags;
  entry.local_port = listener.port;
  entry.streams_out = listener.streams_out;
  entry.streams_in = listener.streams_in;
  entry.context = listener.context;
  listener.state = Listener::State::starting;
  listener.answers_left = static_cast<std::uint32_t>(lanes_.size());
  listener.lanes_willing = 0;
  listener.status = 0;
  std::uint64_t posted = 0;
  for (const auto& lane : lanes_) {
    int status = post_preset(*lane, listener.presets);
    if (status == 0)
      status = post(*lane, entry, listener.addresses.data(),
                    listener.addresses.size() * sizeof(mr_address));
    if (status != 0) {
      stop(listener, posted);
      return status;
    }
    posted |= std::uint64_t{1} << lane->number;
  }
  flush();
  return 0;
}

/// Asks some lanes to stop listening. Whether all requests found room.
bool Context::stop(const Listener& listener, std::uint64_t lanes) {
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::unlisten;
  entry.local_port = listener.port;
  entry.context = listener.context;
  bool is_posted = true;
  for (const auto& lane : lanes_) {
    if ((lanes >> lane->number & 1) != 0) is_posted &= post(*lane, entry, nullptr, 0) == 0;
  }
  flush();
  return is_posted;
}

int Context::listen(const mr_listen_options& options) {
  if (is_lost_) return failed(-EIO, "the engine is gone");
  if (options.port == 0 || options.address_count > MR_LISTEN_ADDRESSES_MAX ||
      (options.address_count > 0 && options.addresses == nullptr))
    return failed(-EINVAL, "port 0 or too many addresses");
  if ((options.flags & ~MR_LISTEN_SHARED) != 0) return failed(-EINVAL, "an unknown flag");
  if (listener(options.port, options.context) != nullptr)
    return failed(-EADDRINUSE, "this context listens on the port already with this number");
  if (!has_request_room(options.address_count * sizeof(mr_address), 1 + presets_.size()))
    return failed(-EAGAIN, "no room for the request now");
  Listener fresh;
  fresh.port = options.port;
  fresh.streams_out = options.streams_out;
  fresh.streams_in = options.streams_in;
  fresh.context = options.context;
  fresh.flags = static_cast<std::uint8_t>(options.flags);
  fresh.presets = std::move(presets_);
  presets_.clear();
  if (options.address_count > 0)
    fresh.addresses.assign(options.addresses, options.addresses + options.address_count);
  const int status = start(fresh);
  if (status == 0) listeners_.push_back(std::move(fresh));
  return status;
}

int Context::unlisten(std::uint16_t port, std::uint64_t listen_context) {
  if (is_lost_) return failed(-EIO, "the engine is gone");
  Listener* found = listener(port, listen_context);
  if (found == nullptr || found->state == Listener::State::stopping)
    return failed(-ENOENT, "does not listen on this port");
  if (!has_request_room(0)) return failed(-EAGAIN, "no room for the request now");
  found->state = Listener::State::stopping;
  found->answers_left = static_cast<std::uint32_t>(lanes_.size());
  stop(*found, ~std::uint64_t{0});
  return 0;
}

bool Context::on_listening(Lane& lane, const ipc::CompletionEntry& entry, mr_event& event) {
  Listener* found = listener(entry.local_port, entry.context);
  if (found == nullptr || found->state != Listener::State::starting) return false;
  if (entry.status == 0) found->lanes_willing |= std::uint64_t{1} << lane.number;
  if (entry.status != 0 && found->status == 0) found->status = entry.status;
  if (--found->answers_left > 0) return false;
  event = mr_event{};
  event.type = MR_EVENT_LISTENING;
  event.status = found->status;
  event.local_port = found->port;
  event.context = found->context;
  found->state = Listener::State::listening;
  if (found->status != 0) {
    stop(*found, found->lanes_willing);
    listeners_.erase(listeners_.begin() + (found - listeners_.data()));
  }
  return true;
}

bool Context::on_unlistened(const ipc::CompletionEntry& entry, mr_event& event) {
  Listener* found = listener(entry.local_port, entry.context);
  if (found == nullptr || found->state != Listener::State::stopping) return false;
  if (--found->answers_left > 0) return false;
  event = mr_event{};
  event.type = MR_EVENT_REQUEST_DONE;
  event.request = MR_REQUEST_UNLISTEN;
  event.context = found->context;
  event.local_port = found->port;
  listeners_.erase(listeners_.begin() + (found - listeners_.data()));
  return true;
}

}  // namespace millrace::api
