// Verification tags of associations that have ended, for as long as a cookie could bring them back.
#pragma once

#include <cstdint>

#include "engine/base/slab.h"
#include "engine/base/time.h"

namespace millrace {

/// A cookie that comes again after its association has ended, because the ABORT to the peer was
/// lost, would make another one with the same tags and TSNs, and the peer could not tell their data
/// apart. Remembers as well as it can: a tag may be forgotten early when many associations end.
class RecentTags {
 public:
  RecentTags() : entries_(reinterpret_cast<Entry*>(reserve_memory(kEntries * sizeof(Entry)))) {}
  ~RecentTags() {
    release_memory(reinterpret_cast<std::byte*>(entries_), kEntries * sizeof(Entry));
  }
  RecentTags(const RecentTags&) = delete;
  RecentTags& operator=(const RecentTags&) = delete;

  /// An association with these tags shall not come back before `until`. Both are kept: one of them
  /// alone is drawn again by chance once in a while.
  void add(std::uint32_t local_tag, std::uint32_t peer_tag, Time until) {
    entries_[local_tag % kEntries] = {local_tag, peer_tag, until.ns};
  }
  bool has(Time now, std::uint32_t local_tag, std::uint32_t peer_tag) const {
    const Entry& entry = entries_[local_tag % kEntries];
    return entry.local_tag == local_tag && entry.peer_tag == peer_tag && now.ns <= entry.until_ns;
  }

 private:
  static constexpr std::size_t kEntries = 1 << 13;

  struct Entry {
    std::uint32_t local_tag = 0;
    std::uint32_t peer_tag = 0;
    std::int64_t until_ns = 0;
  };
  Entry* entries_;
};

}  // namespace millrace
