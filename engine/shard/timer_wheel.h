// Deadlines of many objects: a hierarchical timing wheel (Varghese and Lauck).
//
// Arming and disarming cost a list operation, whatever the number of timers, and no call does more
// than a bounded number of them. Resolution is a tick of about a millisecond; nothing fires early.
// Knows objects by their indices: what it keeps of each, 16 bytes, lies beside that of the others,
// and not in the objects, each of which would have to come from afar to be put into another list.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "engine/base/prefetch.h"
#include "engine/base/slab.h"
#include "engine/base/time.h"

namespace millrace {

class TimerWheel {
  static constexpr int kTickBits = 20;  // 2^20 ns
  static constexpr int kDigitBits = 7;
  static constexpr int kLevels = 7;
  static_assert(kTickBits + kLevels * kDigitBits >= 63);  // no Time is beyond the last level
  // A level reaches twice as far as a slot of the next one lasts. So that slot may go down while
  // the one before it lasts: a few timers at a time, and not all of them when the digit turns.
  static constexpr std::uint64_t kSlots = 2u << kDigitBits;

 public:
  /// Timers that one call of take_due() moves to a lower level, at the most.
  static constexpr std::size_t kMovesAtOnce = 32;

  /// For indices below `capacity`.
  explicit TimerWheel(std::size_t capacity)
      : bytes_((capacity + 1) * sizeof(Entry)),
        entries_(reinterpret_cast<Entry*>(reserve_memory(bytes_))) {}
  ~TimerWheel() { release_memory(reinterpret_cast<std::byte*>(entries_), bytes_); }
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  bool is_armed(std::uint32_t index) const { return entry(index).level != kDisarmed; }

  /// Arms for `deadline`; if it is armed for that or earlier already, leaves it: firing early costs
  /// the caller one look at its own deadline, and re-arming for each packet would cost more.
  void arm(std::uint32_t index, Time deadline) {
    const std::uint64_t tick = std::max(tick_of(deadline), now_ + 1);
    Entry& one = entry(index);
    if (one.level != kDisarmed) {
      if (one.tick <= tick) return;
      remove(index);
    }
    one.tick = tick;
    insert(index);
  }

  void disarm(std::uint32_t index) {
    if (is_armed(index)) remove(index);
  }

  /// Moves on to `now`, disarms up to `due.size()` of those whose time has come, the oldest first,
  /// and returns how many there are in `due`. next_deadline() is not after `now` if there is more
  /// to do: others are due, or are to be moved first. The next call goes on with it.
  std::size_t take_due(Time now, std::span<std::uint32_t> due) {
    const std::uint64_t target = static_cast<std::uint64_t>(now.ns) >> kTickBits;
    std::size_t count = 0;
    for (std::size_t moves_left = kMovesAtOnce;;) {
      count += take_tick(due.subspan(count));
      move_ahead(moves_left);
      if (levels_[0].slots[now_ % kSlots].first != 0) return count;
      const std::uint64_t next = std::min({next_tick(), target, last_tick()});
      if (next <= now_) return count;
      step_to(next);
    }
  }

  /// No object fires before this; kNever if none is armed.
  Time next_deadline() const {
    const std::uint64_t tick = unmoved_ != 0 ? now_ : next_tick();
    return tick == kNoTick ? kNever : Time{static_cast<std::int64_t>(tick << kTickBits)};
  }

  /// What arm() and disarm() touch of it.
  void prefetch(std::uint32_t index) const { millrace::prefetch(&entry(index), sizeof(Entry)); }

  /// Timers that have been moved to a lower level so far.
  std::uint64_t moves() const { return moves_; }

 private:
  static constexpr std::uint64_t kNoTick = ~std::uint64_t{0};
  static constexpr std::uint64_t kDisarmed = 0;

  // Numbers of entries are indices plus one: 0 is none.
  struct Entry {
    std::uint32_t previous;
    std::uint32_t next;
    std::uint64_t tick : 56;  // when it fires; valid while armed
    std::uint64_t level : 8;  // where it waits for that, plus one
  };
  static_assert(sizeof(Entry) == 16);

  struct Queue {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
  };

  struct Level {
    std::array<Queue, kSlots> slots;
    std::array<std::uint64_t, kSlots / 64> occupied{};
  };

  Entry& entry(std::uint32_t index) const { return entries_[index + 1]; }

  // Rounded up: a deadline inside a tick has passed only when the tick has.
  static std::uint64_t tick_of(Time deadline) {
    return (static_cast<std::uint64_t>(std::max<std::int64_t>(deadline.ns, 0)) + (1u << kTickBits) -
            1) >>
           kTickBits;
  }

  static constexpr std::uint64_t digit(int level, std::uint64_t tick) {
    return tick >> level * kDigitBits;
  }

  // The lowest level that reaches as far, counted from now. So this slot and the next one of a
  // higher level take nothing in: what is for them fits below.
  void insert(std::uint32_t index) {
    Entry& one = entry(index);
    int level = 0;
    while (digit(level, one.tick) - digit(level, now_) >= kSlots) ++level;
    one.level = static_cast<std::uint8_t>(level + 1);
    const std::size_t slot = digit(level, one.tick) % kSlots;
    Queue& queue = levels_[level].slots[slot];
    one.previous = queue.last;
    one.next = 0;
    (queue.last == 0 ? queue.first : entries_[queue.last].next) = index + 1;
    queue.last = index + 1;
    levels_[level].occupied[slot / 64] |= std::uint64_t{1} << (slot % 64);
  }

  void remove(std::uint32_t index) {
    Entry& one = entry(index);
    const int level = static_cast<int>(one.level) - 1;
    const std::size_t slot = digit(level, one.tick) % kSlots;
    Queue& queue = levels_[level].slots[slot];
    (one.previous == 0 ? queue.first : entries_[one.previous].next) = one.next;
    (one.next == 0 ? queue.last : entries_[one.next].previous) = one.previous;
    one.level = kDisarmed;
    if (queue.first != 0) return;
    levels_[level].occupied[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
    if (slot == next_slot(level)) unmoved_ &= ~(1u << level);
  }

  // What is due at this very tick.
  std::size_t take_tick(std::span<std::uint32_t> due) {
    const Queue& queue = levels_[0].slots[now_ % kSlots];
    std::size_t count = 0;
    for (; count < due.size() && queue.first != 0; ++count) {
      due[count] = queue.first - 1;
      remove(due[count]);
    }
    return count;
  }

  // Takes what the next slots of the higher levels have further down.
  void move_ahead(std::size_t& moves_left) {
    for (; unmoved_ != 0 && moves_left > 0; --moves_left, ++moves_) {
      const int level = std::countr_zero(unmoved_);
      const std::uint32_t index = levels_[level].slots[next_slot(level)].first - 1;
      remove(index);
      insert(index);
    }
  }

  // Only up to a digit's turn while not all of its slot has been moved: some of it may be due then.
  std::uint64_t last_tick() const {
    if (unmoved_ == 0) return kNoTick;
    const int level = std::countr_zero(unmoved_);
    return ((digit(level, now_) + 1) << level * kDigitBits) - 1;
  }

  void step_to(std::uint64_t tick) {
    const std::uint64_t turned = now_ ^ tick;
    now_ = tick;
    for (int level = 1; level < kLevels && digit(level, turned) != 0; ++level) {
      if (levels_[level].slots[next_slot(level)].first != 0) unmoved_ |= 1u << level;
    }
  }

  std::size_t next_slot(int level) const { return (digit(level, now_) + 1) % kSlots; }

  // The next tick at which there is something to do: the earliest of the lowest level, which is
  // this one if not all of it has fired, or when the slot before the earliest of a higher one
  // begins, which then goes down. Those that are going down now do not count.
  std::uint64_t next_tick() const {
    std::uint64_t next = kNoTick;
    for (int level = 0; level < kLevels; ++level) {
      const int shift = level * kDigitBits;
      const std::uint64_t now = digit(level, now_);
      if (next <= (now + 1) << shift) return next;  // nothing begins earlier here
      const std::uint64_t skipped = level == 0 ? 0 : 2;
      const std::uint64_t ahead = next_occupied(level, (now + skipped) % kSlots);
      if (ahead < kSlots - skipped)
        next = std::min(next, (now + skipped + ahead - (level == 0 ? 0 : 1)) << shift);
    }
    return next;
  }

  // How far ahead of slot `from` the first one is that has something; kSlots: there is none.
  std::uint64_t next_occupied(int level, std::uint64_t from) const {
    constexpr std::uint64_t kWords = kSlots / 64;
    const auto& occupied = levels_[level].occupied;
    const auto shift = static_cast<int>(from % 64);
    if (const std::uint64_t word = occupied[from / 64] >> shift; word != 0)
      return static_cast<std::uint64_t>(std::countr_zero(word));
    for (std::uint64_t i = 1; i <= kWords; ++i) {  // and at last what is before `from` in its word
      const std::uint64_t word = occupied[(from / 64 + i) % kWords];
      if (word != 0) return i * 64 + static_cast<std::uint64_t>(std::countr_zero(word)) - from % 64;
    }
    return kSlots;
  }

  std::size_t bytes_;
  Entry* entries_;
  std::array<Level, kLevels> levels_;
  std::uint64_t now_ = 0;
  std::uint64_t moves_ = 0;
  std::uint32_t unmoved_ = 0;  // by level: whether its next slot has something, which is to go down
};

}  // namespace millrace
