// Message sizes: what a text means, and that draws have the shares it names.
#include <catch2/catch.hpp>

#include <map>

#include "bench/traffic/sizes.h"

namespace millrace::bench {
namespace {

SizeMix mix_of(const std::string& text) {
  std::string error;
  const auto mix = SizeMix::parse(text, error);
  INFO(text << ": " << error);
  REQUIRE(mix.has_value());
  return *mix;
}

TEST_CASE("a size, a range and a list with weights") {
  Dice dice(1);
  const SizeMix fixed = mix_of("300");
  for (int i = 0; i < 100; ++i) CHECK(fixed.draw(dice) == 300);

  const SizeMix range = mix_of("16-19");
  std::map<std::uint32_t, int> seen;
  for (int i = 0; i < 40'000; ++i) ++seen[range.draw(dice)];
  REQUIRE(seen.size() == 4);
  CHECK(seen.begin()->first == 16);
  CHECK(seen.rbegin()->first == 19);
  for (const auto& [size, count] : seen) CHECK(count == Approx(10'000).epsilon(0.05));
  CHECK(range.mean() == Approx(17.5));

  const SizeMix list = mix_of("64:7,576:4,1400");
  seen.clear();
  for (int i = 0; i < 120'000; ++i) ++seen[list.draw(dice)];
  CHECK(seen.size() == 3);
  CHECK(seen[64] == Approx(70'000).epsilon(0.03));
  CHECK(seen[576] == Approx(40'000).epsilon(0.03));
  CHECK(seen[1400] == Approx(10'000).epsilon(0.05));
  CHECK(list.greatest() == 1400);
}

TEST_CASE("named mixes are lists") {
  CHECK(mix_of("imix").parts().size() == 3);
  CHECK(mix_of("signalling").parts().size() == 4);
  CHECK(mix_of("imix").mean() == Approx((64 * 7 + 576 * 4 + 1400) / 12.0));
}

TEST_CASE("what is no size is refused, with the word that is wrong") {
  for (const std::string text : {"", "15", "abc", "64:", "64:0", "100-99", "64,,64", "4194305",
                                 "64:7,", "-5", "64-", "1e3", "99999999999"}) {
    std::string error;
    INFO(text);
    CHECK_FALSE(SizeMix::parse(text, error).has_value());
    CHECK(error.find("is no message size") != std::string::npos);
  }
}

}  // namespace
}  // namespace millrace::bench
