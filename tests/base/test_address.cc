#include <catch2/catch.hpp>

#include "engine/base/address.h"

namespace millrace {
namespace {

TEST_CASE("addresses of both versions survive the way to text and back") {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::1", "::"}) {
    const auto address = IpAddress::parse(text);
    REQUIRE(address);
    CHECK(address->to_string() == text);
  }
  CHECK_FALSE(IpAddress::parse("192.0.2"));
  CHECK_FALSE(IpAddress::parse("192.0.2.1/24"));
  CHECK_FALSE(IpAddress::parse(""));
}

TEST_CASE("only unicast addresses may take part in SCTP") {
  CHECK(IpAddress::parse("192.0.2.1")->is_unicast());
  CHECK(IpAddress::parse("fe80::1")->is_unicast());
  CHECK_FALSE(IpAddress::parse("224.0.0.1")->is_unicast());
  CHECK_FALSE(IpAddress::parse("255.255.255.255")->is_unicast());
  CHECK_FALSE(IpAddress::parse("ff02::1")->is_unicast());
  CHECK_FALSE(IpAddress::parse("::")->is_unicast());
  CHECK_FALSE(IpAddress::parse("0.0.0.0")->is_unicast());
}

TEST_CASE("a prefix contains its own network and no other") {
  const auto prefix = Prefix::parse("10.1.4.0/22");
  REQUIRE(prefix);
  CHECK(prefix->contains(*IpAddress::parse("10.1.7.255")));
  CHECK_FALSE(prefix->contains(*IpAddress::parse("10.1.8.0")));
  CHECK_FALSE(prefix->contains(*IpAddress::parse("::1")));
  CHECK(Prefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("203.0.113.9")));
  CHECK(Prefix::parse("192.0.2.1")->length == 32);
  CHECK_FALSE(Prefix::parse("10.0.0.0/33"));
  CHECK_FALSE(Prefix::parse("10.0.0.0/"));
  CHECK_FALSE(Prefix::parse("10.0.0.0/8x"));
}

}  // namespace
}  // namespace millrace
