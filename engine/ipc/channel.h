// The engine's side of one channel: one context of an application and one lcore.
//
// It decides what of the shared memory is believed. Every index is range-checked, every entry is
// copied once into private memory and checked there; what no honest library can have written is a
// verdict: the channel is evicted, offers nothing more and takes nothing more, and the lcore tells
// whoever owns the context. It does not know associations: that a handle is alive and belongs to
// this context is for the shard to find out (a stale handle is honest: it crossed an event).
//
// One poll of the lcore, for each channel:
//
//   n = channel.take(requests)                       // private, checked copies
//   ... channel.payload(request) is readable; a message's until return_slot(request.slot),
//       any other request's until publish() or the next take(), which return its slot
//   ... to deliver: if (uint8_t* to = channel.reserve(length)) { write; channel.post_message(e); }
//       else keep the message and try again at a later poll
//   ... other events: if (!channel.post(entry)) keep it and try again
//   channel.publish()                                // once, after everything
//
// Sleeping, for an lcore that found nothing to do: see LcoreBell in bell.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/base/address.h"
#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/ipc/layout.h"
#include "engine/ipc/receive_arena.h"
#include "engine/ipc/ring.h"

namespace millrace::ipc {

class Channel;

/// Messages that are posted one after the other. What changes with each of them is kept here
/// meanwhile; nothing else is asked of the channel while one of these lives.
class Posting {
 public:
  explicit Posting(Channel& channel);
  ~Posting();
  Posting(const Posting&) = delete;
  Posting& operator=(const Posting&) = delete;

  /// A message of `length` bytes, which go to `to`: its entry, to be filled in place as
  /// Channel::message_entry(), or nullptr if there is no room now.
  CompletionEntry* add(std::uint32_t length, std::uint8_t*& to);

 private:
  Channel& channel_;
  RingProducer<CompletionEntry> completions_;
  ReceiveArena receive_;
  bool is_evicted_;
};

/// Names a context for as long as the engine runs.
using ContextId = std::uint32_t;

/// What an application did that its library cannot have done.
enum class Offence : std::uint8_t {
  none = 0,
  bad_index,      ///< a ring index outside of what is possible
  bad_operation,  ///< an unknown operation, flag or parameter
  bad_range,      ///< a payload outside of the transmit arena, empty or too long
  bad_credit,     ///< slots or receive space given back that were never taken
};
const char* offence_name(Offence offence);

class Channel {
 public:
  /// Requests of one take(), at most.
  static constexpr std::size_t kTakeMax = 64;

  struct Memory {
    Geometry geometry;  ///< the engine's private copy
    std::byte* block;   ///< ChannelHeader and what follows it
    const std::byte* transmit_arena;
  };
  /// `bell` is the descriptor that wakes the application (a socket), or -1 if it never sleeps.
  Channel(ContextId context, std::uint16_t lcore, const Memory& memory, int bell);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  ContextId context() const { return context_; }
  std::uint16_t lcore() const { return lcore_; }

  /// For the lcore that serves this channel: whatever it keeps per channel.
  void* user = nullptr;

  /// Takes up to min(out.size(), kTakeMax) requests. 0 when evicted. Also looks at how much of the
  /// receive arena is free again, so call it at every poll, idle or not.
  std::size_t take(std::span<SubmissionEntry> out);

  /// The payload of a request that take() gave out. The application may change the bytes at any
  /// time: read what matters once.
  Bytes payload(const SubmissionEntry& request) const {
    return {
        reinterpret_cast<const std::uint8_t*>(transmit_) + std::size_t{request.slot} * kSlotUnit,
        request.length};
  }
  /// Copies the addresses of a listen or connect; returns how many.
  std::size_t addresses(const SubmissionEntry& request, std::span<IpAddress> out) const;

  /// Gives the slot of a message back to the application. Once per message taken, unless its
  /// send_failed was posted.
  void return_slot(std::uint64_t slot) { return_slots({&slot, 1}); }
  void return_slots(std::span<const std::uint64_t> slots) {
    if (is_evicted()) return;
    const auto count = static_cast<std::uint32_t>(slots.size());
    if (returns_.reserve(count) < count) [[unlikely]]
      return refuse_slot();
    for (std::uint32_t i = 0; i < count; ++i) returns_.at(i) = static_cast<std::uint32_t>(slots[i]);
    returns_.commit(count);
  }

  /// The longest payload that reserve() can ever give space for.
  std::uint32_t payload_max() const { return receive_.capacity(); }

  /// Space for `length` bytes (> 0) in the receive arena, or nullptr if there is none now (no arena
  /// space or no completion entry). Taken only by post_message(), before which nothing else is
  /// posted.
  std::uint8_t* reserve(std::uint32_t length) {
    if (is_evicted() || !completions_.has_space()) return nullptr;
    return receive_.reserve(length);
  }
  /// After reserve(): the entry that post_message(length) posts, to be filled in place. Fields that
  /// say nothing about the event may keep what they hold.
  CompletionEntry& message_entry() { return completions_.at(0); }
  /// Posts message_entry() with the last reservation as its payload, of which it takes `length`
  /// bytes (at most what was reserved). Fills in length, offset and arena_end.
  void post_message(std::uint32_t length) {
    const ReceiveArena::Place place = receive_.commit(length);
    CompletionEntry& entry = completions_.at(0);
    entry.length = length;
    entry.offset = place.offset;
    entry.arena_end = place.end;
    completions_.commit(1);
  }
  /// The same with an entry made elsewhere. Slower: wide loads after its narrow stores wait.
  void post_message(const CompletionEntry& entry) {
    message_entry() = entry;
    post_message(entry.length);
  }
  /// Posts an event without payload. False if there is no space: keep it and try again.
  bool post(const CompletionEntry& entry);

  /// Makes everything visible to the application and wakes it if it sleeps. Once per poll; does
  /// nothing if there is nothing.
  void publish();

  /// Whether requests wait (or the channel is broken, which take() then finds out).
  bool has_requests() { return offence_ == Offence::none && submissions_.available(1) > 0; }
  /// Whether the application has everything that was posted and all of its space is free.
  bool is_drained();

  /// Tells the application that the lcore sleeps: from now on its library rings, once for each
  /// number. 0: it is awake. See LcoreBell.
  void set_asleep(std::uint32_t sleep) {
    words_->engine.asleep.store(sleep, std::memory_order_relaxed);
  }

  /// Not none: evict this context.
  Offence offence() const { return offence_; }
  bool is_evicted() const { return offence_ != Offence::none; }
  /// Stops the channel from here on, as an offence does. Also for a context that is gone.
  void evict(Offence why);

 private:
  friend class Posting;

  /// A message as it should be: what check() would find nothing wrong with.
  bool is_good_send(const SubmissionEntry& request) const {
    return request.operation == Operation::send && (request.flags & ~kSubmissionFlags) == 0 &&
           request.length - 1 < kMessageBytesMax &&
           std::uint64_t{request.slot} * kSlotUnit + request.length <= transmit_bytes_;
  }
  Offence check(const SubmissionEntry& request) const;
  void return_control_slots();
  void refuse_slot();
  void wake(bool has_events);

  // Each poll touches these.
  RingConsumer<SubmissionEntry> submissions_;
  RingProducer<CompletionEntry> completions_;
  RingProducer<std::uint32_t> returns_;
  ReceiveArena receive_;
  const std::byte* transmit_;
  ChannelHeader* words_;
  std::uint64_t transmit_bytes_;
  std::uint32_t rung_for_ = 0;  // the sleep that the application was last woken from
  int bell_;
  Offence offence_ = Offence::none;

  ContextId context_;
  std::uint16_t lcore_;
  std::uint16_t control_slots_ = 0;
  std::array<std::uint32_t, kTakeMax> control_slot_;
};

inline Posting::Posting(Channel& channel)
    : channel_(channel),
      completions_(channel.completions_),
      receive_(channel.receive_),
      is_evicted_(channel.is_evicted()) {}

inline Posting::~Posting() {
  channel_.completions_ = completions_;
  channel_.receive_ = receive_;
}

inline CompletionEntry* Posting::add(std::uint32_t length, std::uint8_t*& to) {
  if (is_evicted_ || !completions_.has_space()) return nullptr;
  ReceiveArena::Place place;
  to = receive_.take(length, place);
  if (to == nullptr) return nullptr;
  CompletionEntry& entry = completions_.at(0);
  entry.length = length;
  entry.offset = place.offset;
  entry.arena_end = place.end;
  completions_.commit(1);
  return &entry;
}

}  // namespace millrace::ipc
