#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "engine/assoc/cookie.h"
#include "engine/base/hash.h"

namespace millrace {
namespace {

Cookie random_cookie(Random& random) {
  Cookie cookie;
  cookie.created = Time{static_cast<std::int64_t>(random.next_u64() >> 1)};
  cookie.lifetime = milliseconds(random.below(60000));
  cookie.local_tag = random.next_u32();
  cookie.peer_tag = random.next_u32();
  cookie.local_tie_tag = random.next_u32();
  cookie.peer_tie_tag = random.next_u32();
  cookie.local_tsn = Tsn{random.next_u32()};
  cookie.peer_tsn = Tsn{random.next_u32()};
  cookie.peer_rwnd = random.next_u32();
  cookie.peer_adaptation = random.next_u32();
  cookie.listener = random.next_u32();
  cookie.streams_out = static_cast<std::uint16_t>(random.next_u32());
  cookie.streams_in = static_cast<std::uint16_t>(random.next_u32());
  cookie.local_port = static_cast<std::uint16_t>(random.next_u32());
  cookie.peer_port = static_cast<std::uint16_t>(random.next_u32());
  cookie.peer_count = 1 + random.below(kPathsMax);
  for (auto& byte : cookie.local_address.bytes) byte = static_cast<std::uint8_t>(random.next_u32());
  for (std::size_t i = 0; i < cookie.peer_count; ++i) {
    for (auto& byte : cookie.peers[i].bytes) byte = static_cast<std::uint8_t>(random.next_u32());
  }
  return cookie;
}

bool are_equal(const Cookie& a, const Cookie& b) {
  for (std::size_t i = 0; i < a.peer_count; ++i) {
    if (!(a.peers[i] == b.peers[i])) return false;
  }
  return a.created == b.created && a.lifetime == b.lifetime && a.local_tag == b.local_tag &&
         a.peer_tag == b.peer_tag && a.local_tie_tag == b.local_tie_tag &&
         a.peer_tie_tag == b.peer_tie_tag && a.local_tsn == b.local_tsn &&
         a.peer_tsn == b.peer_tsn && a.peer_rwnd == b.peer_rwnd &&
         a.peer_adaptation == b.peer_adaptation && a.listener == b.listener &&
         a.streams_out == b.streams_out && a.streams_in == b.streams_in &&
         a.local_port == b.local_port && a.peer_port == b.peer_port &&
         a.local_address == b.local_address && a.peer_count == b.peer_count;
}

using Sealed = std::array<std::uint8_t, kCookieBytesMax>;

// RFC 9260 5.1.3
TEST_CASE("a cookie comes back as it was sealed") {
  CookieJar jar(MacKey{1, 2, 3}, 0);
  Random random({1, 2});
  for (int i = 0; i < 500; ++i) {
    const Cookie cookie = random_cookie(random);
    Sealed sealed;
    const std::size_t size = jar.seal(cookie, sealed);
    const auto opened = jar.open({sealed.data(), size});
    REQUIRE(opened.has_value());
    REQUIRE(are_equal(cookie, *opened));
  }
}

// RFC 9260 5.1.5
//= rfc9260 5.1.3#1,3 type=test
//= faults 3#1 type=test
TEST_CASE("a cookie with any bit changed, cut or made longer is not ours") {
  CookieJar jar(MacKey{9}, 0);
  Random random({3, 4});
  Sealed sealed{};
  const std::size_t size = jar.seal(random_cookie(random), sealed);
  for (std::size_t bit = 0; bit < size * 8; ++bit) {
    Sealed changed = sealed;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ 1u << bit % 8);
    REQUIRE_FALSE(jar.open({changed.data(), size}).has_value());
  }
  for (std::size_t shorter = 0; shorter < size; ++shorter) {
    REQUIRE_FALSE(jar.open({sealed.data(), shorter}).has_value());
  }
  for (std::size_t longer = size + 1; longer <= sealed.size(); ++longer) {
    REQUIRE_FALSE(jar.open({sealed.data(), longer}).has_value());
  }
  CHECK(jar.open({sealed.data(), size}).has_value());
}

TEST_CASE("a secret opens what it has sealed until the one after it is replaced") {
  CookieJar jar(MacKey{1}, 0);
  Random random({5, 6});
  Sealed sealed{};
  const std::size_t size = jar.seal(random_cookie(random), sealed);
  const Bytes bytes{sealed.data(), size};
  jar.rotate(MacKey{2});
  CHECK(jar.open(bytes).has_value());
  jar.rotate(MacKey{3});
  CHECK_FALSE(jar.open(bytes).has_value());
}

TEST_CASE("another engine's cookie is not ours") {
  CookieJar ours(MacKey{1}, 0), theirs(MacKey{2}, 0);
  Random random({7, 8});
  Sealed sealed{};
  const std::size_t size = theirs.seal(random_cookie(random), sealed);
  CHECK_FALSE(ours.open({sealed.data(), size}).has_value());
}

TEST_CASE("jars of one engine open each other's cookies, and no nonce comes twice") {
  CookieJar first(MacKey{1}, 0), second(MacKey{1}, 1);
  Random random({9, 10});
  const Cookie cookie = random_cookie(random);
  std::set<std::vector<std::uint8_t>> nonces;
  for (int i = 0; i < 100; ++i) {
    for (CookieJar* jar : {&first, &second}) {
      Sealed sealed{};
      const std::size_t size = jar->seal(cookie, sealed);
      const Bytes bytes{sealed.data(), size};
      CHECK(first.open(bytes).has_value());
      CHECK(second.open(bytes).has_value());
      nonces.emplace(sealed.begin(), sealed.begin() + sizeof(MacNonce));
    }
  }
  CHECK(nonces.size() == 200);
}

}  // namespace
}  // namespace millrace
