#include <functional>

#include "engine/net/routes.h"
#include "tests/net/rig.h"

namespace millrace::net {
namespace {

StackConfig with_gateways() {
  StackConfig config = two_interfaces();
  config.routes = {{*Prefix::parse("0.0.0.0/0"), ip("192.0.2.254"), ""},
                   {*Prefix::parse("0.0.0.0/0"), ip("198.51.100.254"), ""},
                   {*Prefix::parse("10.0.0.0/8"), ip("198.51.100.9"), ""},
                   {*Prefix::parse("10.1.0.0/16"), ip("192.0.2.9"), ""},
                   {*Prefix::parse("::/0"), ip("fe80::1"), "b"}};
  return config;
}

TEST_CASE("the longest prefix wins") {
  const StackConfig config = with_gateways();
  const Interfaces interfaces(config);
  const Routes routes(config, interfaces);
  const auto check = [&](std::string_view to, int interface, std::string_view next) {
    const NextHop hop = routes.find(ip(to));
    CHECK(hop.interface_index == interface);
    CHECK(hop.address == ip(next));
  };
  check("192.0.2.77", 0, "192.0.2.77");
  check("198.51.100.77", 1, "198.51.100.77");
  check("10.1.2.3", 0, "192.0.2.9");
  check("10.2.2.3", 1, "198.51.100.9");
  check("203.0.113.1", 0, "192.0.2.254");
  check("2001:db8:1::77", 1, "2001:db8:1::77");
  check("2001:db8:2::77", 1, "fe80::1");
}

TEST_CASE("the interface of the source is preferred when it has a route") {
  const StackConfig config = with_gateways();
  const Interfaces interfaces(config);
  const Routes routes(config, interfaces);
  CHECK(routes.find(ip("203.0.113.1"), 1).address == ip("198.51.100.254"));
  CHECK(routes.find(ip("10.1.2.3"), 1).address == ip("198.51.100.9"));
  CHECK(routes.find(ip("2001:db8:2::77"), 0).interface_index == 1);  // has none
}

TEST_CASE("a stack knows sources, MTUs and what is local") {
  StackConfig config = with_gateways();
  config.interfaces[1].mtu = 1400;
  Rig rig(config);
  const Stack& stack = *rig.stack;
  CHECK(stack.source_for(ip("203.0.113.1")) == ip("192.0.2.1"));
  CHECK(stack.source_for(ip("10.2.0.1")) == ip("198.51.100.1"));
  CHECK(stack.source_for(ip("2001:db8:7::1")) == ip("2001:db8:1::1"));
  CHECK(stack.source_for(ip("192.0.2.1")) == ip("192.0.2.1"));
  CHECK(stack.source_for(ip("127.0.0.5")) == ip("127.0.0.5"));
  CHECK(stack.route_mtu({}, ip("203.0.113.1")) == 1500);
  CHECK(stack.route_mtu(ip("198.51.100.1"), ip("203.0.113.1")) == 1400);
  CHECK(stack.route_mtu({}, ip("::1")) == kMtuMax);
  CHECK(stack.is_local(ip("2001:db8:1::1")));
  CHECK(stack.is_local(ip("127.9.9.9")));
  CHECK_FALSE(stack.is_local(ip("192.0.2.2")));
  CHECK(stack.local_addresses().size() == 4);
  CHECK(stack.local_addresses()[3].address == ip("2001:db8:1::1"));
  CHECK(stack.local_addresses()[3].interface_index == 1);
  CHECK(stack.interface_name(1) == "b");
  Rig lonely;
  CHECK(lonely.stack->route_mtu({}, ip("203.0.113.1")) == 0);
  CHECK(lonely.stack->source_for(ip("203.0.113.1")).is_unspecified());
}

TEST_CASE("packets leave by the interface of their source and the gateway there") {
  Rig rig(with_gateways());
  rig.send(sctp(), "192.0.2.1", "203.0.113.1");
  auto sent = rig.sent(0);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] ==
        ethernet(kEveryone, kOurMac, 0x0806, arp(1, kOurMac, "192.0.2.1", {}, "192.0.2.254")));
  rig.send(sctp(), "198.51.100.1", "203.0.113.1");
  CHECK(rig.sent(0).empty());
  sent = rig.sent(1);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == ethernet(kEveryone, kOurSecondMac, 0x0806,
                            arp(1, kOurSecondMac, "198.51.100.1", {}, "198.51.100.254")));
}

TEST_CASE("faults of a configuration are told") {
  const auto fault = [](const std::function<void(StackConfig&)>& change) {
    StackConfig config = with_gateways();
    change(config);
    return find_fault(config).value_or("");
  };
  using Catch::Matchers::Contains;
  CHECK(fault([](StackConfig&) {}).empty());
  CHECK_THAT(fault([](StackConfig& c) { c.interfaces[0].name = ""; }), Contains("without a name"));
  CHECK_THAT(fault([](StackConfig& c) { c.interfaces[0].name = "b"; }), Contains("the name"));
  CHECK_THAT(fault([](StackConfig& c) { c.interfaces[0].vlan = 4095; }), Contains("VLAN"));
  CHECK_THAT(fault([](StackConfig& c) { c.interfaces[0].port = 1; }), Contains("same VLAN"));
  CHECK_THAT(fault([](StackConfig& c) { c.interfaces[0].mtu = 100; }), Contains("MTU"));
  CHECK_THAT(fault([](StackConfig& c) { c.interfaces[0].mtu = 1501; }), Contains("larger"));
  CHECK_THAT(fault([](StackConfig& c) { c.interfaces[0].traits.mtu = 9000; }), Contains("MTU"));
  CHECK_THAT(fault([](StackConfig& c) { c.interfaces[0].mtu = 1000; }), Contains("1280"));
  CHECK_THAT(fault([](StackConfig& c) {
               c.interfaces[1].addresses.push_back(*Prefix::parse("192.0.2.1/32"));
             }),
             Contains("twice"));
  for (const char* address :
       {"224.0.0.1/24", "127.0.0.1/8", "0.0.0.0/8", "ff02::1/64", "::1/128"}) {
    CHECK_FALSE(fault([&](StackConfig& c) {
                  c.interfaces[0].addresses.push_back(*Prefix::parse(address));
                }).empty());
  }
  const auto with_route = [&](const RouteConfig& route) {
    return fault([&](StackConfig& c) { c.routes.push_back(route); });
  };
  CHECK_THAT(with_route({*Prefix::parse("10.0.0.0/8"), ip("203.0.113.1"), ""}),
             Contains("no interface's network"));
  CHECK_THAT(with_route({*Prefix::parse("10.0.0.0/8"), ip("192.0.2.7"), "c"}),
             Contains("no interface \"c\""));
  CHECK_THAT(with_route({*Prefix::parse("10.0.0.0/8"), ip("2001:db8::7"), ""}),
             Contains("IP version"));
  CHECK_THAT(with_route({*Prefix::parse("10.0.0.0/8"), {}, ""}), Contains("neither"));
  CHECK_THAT(with_route({*Prefix::parse("10.0.0.0/8"), ip("224.0.0.1"), "a"}), Contains("gateway"));
  CHECK(with_route({*Prefix::parse("10.9.0.0/16"), {}, "a"}).empty());
  CHECK_THAT(fault([](StackConfig& c) { c.routes.resize(100, c.routes[0]); }), Contains("routes"));
  CHECK_THAT(fault([](StackConfig& c) { c.interfaces.resize(17, c.interfaces[0]); }),
             Contains("interfaces"));
}

}  // namespace
}  // namespace millrace::net
