// Events that the library makes itself, until the application takes them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "api/millrace.h"

namespace millrace::api {

/// First in, first out. Allocates only where more wait at a time than ever before.
class LocalEvents {
 public:
  bool empty() const { return events_.empty(); }
  void push(const mr_event& event) { events_.push_back(event); }

  /// Moves the oldest out; returns how many.
  std::size_t take(std::span<mr_event> out) {
    const std::size_t count = std::min(out.size(), events_.size() - taken_);
    std::copy_n(events_.begin() + static_cast<std::ptrdiff_t>(taken_), count, out.begin());
    taken_ += count;
    // Moved down when that is no more work than taking them was.
    if (taken_ > 0 && taken_ >= events_.size() - taken_) {
      events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(taken_));
      taken_ = 0;
    }
    return count;
  }

 private:
  std::vector<mr_event> events_;
  std::size_t taken_ = 0;  // of its front; not all of it
};

}  // namespace millrace::api
