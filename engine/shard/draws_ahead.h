// Random numbers that are drawn some associations before they are used: by then the lines of the
// tables that they are looked up in are near.
#pragma once

#include <array>
#include <cstddef>

namespace millrace {

/// The latest draws, oldest first. One thread.
template <class Value>
class DrawsAhead {
 public:
  /// The one that has waited longest; `draw()` gives those that are to come, and sees to it that
  /// what they will want is asked for.
  template <class Draw>
  Value next(Draw&& draw) {
    while (count_ < kAhead) values_[count_++] = draw();
    const Value value = values_[at_];
    values_[at_] = draw();
    at_ = (at_ + 1) % kAhead;
    return value;
  }
  /// What next() gives next; anything before it was called first.
  Value front() const { return values_[at_]; }

 private:
  static constexpr std::size_t kAhead = 8;

  std::array<Value, kAhead> values_{};
  std::size_t count_ = 0;  // that are drawn: all, but at first
  std::size_t at_ = 0;     // of the oldest
};

}  // namespace millrace
