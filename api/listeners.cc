// Ports that the application listens on. Every lcore of the engine may answer an INIT, so a
// listener is a request to each of them, and the application hears of it when all have answered.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "api/context.h"

namespace millrace::api {

Listener* Context::listener(std::uint16_t port, std::uint64_t listen_context) {
  const auto found = std::find_if(listeners_.begin(), listeners_.end(), [&](const Listener& one) {
    return one.port == port && one.context == listen_context;
  });
  return found != listeners_.end() ? &*found : nullptr;
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
    const int status = post(*lane, entry, listener.addresses.data(),
                            listener.addresses.size() * sizeof(mr_address), listener.presets);
    if (status != 0) {
      stop(listener, posted);
      return status;
    }
    posted |= std::uint64_t{1} << lane->number;
  }
  flush();
  return 0;
}

/// Asks some lanes to stop listening.
void Context::stop(const Listener& listener, std::uint64_t lanes) {
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::unlisten;
  entry.local_port = listener.port;
  entry.context = listener.context;
  for (const auto& lane : lanes_) {
    if ((lanes >> lane->number & 1) != 0) submit(*lane, entry);
  }
  flush();
}

int Context::listen(const mr_listen_options& options) {
  std::vector<Preset> presets = std::exchange(presets_, {});
  if (is_lost_) return failed(-EIO, "the engine is gone");
  if (options.port == 0 || options.address_count > MR_LISTEN_ADDRESSES_MAX ||
      (options.address_count > 0 && options.addresses == nullptr))
    return failed(-EINVAL, "port 0 or too many addresses");
  if ((options.flags & ~MR_LISTEN_SHARED) != 0) return failed(-EINVAL, "an unknown flag");
  if (listener(options.port, options.context) != nullptr)
    return failed(-EADDRINUSE, "this context listens on the port already with this number");
  Listener fresh;
  fresh.port = options.port;
  fresh.streams_out = options.streams_out;
  fresh.streams_in = options.streams_in;
  fresh.context = options.context;
  fresh.flags = static_cast<std::uint8_t>(options.flags);
  fresh.presets = std::move(presets);
  if (options.address_count > 0)
    fresh.addresses.assign(options.addresses, options.addresses + options.address_count);
  const int status = start(fresh);
  if (status == 0) listeners_.push_back(std::move(fresh));
  return status;
}

int Context::unlisten(std::uint16_t port, std::uint64_t listen_context) {
  Listener* found = listener(port, listen_context);
  if (found == nullptr || found->state == Listener::State::stopping)
    return failed(-ENOENT, "does not listen on this port");
  if (is_lost_) {  // there is nobody to ask, and the next engine will not hear of it
    local_.push(forget(*found));
    return 0;
  }
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
  event = answer_of(*found);
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
  event = forget(*found);
  return true;
}

/// What is told of a listener that has ended.
mr_event Context::forget(const Listener& gone) {
  mr_event event{};
  event.type = MR_EVENT_REQUEST_DONE;
  event.request = MR_REQUEST_UNLISTEN;
  event.context = gone.context;
  event.local_port = gone.port;
  listeners_.erase(listeners_.begin() + (&gone - listeners_.data()));
  return event;
}

/// What is told of one that listens, or could not.
mr_event Context::answer_of(const Listener& listener) {
  mr_event event{};
  event.type = MR_EVENT_LISTENING;
  event.status = listener.status;
  event.local_port = listener.port;
  event.context = listener.context;
  return event;
}

}  // namespace millrace::api
