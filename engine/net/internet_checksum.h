// The Internet checksum (RFC 1071): ones' complement sum of 16-bit words, in whatever byte order
// the words are loaded. Here: the machine's, so that sums are added up without swapping.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/base/address.h"
#include "engine/base/bytes.h"

namespace millrace::net {

/// A sum in progress.
class InternetChecksum {
 public:
  InternetChecksum() = default;
  explicit InternetChecksum(std::uint32_t sum) : sum_(sum) {}

  /// Adds bytes; all pieces but the last have an even length.
  InternetChecksum& add(Bytes bytes) {
    std::size_t done = 0;
    for (; done + 4 <= bytes.size(); done += 4) {
      std::uint32_t word;
      std::memcpy(&word, bytes.data() + done, sizeof word);
      sum_ += word;
    }
    std::uint8_t rest[4] = {};
    std::memcpy(rest, bytes.data() + done, bytes.size() - done);
    std::uint32_t word;
    std::memcpy(&word, rest, sizeof word);
    sum_ += word;
    return *this;
  }

  /// Adds the 20 bytes of an IPv4 header without options.
  InternetChecksum& add_ipv4_header(const std::uint8_t* header) {
    std::uint64_t halves[2];
    std::uint32_t last;
    std::memcpy(halves, header, sizeof halves);
    std::memcpy(&last, header + sizeof halves, sizeof last);
    sum_ += last;
    for (const std::uint64_t half : halves) sum_ += (half >> 32) + (half & 0xffffffff);
    return *this;
  }

  /// Adds a word given in host order.
  InternetChecksum& add_word(std::uint16_t word) {
    sum_ += __builtin_bswap16(word);
    return *this;
  }

  /// Adds the pseudo header of IPv6 (RFC 8200 8.1).
  InternetChecksum& add_pseudo_header(const IpAddress& source, const IpAddress& destination,
                                      std::size_t length, std::uint8_t next_header) {
    return add(source.bytes)
        .add(destination.bytes)
        .add_word(static_cast<std::uint16_t>(length))
        .add_word(next_header);
  }

  /// The folded sum: 0xffff over data that contains its right checksum.
  std::uint16_t sum() const {
    std::uint64_t sum = (sum_ >> 32) + (sum_ & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return static_cast<std::uint16_t>(sum);
  }
  bool is_right() const { return sum() == 0xffff; }

  /// Writes the checksum of what has been added.
  void store(std::uint8_t* to) const {
    const auto checksum = static_cast<std::uint16_t>(~sum());
    std::memcpy(to, &checksum, sizeof checksum);
  }

 private:
  std::uint64_t sum_ = 0;
};

}  // namespace millrace::net
