// That percentiles are what they say: compared with the exact ones of a sorted list.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

#include "bench/traffic/dice.h"
#include "bench/traffic/histogram.h"

namespace millrace::bench {
namespace {

constexpr double kPercents[] = {0.001, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100};

std::uint64_t exact(const std::vector<std::uint64_t>& sorted, double percent) {
  // In whole numbers, so that no rounding decides: percents here have three decimals at most.
  const auto thousandths = static_cast<std::uint64_t>(std::llround(percent * 1000));
  const std::uint64_t rank = (thousandths * sorted.size() + 99'999) / 100'000;
  return sorted[std::max<std::uint64_t>(rank, 1) - 1];
}

void compare(std::vector<std::uint64_t> values) {
  Histogram histogram;
  for (const std::uint64_t value : values) histogram.add(value);
  std::sort(values.begin(), values.end());
  REQUIRE(histogram.count() == values.size());
  CHECK(histogram.least() == values.front());
  CHECK(histogram.greatest() == values.back());
  for (const double percent : kPercents) {
    INFO(percent << " % of " << values.size());
    const std::uint64_t truth = exact(values, percent);
    const std::uint64_t told = histogram.percentile(percent);
    CHECK(told >= truth);
    CHECK(static_cast<double>(told - truth) <= Histogram::kPrecision * static_cast<double>(truth));
  }
}

TEST_CASE("percentiles are never less than the exact ones, and at most 1/128 more") {
  Dice dice(7);
  const std::function<std::uint64_t()> distributions[] = {
      [&] { return dice.below(100); },
      [&] { return 1000 + dice.below(1'000'000); },
      [&] { return static_cast<std::uint64_t>(std::exp(25 * dice.share())); },
      [&] { return dice.below(1000) == 0 ? 50'000'000 : 20'000 + dice.below(3000); },
      [&] { return dice.next() >> dice.below(60); },
  };
  for (const auto& draw : distributions) {
    for (const std::size_t count : {1, 2, 3, 99, 100, 1000, 1001, 100'000}) {
      std::vector<std::uint64_t> values(count);
      std::generate(values.begin(), values.end(), draw);
      compare(values);
    }
  }
}

TEST_CASE("small values are exact, and the largest have a bucket too") {
  Histogram histogram;
  for (std::uint64_t value = 0; value < 256; ++value) histogram.add(value);
  for (int i = 1; i <= 256; ++i) {
    CHECK(histogram.percentile(100.0 * i / 256) == static_cast<std::uint64_t>(i - 1));
  }
  histogram.add(~std::uint64_t{0});
  CHECK(histogram.percentile(100) == ~std::uint64_t{0});
}

TEST_CASE("buckets lie side by side, hold what they say and lose nothing") {
  Histogram histogram;
  for (std::uint64_t value = 0; value < 100'000; ++value) histogram.add(value);
  std::uint64_t next = 0, count = 0;
  for (const Histogram::Bucket& bucket : histogram.buckets()) {
    CHECK(bucket.from == next);
    if (bucket.to < 100'000) CHECK(bucket.count == bucket.to - bucket.from + 1);
    next = bucket.to + 1;
    count += bucket.count;
  }
  CHECK(count == 100'000);
}

TEST_CASE("nothing is nothing") {
  Histogram whole;
  whole.add(5'000'000);
  whole.clear();
  CHECK(whole.percentile(99) == 0);
  CHECK(whole.least() == 0);
  CHECK(whole.mean() == 0);
}

}  // namespace
}  // namespace millrace::bench
