// Limits of how many INIT chunks are answered.
#include <catch2/catch.hpp>

#include "tests/support/raw_peer.h"

namespace millrace::test {
namespace {

const IpAddress kFlooder = address("198.51.100.66");

/// As the shard asks, which looks up the listener in between.
InitRate::Verdict judge(InitRate& rate, Time now, const IpAddress& source,
                        TokenBucket* listener = nullptr) {
  const InitRate::Verdict verdict = rate.judge_source(now, source);
  return verdict == InitRate::Verdict::kAnswer ? rate.judge_listener(now, listener) : verdict;
}

TEST_CASE("a bucket gives a second's worth at once, then so many a second") {
  TokenBucket bucket;
  Time now = Time{} + seconds(1000);
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += bucket.take(now, 10) ? 1 : 0;
  CHECK(taken == 10);
  for (int i = 0; i < 1000; ++i) {
    now = now + milliseconds(10);
    taken += bucket.take(now, 10) ? 1 : 0;
  }
  CHECK(taken >= 10 + 99);
  CHECK(taken <= 10 + 101);
}

TEST_CASE("a bucket that was idle for long gives no more than a second's worth") {
  TokenBucket bucket;
  CHECK(bucket.take(Time{} + seconds(1), 5));
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += bucket.take(Time{} + seconds(100000), 5) ? 1 : 0;
  CHECK(taken == 5);
}

TEST_CASE("without limits every INIT is answered") {
  InitRate rate({.half_open = 0}, {1, 2});
  for (int i = 0; i < 100000; ++i) {
    REQUIRE(judge(rate, Time{}, kFlooder) == InitRate::Verdict::kAnswer);
  }
}

TEST_CASE("what one listener is flooded with uses up its share and not what there is for all") {
  InitRate rate({.in_all = 100, .to_one_listener = 10}, {1, 2});
  const Time now = Time{} + seconds(1);
  TokenBucket flooded, other;
  for (int i = 0; i < 1000; ++i) {
    const auto wanted =
        i < 10 ? InitRate::Verdict::kAnswer : InitRate::Verdict::kTooManyForListener;
    CHECK(judge(rate, now, kFlooder, &flooded) == wanted);
  }
  CHECK(judge(rate, now, kFlooder, &other) == InitRate::Verdict::kAnswer);
}

TEST_CASE("one who floods uses up his own share and not what there is for all") {
  InitRate rate({.in_all = 100, .from_one_source = 10}, {1, 2});
  const Time now = Time{} + seconds(1);
  int answered = 0;
  for (int i = 0; i < 10000; ++i) {
    const InitRate::Verdict verdict = judge(rate, now, kFlooder);
    answered += verdict == InitRate::Verdict::kAnswer ? 1 : 0;
    if (i >= 10) CHECK(verdict == InitRate::Verdict::kTooManyFromSource);
  }
  CHECK(answered == 10);
  CHECK(judge(rate, now, address("192.0.2.9")) == InitRate::Verdict::kAnswer);
}

TEST_CASE("a flood is limited, and as many handshakes as there are go through at once") {
  InitRate rate({.half_open = 100}, {1, 2});
  const Time now = Time{} + seconds(1);
  for (int i = 0; i < 10000; ++i) {
    REQUIRE(judge(rate, now, kFlooder) == InitRate::Verdict::kAnswer);
    REQUIRE(rate.may_open(now));
    rate.on_begun(1);
  }
  int answered = 0;
  for (int i = 0; i < 10000; ++i) {
    answered += judge(rate, now, kFlooder) == InitRate::Verdict::kAnswer ? 1 : 0;
  }
  CHECK(answered == 100);
  // Cookies are limited on their own: INITs take nothing from those who have answered.
  int opened = 0;
  for (int i = 0; i < 10000; ++i) opened += rate.may_open(now) ? 1 : 0;
  CHECK(opened == 100);
  CHECK_FALSE(rate.opens(now));
  CHECK(rate.opens(now + milliseconds(10)));
  CHECK(rate.may_open(now + milliseconds(10)));
}

TEST_CASE("many sources are limited together") {
  InitRate rate({.in_all = 100, .from_one_source = 0}, {1, 2});
  int answered = 0;
  for (std::uint8_t a = 0; a < 100; ++a) {
    for (std::uint8_t b = 0; b < 100; ++b) {
      IpAddress source = kFlooder;
      source.bytes[14] = a;
      source.bytes[15] = b;
      answered += judge(rate, Time{} + seconds(1), source) == InitRate::Verdict::kAnswer ? 1 : 0;
    }
  }
  CHECK(answered == 100);
}

TEST_CASE("when nothing is left for anybody it is said before the listener is looked up") {
  const Time now = Time{} + seconds(1);
  const auto limits =
      GENERATE(InitRateLimits{.in_all = 10, .half_open = 0}, InitRateLimits{.half_open = 10});
  InitRate rate(limits, {1, 2});
  for (int i = 0; i < 10; ++i) {
    REQUIRE(rate.judge_source(now, kFlooder) == InitRate::Verdict::kAnswer);
    REQUIRE(rate.judge_listener(now, nullptr) == InitRate::Verdict::kAnswer);
  }
  CHECK(rate.judge_source(now, kFlooder) == (limits.in_all != 0
                                                 ? InitRate::Verdict::kTooManyInAll
                                                 : InitRate::Verdict::kTooManyHalfOpen));
}

TEST_CASE("INIT chunks beyond the limit get no answer, are counted, and hurt nobody who is there") {
  ShardLimits limits = RawPeer::small_limits();
  limits.inits = {.in_all = 0, .from_one_source = 20};
  RawPeer peer({}, address("10.0.0.9"), limits);
  peer.listen();
  for (std::uint32_t i = 1; i <= 500; ++i) peer.ask_for_cookie(i);
  CHECK(peer.end.count(Counter::init_acks_sent) == 20);
  CHECK(peer.end.count(Counter::drop_init_rate_source) == 480);
  peer.now = peer.now + seconds(1);
  peer.ask_for_cookie(501);
  CHECK(peer.end.count(Counter::init_acks_sent) == 21);
}

//= faults 7#3 type=test
TEST_CASE("a hundred thousand INITs from as many addresses take no memory") {
  ShardLimits limits = RawPeer::small_limits();
  limits.inits.half_open = 0;
  RawPeer peer({}, address("10.0.0.9"), limits);
  peer.listen();
  const auto bytes = [&] {
    std::size_t sum = 0;
    for (const LimitUse& use : peer.end.shard().limit_uses()) sum += use.used + use.bytes;
    return sum;
  };
  const std::size_t before = bytes();
  for (std::uint32_t i = 1; i <= 100'000; ++i) {
    store_be32(peer.own_address.bytes.data() + 12, 0x0b000000 + i);
    peer.ask_for_cookie(i);
  }
  CHECK(peer.end.count(Counter::init_acks_sent) == 100'000);
  CHECK(bytes() == before);
  CHECK(peer.end.shard().associations() == 0);
}

}  // namespace
}  // namespace millrace::test
