// Free buffers between the pools of several threads, as a DPDK mempool is for those of real ports.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "engine/base/buffer.h"

namespace millrace::drivers {

/// A packet that is handed to another lcore is released into that lcore's pool. Without a depot
/// one pool so ends with all buffers and the other with none. Any thread may call. Buffers that
/// lie here when it ends stay their slab's.
class BufferDepot {
 public:
  static constexpr std::size_t kLowMark = 256;
  static constexpr std::size_t kLevel = 512;
  static constexpr std::size_t kHighMark = 1024;

  /// It never holds more than `capacity` buffers.
  explicit BufferDepot(std::size_t capacity) { free_.reserve(capacity); }

  /// Brings the number of a pool's free buffers to kLevel if it is below kLowMark, as far as there
  /// are any, or above kHighMark, as far as there is room. By the thread that owns the pool.
  void balance(BufferPool& pool);

 private:
  std::mutex mutex_;
  std::vector<Buffer*> free_;  // never grows past the capacity reserved at construction
};

}  // namespace millrace::drivers
