// Fetching events, and giving back what they held.
#include <algorithm>
#include <cerrno>

#include "api/context.h"

namespace millrace::api {
namespace {

constexpr std::uint32_t kDryTurnsPerLook = 1024;  // at the socket, when nothing else happens

}  // namespace

int Context::receive(mr_event* events, std::size_t max) {
  release();
  if (is_lost_) recover();
  std::size_t count = local_.take({events, max});
  if (is_lost_)
    return count == 0 && is_final() ? failed(-EIO, "the engine is gone") : static_cast<int>(count);
  for (std::size_t i = 0; i < lanes_.size() && count < max; ++i) {
    Lane& lane = *lanes_[(next_lane_ + i) % lanes_.size()];
    reclaim(lane);
    count += drain(lane, events + count, max - count);
  }
  if (++next_lane_ >= lanes_.size()) next_lane_ = 0;
  if (wants_space()) {
    submit_postponed();
    report_writable();
    count += local_.take({events + count, max - count});
  }
  if (count == 0) {
    on_dry();
    if ((is_armed_ || is_lost_) && has_something()) return receive(events, max);
  }
  if (kept_back_ > 0) flush();
  return static_cast<int>(count);
}

std::size_t Context::drain(Lane& lane, mr_event* events, std::size_t max) {
  constexpr std::size_t kMost = 1u << 20;
  const std::uint32_t available =
      lane.completions.available(static_cast<std::uint32_t>(std::min(max, kMost)));
  std::size_t count = 0;
  mr_association owed_to = 0;  // by messages that came one after the other
  std::uint32_t owed = 0;
  const bool owes = (options_.flags & MR_ATTACH_CREDITS) == 0;
  for (std::uint32_t i = 0; i < available; ++i) {
    const ipc::CompletionEntry& entry = lane.completions.at(i);
    lane.freed = entry.arena_end;
    if (entry.event == ipc::Event::message) [[likely]] {
      if (entry.association != owed_to) {
        owe(lane, owed_to, owed);
        owed_to = entry.association;
        owed = 0;
      }
      owed += owes ? entry.length : 0;
      describe_message(lane, entry, events[count++]);
    } else if (translate(lane, entry, events[count])) {
      ++count;
    }
  }
  owe(lane, owed_to, owed);
  lane.completions.consume(available);
  return count;
}

inline void Context::describe_message(const Lane& lane, const ipc::CompletionEntry& entry,
                                      mr_event& event) {
  event.type = MR_EVENT_MESSAGE;
  event.flags = entry.flags;
  event.stream = entry.stream;
  event.ssn = entry.ssn;
  event.ppid = entry.ppid;
  event.tsn = entry.tsn;
  event.association = entry.association;
  event.context = entry.context;
  event.data = lane.receive_arena + std::size_t{entry.offset} * ipc::kSlotUnit;
  event.length = entry.length;
  event.status = 0;
}

/// Window that is to be given back to an association, in steps.
void Context::owe(Lane& lane, mr_association association, std::uint32_t bytes) {
  AssociationRecord* record = bytes > 0 ? lane.associations.find(association) : nullptr;
  if (record == nullptr) [[unlikely]]
    return;
  const std::uint32_t before = record->unconsumed;
  record->unconsumed += bytes;
  if (!record->is_dirty) {
    record->is_dirty = true;
    lane.dirty.push_back(association);
  }
  if (before < credit_step_ && record->unconsumed >= credit_step_) lane.due.push_back(association);
}

void Context::consumed(mr_association association, std::uint32_t bytes) {
  Lane* lane = lane_of(association);
  if (is_lost_ || lane == nullptr) return;
  owe(*lane, association, bytes);
  credit(*lane, true);
  if (kept_back_ > 0) flush();
}

void Context::release() {
  if (is_lost_) return;
  for (const std::uint32_t slot : given_back_) arena_.give_back(slot);
  given_back_.clear();
  for (const auto& lane : lanes_) {
    lane->publish_consumed();
    if (!lane->due.empty()) credit(*lane, false);
  }
}

/// Opens receive windows again: of the associations that are due, or of all that are owed anything.
void Context::credit(Lane& lane, bool all) {
  std::vector<mr_association>& list = all ? lane.dirty : lane.due;
  while (!list.empty()) {
    AssociationRecord* record = lane.associations.find(list.back());
    if (record != nullptr && record->unconsumed > 0) {
      if (lane.submissions.reserve(1) == 0) return;  // the rest stays for the next turn
      ipc::SubmissionEntry& entry = lane.submissions.at(0);
      entry = ipc::SubmissionEntry{};
      entry.operation = ipc::Operation::consumed;
      entry.association = record->handle;
      entry.value = record->unconsumed;
      lane.submissions.commit(1);
      ++kept_back_;
      record->unconsumed = 0;
    }
    if (record != nullptr && all) record->is_dirty = false;
    list.pop_back();
  }
  if (all) lane.due.clear();
}

/// Nothing is left to receive: everything given out before has been consumed.
void Context::on_dry() {
  for (const auto& lane : lanes_) {
    if (!lane->dirty.empty()) credit(*lane, true);
  }
  if (memory_.socket < 0) return;
  if (is_timer_set_) set_timer(0);
  if (is_armed_ || ++dry_turns_ % kDryTurnsPerLook == 0) drain_bell();
  if (!is_lost_ && epoll_ >= 0) arm();
}

}  // namespace millrace::api
