// Objects of one type in one stretch of reserved memory, with a free list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "engine/base/assert.h"

namespace millrace {

/// Reserves `bytes` of zeroed address space that takes memory only where it is touched: where it is
/// tens of megabytes, in huge pages if the kernel has them for who asks. Aborts when the address
/// space cannot be had (start-up only).
std::byte* reserve_memory(std::size_t bytes);
void release_memory(std::byte* memory, std::size_t bytes);

/// Up to `capacity` objects of T, reserved at construction; memory is taken as objects are first
/// used, and reused last in, first out. Objects have stable addresses and an index. One thread.
template <class T>
class Slab {
 public:
  explicit Slab(std::size_t capacity)
      : capacity_(capacity),
        cells_(reinterpret_cast<Cell*>(reserve_memory(capacity * sizeof(Cell)))) {}
  ~Slab() { release_memory(reinterpret_cast<std::byte*>(cells_), capacity_ * sizeof(Cell)); }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  /// A new object, or nullptr if all are in use.
  template <class... Args>
  T* create(Args&&... args) {
    return create_as([&] { return T{std::forward<Args>(args)...}; });
  }
  /// The one that `make()` gives, which is made where it is to lie.
  template <class Make>
  T* create_as(Make&& make) {
    Cell* cell = free_;
    if (cell != nullptr) {
      free_ = cell->next_free;
    } else if (touched_ < capacity_) {
      cell = &cells_[touched_++];
    } else {
      return nullptr;
    }
    ++used_;
    return new (cell->object) T(make());
  }

  void destroy(T* object) {
    MR_ASSERT(used_ > 0);
    object->~T();
    Cell* cell = reinterpret_cast<Cell*>(object);
    cell->next_free = free_;
    free_ = cell;
    --used_;
  }

  /// As destroy(), and the cell is never used again.
  void retire(T* object) {
    destroy(object);
    free_ = reinterpret_cast<Cell*>(object)->next_free;
  }

  std::uint32_t index_of(const T* object) const {
    return static_cast<std::uint32_t>(reinterpret_cast<const Cell*>(object) - cells_);
  }
  /// The cell with this index. The caller knows that an object lives there.
  T* at(std::uint32_t index) { return reinterpret_cast<T*>(cells_[index].object); }
  /// Cells that have ever been used: valid indices are below this.
  std::size_t touched() const { return touched_; }
  std::size_t used() const { return used_; }
  std::size_t capacity() const { return capacity_; }
  static constexpr std::size_t cell_bytes() { return sizeof(Cell); }

 private:
  union Cell {
    Cell* next_free;
    alignas(T) std::byte object[sizeof(T)];
  };

  std::size_t capacity_;
  std::size_t touched_ = 0;
  std::size_t used_ = 0;
  Cell* cells_;
  Cell* free_ = nullptr;
};

}  // namespace millrace
