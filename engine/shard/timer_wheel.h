// Deadlines of many objects: a hierarchical timing wheel (Varghese and Lauck).
//
// Arming and disarming cost a list operation, whatever the number of timers. Resolution is a tick
// of about a millisecond; nothing fires early.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "engine/base/list.h"
#include "engine/base/time.h"

namespace millrace {

struct WheelTag {};

/// What an object derives from to be in a wheel.
template <class T>
struct WheelNode : ListNode<T, WheelTag> {
  std::uint64_t tick : 56 = 0;  ///< when it fires; valid while armed
  std::uint64_t level : 8 = 0;  ///< where it waits for that; the wheel's own
};

template <class T>
class TimerWheel {
  using Slots = List<T, WheelTag>;
  static constexpr int kTickBits = 20;  // 2^20 ns
  static constexpr int kSlotBits = 8;
  static constexpr std::uint64_t kSlots = 1u << kSlotBits;
  static constexpr int kLevels = 6;
  static_assert(kTickBits + kLevels * kSlotBits >= 63);  // no Time is beyond the last level

 public:
  static bool is_armed(T* object) { return Slots::is_linked(object); }

  /// Arms for `deadline`; if it is armed for that or earlier already, leaves it: firing early costs
  /// the caller one look at its own deadline, and re-arming for each packet would cost more.
  void arm(T* object, Time deadline) {
    const std::uint64_t tick = std::max(tick_of(deadline), now_ + 1);
    WheelNode<T>& node = *object;
    if (is_armed(object)) {
      if (node.tick <= tick) return;
      disarm(object);
    }
    node.tick = tick;
    insert(object);
  }

  void disarm(T* object) {
    if (!is_armed(object)) return;
    const WheelNode<T>& node = *object;
    const auto level = static_cast<int>(node.level);
    remove(level, slot_of(level, node.tick), object);
  }

  /// Moves on to `now` and calls `fire(object)` for each object whose time has come; it is disarmed
  /// by then and may be armed again. Stops after `most` of them: next_deadline() says then that
  /// others are due, and the next call goes on with the oldest.
  template <class Fire>
  void advance(Time now, Fire&& fire, std::size_t most = SIZE_MAX) {
    const std::uint64_t target = static_cast<std::uint64_t>(now.ns) >> kTickBits;
    while (fire_tick(fire, most) && now_ < target) {
      now_ = std::min(next_tick(), target);
      cascade();
    }
  }

  /// No object fires before this; kNever if none is armed.
  Time next_deadline() const {
    const std::uint64_t tick = next_tick();
    return tick == kNoTick ? kNever : Time{static_cast<std::int64_t>(tick << kTickBits)};
  }

 private:
  static constexpr std::uint64_t kNoTick = ~std::uint64_t{0};

  struct Level {
    std::array<Slots, kSlots> slots;
    std::array<std::uint64_t, kSlots / 64> occupied{};
  };

  // Rounded up: a deadline inside a tick has passed only when the tick has.
  static std::uint64_t tick_of(Time deadline) {
    return (static_cast<std::uint64_t>(std::max<std::int64_t>(deadline.ns, 0)) + (1u << kTickBits) -
            1) >>
           kTickBits;
  }

  static constexpr std::size_t slot_of(int level, std::uint64_t tick) {
    return (tick >> level * kSlotBits) % kSlots;
  }

  // The lowest level that reaches as far, counted from now. So a timer is moved down once or twice
  // in its life, a few at a time: were it the level of the highest digit in which the tick differs
  // from now, all that wait would be moved at once when that digit turns, a million heartbeats too.
  void insert(T* object) {
    WheelNode<T>& node = *object;
    int level = 0;
    while ((node.tick >> level * kSlotBits) - (now_ >> level * kSlotBits) >= kSlots) ++level;
    node.level = static_cast<std::uint8_t>(level);
    const std::size_t slot = slot_of(level, node.tick);
    levels_[level].slots[slot].push_back(object);
    levels_[level].occupied[slot / 64] |= std::uint64_t{1} << (slot % 64);
  }

  void remove(int level, std::size_t slot, T* object) {
    Slots& list = levels_[level].slots[slot];
    list.remove(object);
    if (list.empty()) levels_[level].occupied[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  }

  // What is due at this very tick; false if there is more of it than `most`, which counts down.
  template <class Fire>
  bool fire_tick(Fire&& fire, std::size_t& most) {
    const std::size_t slot = now_ % kSlots;
    while (T* object = levels_[0].slots[slot].front()) {
      if (most == 0) return false;
      --most;
      remove(0, slot, object);
      fire(object);
    }
    return true;
  }

  // The next tick at which there is something to do: the earliest of the lowest level, which is
  // this one if not all of it has fired, or the start of the earliest slot of a higher one.
  std::uint64_t next_tick() const {
    std::uint64_t next = kNoTick;
    for (int level = 0; level < kLevels; ++level) {
      const int shift = level * kSlotBits;
      const std::uint64_t digit = now_ >> shift;
      if (next <= (digit + 1) << shift) return next;  // nothing begins earlier here
      const std::uint64_t ahead = next_occupied(level, digit % kSlots);
      if (ahead < kSlots) next = std::min(next, (digit + ahead) << shift);
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

  // Where a digit has turned, the objects that waited for it go down.
  void cascade() {
    for (int level = kLevels - 1; level > 0; --level) {
      const int shift = level * kSlotBits;
      if (now_ & ((std::uint64_t{1} << shift) - 1)) continue;
      const std::size_t slot = slot_of(level, now_);
      while (T* object = levels_[level].slots[slot].front()) {
        remove(level, slot, object);
        insert(object);
      }
    }
  }

  std::array<Level, kLevels> levels_;
  std::uint64_t now_ = 0;
};

}  // namespace millrace
