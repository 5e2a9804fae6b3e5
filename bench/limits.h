// What a message, or an association, would take if nothing were done for it but what must be done
// with its bytes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "drivers/memory_port.h"
#include "engine/assoc/cookie.h"
#include "engine/base/buffer.h"
#include "engine/base/hash.h"
#include "engine/base/time.h"
#include "engine/ipc/layout.h"
#include "engine/ipc/ring.h"

namespace millrace::bench {

/// What something is made of: names and nanoseconds.
using Parts = std::vector<std::pair<std::string, double>>;

/// What stands between two programs: the engine's own rings and port. Each is measured by itself,
/// over and over, with all that it touches in the nearest caches, on the caller's thread.
class Hops {
 public:
  Hops();

  /// Nanoseconds, in about `span`: of an entry of a ring, written, shown, read and given back, in
  /// batches; of a packet through the port, from a free buffer to a free buffer.
  double request(Duration span);
  double event(Duration span);
  double slot(Duration span);
  double packet(Duration span);

 private:
  void pass_port();

  ipc::Ring<ipc::SubmissionEntry> submissions_;
  ipc::Ring<ipc::CompletionEntry> completions_;
  ipc::Ring<std::uint32_t> returns_;
  BufferPool pool_;
  BufferSlab buffers_;
  drivers::MemoryWire wire_;
};

/// Of a message. The engine's own checksum and copy, measured as hops are. Acknowledgements, and
/// deciding anything, are in no part.
class Limits {
 public:
  /// Of messages of `size` bytes, which the application has written where they are to lie, or not.
  Limits(std::size_t size, bool is_in_place);

  /// In about `span`. Copies: three, from the application to the receiver's arena, or without the
  /// first. Checksums: what two sums of every packet of the message take more than the copies
  /// alone, the first of them in the pass that makes the second copy where that is quicker. Rings:
  /// a request, a completion and a slot that goes back. Port: its packets. A packet that several
  /// messages share counts in shares.
  Parts measure(Duration span);

 private:
  void pass_bytes(bool sums);

  std::size_t size_;
  std::size_t payload_;   // of a packet, in bytes
  std::size_t messages_;  // of a packet
  std::size_t packets_;   // of a message
  bool is_in_place_;
  std::vector<std::uint8_t> packet_;
  std::vector<std::uint8_t> memory_;            // of the next three
  std::uint8_t *application_, *slot_, *arena_;  // a message each, not at one place of their pages
  Hops hops_;
};

/// Of an association that is set up and shut down.
class SetUpLimits {
 public:
  /// `sizes` are those of its SCTP packets, in bytes.
  explicit SetUpLimits(std::vector<std::size_t> sizes);

  /// In about `span`. Checksums: two of each packet. Cookie: written, sealed, opened. Random
  /// numbers: two tags, two TSNs and a port. Rings: two requests, five events and the slot of an
  /// address, which goes back. Port: the packets.
  Parts measure(Duration span);

 private:
  void pass_checksums();
  void pass_cookie();

  std::vector<std::size_t> sizes_;
  std::vector<std::uint8_t> packet_;
  CookieJar jar_;
  Random random_;
  Hops hops_;
};

}  // namespace millrace::bench
