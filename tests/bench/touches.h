// Counts loads and stores of memory, byte by byte, as the processor makes them.
//
// The memory is taken away from the process while code runs. An instruction that touches it faults,
// is decoded, counted with all that it reads and writes there, and then carried out alone. So
// nothing has to be trusted to count itself, the C library's copies included. What the kernel
// touches would be missing: code under watch makes no system calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace millrace::bench {

/// How often the bytes of a piece of memory were touched.
struct Touches {
  std::uint64_t loads = 0;
  std::uint64_t stores = 0;
  std::uint64_t bytes = 0;

  void add(const Touches& other) {
    loads += other.loads;
    stores += other.stores;
    bytes += other.bytes;
  }
};

/// A piece of memory that is watched until this object ends. Whatever else is in its pages is
/// slower meanwhile, but not counted.
class Watched {
 public:
  /// `protection` is what the process may do with it: PROT_READ and PROT_WRITE.
  Watched(const void* begin, std::size_t size, int protection);
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  /// What was counted for these bytes, which lie in it; `bytes` is how many they are.
  Touches of(std::span<const std::uint8_t> bytes) const;
  Touches of_all() const;
  void forget(std::span<const std::uint8_t> bytes);
  void forget_all();

  // For the one who counts.
  bool has_page(std::uintptr_t page) const;
  int protection() const { return protection_; }
  void give() const;
  void take() const;
  void count(std::uintptr_t address, std::size_t size, bool is_load, bool is_store);

 private:
  void set(int protection) const;

  std::uintptr_t begin_;
  std::size_t size_;
  int protection_;
  std::unique_ptr<std::uint16_t[]> loads_, stores_;
};

/// Runs `code`, and counts.
void watch(const std::function<void()>& code);

/// Within watch(): what is done while this exists is not counted.
class Unwatched {
 public:
  Unwatched();
  ~Unwatched();
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};

/// Instructions so far that the decoder did not know, or that name memory in a way that is not
/// understood here: the counts are worth something only if there were none.
std::uint64_t instructions_not_understood();

}  // namespace millrace::bench
