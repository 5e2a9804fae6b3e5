#include "tests/net/rig.h"

namespace millrace::net {
namespace {

Octets arp_frame(unsigned operation, const MacAddress& mac, std::string_view sender,
                 std::string_view target, const MacAddress& to = kOurMac) {
  return ethernet(to, mac, 0x0806, arp(operation, mac, sender, kOurMac, target));
}

Octets advertisement(const MacAddress& mac, std::uint32_t flags = 0x60000000) {
  return ethernet(kOurMac, mac, 0x86dd,
                  discovery(136, "2001:db8::2", "2001:db8::1", flags, "2001:db8::2", mac));
}

MacAddress destination_of(const Octets& frame) {
  MacAddress mac;
  std::copy(frame.begin(), frame.begin() + 6, mac.begin());
  return mac;
}

bool is_arp_request(const Octets& frame) {
  return frame[12] == 0x08 && frame[13] == 0x06 && frame[21] == 1;
}

TEST_CASE("the first packet to a neighbour waits for ARP") {
  Rig rig;
  CHECK(rig.send(sctp(), "192.0.2.1", "192.0.2.2"));
  const auto asked = rig.sent();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0] ==
        ethernet(kEveryone, kOurMac, 0x0806, arp(1, kOurMac, "192.0.2.1", {}, "192.0.2.2")));
  CHECK(rig.receive(arp_frame(2, kPeerMac, "192.0.2.2", "192.0.2.1")) == 0);
  const auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(destination_of(sent[0]) == kPeerMac);
  Octets expected = ethernet(kPeerMac, kOurMac, 0x0800,
                             ipv4("192.0.2.1", "192.0.2.2", 132, sctp(), {.id = 0, .options = {}}));
  CHECK(sent[0] == expected);
  CHECK(rig.count(Counter::arp_received) == 1);
  CHECK(rig.stack->next_deadline() == kNever);
}

TEST_CASE("the first packet to a neighbour waits for neighbour discovery") {
  Rig rig;
  CHECK(rig.send(sctp(), "2001:db8::1", "2001:db8::2"));
  const auto asked = rig.sent();
  REQUIRE(asked.size() == 1);
  CHECK(asked[0] ==
        ethernet({0x33, 0x33, 0xff, 0, 0, 2}, kOurMac, 0x86dd,
                 discovery(135, "2001:db8::1", "ff02::1:ff00:2", 0, "2001:db8::2", kOurMac)));
  CHECK(rig.receive(advertisement(kPeerMac)) == 0);
  const auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(destination_of(sent[0]) == kPeerMac);
  CHECK(rig.count(Counter::nd_received) == 1);
}

TEST_CASE("a neighbour that does not answer is asked three times, then its packets are dropped") {
  Rig rig;
  CHECK(rig.send(sctp(), "192.0.2.1", "192.0.2.2"));
  CHECK(rig.send(sctp(), "192.0.2.1", "192.0.2.2"));
  CHECK(rig.sent().size() == 1);
  rig.pass(milliseconds(1400));
  CHECK(rig.sent().size() == 2);
  CHECK(rig.count(Counter::drop_neighbour_queue) == 0);
  rig.pass(milliseconds(200));
  CHECK(rig.count(Counter::drop_neighbour_queue) == 2);
  CHECK(rig.stack->next_deadline() == kNever);
  CHECK_FALSE(rig.send(sctp(), "192.0.2.1", "192.0.2.2"));  // not asked again at once
  rig.pass(seconds(1));
  CHECK(rig.send(sctp(), "192.0.2.1", "192.0.2.2"));
  CHECK(rig.sent().size() == 1);
}

TEST_CASE("few packets wait for a neighbour, and few in all") {
  Rig rig;
  int taken = 0;
  for (int i = 0; i < 40; ++i) taken += rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  CHECK(taken == NeighbourTable::kHeldPerNeighbour);
  for (int host = 3; host < 60; ++host) {
    for (int i = 0; i < 16; ++i) {
      taken += rig.send(sctp(), "192.0.2.1", "192.0.2." + std::to_string(host));
    }
  }
  CHECK(taken == NeighbourTable::kHeldMax);
  rig.receive(arp_frame(2, kPeerMac, "192.0.2.2", "192.0.2.1"));
  std::size_t to_peer = 0;
  for (const Octets& frame : rig.sent()) to_peer += destination_of(frame) == kPeerMac;
  CHECK(to_peer == NeighbourTable::kHeldPerNeighbour);
}

TEST_CASE("what nobody asked for makes no neighbour") {
  Rig rig;
  rig.receive(arp_frame(2, kPeerMac, "192.0.2.2", "192.0.2.1"));
  rig.receive(arp_frame(1, kPeerMac, "192.0.2.2", "192.0.2.1"));
  rig.receive(arp_frame(1, kPeerMac, "192.0.2.2", "192.0.2.2", kEveryone));
  rig.receive(advertisement(kPeerMac));
  rig.sent();
  rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  const auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(is_arp_request(sent[0]));
}

TEST_CASE("ARP requests for our address are answered, others are not") {
  Rig rig;
  rig.receive(arp_frame(1, kPeerMac, "192.0.2.2", "192.0.2.1", kEveryone));
  auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] ==
        ethernet(kPeerMac, kOurMac, 0x0806, arp(2, kOurMac, "192.0.2.1", kPeerMac, "192.0.2.2")));
  rig.receive(arp_frame(1, kPeerMac, "0.0.0.0", "192.0.2.1", kEveryone));  // is it free? No.
  CHECK(rig.sent().size() == 1);
  rig.receive(arp_frame(1, kPeerMac, "192.0.2.2", "192.0.2.3", kEveryone));
  rig.receive(arp_frame(1, kPeerMac, "192.0.2.2", "198.51.100.1", kEveryone));  // of interface b
  CHECK(rig.sent().empty());
  CHECK(rig.count(Counter::drop_not_for_us) == 2);
}

TEST_CASE("neighbour solicitations for our address are answered") {
  Rig rig;
  const MacAddress group{0x33, 0x33, 0xff, 0, 0, 1};
  rig.receive(
      ethernet(group, kPeerMac, 0x86dd,
               discovery(135, "2001:db8::2", "ff02::1:ff00:1", 0, "2001:db8::1", kPeerMac)));
  auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] ==
        ethernet(kPeerMac, kOurMac, 0x86dd,
                 discovery(136, "2001:db8::1", "2001:db8::2", 0x60000000, "2001:db8::1", kOurMac)));
  // Someone wants to take our address.
  rig.receive(ethernet(group, kPeerMac, 0x86dd,
                       discovery(135, "::", "ff02::1:ff00:1", 0, "2001:db8::1", std::nullopt)));
  sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] ==
        ethernet({0x33, 0x33, 0, 0, 0, 1}, kOurMac, 0x86dd,
                 discovery(136, "2001:db8::1", "ff02::1", 0x20000000, "2001:db8::1", kOurMac)));
  rig.receive(
      ethernet(group, kPeerMac, 0x86dd,
               discovery(135, "2001:db8::2", "ff02::1:ff00:9", 0, "2001:db8::9", kPeerMac)));
  CHECK(rig.sent().empty());
  CHECK(rig.count(Counter::drop_not_for_us) == 1);
}

TEST_CASE("malformed ARP and neighbour discovery is counted") {
  const auto check = [](const Octets& frame) {
    Rig rig;
    rig.receive(frame);
    CHECK(rig.count(Counter::drop_bad_neighbour) == 1);
    CHECK(rig.sent().empty());
  };
  const Octets good = arp(1, kPeerMac, "192.0.2.2", kOurMac, "192.0.2.1");
  for (const auto& [at, value] : std::vector<std::pair<std::size_t, std::uint8_t>>{
           {1, 6}, {3, 1}, {4, 8}, {5, 16}, {7, 3}, {8, 0x03}, {14, 0xe0}}) {
    Octets bad = good;
    bad[at] = value;
    check(ethernet(kOurMac, kPeerMac, 0x0806, bad));
  }
  check(ethernet(kOurMac, kPeerMac, 0x0806, Octets(good.begin(), good.end() - 1)));
  //= rfc4861 7.1 type=test
  const auto to_us = [](const Octets& packet) {
    return ethernet(kOurMac, kPeerMac, 0x86dd, packet);
  };
  check(to_us(discovery(136, "2001:db8::2", "2001:db8::1", 0, "2001:db8::2", kPeerMac, 64)));
  check(to_us(discovery(136, "2001:db8::2", "2001:db8::1", 0, "ff02::2", kPeerMac)));
  check(to_us(discovery(136, "2001:db8::2", "2001:db8::1", 0, "2001:db8::2", kEveryone)));
  check(to_us(discovery(135, "::", "2001:db8::1", 0, "2001:db8::1", std::nullopt)));
  check(to_us(discovery(135, "::", "ff02::1:ff00:1", 0, "2001:db8::1", kPeerMac)));
  check(to_us(icmp6("2001:db8::2", "2001:db8::1", 135, 0, 0, Octets(8), 255)));
  check(to_us(icmp6("2001:db8::2", "2001:db8::1", 135, 1, 0, Octets(16), 255)));
  Octets body;
  append(body, ip("2001:db8::1").bytes);
  append(body, Octets{1, 0, 0, 0, 0, 0, 0, 0});  // an option of no length
  check(to_us(icmp6("2001:db8::2", "2001:db8::1", 135, 0, 0, body, 255)));
  body[17] = 2;  // longer than the message
  check(to_us(icmp6("2001:db8::2", "2001:db8::1", 135, 0, 0, body, 255)));
}

TEST_CASE("others that claim our address are counted and not believed") {
  Rig rig;
  rig.receive(arp_frame(1, kPeerMac, "192.0.2.1", "192.0.2.1", kEveryone));
  rig.receive(
      ethernet(kOurMac, kPeerMac, 0x86dd,
               discovery(136, "2001:db8::1", "ff02::1", 0x20000000, "2001:db8::1", kPeerMac)));
  CHECK(rig.count(Counter::drop_address_conflict) == 2);
  rig.receive(arp_frame(1, kOurMac, "192.0.2.1", "192.0.2.1", kEveryone));  // our own came back
  CHECK(rig.count(Counter::drop_not_for_us) == 1);
}

TEST_CASE("a known neighbour is asked again when it is used after half a minute") {
  Rig rig;
  rig.meet_v4();
  rig.pass(seconds(29));
  rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  CHECK(rig.sent().size() == 1);
  rig.pass(seconds(2));
  CHECK(rig.sent().empty());
  rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  auto sent = rig.sent();
  REQUIRE(sent.size() == 2);  // the question, to where it was; and the packet, without waiting
  CHECK(is_arp_request(sent[0]));
  CHECK(destination_of(sent[0]) == kPeerMac);
  CHECK(destination_of(sent[1]) == kPeerMac);
  rig.receive(arp_frame(2, kPeerMac, "192.0.2.2", "192.0.2.1"));
  rig.pass(seconds(20));
  rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  CHECK(rig.sent().size() == 1);
}

TEST_CASE("a known neighbour that went away is asked everywhere, then forgotten") {
  Rig rig;
  rig.meet_v4();
  rig.pass(seconds(31));
  rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  rig.sent();
  rig.pass(milliseconds(600));
  auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(destination_of(sent[0]) == kPeerMac);
  rig.pass(milliseconds(500));
  sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(destination_of(sent[0]) == kEveryone);
  CHECK(rig.send(sctp(), "192.0.2.1", "192.0.2.2"));  // still used
  rig.pass(milliseconds(1600));
  rig.sent();
  CHECK_FALSE(rig.send(sctp(), "192.0.2.1", "192.0.2.2"));
  CHECK(rig.count(Counter::drop_neighbour_queue) == 1);
}

TEST_CASE("a neighbour that moved is verified before it is believed") {
  Rig rig;
  rig.meet_v4();
  rig.pass(seconds(1));
  rig.receive(arp_frame(2, kOtherMac, "192.0.2.2", "192.0.2.2", kEveryone));
  auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(is_arp_request(sent[0]));
  CHECK(destination_of(sent[0]) == kEveryone);
  rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  CHECK(destination_of(rig.sent().at(0)) == kPeerMac);
  rig.receive(arp_frame(2, kOtherMac, "192.0.2.2", "192.0.2.1"));
  rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  CHECK(destination_of(rig.sent().at(0)) == kOtherMac);
}

TEST_CASE("an advertisement without an address confirms the one that is known") {
  Rig rig;
  rig.meet_v6();
  rig.pass(seconds(31));
  rig.send(sctp(), "2001:db8::1", "2001:db8::2");
  CHECK(rig.sent().size() == 2);
  rig.receive(ethernet(
      kOurMac, kPeerMac, 0x86dd,
      discovery(136, "2001:db8::2", "2001:db8::1", 0x40000000, "2001:db8::2", std::nullopt)));
  CHECK(rig.stack->next_deadline() == kNever);
  rig.send(sctp(), "2001:db8::1", "2001:db8::2");
  CHECK(rig.sent().size() == 1);
}

TEST_CASE("what one lcore learns can be told to another that asked") {
  StackConfig config = two_interfaces();
  config.share_neighbours = true;
  Rig asker(config), hearer(config);
  asker.send(sctp(), "192.0.2.1", "192.0.2.2");
  asker.sent();
  hearer.receive(arp_frame(2, kPeerMac, "192.0.2.2", "192.0.2.1"));
  LearntNeighbour learnt;
  REQUIRE(hearer.stack->next_learnt(learnt));
  CHECK(learnt.address == ip("192.0.2.2"));
  CHECK(learnt.mac == kPeerMac);
  CHECK_FALSE(hearer.stack->next_learnt(learnt));
  asker.stack->on_neighbour_learnt(asker.now, learnt);
  CHECK(asker.sent().size() == 1);
  hearer.stack->on_neighbour_learnt(hearer.now, learnt);  // did not ask: nothing is made
  hearer.send(sctp(), "192.0.2.1", "192.0.2.2");
  CHECK(is_arp_request(hearer.sent().at(0)));
}

TEST_CASE("a flood of neighbours that do not exist does not push out one that does") {
  StackConfig config = two_interfaces();
  config.interfaces[0].addresses = {*Prefix::parse("10.0.0.1/8")};
  config.neighbours_max = 32;
  Rig rig(config);
  rig.send(sctp(), "", "10.0.0.2");
  rig.receive(arp_frame(2, kPeerMac, "10.0.0.2", "10.0.0.1"));
  rig.sent();
  for (int i = 0; i < 2000; ++i) {
    rig.send(sctp(), "", "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1));
    rig.sent();
  }
  rig.send(sctp(), "", "10.0.0.2");
  const auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(destination_of(sent[0]) == kPeerMac);
}

TEST_CASE("addresses are announced") {
  Rig rig;
  rig.stack->announce();
  const auto sent = rig.sent();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0] ==
        ethernet(kEveryone, kOurMac, 0x0806, arp(1, kOurMac, "192.0.2.1", {}, "192.0.2.1")));
  CHECK(sent[1] ==
        ethernet({0x33, 0x33, 0, 0, 0, 1}, kOurMac, 0x86dd,
                 discovery(136, "2001:db8::1", "ff02::1", 0x20000000, "2001:db8::1", kOurMac)));
  CHECK(rig.sent(1).size() == 2);
}

}  // namespace
}  // namespace millrace::net
