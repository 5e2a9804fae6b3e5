#include "drivers/buffer_depot.h"

namespace millrace::drivers {

void BufferDepot::balance(BufferPool& pool) {
  if (pool.free_count() >= kLowMark && pool.free_count() <= kHighMark) return;
  const std::lock_guard lock(mutex_);
  while (pool.free_count() < kLevel && !free_.empty()) {
    pool.give(free_.back());
    free_.pop_back();
  }
  while (pool.free_count() > kLevel && free_.size() < free_.capacity()) {
    free_.push_back(pool.take());
  }
}

}  // namespace millrace::drivers
