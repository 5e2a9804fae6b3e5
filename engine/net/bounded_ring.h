// A first-in first-out queue of fixed capacity, for one thread.
#pragma once

#include <array>
#include <cstddef>

namespace millrace::net {

template <class T, std::size_t kCapacity>
class BoundedRing {
  static_assert((kCapacity & (kCapacity - 1)) == 0);

 public:
  /// False if the ring is full.
  bool push(const T& element) {
    if (tail_ - head_ == kCapacity) return false;
    elements_[tail_++ % kCapacity] = element;
    return true;
  }
  /// False if the ring is empty.
  bool pop(T& element) {
    if (head_ == tail_) return false;
    element = elements_[head_++ % kCapacity];
    return true;
  }
  bool empty() const { return head_ == tail_; }

 private:
  std::array<T, kCapacity> elements_{};
  std::size_t head_ = 0;  // free-running; head_ <= tail_ <= head_ + kCapacity
  std::size_t tail_ = 0;
};

}  // namespace millrace::net
