// Requests other than messages.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "api/context.h"

namespace millrace::api {
namespace {

constexpr std::size_t kReasonBytesMax = 1024;

}  // namespace

/// Posts a request with its payload in a slot of its own, which comes back by itself.
int Context::post(Lane& lane, ipc::SubmissionEntry entry, const void* payload, std::size_t length) {
  if (lane.submissions.reserve(1) == 0) return failed(-EAGAIN, "no room for the request now");
  if (length > 0) {
    const std::uint32_t slot =
        lane.has_slots() ? allocate(static_cast<std::uint32_t>(length)) : TransmitArena::kNone;
    if (slot == TransmitArena::kNone) return failed(-EAGAIN, "no room for the request now");
    std::memcpy(arena_.bytes_of(slot), payload, length);
    owners_[slot] = kNobody;
    ++lane.slots_in_flight;
    entry.slot = slot;
    entry.length = static_cast<std::uint32_t>(length);
  }
  lane.submissions.at(0) = entry;
  lane.submissions.commit(1);
  return 0;
}

int Context::request(mr_association association, ipc::SubmissionEntry entry) {
  if (is_lost_) return failed(-EIO, "the engine is gone");
  Lane* lane;
  AssociationRecord* record = find(association, lane);
  if (record == nullptr) return failed(-ENOTCONN, "no such association");
  entry.association = association;
  entry.context = record->context;
  const int status = post(*lane, entry, nullptr, 0);
  flush();
  return status;
}

int Context::connect(const mr_connect_options& options) {
  if (is_lost_) return failed(-EIO, "the engine is gone");
  if (options.peer_port == 0 || options.peer_count == 0 || options.peer_count > MR_PATHS_MAX ||
      options.local_count > MR_LOCALS_MAX || options.peers == nullptr ||
      (options.local_count > 0 && options.locals == nullptr))
    return failed(-EINVAL, "port 0, or too few or too many addresses");
  // Spread over the lcores: associations are few and heavy.
  Lane& lane = **std::min_element(lanes_.begin(), lanes_.end(), [](const auto& a, const auto& b) {
    return a->associations.count() + a->connects < b->associations.count() + b->connects;
  });
  mr_address addresses[MR_PATHS_MAX + MR_LOCALS_MAX];
  std::copy_n(options.peers, options.peer_count, addresses);
  if (options.local_count > 0)
    std::copy_n(options.locals, options.local_count, addresses + options.peer_count);
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::connect;
  entry.context = options.context;
  entry.value = options.peer_count;
  entry.peer_port = options.peer_port;
  entry.local_port = options.local_port;
  entry.streams_out = options.streams_out;
  entry.streams_in = options.streams_in;
  const std::size_t count = std::size_t{options.peer_count} + options.local_count;
  const auto wanted = static_cast<std::uint32_t>(1 + presets_.size());
  if (lane.submissions.reserve(wanted) < wanted)
    return failed(-EAGAIN, "no room for the request now");
  post_preset(lane, presets_);
  const int status = post(lane, entry, addresses, count * sizeof(mr_address));
  if (status != 0) return status;
  presets_.clear();
  connecting_.push_back(options.context);
  ++lane.connects;
  flush();
  return 0;
}

int Context::shutdown(mr_association association) {
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::shutdown;
  const int status = request(association, entry);
  Lane* lane;
  if (status == 0) find(association, lane)->is_closing = true;
  return status;
}

int Context::abort(mr_association association, const void* reason, std::size_t length) {
  if (is_lost_) return failed(-EIO, "the engine is gone");
  if (length > kReasonBytesMax) return failed(-EMSGSIZE, "the reason is too long");
  Lane* lane;
  AssociationRecord* record = find(association, lane);
  if (record == nullptr) return failed(-ENOTCONN, "no such association");
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::abort;
  entry.association = association;
  entry.context = record->context;
  const int status = post(*lane, entry, reason, length);
  if (status == 0) record->is_closing = true;
  flush();
  return status;
}

int Context::set_primary(mr_association association, const mr_address& address) {
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::set_primary;
  std::memcpy(entry.address, address.bytes, sizeof entry.address);
  return request(association, entry);
}

int Context::set_parameter(mr_association association, int parameter, std::uint32_t value,
                           const mr_address* address) {
  if (parameter < 1 || parameter > ipc::kParameterLast) return failed(-EINVAL, "no such parameter");
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::set_parameter;
  entry.parameter = static_cast<ipc::Parameter>(parameter);
  entry.value = value;
  if (address != nullptr) std::memcpy(entry.address, address->bytes, sizeof entry.address);
  return request(association, entry);
}

int Context::heartbeat(mr_association association, const mr_address& address) {
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::heartbeat;
  std::memcpy(entry.address, address.bytes, sizeof entry.address);
  return request(association, entry);
}

int Context::preset(int parameter, std::uint32_t value) {
  if (parameter < 1 || parameter > ipc::kParameterLast) return failed(-EINVAL, "no such parameter");
  presets_.push_back({static_cast<ipc::Parameter>(parameter), value});
  return 0;
}

/// Says them again before each request that they are for: the engine forgets them with it.
int Context::post_preset(Lane& lane, const std::vector<Preset>& presets) {
  for (const Preset& preset : presets) {
    ipc::SubmissionEntry entry{};
    entry.operation = ipc::Operation::preset;
    entry.parameter = preset.parameter;
    entry.value = preset.value;
    if (const int status = post(lane, entry, nullptr, 0); status != 0) return status;
  }
  return 0;
}

int Context::get_engine() {
  if (is_lost_) return failed(-EIO, "the engine is gone");
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::get_engine;
  const int status = post(*lanes_.front(), entry, nullptr, 0);
  flush();
  return status;
}

int Context::get_status(mr_association association) {
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::get_status;
  return request(association, entry);
}

}  // namespace millrace::api
