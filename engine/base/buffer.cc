#include "engine/base/buffer.h"

namespace millrace {

BufferSlab::BufferSlab(BufferPool& pool, std::size_t count)
    : count_(count),
      buffers_(new Buffer[count]),
      storage_(new std::uint8_t[count * kBufferStorage]) {
  MR_ASSERT(pool.capacity() - pool.free_count() >= count);
  for (std::size_t i = 0; i < count; ++i) {
    buffers_[i].storage = storage_.get() + i * kBufferStorage;
    pool.give(&buffers_[i]);
  }
}

}  // namespace millrace
