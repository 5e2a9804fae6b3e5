#include <catch2/catch.hpp>

#include <set>
#include <vector>

#include "engine/net/heard_pairs.h"
#include "engine/net/route_cache.h"

namespace millrace::net {
namespace {

constexpr HashKey kKeys[] = {{0x5be0cd19137e2179, 0x1f83d9abfb41bd6b},
                             {0x9b05688c2b3e6c1f, 0x510e527fade682d1},
                             {0x0a54ff53a3c6ef37, 0x3c6ef372bb67ae85}};
// Of a thousand pairs those that find no place: on as many places for four, and on twice as many
// for two.
constexpr std::size_t kHeardMissesMax = 60;
constexpr std::size_t kRouteMissesMax = 120;

struct Pair {
  std::uint8_t bytes[8];
  IpAddress source() const { return IpAddress::v4(bytes); }
  IpAddress destination() const { return IpAddress::v4(bytes + 4); }
};

// Neighbours in two networks, which differ in a few bits only.
std::vector<Pair> pairs(std::uint8_t ours, std::uint8_t theirs) {
  std::vector<Pair> all;
  for (std::uint8_t a = 1; a <= 32; ++a) {
    for (std::uint8_t b = 1; b <= 32; ++b) all.push_back({{10, 0, ours, a, 10, 0, theirs, b}});
  }
  return all;
}

}  // namespace

TEST_CASE("a thousand pairs of neighbours' addresses are heard in turn") {
  for (const HashKey& key : kKeys) {
    for (const auto& all : {pairs(0, 1), pairs(1, 0)}) {
      HeardPairs heard(key);
      for (const Pair& pair : all) {
        CHECK_FALSE(heard.has(pair.bytes));
        heard.add(pair.bytes);
        CHECK(heard.has(pair.bytes));
      }
      std::size_t misses = 0;
      for (const Pair& pair : all) {
        if (heard.has(pair.bytes)) continue;
        ++misses;
        heard.add(pair.bytes);
      }
      CHECK(misses <= kHeardMissesMax);
    }
  }
}

TEST_CASE("the pair of no addresses has never been heard") {
  HeardPairs heard(kKeys[0]);
  const Pair none{};
  CHECK_FALSE(heard.has(none.bytes));
}

TEST_CASE("a thousand pairs of neighbours' addresses have their routes in turn") {
  for (const HashKey& key : kKeys) {
    RouteCache cache(key);
    const auto all = pairs(0, 1);
    std::set<CachedRoute*> places;
    std::size_t misses = 0;
    for (int round = 0; round < 2; ++round) {
      for (const Pair& pair : all) {
        CachedRoute& route = cache.slot(pair.source(), pair.destination());
        const bool is_there =
            route.source == pair.source() && route.destination == pair.destination();
        misses += round == 1 && !is_there;
        CHECK((round == 1 || !is_there));
        route.source = pair.source();
        route.destination = pair.destination();
        CHECK(&cache.slot(pair.source(), pair.destination()) == &route);
        places.insert(&route);
      }
    }
    CHECK(misses <= kRouteMissesMax);
    CHECK(places.size() >= all.size() - kRouteMissesMax);
  }
}

TEST_CASE("a route of another source is another route") {
  RouteCache cache(kKeys[0]);
  const Pair pair = pairs(0, 1)[0];
  CachedRoute& route = cache.slot(pair.source(), pair.destination());
  route.source = pair.source();
  route.destination = pair.destination();
  CHECK(&cache.slot(IpAddress{}, pair.destination()) != &route);
  CHECK(&cache.slot(pair.source(), pair.destination()) == &route);
}

}  // namespace millrace::net
