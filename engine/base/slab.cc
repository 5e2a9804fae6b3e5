#include "engine/base/slab.h"

#include <sys/mman.h>

namespace millrace {

std::byte* reserve_memory(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  MR_ASSERT(memory != MAP_FAILED);
  return static_cast<std::byte*>(memory);
}

void release_memory(std::byte* memory, std::size_t bytes) {
  munmap(memory, bytes);
}

}  // namespace millrace
