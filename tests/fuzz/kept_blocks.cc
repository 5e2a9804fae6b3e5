// Keeps the large blocks of one input for the next one: tables of ports and routes, packet buffers.
// AddressSanitizer maps and unmaps such a block each time, and its pages come new from the kernel,
// which was half of what a small input cost. What is kept is poisoned until it is used again.
//
// Replaces the global operators new and delete of fuzz targets, libFuzzer and its threads included.
#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

namespace {

using Alignment = std::align_val_t;

struct Block {
  std::uintptr_t number;  // hides the address of what is in use from LeakSanitizer
  std::size_t bytes;
  Alignment alignment;
  void* free = nullptr;  // its address while nobody has it
};

std::uintptr_t number_of(const void* memory) {
  return ~reinterpret_cast<std::uintptr_t>(memory);
}

constexpr std::size_t kLargeFrom = 64 << 10;
constexpr std::size_t kFilled = 4096;  // of a block, as AddressSanitizer does
std::mutex mutex;                      // of what follows
std::array<Block, 32> blocks;
std::size_t block_count = 0;

/// A kept block, or nullptr.
void* take(std::size_t bytes, Alignment alignment) {
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < block_count; ++i) {
    Block& block = blocks[i];
    if (block.free == nullptr || block.bytes != bytes || block.alignment != alignment) continue;
    ASAN_UNPOISON_MEMORY_REGION(block.free, bytes);
    std::memset(block.free, 0xbe, std::min(bytes, kFilled));
    return std::exchange(block.free, nullptr);
  }
  return nullptr;
}

/// From now on the block is kept when it is released.
void add(const Block& block) {
  const std::lock_guard lock(mutex);
  if (block_count < blocks.size()) blocks[block_count++] = block;
}

/// False if the block is none that is kept.
bool keep(void* memory) {
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < block_count; ++i) {
    Block& block = blocks[i];
    if (block.number != number_of(memory)) continue;
    if (block.free != nullptr) std::abort();  // released twice
    block.free = memory;
    ASAN_POISON_MEMORY_REGION(memory, block.bytes);
    return true;
  }
  return false;
}

/// nullptr if there is no memory.
void* try_acquire(std::size_t bytes, Alignment alignment = Alignment{16}) {
  const bool is_large = bytes >= kLargeFrom;
  void* memory = is_large ? take(bytes, alignment) : nullptr;
  if (memory != nullptr) return memory;
  if (posix_memalign(&memory, static_cast<std::size_t>(alignment), bytes) != 0) return nullptr;
  if (is_large) add({number_of(memory), bytes, alignment});
  return memory;
}

void* acquire(std::size_t bytes, Alignment alignment = Alignment{16}) {
  void* memory = try_acquire(bytes, alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

void release(void* memory) {
  if (memory != nullptr && !keep(memory)) std::free(memory);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return acquire(bytes);
}
void* operator new[](std::size_t bytes) {
  return acquire(bytes);
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return try_acquire(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return try_acquire(bytes);
}
void* operator new(std::size_t bytes, Alignment alignment) {
  return acquire(bytes, alignment);
}
void* operator new[](std::size_t bytes, Alignment alignment) {
  return acquire(bytes, alignment);
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete[](void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete(void* memory, Alignment) noexcept {
  release(memory);
}
void operator delete[](void* memory, Alignment) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t, Alignment) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t, Alignment) noexcept {
  release(memory);
}
