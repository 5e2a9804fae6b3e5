#include "engine/ipc/channel.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "engine/ipc/bell.h"

namespace millrace::ipc {
namespace {

/// Copies an entry that another process may be changing. After this the compiler may not go back to
/// the shared one, so what is checked is what is used.
void copy_once(SubmissionEntry& to, const SubmissionEntry& from) {
  std::memcpy(&to, &from, sizeof to);
  asm volatile("" : "+m"(to));
}

bool has_payload(Operation operation) {
  return operation == Operation::send || operation == Operation::listen ||
         operation == Operation::connect || operation == Operation::abort;
}

}  // namespace

const char* offence_name(Offence offence) {
  switch (offence) {
    case Offence::none:
      return "none";
    case Offence::bad_index:
      return "impossible ring index";
    case Offence::bad_operation:
      return "unknown operation, flag or parameter";
    case Offence::bad_range:
      return "payload outside of the transmit arena";
    case Offence::bad_credit:
      return "more slots in flight or more space freed than there is";
  }
  return "unknown";
}

Channel::Channel(ContextId context, std::uint16_t lcore, const Memory& memory, int bell)
    : transmit_(memory.transmit_arena),
      words_(reinterpret_cast<ChannelHeader*>(memory.block)),
      transmit_bytes_(memory.geometry.transmit_arena_bytes),
      bell_(bell),
      context_(context),
      lcore_(lcore) {
  const Geometry& geometry = memory.geometry;
  std::byte* block = memory.block;
  ApplicationWords& theirs = words_->application;
  EngineWords& ours = words_->engine;
  submissions_ = {reinterpret_cast<SubmissionEntry*>(block + geometry.submission_offset()),
                  geometry.submission_capacity, &ours.submission_consumer,
                  &theirs.submission_producer};
  completions_ = {reinterpret_cast<CompletionEntry*>(block + geometry.completion_offset()),
                  geometry.completion_capacity, &ours.completion_producer,
                  &theirs.completion_consumer};
  returns_ = {reinterpret_cast<std::uint32_t*>(block + geometry.returns_offset()),
              geometry.returns_capacity, &ours.returns_producer, &theirs.returns_consumer};
  receive_ = {block + geometry.receive_offset(), geometry.receive_arena_bytes,
              &theirs.receive_freed};
  words_->magic = kLayoutMagic;
  words_->version = kLayoutVersion;
  words_->lcore = lcore;
}

std::size_t Channel::take(std::span<SubmissionEntry> out) {
  if (is_evicted()) return 0;
  return_control_slots();
  receive_.refresh();
  const std::uint32_t count =
      submissions_.available(static_cast<std::uint32_t>(std::min(out.size(), kTakeMax)));
  for (std::uint32_t i = 0; i < count; ++i) {
    copy_once(out[i], submissions_.at(i));
    if (is_good_send(out[i])) [[likely]]
      continue;
    const Offence offence = check(out[i]);
    if (offence != Offence::none) [[unlikely]] {
      evict(offence);
      return 0;
    }
    if (out[i].operation != Operation::send && out[i].length > 0)
      control_slot_[control_slots_++] = out[i].slot;
  }
  submissions_.consume(count);
  if (submissions_.is_broken() || receive_.is_broken()) [[unlikely]] {
    evict(submissions_.is_broken() ? Offence::bad_index : Offence::bad_credit);
    return 0;
  }
  return count;
}

Offence Channel::check(const SubmissionEntry& request) const {
  const auto operation = static_cast<std::uint8_t>(request.operation);
  if (operation < kOperationFirst || operation > kOperationLast) return Offence::bad_operation;
  if ((request.flags & ~kSubmissionFlags) != 0) return Offence::bad_operation;
  if (has_payload(request.operation)) {
    const std::uint64_t end = std::uint64_t{request.slot} * kSlotUnit + request.length;
    if (end > transmit_bytes_ || request.length > kMessageBytesMax) return Offence::bad_range;
  } else if (request.length != 0) {
    return Offence::bad_range;
  }
  switch (request.operation) {
    case Operation::send:
      return request.length > 0 ? Offence::none : Offence::bad_range;
    case Operation::listen:
      return request.length % 16 == 0 && request.length <= 16 * kListenAddressesMax
                 ? Offence::none
                 : Offence::bad_range;
    case Operation::connect: {
      const std::uint32_t addresses = request.length / 16;
      return request.length % 16 == 0 && request.value >= 1 && request.value <= kPathsMax &&
                     addresses >= request.value &&
                     addresses - request.value <= kAssociationLocalsMax
                 ? Offence::none
                 : Offence::bad_range;
    }
    case Operation::preset:
    case Operation::set_parameter: {
      const auto parameter = static_cast<std::uint16_t>(request.parameter);
      return parameter >= 1 && parameter <= kParameterLast ? Offence::none : Offence::bad_operation;
    }
    default:
      return Offence::none;
  }
}

std::size_t Channel::addresses(const SubmissionEntry& request, std::span<IpAddress> out) const {
  const std::size_t count = std::min<std::size_t>(request.length / 16, out.size());
  const Bytes from = payload(request);
  for (std::size_t i = 0; i < count; ++i)
    std::memcpy(out[i].bytes.data(), from.data() + i * 16, 16);
  return count;
}

void Channel::return_control_slots() {
  for (std::uint16_t i = 0; i < control_slots_; ++i) return_slot(control_slot_[i]);
  control_slots_ = 0;
}

bool Channel::post(const CompletionEntry& entry) {
  if (is_evicted() || !completions_.has_space()) return false;
  CompletionEntry& to = completions_.at(0);
  to = entry;
  to.arena_end = receive_.given();
  completions_.commit(1);
  return true;
}

bool Channel::is_drained() {
  return completions_.reserve(completions_.capacity()) == completions_.capacity();
}

void Channel::publish() {
  if (is_evicted()) return;
  return_control_slots();
  if (completions_.is_broken() || returns_.is_broken()) [[unlikely]]
    evict(Offence::bad_index);
  if (is_evicted()) return;
  const bool has_events = completions_.has_unpublished();
  if (!has_events && !returns_.has_unpublished() && !submissions_.has_unpublished()) return;
  completions_.publish();
  returns_.publish();
  submissions_.publish();
  if (bell_ >= 0) wake(has_events);
}

// The waker's half of the pattern in bell.h. A sleep is answered once: the application writes
// another number before its next one.
void Channel::wake(bool has_events) {
  dekker_fence();
  const std::uint32_t sleep = words_->application.asleep.load(std::memory_order_relaxed);
  if (sleep == 0 || sleep == rung_for_) return;
  if (!has_events && (sleep & kAsleepWantsSpace) == 0) return;
  rung_for_ = sleep;
  const char byte = 1;
  // Fails when the socket is full, and then the application has wake-ups waiting, or when it is
  // gone, which its owner learns by itself.
  [[maybe_unused]] const ssize_t sent = send(bell_, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// The library keeps no more slots in flight than this ring holds: full is a library that lies.
void Channel::refuse_slot() {
  evict(returns_.is_broken() ? Offence::bad_index : Offence::bad_credit);
}

void Channel::evict(Offence why) {
  if (offence_ == Offence::none) offence_ = why;
}

}  // namespace millrace::ipc
