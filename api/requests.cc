// Requests other than messages.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "api/context.h"

namespace millrace::api {
namespace {

constexpr std::size_t kReasonBytesMax = 1024;

ipc::SubmissionEntry entry_of(const Preset& preset) {
  ipc::SubmissionEntry entry{};
  entry.operation = ipc::Operation::preset;
  entry.parameter = preset.parameter;
  entry.value = preset.value;
  return entry;
}

}  // namespace

/// Posts a request, after the presets that it is for: the engine forgets them with it. The payload
/// is in a slot of its own, which comes back by itself. All of it or nothing.
int Context::post(Lane& lane, ipc::SubmissionEntry entry, const void* payload, std::size_t length,
                  const std::vector<Preset>& presets) {
  if (lane.postponed.size() + presets.size() >= postponed_max_)
    return failed(-EAGAIN, "too many requests wait already");
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
  for (const Preset& preset : presets) submit(lane, entry_of(preset));
  submit(lane, entry);
  return 0;
}

/// To the ring, or behind those that wait for room there: messages wait with them, so that none is
/// overtaken by what the application asked for later.
void Context::submit(Lane& lane, const ipc::SubmissionEntry& entry) {
  if (lane.postponed.empty() && lane.submissions.reserve(1) == 1) {
    lane.submissions.at(0) = entry;
    lane.submissions.commit(1);
    return;
  }
  lane.postponed.push_back(entry);
  ++postponed_;
  flush();
  await_space();
}

bool Context::takes_requests(std::size_t count) {
  submit_postponed();
  const bool is_there = std::all_of(lanes_.begin(), lanes_.end(), [count](const auto& lane) {
    return lane->postponed.empty() || lane->postponed.size() + count <= kPostponedMax;
  });
  if (is_there) postponed_max_ = std::max(kPostponedMax, count);
  return is_there;
}

void Context::submit_postponed() {
  if (postponed_ == 0) return;
  for (const auto& lane : lanes_) {
    while (!lane->postponed.empty() && lane->submissions.reserve(1) == 1) {
      lane->submissions.at(0) = lane->postponed.front();
      lane->submissions.commit(1);
      lane->postponed.pop_front();
      --postponed_;
    }
  }
  flush();
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
  const std::vector<Preset> presets = std::exchange(presets_, {});
  if (is_lost_) return failed(-EIO, "the engine is gone");
  if ((options.flags & ~MR_CONNECT_ANY_PORT) != 0) return failed(-EINVAL, "an unknown flag");
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
  entry.flags = static_cast<std::uint8_t>(options.flags);
  entry.context = options.context;
  entry.value = options.peer_count;
  entry.peer_port = options.peer_port;
  entry.local_port = options.local_port;
  entry.streams_out = options.streams_out;
  entry.streams_in = options.streams_in;
  const std::size_t count = std::size_t{options.peer_count} + options.local_count;
  const int status = post(lane, entry, addresses, count * sizeof(mr_address), presets);
  if (status != 0) return status;
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
