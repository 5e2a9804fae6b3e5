#include "engine/base/slab.h"

#include <sys/mman.h>

namespace millrace {
namespace {

// From this size on what is not used of the last huge page is next to nothing of the whole.
constexpr std::size_t kHugeFrom = std::size_t{32} << 20;

}  // namespace

std::byte* reserve_memory(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  MR_ASSERT(memory != MAP_FAILED);
  // Of a million associations each has lines on pages of its own: with small ones the translation
  // of their addresses misses too. A kernel that has no huge pages says no, and that is all.
  if (bytes >= kHugeFrom) madvise(memory, bytes, MADV_HUGEPAGE);
  return static_cast<std::byte*>(memory);
}

void release_memory(std::byte* memory, std::size_t bytes) {
  munmap(memory, bytes);
}

}  // namespace millrace
