// What a message would take if nothing were done for it but what must be done with its bytes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "drivers/memory_port.h"
#include "engine/base/buffer.h"
#include "engine/base/time.h"
#include "engine/ipc/layout.h"
#include "engine/ipc/ring.h"

namespace millrace::bench {

/// Each part is measured by itself, over and over, with all that it touches in the nearest caches,
/// on the caller's thread: the engine's own checksum, copy, rings and port. Acknowledgements, and
/// deciding anything, are in none of them.
class Limits {
 public:
  /// Two sums of every packet of the message, the first in the pass that makes the second copy
  /// where that is quicker; three copies, from the application to the receiver's arena; a request,
  /// a completion and a slot that goes back, through a ring each; and its packets through the port,
  /// from a free buffer to a free buffer. A packet that several messages share counts in shares.
  static constexpr std::array<const char*, 3> kNames = {"checksums and copies", "rings", "port"};
  /// Nanoseconds of one message, by kNames.
  using Parts = std::array<double, kNames.size()>;

  /// Of messages of `size` bytes.
  explicit Limits(std::size_t size);

  /// In about `span`.
  Parts measure(Duration span);

 private:
  void pass_bytes();
  void pass_rings();
  void pass_port();

  std::size_t size_;
  std::size_t payload_;   // of a packet, in bytes
  std::size_t messages_;  // of a packet
  std::size_t packets_;   // of a message
  std::vector<std::uint8_t> packet_;
  std::vector<std::uint8_t> memory_;            // of the next three
  std::uint8_t *application_, *slot_, *arena_;  // a message each, not at one place of their pages
  std::uint32_t sum_ = 0;                       // or nobody would want it
  ipc::Ring<ipc::SubmissionEntry> submissions_;
  ipc::Ring<ipc::CompletionEntry> completions_;
  ipc::Ring<std::uint32_t> returns_;
  BufferPool pool_;
  BufferSlab buffers_;
  drivers::MemoryWire wire_;
};

}  // namespace millrace::bench
