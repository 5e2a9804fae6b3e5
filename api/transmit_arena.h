// The allocator of the transmit arena: slots of fixed sizes, reused last in, first out, so that an
// application that keeps up works in cache. It knows no associations and no rings. All of its state
// is private; the shared memory holds payload and nothing else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "api/size_class.h"
#include "engine/ipc/layout.h"

namespace millrace::api {

class TransmitArena {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  /// Starts over on other memory; `bytes` is a multiple of kPageBytes.
  void open(std::byte* memory, std::uint32_t bytes);

  /// A slot that was used before, or kNone: then ask for slots back before growing.
  std::uint32_t reuse(std::uint8_t size_class) {
    std::vector<std::uint32_t>& stack = free_[size_class];
    if (stack.empty()) return kNone;
    const std::uint32_t slot = stack.back();
    stack.pop_back();
    return slot;
  }
  /// A slot of memory not yet in this class, or kNone when the arena is full.
  std::uint32_t grow(std::uint8_t size_class);

  /// Returns the size of the slot's class.
  std::uint32_t give_back(std::uint32_t slot) {
    const std::uint8_t size_class = page_class_[slot / kUnitsPerPage];
    free_[size_class].push_back(slot);  // never grows: grow() made room for every slot
    given_back_ += kClassBytes[size_class];
    return kClassBytes[size_class];
  }

  std::byte* bytes_of(std::uint32_t slot) const {
    return memory_ + std::size_t{slot} * ipc::kSlotUnit;
  }
  /// The size of the slot's class.
  std::uint32_t size_of(std::uint32_t slot) const {
    return kClassBytes[page_class_[slot / kUnitsPerPage]];
  }
  /// The slot that starts at this address, or kNone if none can.
  std::uint32_t slot_at(const void* address) const;
  /// Whether an arena of this size has room for so many slots of each class.
  bool could_hold(const std::array<std::uint32_t, kClassBytes.size()>& slots) const;
  std::uint32_t slots_end() const { return bytes_ / ipc::kSlotUnit; }

 private:
  static constexpr std::uint32_t kUnitsPerPage = kPageBytes / ipc::kSlotUnit;
  static constexpr std::uint8_t kFreePage = 0xff;
  static constexpr std::uint8_t kRunPage = 0xfe;  // not the first of a slot of several pages

  static std::uint32_t pages_of(std::uint8_t size_class);
  std::uint32_t find_run(std::uint32_t pages) const;
  void stock(std::uint8_t size_class, std::uint32_t page);
  void reclaim();
  void reclaim_shared(std::uint8_t size_class);

  std::byte* memory_ = nullptr;
  std::uint32_t bytes_ = 0;
  std::array<std::vector<std::uint32_t>, kClassBytes.size()> free_;  // stacks of slots
  std::array<std::uint32_t, kClassBytes.size()> slots_{};  // of the class, free and in use
  std::vector<std::uint8_t> page_class_;
  std::uint64_t given_back_ = 0;  // bytes since the last reclaim()
};

}  // namespace millrace::api
