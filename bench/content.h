// What is in the messages, and whether it arrived.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "bench/contestant.h"

namespace millrace::bench {

/// Every message starts with its number; the rest is a pattern that depends on the size.
class Writer {
 public:
  explicit Writer(std::size_t size) : bytes_(size) {
    for (std::size_t i = 0; i < size; ++i)
      bytes_[i] = static_cast<std::uint8_t>(i * 131 + i / 251 + size);
  }
  /// The next message; valid until it is asked for again.
  const std::uint8_t* next() {
    std::memcpy(bytes_.data(), &number_, sizeof number_);
    ++number_;
    return bytes_.data();
  }
  /// The same, where it is to lie. All but the number lies there from fill(), as it does in what
  /// next() gives: what making a message costs is no part of either.
  void next_in(void* slot) {
    std::memcpy(slot, &number_, sizeof number_);
    ++number_;
  }
  void fill(void* slot) const { std::memcpy(slot, bytes_.data(), bytes_.size()); }
  /// The last one was not taken: next() gives it again.
  void take_back() { --number_; }
  std::size_t size() const { return bytes_.size(); }
  std::uint64_t written() const { return number_; }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
  std::uint64_t number_ = 0;
};

/// Checks the number and the length of every message, and all bytes of some.
class Reader {
 public:
  explicit Reader(const Writer& writer) : expected_(writer.bytes()) {}

  void take(const void* data, std::size_t size) {
    std::uint64_t number;
    if (size != expected_.size()) fail("a message of another size arrived");
    std::memcpy(&number, data, sizeof number);
    if (number != read_) fail("a message was lost, doubled or out of order");
    if (number % kSampled == 0 &&
        std::memcmp(static_cast<const std::uint8_t*>(data) + sizeof number,
                    expected_.data() + sizeof number, size - sizeof number) != 0) {
      fail("a message arrived with other bytes");
    }
    ++read_;
  }
  std::uint64_t read() const { return read_; }

 private:
  static constexpr std::uint64_t kSampled = 61;  // one of so many is compared as a whole

  const std::vector<std::uint8_t>& expected_;
  std::uint64_t read_ = 0;
};

/// Messages of one kind that go from one end to the other, or both ways, and what has arrived.
struct Flow {
  explicit Flow(const Traffic& what) : traffic(what), there(what.size), back(what.size) {}
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  Traffic traffic;
  Writer there, back;
  Reader arrived_there{there}, arrived_back{back};

  std::uint64_t read() const { return arrived_there.read() + arrived_back.read(); }
};

}  // namespace millrace::bench
