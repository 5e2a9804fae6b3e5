// Verification tags of associations that have ended, for as long as a cookie could bring them back.
#pragma once

#include <cstdint>

#include "engine/base/prefetch.h"
#include "engine/base/slab.h"
#include "engine/base/time.h"

namespace millrace {

/// A cookie that comes again after its association has ended, because the ABORT to the peer was
/// lost, would make another one with the same tag and TSNs, and the peer could not tell their data
/// apart. An association whose INIT crossed the peer's may have several cookies out, with as many
/// tags of the peer's. Remembers as well as it can: a tag may be forgotten early when many
/// associations end.
class RecentTags {
 public:
  RecentTags() : entries_(reinterpret_cast<Entry*>(reserve_memory(kEntries * sizeof(Entry)))) {}
  ~RecentTags() {
    release_memory(reinterpret_cast<std::byte*>(entries_), kEntries * sizeof(Entry));
  }
  RecentTags(const RecentTags&) = delete;
  RecentTags& operator=(const RecentTags&) = delete;

  /// Starts to bring nearer what the others look at.
  void prefetch(std::uint32_t tag) const {
    millrace::prefetch(&entries_[tag % kEntries], sizeof(Entry));
  }
  /// The last cookie of an association with this tag of ours expires at `until`.
  void add(std::uint32_t local_tag, Time until) {
    entries_[local_tag % kEntries] = {until, local_tag};
  }
  /// Whether a cookie with this tag that expires then is one of such an association. One that
  /// expires later is another's, for which the tag was drawn again by chance.
  bool has(std::uint32_t local_tag, Time expires) const {
    const Entry& entry = entries_[local_tag % kEntries];
    return entry.local_tag == local_tag && expires <= entry.until;
  }

 private:
  static constexpr std::size_t kEntries = 1 << 13;

  struct Entry {
    Time until;
    std::uint32_t local_tag = 0;
  };
  Entry* entries_;
};

}  // namespace millrace
