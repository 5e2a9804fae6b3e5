// The associations that a burst of packets, of requests or of deadlines is for. Among thousands
// each lies in a far cache, if in one at all, in two dozen lines. Told ahead, all of them come at
// once, not one line after the other.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/limits.h"
#include "engine/shard/shard.h"

namespace millrace {

/// Packets have common headers. Add what is about to come, fetch(), then work on it. Changes
/// nothing but when memory is there.
class Forecast {
 public:
  explicit Forecast(const Shard& shard) : shard_(shard) {}

  /// Whether two packets with common headers are for the same association.
  static bool are_alike(Bytes a, Bytes b) { return tag_of(a) == tag_of(b) && tag_of(a) != 0; }

  /// Ahead of all else: the verification tag of what may be a packet. Where it is looked up is
  /// near when its turn to be added comes.
  static void announce(const Shard& shard, std::uint32_t tag) { shard.tags_.prefetch(tag); }

  void add_packet(Bytes packet, const IpAddress& source);
  void add(AssociationHandle handle);
  void add(const Slot& slot);
  void fetch();

 private:
  static constexpr std::size_t kMost = 2 * kBurstMax;

  static std::uint32_t tag_of(Bytes packet) { return load_be32(packet.data() + 4); }

  const Shard& shard_;
  std::array<std::uint32_t, kMost> tags_;  // of packets
  std::size_t tag_count_ = 0;
  std::array<const Slot*, kMost> slots_;
  std::size_t slot_count_ = 0;
};

}  // namespace millrace
