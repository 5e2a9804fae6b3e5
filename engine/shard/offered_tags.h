// Verification tags of INIT ACKs whose COOKIE ECHO may still be on its way. Shared by all shards of
// an engine; safe from every lcore.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "engine/base/prefetch.h"
#include "engine/base/time.h"

namespace millrace {

/// A peer may send on one path while its COOKIE ECHO is still under way on another. An ABORT to
/// what comes early would end a handshake that is in order.
///
/// Nothing depends on what is kept here: a tag that a later one has overwritten is answered as any
/// that is not known. So an INIT costs one store and no memory, and who floods us with INITs only
/// gets what there would be without this. It cannot be done without a memory: a tag that says by
/// itself that it is ours would have to be bound to the peer's address, or who collects tags by
/// INITs of his own learns to tell others', and the peer may send from another address.
class OfferedTags {
 public:
  /// A cookie with this tag is good until then.
  void add(std::uint32_t tag, Time until) {
    entry(tag).store(std::uint64_t{tag} << 32 | (second_of(until) + 1), std::memory_order_relaxed);
  }
  /// Starts to bring nearer what the others look at.
  void prefetch(std::uint32_t tag) const {
    millrace::prefetch(&entries_[tag % kEntries], sizeof entries_[0]);
  }
  /// It has become an association.
  void remove(std::uint32_t tag) {
    std::atomic<std::uint64_t>& there = entry(tag);
    const std::uint64_t value = there.load(std::memory_order_relaxed);
    if (value >> 32 == tag) there.store(0, std::memory_order_relaxed);
  }
  bool has(Time now, std::uint32_t tag) const {
    const std::uint64_t value = entries_[tag % kEntries].load(std::memory_order_relaxed);
    return value >> 32 == tag && second_of(now) < static_cast<std::uint32_t>(value);
  }

 private:
  static constexpr std::size_t kEntries = 1 << 15;

  static std::uint32_t second_of(Time time) {
    return static_cast<std::uint32_t>(time.ns / seconds(1).ns);
  }
  std::atomic<std::uint64_t>& entry(std::uint32_t tag) { return entries_[tag % kEntries]; }

  // The tag, and below it the second from which it is forgotten. An entry means nothing but itself,
  // so nothing is ordered by it. A removal that crosses with a tag of another shard's may lose that
  // one.
  std::array<std::atomic<std::uint64_t>, kEntries> entries_{};
};

}  // namespace millrace
