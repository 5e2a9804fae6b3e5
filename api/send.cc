// Messages on their way to the engine.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "api/context.h"
#include "engine/ipc/bell.h"

namespace millrace::api {
namespace {

constexpr std::uint32_t kKeptBackMax = 32;  // messages that MR_MORE holds back, at most

}  // namespace

/// Whether the message may be sent at all, as far as the library can tell.
inline int Context::admit(const mr_message& message, Lane*& lane, AssociationRecord*& record) {
  record = find(message.association, lane);
  if (record == nullptr) [[unlikely]]
    return is_lost_ ? failed(-EIO, "the engine is gone") : failed(-ENOTCONN, "no such association");
  if (record->is_closing) [[unlikely]]
    return failed(-ESHUTDOWN, "the association is shut down");
  if (message.length == 0 || (message.flags & ~(MR_UNORDERED | MR_SACK_AT_ONCE)) != 0) [[unlikely]]
    return failed(-EINVAL, "empty message or unknown flag");
  if (record->streams_out != 0 && message.stream >= record->streams_out) [[unlikely]]
    return failed(-EINVAL, "stream not negotiated");
  if (message.length > message_bytes_max_) [[unlikely]]
    return failed(-EMSGSIZE, "message longer than the send buffer");
  return 0;
}

/// A slot, or kNone. Slots that came back are preferred to memory that was never used.
std::uint32_t Context::allocate(std::uint32_t length) {
  const std::uint8_t size_class = size_class_of(length);
  const std::uint32_t slot = arena_.reuse(size_class);
  return slot != TransmitArena::kNone ? slot : reclaim_and_allocate(size_class);
}

std::uint32_t Context::reclaim_and_allocate(std::uint8_t size_class) {
  reclaim();
  const std::uint32_t slot = arena_.reuse(size_class);
  return slot != TransmitArena::kNone ? slot : arena_.grow(size_class);
}

bool Context::has_room(Lane& lane, const AssociationRecord& record) {
  return record.outstanding <= record.send_buffer / 2 && lane.takes_messages();
}

/// `size` is the slot's.
inline void Context::submit(Lane& lane, AssociationRecord& record, const mr_message& message,
                            std::uint32_t slot, std::uint32_t size) {
  owners_[slot] = AssociationTable::owner_of(message.association);
  record.outstanding += size;
  ++lane.slots_in_flight;
  ipc::SubmissionEntry& entry = lane.submissions.at(0);
  entry.operation = ipc::Operation::send;
  entry.flags = static_cast<std::uint8_t>(message.flags);
  entry.stream = message.stream;
  entry.ppid = message.ppid;
  entry.association = message.association;
  entry.context = message.send_context;
  entry.slot = slot;
  entry.length = message.length;
  if (destination_ != nullptr) [[unlikely]] {
    entry.flags |= ipc::kSendToAddress;
    std::memcpy(entry.address, destination_->bytes, sizeof entry.address);
  }
  lane.submissions.commit(1);
  ++kept_back_;
}

inline int Context::try_send(const mr_message& message) {
  Lane* lane;
  AssociationRecord* record;
  if (const int status = admit(message, lane, record); status != 0) return status;
  const std::uint8_t size_class = size_class_of(message.length);
  const std::uint32_t size = kClassBytes[size_class];
  if (record->outstanding != 0 && record->outstanding + size > record->send_buffer) return -EAGAIN;
  if (!lane->takes_messages()) return -EAGAIN;
  std::uint32_t slot = arena_.reuse(size_class);
  if (slot == TransmitArena::kNone) slot = reclaim_and_allocate(size_class);
  if (slot == TransmitArena::kNone) return -EAGAIN;
  std::memcpy(arena_.bytes_of(slot), message.data, message.length);
  submit(*lane, *record, message, slot, size);
  return 0;
}

int Context::send_slot(const mr_message& message, std::uint32_t slot) {
  Lane* lane;
  AssociationRecord* record;
  if (const int status = admit(message, lane, record); status != 0) return status;
  const std::uint32_t size = arena_.size_of(slot);
  if (record->outstanding != 0 && record->outstanding + size > record->send_buffer) return -EAGAIN;
  if (!lane->takes_messages()) return -EAGAIN;
  submit(*lane, *record, message, slot, size);
  return 0;
}

/// Takes a slot for the message, and counts it among those of its lane. What send() refuses for
/// another reason than want of room needs none.
bool Context::reserve(const Intent& intent) {
  Lane* lane;
  AssociationRecord* record;
  if (admit(intent.message(), lane, record) != 0) return true;
  if (!lane->takes_messages(reserved_messages_[lane->number])) return false;
  const std::uint32_t slot = allocate(intent.length);
  if (slot == TransmitArena::kNone) return false;
  reserved_slots_.push_back(slot);
  ++reserved_messages_[lane->number];
  return true;
}

/// The first for which rings and arena have no room behind those before it, or nullptr.
const Context::Intent* Context::find_unreserved(std::span<const Intent> intents) {
  reserved_messages_.assign(lanes_.size(), 0);
  reserved_slots_.clear();
  const auto refused = std::find_if_not(intents.begin(), intents.end(),
                                        [this](const Intent& intent) { return reserve(intent); });
  for (const std::uint32_t slot : reserved_slots_) arena_.give_back(slot);
  return refused == intents.end() ? nullptr : &*refused;
}

/// The first whose association has too much on its way to take it, or nullptr.
const Context::Intent* Context::find_unfit(std::span<const Intent> intents) {
  const auto is_unfit = [this](const Intent& intent) {
    Lane* lane;
    AssociationRecord* record;
    if (admit(intent.message(), lane, record) != 0) return false;
    const std::uint32_t size = kClassBytes[size_class_of(intent.length)];
    return record->outstanding != 0 && record->outstanding + size > record->send_buffer;
  };
  const auto unfit = std::find_if(intents.begin(), intents.end(), is_unfit);
  return unfit == intents.end() ? nullptr : &*unfit;
}

/// Whether rings and arena have room for all of these when nothing else is on its way.
bool Context::could_hold(std::span<const Intent> intents) {
  std::vector<std::uint32_t> messages(lanes_.size());  // by lane
  std::array<std::uint32_t, kClassBytes.size()> slots{};
  bool is_too_much = false;
  for (const Intent& intent : intents) {
    Lane* lane;
    AssociationRecord* record;
    if (admit(intent.message(), lane, record) != 0) continue;
    ++slots[size_class_of(intent.length)];
    is_too_much |= ++messages[lane->number] > lane->messages_max();
  }
  return !is_too_much && arena_.could_hold(slots);
}

int Context::check_room(std::span<const Intent> intents, mr_association& full) {
  reclaim();
  const Intent* refused = find_unfit(intents);
  if (refused == nullptr) refused = find_unreserved(intents);
  if (refused == nullptr) return 0;
  full = refused->association;
  if (!could_hold(intents)) return failed(-ENOBUFS, "more than may be on its way at once");
  return hold_back(refused->message(), -EAGAIN, intents);
}

/// No room. The application is promised an MR_EVENT_WRITABLE, and what it kept back goes out.
/// `together` is all that was to go out with the message, and nothing if that was alone.
int Context::hold_back(const mr_message& message, int status, std::span<const Intent> together) {
  Lane* lane;
  AssociationRecord* record = find(message.association, lane);
  record->wanted = message.length;
  if (!record->is_waiting) {
    record->is_waiting = true;
    waiting_.push_back({message.association, {}});
  }
  if (record->is_one_of_many || !together.empty()) {
    const auto is_it = [&](const Waiting& one) { return one.association == message.association; };
    std::find_if(waiting_.begin(), waiting_.end(), is_it)
        ->together.assign(together.begin(), together.end());
    record->is_one_of_many = !together.empty();
  }
  flush();
  await_space();
  return failed(status, "no room to send now");
}

int Context::send(const mr_message& message, bool more) {
  int status = try_send(message);
  if (status == -EAGAIN) [[unlikely]]
    status = send_again(message);
  if (status == 0) hand_over(more);
  return status;
}

/// Slots and requests may have come back meanwhile.
int Context::send_again(const mr_message& message) {
  reclaim();
  submit_postponed();
  const int status = try_send(message);
  return status == -EAGAIN ? hold_back(message, status) : status;
}

int Context::send_to(const mr_message& message, const mr_address& address, bool more) {
  destination_ = &address;
  const int status = send(message, more);
  destination_ = nullptr;
  return status;
}

int Context::set_send_buffer(mr_association association, std::uint32_t bytes) {
  if (is_lost_) return failed(-EIO, "the engine is gone");
  Lane* lane;
  AssociationRecord* record = find(association, lane);
  if (record == nullptr) return failed(-ENOTCONN, "no such association");
  record->send_buffer = std::min(bytes, send_buffer_);
  return 0;
}

int Context::send_batch(const mr_message* messages, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const int status = send(messages[i], true);
    if (status == 0) continue;
    flush();
    return i > 0 ? static_cast<int>(i) : status;
  }
  flush();
  return static_cast<int>(count);
}

void* Context::buffer_alloc(std::size_t length) {
  if (length == 0 || length > message_bytes_max_ || is_lost_) {
    failed(-EINVAL, is_lost_ ? "the engine is gone" : "buffer empty or too long");
    return nullptr;
  }
  const std::uint32_t slot = allocate(static_cast<std::uint32_t>(length));
  if (slot == TransmitArena::kNone) {
    failed(-EAGAIN, "the arena is full");
    return nullptr;
  }
  owners_[slot] = kNobody;
  ++loans_;
  return arena_.bytes_of(slot);
}

void Context::buffer_free(void* buffer) {
  if (buffer == nullptr) return;
  const std::uint32_t slot = is_lost_ ? TransmitArena::kNone : arena_.slot_at(buffer);
  if (slot != TransmitArena::kNone) {
    --loans_;
    arena_.give_back(slot);
    return;
  }
  for (std::size_t i = 0; i < retired_.size(); ++i) {
    const std::byte* start = retired_[i].memory.transmit;
    const std::byte* end = start + retired_[i].memory.geometry.transmit_arena_bytes;
    const auto* byte = static_cast<const std::byte*>(buffer);
    if (byte < start || byte >= end) continue;
    if (--retired_[i].loans == 0) retired_.erase(retired_.begin() + static_cast<long>(i));
    return;
  }
}

int Context::send_buffer(mr_message message, void* buffer, bool more) {
  const std::uint32_t slot = is_lost_ ? TransmitArena::kNone : arena_.slot_at(buffer);
  if (slot == TransmitArena::kNone) {
    for (const RetiredArena& retired : retired_) {
      const auto* byte = static_cast<const std::byte*>(buffer);
      const std::byte* start = retired.memory.transmit;
      if (byte >= start && byte < start + retired.memory.geometry.transmit_arena_bytes)
        return failed(-EIO, "the buffer belongs to an engine that is gone: free it");
    }
    return failed(-EINVAL, "not a buffer of this context");
  }
  if (message.length > arena_.size_of(slot)) return failed(-EINVAL, "longer than the buffer");
  int status = send_slot(message, slot);
  if (status == -EAGAIN) {
    reclaim();
    submit_postponed();
    status = send_slot(message, slot);
    if (status == -EAGAIN) return hold_back(message, status);
  }
  if (status != 0) return status;
  --loans_;
  hand_over(more);
  return 0;
}

/// Everything submitted goes to the engine now, unless more follows and it is not much yet.
void Context::hand_over(bool more) {
  if (!more || kept_back_ >= kKeptBackMax) flush();
}

void Context::flush() {
  kept_back_ = 0;
  bool is_news = false;
  for (const auto& lane : lanes_) {
    is_news |= lane->submissions.has_unpublished();
    lane->submissions.publish();
  }
  if (!is_news || !can_sleep_) return;
  // The waker's half of the pattern in engine/ipc/bell.h; one fence for all lanes.
  ipc::dekker_fence();
  for (const auto& lane : lanes_) {
    const std::uint32_t sleep = lane->words->engine.asleep.load(std::memory_order_relaxed);
    if (sleep == 0 || sleep == lane->rung_for || lane->bell < 0) continue;
    lane->rung_for = sleep;
    ring(lane->bell);
  }
}

void Context::reclaim() {
  for (const auto& lane : lanes_) reclaim(*lane);
}

void Context::reclaim(Lane& lane) {
  std::uint32_t last = kNobody;  // whose slots are being added up: mostly the next is of the same
  std::uint32_t bytes = 0;
  const auto settle = [&] {
    AssociationRecord* record = bytes > 0 ? lane.associations.owner(last) : nullptr;
    if (record != nullptr) record->outstanding -= bytes;
    bytes = 0;
  };
  while (const std::uint32_t count = lane.returns.available(64)) {
    const std::uint32_t slots_end = arena_.slots_end();
    const std::uint32_t good = std::min(count, lane.slots_in_flight);
    lane.slots_in_flight -= good;
    for (std::uint32_t i = 0; i < good; ++i) {
      const std::uint32_t slot = lane.returns.at(i);
      if (slot >= slots_end) [[unlikely]]
        continue;
      if (owners_[slot] != last) {
        settle();
        last = owners_[slot];
      }
      bytes += arena_.give_back(slot);
    }
    lane.returns.consume(count);
  }
  settle();
  lane.returns.publish();
}

/// Whether there is room for what was refused. Of messages that go together the buffers of the
/// other associations do not count: each has its own MR_EVENT_WRITABLE.
bool Context::takes_refused(Lane& lane, const AssociationRecord& record, const Waiting& waiting) {
  if (!has_room(lane, record)) return false;
  if (!waiting.together.empty()) return find_unreserved(waiting.together) == nullptr;
  const std::uint32_t slot = allocate(record.wanted);
  if (slot == TransmitArena::kNone) return false;
  arena_.give_back(slot);
  return true;
}

/// Tells those who were refused for want of room, once there is enough of it.
void Context::report_writable() {
  std::erase_if(waiting_, [this](const Waiting& waiting) {
    Lane* lane;
    AssociationRecord* record = find(waiting.association, lane);
    if (record == nullptr) return true;
    if (!takes_refused(*lane, *record, waiting)) return false;
    record->is_waiting = record->is_one_of_many = false;
    mr_event event{};
    event.type = MR_EVENT_WRITABLE;
    event.association = waiting.association;
    event.context = record->context;
    local_.push(event);
    return true;
  });
}

}  // namespace millrace::api
