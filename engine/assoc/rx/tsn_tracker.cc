#include "engine/assoc/rx/tsn_tracker.h"

#include <algorithm>
#include <bit>

#include "engine/base/assert.h"

namespace millrace {

Tsn TsnBitmap::find(Tsn from, Tsn end, bool value) const {
  while (from < end) {
    const std::uint64_t word = value ? words[index(from)] : ~words[index(from)];
    const std::uint64_t rest = word >> (from.value % 64);
    if (rest != 0) {
      const Tsn found = from + static_cast<std::uint32_t>(std::countr_zero(rest));
      return found < end ? found : end;
    }
    from = from + (64 - from.value % 64);
  }
  return end;
}

Tsn TsnBitmap::find_last(Tsn before, Tsn from) const {
  while (before < from) {
    const std::uint32_t above = 63 - from.value % 64;
    const std::uint64_t rest = words[index(from)] << above;
    if (rest != 0) {
      const Tsn found = from - static_cast<std::uint32_t>(std::countl_zero(rest));
      return before < found ? found : before;
    }
    from = from - (64 - above);
  }
  return before;
}

void TsnTracker::start(Tsn initial) {
  MR_ASSERT(bitmap_ == nullptr);
  *this = TsnTracker{};
  cumulative_ = initial - 1;
  highest_ = cumulative_;
}

void TsnTracker::clear(Slab<TsnBitmap>& bitmaps) {
  if (bitmap_ != nullptr) bitmaps.destroy(bitmap_);
  bitmap_ = nullptr;
  highest_ = cumulative_;
}

TsnTracker::Arrival TsnTracker::classify(Tsn tsn) const {
  //= rfc9260 1.6
  const std::int32_t ahead = tsn - cumulative_;
  if (ahead == 1) return Arrival::kNext;
  if (ahead <= 0) return Arrival::kDuplicate;
  if (ahead > static_cast<std::int32_t>(kTsnWindow) - 1) return Arrival::kTooFar;
  if (bitmap_ != nullptr && tsn <= highest_ && bitmap_->get(tsn)) return Arrival::kDuplicate;
  return Arrival::kAhead;
}

bool TsnTracker::record_with_gap(Slab<TsnBitmap>& bitmaps, Tsn tsn) {
  if (bitmap_ == nullptr) bitmap_ = bitmaps.create();
  if (bitmap_ == nullptr) return false;
  bitmap_->set(tsn);
  highest_ = std::max(highest_, tsn);
  const Tsn missing = bitmap_->find(cumulative_.next(), highest_.next(), false);
  for (Tsn done = cumulative_.next(); done < missing; done = done.next()) bitmap_->clear(done);
  cumulative_ = missing - 1;
  if (!has_gap()) {
    // Its sender has lost something, and goes on with what this tells it (RFC 5681 4.2).
    //= rfc9260 6.2
    acknowledge_now();
    clear(bitmaps);
  }
  return true;
}

void TsnTracker::record_duplicate(Tsn tsn) {
  if (duplicate_count_ < kDuplicatesMax) duplicates_[duplicate_count_++] = tsn;
}

void TsnTracker::forget(Slab<TsnBitmap>& bitmaps, Tsn tsn) {
  bitmap_->clear(tsn);
  if (tsn == highest_) highest_ = bitmap_->find_last(cumulative_, tsn);
  if (!has_gap()) clear(bitmaps);
}

//= rfc9260 6.2
void TsnTracker::on_packet_end(Time now, const Parameters& parameters) {
  if (packets_unacknowledged_ < UINT8_MAX) ++packets_unacknowledged_;
  //= rfc9260 5.1
  // The first DATA of all is acknowledged at once, too.
  //= rfc9260 6.7
  if (!has_acknowledged_ || has_gap() || duplicate_count_ > 0 ||
      packets_unacknowledged_ >= parameters.sack_frequency || parameters.sack_delay.ns == 0) {
    sack_due_ = true;
  } else if (deadline_ == kNever) {
    deadline_ = now + parameters.sack_delay;
  }
}

void TsnTracker::on_deadline(Time now) {
  if (now < deadline_) return;
  deadline_ = kNever;
  sack_due_ = true;
}

std::size_t TsnTracker::sack_size() const {
  if (!has_gap()) return SackView::kFixedBytes + 4 * std::size_t{duplicate_count_};
  return SackView::kFixedBytes + 4 * (std::size_t{duplicate_count_} + gap_count_hint_ + 8);
}

std::size_t TsnTracker::write_sack(MutableBytes to, std::uint32_t a_rwnd) {
  MR_ASSERT(to.size() >= SackView::kFixedBytes);
  const std::uint16_t gaps = has_gap() ? write_gaps(to.subspan(SackView::kFixedBytes)) : 0;
  const std::size_t gaps_end = SackView::kFixedBytes + 4 * std::size_t{gaps};
  const auto duplicates = static_cast<std::uint16_t>(
      std::min<std::size_t>(duplicate_count_, (to.size() - gaps_end) / 4));
  for (std::size_t i = 0; i < duplicates; ++i) {
    store_be32(to.data() + gaps_end + 4 * i, duplicates_[i].value);
  }
  const std::size_t size = gaps_end + 4 * std::size_t{duplicates};
  to[0] = static_cast<std::uint8_t>(ChunkType::kSack);
  to[1] = 0;
  store_be16(to.data() + 2, static_cast<std::uint16_t>(size));
  store_be32(to.data() + 4, cumulative_.value);
  store_be32(to.data() + 8, a_rwnd);
  store_be16(to.data() + 12, gaps);
  store_be16(to.data() + 14, duplicates);
  duplicate_count_ = 0;
  packets_unacknowledged_ = 0;
  sack_due_ = false;
  has_acknowledged_ = true;
  deadline_ = kNever;
  gap_count_hint_ = gaps;
  return size;
}

//= rfc9260 3.3.4
std::uint16_t TsnTracker::write_gaps(MutableBytes to) const {
  std::uint16_t count = 0;
  const Tsn end = highest_.next();
  Tsn at = cumulative_.next();
  while (4 * (std::size_t{count} + 1) <= to.size()) {
    const Tsn first = bitmap_->find(at, end, true);
    if (first == end) break;
    at = bitmap_->find(first, end, false);
    store_be16(to.data() + 4 * count, static_cast<std::uint16_t>(first - cumulative_));
    store_be16(to.data() + 4 * count + 2, static_cast<std::uint16_t>(at - cumulative_ - 1));
    ++count;
  }
  return count;
}

}  // namespace millrace
