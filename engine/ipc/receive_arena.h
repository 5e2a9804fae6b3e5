// The engine's side of a receive arena: where the next message goes.
//
// Messages lie in the arena in the order of their completions, each in one piece, and are freed in
// that order by one counter in shared memory, which counts bytes given out, gaps included. When the
// arena is empty it starts again at 0, so that a reader that keeps up works in cache. The counter
// is the application's: it is believed only between what it was and what was given out, and where a
// message goes is computed from private numbers alone.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/ipc/layout.h"

namespace millrace::ipc {

class ReceiveArena {
 public:
  ReceiveArena() = default;
  /// `capacity` is a multiple of kSlotUnit. `freed` is the application's counter, 0 now.
  ReceiveArena(std::byte* memory, std::uint32_t capacity, const SharedWord* freed)
      : memory_(memory), capacity_(capacity), room_(capacity), freed_word_(freed) {}

  /// Space for `length` bytes, or nullptr if there is none now. Nothing is taken until commit().
  std::uint8_t* reserve(std::uint32_t length) {
    if (length == 0 || length > capacity_) return nullptr;
    const std::uint32_t size = rounded(length);
    if (!place(size)) {
      refresh();
      if (!place(size)) return nullptr;
    }
    return reinterpret_cast<std::uint8_t*>(memory_) + reserved_;
  }

  struct Place {
    std::uint32_t offset;  ///< in kSlotUnit
    std::uint32_t end;     ///< what the application sets its counter to when it is done
  };
  /// reserve() and commit() in one.
  std::uint8_t* take(std::uint32_t length, Place& place) {
    const std::uint32_t size = rounded(length);
    if (size - 1 >= room_) [[unlikely]] {
      std::uint8_t* to = reserve(length);
      if (to != nullptr) place = commit(length);
      return to;
    }
    std::uint8_t* to = reinterpret_cast<std::uint8_t*>(memory_) + write_;
    place.offset = write_ / kSlotUnit;
    place.end = given_ += size;
    write_ += size;
    room_ -= size;
    return to;
  }
  /// Takes the first `length` bytes of the last reservation.
  Place commit(std::uint32_t length) {
    const std::uint32_t size = rounded(length);
    given_ += gap_ + size;
    write_ = reserved_ + size;
    find_room();
    return {reserved_ / kSlotUnit, given_};
  }

  /// Looks at the application's counter. Once per poll keeps a fast reader's arena in cache.
  void refresh() {
    const std::uint32_t seen = freed_word_->load(std::memory_order_acquire);  // pairs: the release
    if (seen - freed_ > given_ - freed_) {
      broken_ = true;
    } else {
      freed_ = seen;
      if (freed_ == given_) write_ = 0;
    }
    find_room();
  }

  /// Bytes ever given out: what the counter is when everything is freed.
  std::uint32_t given() const { return given_; }
  bool is_empty() const { return freed_ == given_; }
  bool is_broken() const { return broken_; }
  std::uint32_t used() const { return given_ - freed_; }
  std::uint32_t capacity() const { return capacity_; }

 private:
  static std::uint32_t rounded(std::uint32_t length) {
    return (length + kSlotUnit - 1) & ~(kSlotUnit - 1);
  }
  void find_room() { room_ = broken_ ? 0 : std::min(capacity_ - write_, capacity_ - used()); }
  bool place(std::uint32_t size) {
    if (broken_) return false;
    const std::uint32_t behind = capacity_ - write_;
    const bool fits_behind = size <= behind;
    gap_ = fits_behind ? 0 : behind;
    if (std::uint64_t{used()} + gap_ + size > capacity_) return false;
    reserved_ = fits_behind ? write_ : 0;
    return true;
  }

  std::byte* memory_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t write_ = 0;     // where the next message goes; <= capacity_
  std::uint32_t room_ = 0;      // bytes that may be taken there as they are
  std::uint32_t given_ = 0;     // bytes ever given out, gaps included
  std::uint32_t freed_ = 0;     // bytes seen to be free again; given_ - freed_ <= capacity_
  std::uint32_t reserved_ = 0;  // of the last reserve()
  std::uint32_t gap_ = 0;       // bytes left out at the end by the last reserve()
  bool broken_ = false;
  const SharedWord* freed_word_ = nullptr;
};

}  // namespace millrace::ipc
