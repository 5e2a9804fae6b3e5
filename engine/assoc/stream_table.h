// State per stream, in blocks that exist only for streams that have been used.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/prefetch.h"
#include "engine/base/slab.h"

namespace millrace {

/// Up to 65536 elements of T by stream number. Blocks come from slabs that the shard's associations
/// share; an association that has sent nothing holds none.
template <class T>
class StreamTable {
  static constexpr std::size_t kBlockStreams = 16;
  static constexpr std::size_t kInlineBlocks = 4;

 public:
  struct Block {
    std::array<T, kBlockStreams> streams{};
  };
  struct Directory {
    std::array<Block*, 65536 / kBlockStreams> blocks{};
  };
  struct Slabs {
    explicit Slabs(std::size_t associations)
        : blocks(associations * 4 * kInlineBlocks), directories(associations) {}
    Slab<Block> blocks;
    Slab<Directory> directories;
    /// Off: whoever is at work has as many blocks as it may have, unless it has none yet.
    bool may_grow = true;
  };

  /// The stream's state, made if it is not there yet; nullptr if there is no memory for it.
  T* get(Slabs& slabs, std::uint16_t stream) {
    const std::size_t block = stream / kBlockStreams;
    if (block < kInlineBlocks && inline_[block] != nullptr) [[likely]]
      return &inline_[block]->streams[stream % kBlockStreams];
    return get_or_make(slabs, stream);
  }

  /// Starts to bring the first streams, which are mostly all there are, nearer.
  void prefetch() const { millrace::prefetch(inline_[0], kCacheLine); }

  /// Gives all memory back; every stream starts anew.
  void clear(Slabs& slabs) {
    for_each_slot([&](Block*& block) {
      slabs.blocks.destroy(block);
      block = nullptr;
    });
    if (directory_ != nullptr) slabs.directories.destroy(directory_);
    directory_ = nullptr;
    block_count_ = 0;
  }
  std::uint16_t block_count() const { return block_count_; }

 private:
  // Apart: inlined, it makes gcc 12 spill the 16-bit number and load 64 bits back, which waits for
  // the store. That was a tenth of what a small message costs.
  [[gnu::noinline]] T* get_or_make(Slabs& slabs, std::uint16_t stream) {
    Block** slot = slot_of(slabs, stream / kBlockStreams);
    if (slot == nullptr) return nullptr;
    const bool may_grow = slabs.may_grow || block_count_ == 0;
    if (*slot == nullptr && may_grow && (*slot = slabs.blocks.create()) != nullptr) {
      ++block_count_;
    }
    return *slot == nullptr ? nullptr : &(*slot)->streams[stream % kBlockStreams];
  }

  Block** slot_of(Slabs& slabs, std::size_t block) {
    if (block < kInlineBlocks) return &inline_[block];
    if (directory_ == nullptr) directory_ = slabs.directories.create();
    return directory_ == nullptr ? nullptr : &directory_->blocks[block];
  }

  template <class Visit>
  void for_each_slot(Visit&& visit) {
    for (Block*& block : inline_) {
      if (block != nullptr) visit(block);
    }
    if (directory_ == nullptr) return;
    for (Block*& block : directory_->blocks) {
      if (block != nullptr) visit(block);
    }
  }

  std::array<Block*, kInlineBlocks> inline_{};
  Directory* directory_ = nullptr;
  std::uint16_t block_count_ = 0;
};

}  // namespace millrace
