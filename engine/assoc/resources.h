// What a shard lends to its associations: memory, packet buffers, random numbers, counters.
#pragma once

#include <array>
#include <span>

#include "engine/assoc/local_set.h"
#include "engine/assoc/path/path.h"
#include "engine/assoc/rx/reassembly.h"
#include "engine/assoc/rx/tsn_tracker.h"
#include "engine/assoc/source.h"
#include "engine/assoc/tx/outbound.h"
#include "engine/base/counters.h"
#include "engine/base/hash.h"

namespace millrace {

/// A packet to be sent: an SCTP packet whose checksum is not yet computed.
struct PacketOut {
  IpAddress source;  ///< unspecified: as the route says
  IpAddress destination;
  Buffer* buffer = nullptr;  ///< one reference, the receiver's
  /// Not 0: larger than the path's MTU, which is this; a chunk that cannot be cut again.
  std::uint16_t fragment_above = 0;
  Marking marking{};
};

/// Packets that are complete before the next transmission: answers, heartbeats, aborts. Bounded: an
/// answer that does not fit is dropped and counted, and its sender will ask again.
class Outbox {
 public:
  static constexpr std::size_t kPacketsMax = 1024;

  bool push(const PacketOut& packet) {
    if (count_ == kPacketsMax) return false;
    packets_[(first_ + count_++) % kPacketsMax] = packet;
    return true;
  }
  bool pop(PacketOut& packet) {
    if (count_ == 0) return false;
    packet = packets_[first_];
    first_ = (first_ + 1) % kPacketsMax;
    --count_;
    return true;
  }
  bool is_empty() const { return count_ == 0; }

 private:
  std::array<PacketOut, kPacketsMax> packets_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

struct Resources {
  BufferPool& buffers;
  Counters& counters;
  Random& random;
  Outbox& outbox;
  Slab<Path>& paths;
  Slab<TsnBitmap>& bitmaps;
  ReassemblyMemory reassembly;
  OutboundMemory outbound;
  std::span<const IpAddress> local_addresses;    ///< all of the engine's
  std::span<const SourceRoute> source_routes{};  ///< the longest first
  std::size_t chunks_held_max = SIZE_MAX;        ///< DATA chunks that an association may hold
  std::size_t buffers_held_max = SIZE_MAX;       ///< packets that may be held for later delivery
  bool sums_ahead = false;  ///< packets get their checksums here, and best while they are filled
  bool short_ways = true;   ///< off, for tests that compare them: all goes the long ways
  bool may_hold = true;     ///< off: whoever is at work holds as much for later as it may

  /// Whether `address` is one that `locals` allows.
  bool is_allowed(LocalSet locals, const IpAddress& address) const {
    if (locals == 0) return true;
    const int bit = local_bit(local_addresses, address);
    return bit >= 0 && (locals >> bit & 1) != 0;
  }
  /// Whether one of ours that `locals` allows has to do with others of a version of IP, loopback
  /// ones (`near`) or not: nothing leaves a loopback address for another.
  bool reaches(LocalSet locals, bool v4, bool near) const {
    const LocalSet from = locals_of(local_addresses, v4) & (near ? ~LocalSet{0} : ~kLoopbackBits);
    return ((locals != 0 ? locals : ~LocalSet{0}) & from) != 0;
  }
  bool reaches(LocalSet locals, const IpAddress& destination) const {
    return reaches(locals, destination.is_v4(), destination.is_loopback());
  }
  void count(Counter counter, std::uint64_t n = 1) { counters.add(counter, n); }
};

}  // namespace millrace
