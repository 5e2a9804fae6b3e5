// Which of our addresses a path leaves from.
#include <catch2/catch.hpp>

#include "engine/assoc/source.h"
#include "tests/support/shard_pair.h"

namespace millrace::test {
namespace {

constexpr LocalSet kBoth = 0b11;
using Others = std::vector<IpAddress>;

SourceRoute route(const char* to, LocalSet from) {
  return {*Prefix::parse(to), from};
}

TEST_CASE("a path leaves from an address on the interface that its route leads over") {
  const IpAddress known[] = {address("10.1.0.1"), address("10.2.0.1"), address("10.3.0.1")};
  const SourceRoute routes[] = {route("10.9.1.0/24", 0b001), route("10.9.2.0/24", 0b010),
                                route("0.0.0.0/0", 0b100)};
  const LocalSet bound = 0b011;
  CHECK(choose_source(known, routes, bound, address("10.9.1.5"), {}) == known[0]);
  CHECK(choose_source(known, routes, bound, address("10.9.2.5"), {}) == known[1]);
  CHECK(choose_source(known, routes, bound, address("10.9.2.5"), {}) == known[1]);
  // The third is not bound: what only its route leads to leaves from one that is.
  CHECK(choose_source(known, routes, bound, address("10.8.0.1"), {}) == known[0]);
}

TEST_CASE("paths over equally good routes leave from different addresses") {
  const IpAddress known[] = {address("10.1.0.1"), address("10.8.0.1")};
  const SourceRoute routes[] = {route("0.0.0.0/0", 0b01), route("0.0.0.0/0", 0b10)};
  const IpAddress peer = address("10.9.1.5");
  CHECK(choose_source(known, routes, kBoth, peer, {}) == known[0]);
  CHECK(choose_source(known, routes, kBoth, peer, Others{known[0]}) == known[1]);
  CHECK(choose_source(known, routes, kBoth, peer, Others{known[1]}) == known[0]);
  CHECK(choose_source(known, routes, kBoth, peer, Others{known[1], known[0]}) == known[0]);
  // Those of another version of IP do not count.
  CHECK(choose_source(known, routes, kBoth, peer, Others{known[0], address("fd00::1")}) ==
        known[1]);
}

TEST_CASE("two addresses behind one gateway are taken in turn") {
  const IpAddress known[] = {address("10.1.0.1"), address("10.1.0.2")};
  const SourceRoute routes[] = {route("10.1.0.0/24", 0b11), route("0.0.0.0/0", 0b11)};
  CHECK(choose_source(known, routes, kBoth, address("10.9.1.5"), {}) == known[0]);
  CHECK(choose_source(known, routes, kBoth, address("10.9.2.5"), Others{known[0]}) == known[1]);
}

TEST_CASE("a link-local address talks to its link alone") {
  const IpAddress known[] = {address("fe80::1"), address("2001:db8::1")};
  const SourceRoute routes[] = {route("fe80::/10", 0b11), route("2001:db8::/64", 0b11),
                                route("::/0", 0b11)};
  CHECK(choose_source(known, routes, kBoth, address("fd00::9"), {}) == known[1]);
  CHECK(choose_source(known, routes, kBoth, address("fe80::9"), {}) == known[0]);
  CHECK(choose_source(known, routes, 0b01, address("fd00::9"), {}) == known[0]);
}

TEST_CASE("without a route the address is taken that has most in common with the peer's") {
  const IpAddress known[] = {address("10.1.0.1"), address("10.2.0.1")};
  CHECK(choose_source(known, {}, kBoth, address("10.2.0.9"), {}) == known[1]);
  CHECK(choose_source(known, {}, kBoth, address("10.1.0.9"), {}) == known[0]);
  CHECK(choose_source(known, {}, 0, address("10.1.0.9"), {}).is_unspecified());
}

}  // namespace
}  // namespace millrace::test
