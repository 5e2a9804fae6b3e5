// A ring for one producer and one consumer over memory that somebody else supplies.
//
// The memory holds entries and two index words, no pointers, so that it may be shared between
// processes; in one process it hands buffers from lcore to lcore. Indices run freely and are masked
// on use. Each end keeps its own index and a shadow of the peer's privately, and looks at the
// peer's word only when the shadow does not suffice.
//
// The peer may be hostile. Its index is believed only if it lies between what it was before and our
// own; otherwise this end is broken, offers nothing any more, and says so.
//
// Atomics, two pairs: the producer's publish() (release) with the consumer's refresh() (acquire)
// over the producer word, which makes entries visible; the consumer's publish() (release) with the
// producer's refresh() (acquire) over the consumer word, which makes their space reusable.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include "engine/base/assert.h"

namespace millrace::ipc {

using RingIndex = std::atomic<std::uint32_t>;

/// The end that writes. reserve -> fill at(0..n) -> commit, any number of times, then publish.
template <class T>
class RingProducer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  RingProducer() = default;
  /// `capacity` is a power of two; `own` and `peer` are this end's and the other end's index words,
  /// both `start` before either end is made.
  RingProducer(T* entries, std::uint32_t capacity, RingIndex* own, const RingIndex* peer,
               std::uint32_t start = 0)
      : entries_(entries),
        capacity_(capacity),
        index_(start),
        published_(start),
        shadow_(start),
        own_(own),
        peer_(peer) {
    MR_ASSERT(capacity > 0 && (capacity & (capacity - 1)) == 0);
  }

  /// How many entries may be written now, at most `wanted`.
  std::uint32_t reserve(std::uint32_t wanted) {
    if (space() < wanted) refresh();
    return std::min(space(), wanted);
  }
  /// Whether one more may be.
  bool has_space() {
    if (space() == 0) refresh();
    return space() > 0;
  }
  /// The i-th reserved entry.
  T& at(std::uint32_t i) { return entries_[(index_ + i) & (capacity_ - 1)]; }
  /// Takes the first `count` reserved entries as written. The consumer sees them after publish().
  void commit(std::uint32_t count) { index_ += count; }
  /// Shows the consumer everything committed.
  void publish() {
    if (published_ == index_) return;
    published_ = index_;
    own_->store(index_, std::memory_order_release);  // pairs: RingConsumer::refresh
  }

  /// Writes and publishes as many of `values` as there is space for; returns how many.
  std::uint32_t push(std::span<const T> values) {
    const std::uint32_t count = reserve(static_cast<std::uint32_t>(values.size()));
    for (std::uint32_t i = 0; i < count; ++i) at(i) = values[i];
    commit(count);
    publish();
    return count;
  }
  bool push(const T& value) { return push(std::span<const T>(&value, 1)) == 1; }

  bool has_unpublished() const { return published_ != index_; }
  bool is_broken() const { return broken_; }
  std::uint32_t capacity() const { return capacity_; }
  /// Entries that the consumer has not been seen to take.
  std::uint32_t used() const { return index_ - shadow_; }

 private:
  std::uint32_t space() const { return capacity_ - (index_ - shadow_); }
  void refresh() {
    const std::uint32_t seen = peer_->load(std::memory_order_acquire);  // pairs: consumer publish
    if (seen - shadow_ > published_ - shadow_ || broken_) {
      break_off();
      return;
    }
    shadow_ = seen;
  }
  void break_off() {
    broken_ = true;
    shadow_ = index_ - capacity_;  // full for ever
  }

  T* entries_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t index_ = 0;      // next entry to write
  std::uint32_t published_ = 0;  // what the consumer may see
  std::uint32_t shadow_ =
      0;  // the consumer's index when last looked; index_ - shadow_ <= capacity_
  bool broken_ = false;
  RingIndex* own_ = nullptr;
  const RingIndex* peer_ = nullptr;
};

/// The end that reads. available -> read at(0..n) -> consume, any number of times, then publish.
template <class T>
class RingConsumer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  RingConsumer() = default;
  /// As RingProducer.
  RingConsumer(T* entries, std::uint32_t capacity, RingIndex* own, const RingIndex* peer,
               std::uint32_t start = 0)
      : entries_(entries),
        capacity_(capacity),
        index_(start),
        published_(start),
        shadow_(start),
        own_(own),
        peer_(peer) {
    MR_ASSERT(capacity > 0 && (capacity & (capacity - 1)) == 0);
  }

  /// How many entries may be read now, at most `wanted`.
  std::uint32_t available(std::uint32_t wanted) {
    if (shadow_ - index_ < wanted) refresh();
    return std::min(shadow_ - index_, wanted);
  }
  /// The i-th available entry. In memory shared with a peer that is not trusted, copy it once.
  const T& at(std::uint32_t i) const { return entries_[(index_ + i) & (capacity_ - 1)]; }
  /// Is done with the first `count` entries. The producer may reuse them after publish().
  void consume(std::uint32_t count) { index_ += count; }
  /// Gives the producer the space of everything consumed.
  void publish() {
    if (published_ == index_) return;
    published_ = index_;
    own_->store(index_, std::memory_order_release);  // pairs: RingProducer::refresh
  }

  /// Reads as many entries into `values` as there are and gives back their space; returns how many.
  std::uint32_t pop(std::span<T> values) {
    const std::uint32_t count = available(static_cast<std::uint32_t>(values.size()));
    for (std::uint32_t i = 0; i < count; ++i) values[i] = at(i);
    consume(count);
    publish();
    return count;
  }

  bool has_unpublished() const { return published_ != index_; }
  bool is_broken() const { return broken_; }
  std::uint32_t capacity() const { return capacity_; }

 private:
  void refresh() {
    const std::uint32_t seen = peer_->load(std::memory_order_acquire);  // pairs: producer publish
    const std::uint32_t held = shadow_ - published_;
    if (seen - shadow_ > capacity_ - held || broken_) {
      broken_ = true;
      shadow_ = index_;  // empty for ever
      return;
    }
    shadow_ = seen;
  }

  T* entries_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t index_ = 0;      // next entry to read
  std::uint32_t published_ = 0;  // what the producer may overwrite up to
  std::uint32_t shadow_ = 0;     // the producer's index when last looked
  bool broken_ = false;
  RingIndex* own_ = nullptr;
  const RingIndex* peer_ = nullptr;
};

/// A ring with memory of its own, for hand-off between threads of one process.
template <class T>
class Ring {
 public:
  explicit Ring(std::uint32_t capacity)
      : entries_(new T[capacity]()),
        producer_(entries_.get(), capacity, &producer_word_, &consumer_word_),
        consumer_(entries_.get(), capacity, &consumer_word_, &producer_word_) {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// For the one thread that writes.
  RingProducer<T>& producer() { return producer_; }
  /// For the one thread that reads.
  RingConsumer<T>& consumer() { return consumer_; }

 private:
  alignas(128) RingIndex producer_word_{0};
  alignas(128) RingIndex consumer_word_{0};
  std::unique_ptr<T[]> entries_;
  alignas(128) RingProducer<T> producer_;
  alignas(128) RingConsumer<T> consumer_;
};

}  // namespace millrace::ipc
