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
  std::uint64_t tick = 0;  ///< when it fires; valid while armed
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
    const auto [level, slot] = place_of(static_cast<WheelNode<T>&>(*object).tick);
    remove(level, slot, object);
  }

  /// Moves on to `now` and calls `fire(object)` for each object whose time has come; it is disarmed
  /// by then and may be armed again.
  template <class Fire>
  void advance(Time now, Fire&& fire) {
    const std::uint64_t target = static_cast<std::uint64_t>(now.ns) >> kTickBits;
    while (now_ < target) {
      const std::uint64_t next = next_tick();
      if (next > target) {
        now_ = target;
        return;
      }
      now_ = next;
      cascade();
      const std::size_t slot = now_ % kSlots;
      while (T* object = levels_[0].slots[slot].front()) {
        remove(0, slot, object);
        fire(object);
      }
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
  struct Place {
    int level;
    std::size_t slot;
  };

  // Rounded up: a deadline inside a tick has passed only when the tick has.
  static std::uint64_t tick_of(Time deadline) {
    return (static_cast<std::uint64_t>(std::max<std::int64_t>(deadline.ns, 0)) + (1u << kTickBits) -
            1) >>
           kTickBits;
  }

  // The level is that of the highest digit in which the tick differs from now: objects there wait
  // for that digit to come round.
  Place place_of(std::uint64_t tick) const {
    int level = 0;
    while (tick >> (level + 1) * kSlotBits != now_ >> (level + 1) * kSlotBits) ++level;
    return {level, (tick >> level * kSlotBits) % kSlots};
  }

  void insert(T* object) {
    const auto [level, slot] = place_of(static_cast<WheelNode<T>&>(*object).tick);
    levels_[level].slots[slot].push_back(object);
    levels_[level].occupied[slot / 64] |= std::uint64_t{1} << (slot % 64);
  }

  void remove(int level, std::size_t slot, T* object) {
    Slots& list = levels_[level].slots[slot];
    list.remove(object);
    if (list.empty()) levels_[level].occupied[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  }

  // The next tick at which there is something to do: the earliest occupied slot of the lowest
  // level, or the start of the earliest occupied slot of a higher one.
  std::uint64_t next_tick() const {
    for (int level = 0; level < kLevels; ++level) {
      const int shift = level * kSlotBits;
      const std::uint64_t digit = now_ >> shift;
      const std::uint64_t slot = next_occupied(level, digit % kSlots + 1);
      if (slot < kSlots) return (digit - digit % kSlots + slot) << shift;
    }
    return kNoTick;
  }

  std::uint64_t next_occupied(int level, std::uint64_t from) const {
    const auto& occupied = levels_[level].occupied;
    for (std::uint64_t at = from; at < kSlots; at += 64 - at % 64) {
      const std::uint64_t word = occupied[at / 64] >> (at % 64);
      if (word != 0) return at + static_cast<std::uint64_t>(std::countr_zero(word));
    }
    return kSlots;
  }

  // Where a digit has turned, the objects that waited for it go down.
  void cascade() {
    for (int level = kLevels - 1; level > 0; --level) {
      const int shift = level * kSlotBits;
      if (now_ & ((std::uint64_t{1} << shift) - 1)) continue;
      const std::size_t slot = (now_ >> shift) % kSlots;
      Slots waiting;
      while (T* object = levels_[level].slots[slot].front()) {
        remove(level, slot, object);
        waiting.push_back(object);
      }
      while (T* object = waiting.pop_front()) insert(object);
    }
  }

  std::array<Level, kLevels> levels_;
  std::uint64_t now_ = 0;
};

}  // namespace millrace
