// Memory that can be shared with another process and that neither can resize.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace millrace::ipc {

enum class HugePages : std::uint8_t { no, automatic, yes };

/// A mapping of a memfd. Movable, not copyable; unmaps and closes at its end.
class Region {
 public:
  Region() = default;
  ~Region();
  Region(Region&& other) noexcept;
  Region& operator=(Region&& other) noexcept;

  /// Makes a zeroed region of at least `bytes`, seals it against resizing, and maps it. With
  /// `automatic`, falls back to plain pages. Not valid, and `error` says why, when it cannot be
  /// had.
  static Region create(const char* name, std::size_t bytes, HugePages huge_pages, bool writable,
                       std::string& error);
  /// Maps a region that another process made. Takes `descriptor` over in any case. Checks that it
  /// has at least `bytes` and is sealed against shrinking. The region keeps no descriptor.
  static Region open(int descriptor, std::size_t bytes, bool writable, std::string& error);

  bool is_valid() const { return memory_ != nullptr; }
  std::byte* memory() const { return memory_; }
  std::size_t bytes() const { return bytes_; }
  int descriptor() const { return descriptor_; }
  bool has_huge_pages() const { return huge_; }

 private:
  bool map(bool writable);

  std::byte* memory_ = nullptr;
  std::size_t bytes_ = 0;
  int descriptor_ = -1;
  bool huge_ = false;
};

}  // namespace millrace::ipc
