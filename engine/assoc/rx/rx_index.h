// Finds the chunks that wait, of all associations of a shard, in a time that no peer can lengthen.
#pragma once

#include <bit>
#include <cstdint>

#include "engine/assoc/rx/rx_chunk.h"
#include "engine/base/slab.h"

namespace millrace {

/// A hash table, chained through the chunks. A chunk is known by the list that it waits in and a
/// number that is its own there: its TSN, or its stream and sequence number. Which numbers share a
/// chain depends on a secret, so that a peer cannot choose them to make a long one.
class RxIndex {
 public:
  /// Room for `capacity` chunks at a load of one, touched as it is used.
  RxIndex(std::size_t capacity, std::uint64_t secret)
      : shift_(64 - std::bit_width(std::bit_ceil(capacity + 1) - 1)),
        chains_(reinterpret_cast<RxChunk**>(reserve_memory(bytes()))),
        secret_(secret),
        multiplier_(std::rotl(secret, 32) * kOdd | 1) {}
  ~RxIndex() { release_memory(reinterpret_cast<std::byte*>(chains_), bytes()); }
  RxIndex(const RxIndex&) = delete;
  RxIndex& operator=(const RxIndex&) = delete;

  RxChunk* find(const List<RxChunk>& list, std::uint32_t key) const {
    RxChunk* chunk = chain_of(&list, key);
    while (chunk != nullptr && (chunk->key != key || chunk->home != &list)) {
      ++steps_;
      chunk = chunk->chain_next;
    }
    return chunk;
  }

  /// The list has no chunk with this key yet.
  void insert(const List<RxChunk>& list, std::uint32_t key, RxChunk* chunk) {
    chunk->home = &list;
    chunk->key = key;
    RxChunk*& chain = chain_of(&list, key);
    chunk->chain_next = chain;
    chain = chunk;
  }

  /// Does nothing if it is not there.
  void remove(RxChunk* chunk) {
    if (chunk->home == nullptr) return;
    RxChunk** link = &chain_of(chunk->home, chunk->key);
    for (; *link != chunk; link = &(*link)->chain_next) ++steps_;
    *link = chunk->chain_next;
    chunk->home = nullptr;
  }

  /// Chunks that were passed by in chains, over all: what searching costs.
  std::uint64_t steps() const { return steps_; }

 private:
  std::size_t bytes() const { return (std::size_t{1} << (64 - shift_)) * sizeof(RxChunk*); }
  RxChunk*& chain_of(const void* list, std::uint32_t key) const {
    std::uint64_t hash = (reinterpret_cast<std::uintptr_t>(list) ^ secret_) * kOdd + key;
    // A product alone would keep the pattern of the keys, which a peer chooses.
    hash = (hash ^ hash >> 32) * multiplier_;
    hash = (hash ^ hash >> 29) * kOdd;
    return chains_[hash >> shift_];
  }

  static constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;

  int shift_;
  RxChunk** chains_;
  std::uint64_t secret_;
  std::uint64_t multiplier_;
  mutable std::uint64_t steps_ = 0;
};

}  // namespace millrace
