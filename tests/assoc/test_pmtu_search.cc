// The search for a path's MTU: what is tried, when, and where it ends.
#include <catch2/catch.hpp>
#include <vector>

#include "engine/assoc/path/pmtu_search.h"

namespace millrace {
namespace {

constexpr Duration kTimeout = milliseconds(300);

/// A path that carries packets up to `limit`, and the search on it.
struct Network {
  std::uint16_t limit;
  std::uint16_t mtu;
  PmtuSearch search{1500};
  Time now = Time{} + seconds(1);
  std::vector<std::uint16_t> sizes{};

  /// Runs until the search rests, for `span` at most.
  void run_for(Duration span) {
    const Time end = now + span;
    while (search.deadline() <= end) {
      now = std::max(now, search.deadline());
      const std::uint16_t size = search.on_deadline(now, mtu, kTimeout);
      if (size == 0) continue;
      sizes.push_back(size);
      search.set_nonce(sizes.size());
      if (size > limit) continue;
      const std::uint16_t carried = search.on_answer(now, sizes.size());
      CHECK(carried == size);
      mtu = carried;
    }
    now = end;
  }
};

//= rfc8899 5.2 type=test
TEST_CASE("a path that carries everything again is known with one probe") {
  Network network{1500, 1200};
  network.search.start(1200, network.now);
  network.run_for(seconds(10));
  CHECK(network.sizes == std::vector<std::uint16_t>{1500});
  CHECK(network.mtu == 1500);
  CHECK(network.search.deadline() == kNever);
}

//= rfc8899 5.2 type=test
TEST_CASE("the search comes close to what the path carries, and never above it") {
  const std::uint16_t limit = GENERATE(1200, 1204, 1280, 1300, 1400, 1420, 1492, 1499);
  Network network{limit, 1200};
  network.search.start(1200, network.now);
  network.run_for(seconds(60));
  CHECK(network.mtu <= limit);
  CHECK(limit - network.mtu < PmtuSearch::kWorthwhile + 4);
  CHECK(network.sizes.size() <= 30);
}

//= rfc8899 5.1.2 type=test
TEST_CASE("a size is given up after MAX_PROBES, and tried again after PMTU_RAISE_TIMER") {
  Network network{1200, 1200};
  network.search.start(1200, network.now);
  network.run_for(milliseconds(2500));
  CHECK(network.sizes == std::vector<std::uint16_t>{1500, 1500, 1500});
  network.run_for(seconds(60));
  CHECK(network.search.deadline() > network.now + seconds(500));
  network.limit = 1500;
  network.run_for(seconds(601));
  CHECK(network.mtu == 1500);
}

TEST_CASE("an answer counts once, with its own nonce, and only while it is waited for") {
  PmtuSearch search(1500);
  search.start(1280, Time{});
  CHECK(search.on_answer(Time{}, 0) == 0);
  CHECK(search.on_deadline(Time{}, 1280, kTimeout) == 1500);
  search.set_nonce(7);
  CHECK(search.on_answer(Time{}, 8) == 0);
  CHECK(search.on_answer(Time{}, 7) == 1500);
  CHECK(search.on_answer(Time{}, 7) == 0);
}

TEST_CASE("at the ceiling nothing is searched") {
  PmtuSearch search(1500);
  search.start(1500, Time{});
  CHECK(search.deadline() == kNever);
}

}  // namespace
}  // namespace millrace
