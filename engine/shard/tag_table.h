// From verification tag to association slot: open addressing on a 32-bit key.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "engine/base/prefetch.h"
#include "engine/base/slab.h"

namespace millrace {

/// Tags are random already, so their low bits spread the entries. Linear probing; removal moves
/// later entries of a run up, so that there are no tombstones. Tag 0 is never stored.
class TagTable {
 public:
  /// Room for `capacity` entries at half load, reserved at once and touched as it is used.
  explicit TagTable(std::size_t capacity)
      : mask_(std::bit_ceil(2 * capacity) - 1),
        entries_(reinterpret_cast<Entry*>(reserve_memory((mask_ + 1) * sizeof(Entry)))) {}
  ~TagTable() {
    release_memory(reinterpret_cast<std::byte*>(entries_), (mask_ + 1) * sizeof(Entry));
  }
  TagTable(const TagTable&) = delete;
  TagTable& operator=(const TagTable&) = delete;

  std::optional<std::uint32_t> find(std::uint32_t tag) const {
    for (std::size_t at = tag & mask_; entries_[at].tag != 0; at = (at + 1) & mask_) {
      if (entries_[at].tag == tag) return entries_[at].slot;
    }
    return std::nullopt;
  }

  /// Starts to bring nearer where find() will look.
  void prefetch(std::uint32_t tag) const {
    millrace::prefetch(&entries_[tag & mask_], sizeof(Entry));
  }

  /// The caller has made sure that the tag is not there and that there is room.
  void insert(std::uint32_t tag, std::uint32_t slot) {
    std::size_t at = tag & mask_;
    while (entries_[at].tag != 0) at = (at + 1) & mask_;
    entries_[at] = {tag, slot};
  }

  void remove(std::uint32_t tag) {
    std::size_t hole = tag & mask_;
    while (entries_[hole].tag != tag) {
      if (entries_[hole].tag == 0) return;
      hole = (hole + 1) & mask_;
    }
    for (std::size_t at = (hole + 1) & mask_; entries_[at].tag != 0; at = (at + 1) & mask_) {
      const std::size_t home = entries_[at].tag & mask_;
      // The entry may move to the hole if its home is not between the hole and it.
      if (((at - home) & mask_) >= ((at - hole) & mask_)) {
        entries_[hole] = entries_[at];
        hole = at;
      }
    }
    entries_[hole] = {};
  }

 private:
  struct Entry {
    std::uint32_t tag = 0;
    std::uint32_t slot = 0;
  };

  std::size_t mask_;
  Entry* entries_;
};

}  // namespace millrace
