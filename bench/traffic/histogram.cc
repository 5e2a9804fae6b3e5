#include "bench/traffic/histogram.h"

#include <algorithm>
#include <cmath>

namespace millrace::bench {

void Histogram::add(std::uint64_t value, std::uint64_t count) {
  if (count == 0) return;
  const std::size_t index = index_of(value);
  if (index >= counts_.size()) counts_.resize(index + 1);
  counts_[index] += count;
  count_ += count;
  sum_ += static_cast<double>(value) * static_cast<double>(count);
  least_ = std::min(least_, value);
  greatest_ = std::max(greatest_, value);
}

std::uint64_t Histogram::percentile(double percent) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100.0;
  // A product that is a whole number but for rounding is that number: 99.9 % of 1000 is rank 999.
  const double exact = share * static_cast<double>(count_);
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(exact - 1e-9 * std::max(1.0, exact))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(bounds_of(i).to, greatest_);
  }
  return greatest_;
}

Histogram::Bucket Histogram::bounds_of(std::size_t index) {
  constexpr std::size_t kHalf = std::size_t{1} << kBits;
  if (index < 2 * kHalf) return {index, index, 0};
  const std::size_t shift = (index >> kBits) - 1;
  const std::uint64_t from = static_cast<std::uint64_t>(index - (shift << kBits)) << shift;
  return {from, from + ((std::uint64_t{1} << shift) - 1), 0};
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> filled;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    filled.push_back(bounds_of(i));
    filled.back().count = counts_[i];
  }
  return filled;
}

}  // namespace millrace::bench
