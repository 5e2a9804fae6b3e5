// What has come from sockets since the last poll, whichever sockets they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "bench/traffic/endpoint.h"

namespace millrace::bench {

/// The arrivals of one poll and the memory that their messages lie in. A socket reads into room()
/// and says what it was. A message that comes in pieces is put together; its link keeps them.
class Inbox {
 public:
  using Pieces = std::vector<std::uint8_t>;

  explicit Inbox(std::size_t bytes) : memory_(bytes) {}

  void clear() {
    arrivals_.clear();
    whole_.clear();
    used_ = 0;
  }
  std::span<const Arrival> arrivals() const { return arrivals_; }
  void push(const Arrival& arrival) { arrivals_.push_back(arrival); }

  std::span<std::uint8_t> room() { return std::span(memory_).subspan(used_); }
  /// Less is not worth another call.
  bool has_room() const { return used_ + kRoomMin <= memory_.size(); }

  /// `size` bytes of a message were read into room(): all of it, or a piece.
  void take(Arrival message, std::size_t size, bool is_last, Pieces& pieces) {
    const auto read = room().first(size);
    message.kind = Arrival::Kind::kMessage;
    if (is_last && pieces.empty()) {
      used_ += size;
      message.data = read.data();
      message.size = size;
      return push(message);
    }
    pieces.insert(pieces.end(), read.begin(), read.end());
    if (!is_last) return;
    whole_.push_back(std::exchange(pieces, {}));
    message.data = whole_.back().data();
    message.size = whole_.back().size();
    push(message);
  }

 private:
  static constexpr std::size_t kRoomMin = 1 << 16;

  std::vector<std::uint8_t> memory_;
  std::size_t used_ = 0;
  std::vector<Arrival> arrivals_;
  std::vector<Pieces> whole_;  // messages put together for this poll
};

}  // namespace millrace::bench
