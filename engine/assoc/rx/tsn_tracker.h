// Which TSNs have arrived, and when and what to acknowledge (RFC 9260 6.2, 6.7).
//
// It knows no streams and no payloads.
#pragma once

#include <array>
#include <cstdint>

#include "engine/assoc/parameters.h"
#include "engine/base/bytes.h"
#include "engine/base/serial.h"
#include "engine/base/slab.h"
#include "engine/base/time.h"
#include "engine/wire/chunks.h"

namespace millrace {

/// TSNs beyond the cumulative one that may be remembered; what lies further ahead is dropped.
inline constexpr std::uint32_t kTsnWindow = 8192;

/// One bit for each TSN of the window, by TSN modulo the window.
struct TsnBitmap {
  std::array<std::uint64_t, kTsnWindow / 64> words{};

  bool get(Tsn tsn) const { return words[index(tsn)] >> (tsn.value % 64) & 1; }
  void set(Tsn tsn) { words[index(tsn)] |= bit(tsn); }
  void clear(Tsn tsn) { words[index(tsn)] &= ~bit(tsn); }
  /// The first TSN at or after `from` and before `end` whose bit is `value`; `end` if there is
  /// none.
  Tsn find(Tsn from, Tsn end, bool value) const;
  /// The last TSN behind `before` and up to `from` whose bit is set; `before` if there is none.
  Tsn find_last(Tsn before, Tsn from) const;

 private:
  static std::size_t index(Tsn tsn) { return tsn.value % kTsnWindow / 64; }
  static std::uint64_t bit(Tsn tsn) { return std::uint64_t{1} << (tsn.value % 64); }
};

class TsnTracker {
 public:
  enum class Arrival : std::uint8_t { kNext, kAhead, kDuplicate, kTooFar };

  /// Starts before the peer's initial TSN. Memory must have been given back.
  void start(Tsn initial);
  /// Gives back the memory of the gaps.
  void clear(Slab<TsnBitmap>& bitmaps);

  /// What `tsn` would be if it arrived now.
  Arrival classify(Tsn tsn) const;
  /// Records a TSN that is kNext or kAhead; false if there is no memory for a gap.
  bool record(Slab<TsnBitmap>& bitmaps, Tsn tsn) {
    if (bitmap_ != nullptr || tsn != cumulative_.next()) return record_with_gap(bitmaps, tsn);
    cumulative_ = highest_ = tsn;
    return true;
  }
  /// Takes back one that was recorded beyond the cumulative one: it has been dropped after all.
  void forget(Slab<TsnBitmap>& bitmaps, Tsn tsn);
  /// Records the `count` TSNs behind the cumulative one; there is no gap.
  void record_run(std::uint32_t count) { cumulative_ = highest_ = cumulative_ + count; }
  /// Records that a TSN came again: the next SACK says so.
  void record_duplicate(Tsn tsn);

  Tsn cumulative() const { return cumulative_; }
  Tsn highest() const { return highest_; }
  bool has_gap() const { return highest_ != cumulative_; }

  // ---- when to acknowledge ----

  /// A packet with DATA has been taken in.
  void on_packet_end(Time now, const Parameters& parameters);
  void on_deadline(Time now);
  void acknowledge_now() { sack_due_ = true; }
  /// There is nothing to acknowledge any more.
  void forget_sack() {
    sack_due_ = false;
    packets_unacknowledged_ = 0;
    deadline_ = kNever;
  }
  /// A SACK goes out in any packet that is sent, if one is pending at all.
  bool is_sack_pending() const { return packets_unacknowledged_ > 0 || sack_due_; }
  bool is_sack_due() const { return sack_due_; }
  /// When a SACK becomes due; kNever if it is, or none is pending.
  Time deadline() const { return sack_due_ ? kNever : deadline_; }

  /// Writes a SACK of at most `size_max` bytes (kFixedBytes or more), chunk header included, and
  /// returns its size. What does not fit of the gaps is left out (RFC 9260 6.2).
  std::size_t write_sack(MutableBytes to, std::uint32_t a_rwnd);
  /// The size that write_sack() needs at most to say everything.
  std::size_t sack_size() const;
  bool has_duplicates() const { return duplicate_count_ > 0; }

 private:
  static constexpr std::size_t kDuplicatesMax = 8;

  bool record_with_gap(Slab<TsnBitmap>& bitmaps, Tsn tsn);
  std::uint16_t write_gaps(MutableBytes to) const;

  Tsn cumulative_;
  Tsn highest_;                  // == cumulative_: no gap, and bitmap_ is nullptr
  TsnBitmap* bitmap_ = nullptr;  // TSNs in (cumulative_, highest_]
  Time deadline_ = kNever;
  std::uint8_t packets_unacknowledged_ = 0;
  bool sack_due_ = false;
  bool has_acknowledged_ = false;
  std::uint8_t duplicate_count_ = 0;
  std::uint16_t gap_count_hint_ = 0;  // gaps at the last SACK, for sack_size()
  std::array<Tsn, kDuplicatesMax> duplicates_{};
};

}  // namespace millrace
