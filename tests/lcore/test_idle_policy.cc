#include <catch2/catch.hpp>

#include "engine/lcore/idle_policy.h"

using namespace millrace;

namespace {

constexpr Time kNow{1'000'000'000};

IdlePolicy::Config config() {
  IdlePolicy::Config config;
  config.empty_polls = 3;
  config.shortest = microseconds(10);
  config.longest = microseconds(35);
  return config;
}

Duration idle(IdlePolicy& policy, Time next_deadline = kNever) {
  return policy.after_poll(false, kNow, next_deadline);
}

}  // namespace

TEST_CASE("Sleeps begin after some empty polls and double up to the longest", "[idle]") {
  IdlePolicy policy(config());
  CHECK(idle(policy) == Duration{});
  CHECK(idle(policy) == Duration{});
  CHECK(idle(policy) == microseconds(10));
  CHECK(idle(policy) == microseconds(20));
  CHECK(idle(policy) == microseconds(35));
  CHECK(idle(policy) == microseconds(35));
}

TEST_CASE("Work starts the count and the sleeps over", "[idle]") {
  IdlePolicy policy(config());
  for (int i = 0; i < 5; ++i) idle(policy);
  CHECK(policy.after_poll(true, kNow, kNever) == Duration{});
  CHECK(idle(policy) == Duration{});
  CHECK(idle(policy) == Duration{});
  CHECK(idle(policy) == microseconds(10));
}

TEST_CASE("A deadline bounds the sleep, and one that is due forbids it", "[idle]") {
  IdlePolicy policy(config());
  idle(policy);
  idle(policy);
  CHECK(idle(policy, kNow + microseconds(4)) == microseconds(4));
  CHECK(idle(policy, kNow) == Duration{});
  CHECK(idle(policy, kNow - seconds(1)) == Duration{});
}

TEST_CASE("Busy polling never sleeps", "[idle]") {
  IdlePolicy::Config busy = config();
  busy.busy = true;
  IdlePolicy policy(busy);
  for (int i = 0; i < 1000; ++i) CHECK(idle(policy) == Duration{});
}
