// How many associations peers have with a shard, by the origin of their address.
#pragma once

#include <bit>
#include <cstdint>

#include "engine/base/address.h"
#include "engine/base/assert.h"
#include "engine/base/hash.h"
#include "engine/base/slab.h"
#include "engine/shard/origin.h"

namespace millrace {

/// Open addressing under a keyed hash, so that nobody can choose addresses that lie together.
/// Removal moves later entries of a run up, as in TagTable.
class PeerCounts {
 public:
  /// Room for `capacity` addresses at half load, reserved at once and touched as it is used.
  PeerCounts(std::size_t capacity, const HashKey& key)
      : mask_(std::bit_ceil(2 * capacity) - 1),
        entries_(reinterpret_cast<Entry*>(reserve_memory((mask_ + 1) * sizeof(Entry)))),
        key_(key) {}
  ~PeerCounts() {
    release_memory(reinterpret_cast<std::byte*>(entries_), (mask_ + 1) * sizeof(Entry));
  }
  PeerCounts(const PeerCounts&) = delete;
  PeerCounts& operator=(const PeerCounts&) = delete;

  std::uint32_t of(const IpAddress& peer) const {
    return entries_[place_of(origin_of(peer))].count;
  }

  void add(const IpAddress& peer) {
    const IpAddress origin = origin_of(peer);
    Entry& entry = entries_[place_of(origin)];
    entry.peer = origin;
    ++entry.count;
  }

  /// It has been added before.
  void remove(const IpAddress& peer) {
    std::size_t hole = place_of(origin_of(peer));
    MR_ASSERT(entries_[hole].count > 0);
    if (--entries_[hole].count > 0) return;
    for (std::size_t at = (hole + 1) & mask_; entries_[at].count != 0; at = (at + 1) & mask_) {
      // The entry may move to the hole if its home is not between the hole and it.
      if (((at - home_of(entries_[at].peer)) & mask_) >= ((at - hole) & mask_)) {
        entries_[hole] = entries_[at];
        hole = at;
      }
    }
    entries_[hole] = {};
  }

 private:
  struct Entry {
    IpAddress peer;
    std::uint32_t count = 0;  ///< 0: free
  };

  std::size_t home_of(const IpAddress& peer) const { return table_hash(key_, peer.bytes) & mask_; }
  // Where it is, or where it would be put.
  std::size_t place_of(const IpAddress& peer) const {
    std::size_t at = home_of(peer);
    while (entries_[at].count != 0 && entries_[at].peer != peer) at = (at + 1) & mask_;
    return at;
  }

  std::size_t mask_;
  Entry* entries_;
  HashKey key_;
};

}  // namespace millrace
