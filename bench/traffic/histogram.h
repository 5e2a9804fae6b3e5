// How often which value came, with a stated precision and in bounded memory.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace millrace::bench {

/// Log-linear buckets: values below 256 have a bucket each, and every power of two above is cut
/// into 128 equal ones. So no bucket is wider than 1/128 of any value in it, from a nanosecond to
/// centuries. Least, greatest, count and sum are exact.
class Histogram {
 public:
  static constexpr unsigned kBits = 7;  ///< of a value that its bucket keeps, besides the first
  static constexpr double kPrecision = 1.0 / (1 << kBits);

  void add(std::uint64_t value, std::uint64_t count = 1);
  void clear() { *this = Histogram(); }

  std::uint64_t count() const { return count_; }
  std::uint64_t least() const { return count_ == 0 ? 0 : least_; }
  std::uint64_t greatest() const { return greatest_; }
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

  /// The smallest value such that `percent` of all values are not greater, by rank and without
  /// interpolation. Told is the upper end of its bucket: never less than the value that has the
  /// rank, and never more than kPrecision above it. 0 if nothing was added.
  std::uint64_t percentile(double percent) const;

  struct Bucket {
    std::uint64_t from = 0;
    std::uint64_t to = 0;  ///< included
    std::uint64_t count = 0;
  };
  /// Those that are not empty, upwards.
  std::vector<Bucket> buckets() const;

 private:
  static std::size_t index_of(std::uint64_t value) {
    const unsigned width = static_cast<unsigned>(std::bit_width(value));
    const unsigned shift = width > kBits + 1 ? width - (kBits + 1) : 0;
    return (std::size_t{shift} << kBits) + static_cast<std::size_t>(value >> shift);
  }
  static Bucket bounds_of(std::size_t index);

  std::vector<std::uint64_t> counts_;  // as far as values came
  std::uint64_t count_ = 0;
  std::uint64_t least_ = ~std::uint64_t{0};
  std::uint64_t greatest_ = 0;
  double sum_ = 0;
};

}  // namespace millrace::bench
