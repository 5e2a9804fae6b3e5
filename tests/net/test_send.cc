#include "tests/net/rig.h"

namespace millrace::net {
namespace {

Octets without_checksum(Octets packet) {
  std::fill(packet.begin() + 8, packet.begin() + 12, std::uint8_t{0});
  return packet;
}

const Ipv4Options kPlain{.id = 0, .options = {}};

//= rfc9260 6.8#1,2 type=test
TEST_CASE("a packet to a known neighbour leaves with all its headers") {
  Rig rig;
  rig.meet_v4();
  for (const std::size_t fill : {std::size_t{4}, std::size_t{100}, std::size_t{1464}}) {
    CHECK(rig.send(without_checksum(sctp(fill)), "192.0.2.1", "192.0.2.2"));
    const auto sent = rig.sent();
    REQUIRE(sent.size() == 1);
    CHECK(sent[0] == ethernet(kPeerMac, kOurMac, 0x0800,
                              ipv4("192.0.2.1", "192.0.2.2", 132, sctp(fill), kPlain)));
  }
}

TEST_CASE("a packet over IPv6 leaves with all its headers") {
  Rig rig;
  rig.meet_v6();
  CHECK(rig.send(without_checksum(sctp(100)), "2001:db8::1", "2001:db8::2"));
  auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  // The flow label is the stack's choice: any, but always the same one.
  Octets expected =
      ethernet(kPeerMac, kOurMac, 0x86dd, ipv6("2001:db8::1", "2001:db8::2", 132, sctp(100)));
  const std::uint32_t label = load_be32(sent[0].data() + 14) & 0xfffff;
  CHECK(label != 0);
  store_be32(expected.data() + 14, 0x60000000 | label);
  CHECK(sent[0] == expected);
  CHECK(rig.send(sctp(100), "2001:db8::1", "2001:db8::2"));
  CHECK(rig.sent().at(0) == expected);
}

TEST_CASE("a packet in a VLAN has the tag") {
  StackConfig config = two_interfaces();
  config.interfaces[0].vlan = 42;
  Rig rig(config);
  rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  rig.receive(
      ethernet(kOurMac, kPeerMac, 0x0806, arp(2, kPeerMac, "192.0.2.2", kOurMac, "192.0.2.1"), 42));
  const auto sent = rig.sent();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0] ==
        ethernet(kEveryone, kOurMac, 0x0806, arp(1, kOurMac, "192.0.2.1", {}, "192.0.2.2"), 42));
  CHECK(sent[1] == ethernet(kPeerMac, kOurMac, 0x0800,
                            ipv4("192.0.2.1", "192.0.2.2", 132, sctp(), kPlain), 42));
}

TEST_CASE("the code point goes into the traffic class and nowhere else") {
  Rig rig;
  rig.meet_v4();
  rig.meet_v6();
  rig.send(sctp(), "192.0.2.1", "192.0.2.2", {.marking = {.dscp = 46}});
  rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  rig.send(sctp(), "2001:db8::1", "2001:db8::2", {.marking = {.dscp = 46}});
  rig.send(sctp(), "2001:db8::1", "2001:db8::2");
  const auto sent = rig.sent();
  REQUIRE(sent.size() == 4);
  CHECK(sent[0][15] == 46 << 2);
  CHECK(slow_checksum(Octets(sent[0].begin() + 14, sent[0].begin() + 34)) == 0);
  CHECK(sent[1][15] == 0);
  CHECK((load_be32(sent[2].data() + 14) >> 20 & 0xff) == 46 << 2);
  CHECK((load_be32(sent[3].data() + 14) >> 20 & 0xff) == 0);
}

TEST_CASE("a label of one's own and a hop limit stand in the header, and in no other packet's") {
  Rig rig;
  rig.meet_v4();
  rig.meet_v6();
  const Marking marking{.flow_label = 0xabcde, .hops = 9};
  rig.send(sctp(), "192.0.2.1", "192.0.2.2", {.marking = marking});
  rig.send(sctp(), "2001:db8::1", "2001:db8::2", {.marking = marking});
  rig.send(sctp(), "2001:db8::1", "2001:db8::2", {.marking = {.flow_label = 0}});
  rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  rig.send(sctp(), "2001:db8::1", "2001:db8::2");
  const auto sent = rig.sent();
  REQUIRE(sent.size() == 5);
  CHECK(sent[0][14 + 8] == 9);
  CHECK(slow_checksum(Octets(sent[0].begin() + 14, sent[0].begin() + 34)) == 0);
  CHECK(load_be32(sent[1].data() + 14) == 0x600abcde);
  CHECK(sent[1][14 + 7] == 9);
  CHECK(load_be32(sent[2].data() + 14) == 0x60000000);
  CHECK(sent[3][14 + 8] == 64);
  CHECK((load_be32(sent[4].data() + 14) & 0xfffff) != 0);
  CHECK(sent[4][14 + 7] == 64);
}

TEST_CASE("without a source the best one is taken") {
  Rig rig;
  rig.meet_v4();
  CHECK(rig.send(sctp(), "", "192.0.2.2"));
  CHECK(rig.sent().at(0) ==
        ethernet(kPeerMac, kOurMac, 0x0800, ipv4("192.0.2.1", "192.0.2.2", 132, sctp(), kPlain)));
}

//= rfc9260 6.8#5 type=test
TEST_CASE("the port computes the checksum where it can") {
  StackConfig config = two_interfaces();
  config.interfaces[0].traits.sctp_checksum_on_send = true;
  Rig rig(config);
  rig.meet_v4();
  rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  const auto sent = rig.sent();
  CHECK(rig.ports[0].flags.back() == kChecksumByPort);
  CHECK(Octets(sent[0].begin() + 34, sent[0].end()) == without_checksum(sctp()));
}

TEST_CASE("packets without a way are counted") {
  Rig rig;
  CHECK_FALSE(rig.send(sctp(), "192.0.2.1", "203.0.113.1"));  // no route
  CHECK_FALSE(rig.send(sctp(), "192.0.2.99", "192.0.2.2"));   // not our address
  CHECK_FALSE(rig.send(sctp(), "192.0.2.1", "2001:db8::2"));  // of two versions
  CHECK_FALSE(rig.send(sctp(), "127.0.0.1", "192.0.2.2"));    // loopback does not leave
  CHECK(rig.count(Counter::drop_no_route) == 4);
  rig.meet_v4();
  CHECK_FALSE(rig.send(sctp(1465), "192.0.2.1", "192.0.2.2"));
  CHECK(rig.count(Counter::drop_too_big) == 1);
  CHECK(rig.sent().empty());
}

TEST_CASE("a full port is tried twice, then its packets are counted") {
  Rig rig;
  rig.meet_v4();
  rig.ports[0].room = 3;
  for (int i = 0; i < 5; ++i) CHECK(rig.send(sctp(), "192.0.2.1", "192.0.2.2"));
  const std::size_t calls = rig.ports[0].calls;
  CHECK(rig.sent().size() == 3);
  CHECK(rig.ports[0].calls == calls + 2);
  CHECK(rig.count(Counter::drop_port_full) == 2);
}

TEST_CASE("a full burst does not wait for the flush") {
  Rig rig;
  rig.meet_v4();
  for (std::size_t i = 0; i < kBurstMax; ++i) rig.send(sctp(), "192.0.2.1", "192.0.2.2");
  CHECK(rig.ports[0].sent.size() == kBurstMax);
}

TEST_CASE("what leaves by a port that this lcore has no queue of is counted") {
  BufferPool pool(64);
  BufferSlab slab(pool, 64);
  Counters counters;
  PortQueue* none[] = {nullptr, nullptr};
  {
    Stack stack(two_interfaces(), none, pool, counters);
    stack.announce();
    stack.flush();
  }
  CHECK(counters.get(Counter::drop_port_full) == 4);
  CHECK(pool.free_count() == 64);
}

TEST_CASE("packets to ourselves come back") {
  Rig rig;
  const Octets packet = without_checksum(sctp(1900));
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"192.0.2.1", "192.0.2.1"},
                                                        {"198.51.100.1", "192.0.2.1"},
                                                        {"127.0.0.1", "127.0.0.1"},
                                                        {"::1", "::1"},
                                                        {"", "2001:db8::1"}}) {
    CHECK(rig.send(packet, from, to));
    std::vector<SctpPacket> out(4);
    REQUIRE(rig.stack->next_local(out) == 1);
    CHECK(out[0].source == ip(from.empty() ? to : from));
    CHECK(out[0].destination == ip(to));
    CHECK(Octets(out[0].bytes.begin(), out[0].bytes.end()) == packet);
    CHECK(out[0].buffer->data == out[0].bytes.data());
    rig.received.push_back(out[0]);
  }
  CHECK(rig.sent().empty());
  for (int i = 0; i < 300; ++i) rig.send(packet, "127.0.0.1", "127.0.0.1");
  CHECK(rig.count(Counter::drop_port_full) == 300 - 256);
}

/// Puts together what a stack sent, by another stack at 192.0.2.2.
std::vector<SctpPacket> receive_at_peer(Rig& peer, const std::deque<Octets>& frames) {
  for (const Octets& frame : frames) peer.receive(frame);
  return peer.received;
}

TEST_CASE("a packet that may be fragmented is, and its peer puts it together") {
  StackConfig config = two_interfaces();
  config.interfaces[0].traits.mac = kPeerMac;
  config.interfaces[0].addresses = {*Prefix::parse("192.0.2.2/24"),
                                    *Prefix::parse("2001:db8::2/64")};
  for (const bool is_v4 : {true, false}) {
    Rig rig, peer(config);
    is_v4 ? rig.meet_v4() : rig.meet_v6();
    const std::string from = is_v4 ? "192.0.2.1" : "2001:db8::1";
    const std::string to = is_v4 ? "192.0.2.2" : "2001:db8::2";
    CHECK(rig.send(without_checksum(sctp(1400)), from, to,
                   {.marking = {.dscp = 8}, .fragment_above = 1280}));
    CHECK(rig.send(without_checksum(sctp(1700)), from, to,
                   {.marking = {.dscp = 8}, .fragment_above = 600}));
    const auto frames = rig.sent();
    CHECK(frames.size() == (is_v4 ? 2 + 3 : 2 + 4));
    for (std::size_t i = 2; i < frames.size(); ++i) CHECK(frames[i].size() <= 614);
    const auto packets = receive_at_peer(peer, frames);
    REQUIRE(packets.size() == 2);
    CHECK(Octets(packets[0].bytes.begin(), packets[0].bytes.end()) == sctp(1400));
    CHECK(Octets(packets[1].bytes.begin(), packets[1].bytes.end()) == sctp(1700));
    // What is small enough is left whole.
    CHECK(rig.send(sctp(), from, to, {.fragment_above = 1280}));
    CHECK(rig.sent().size() == 1);
  }
}

}  // namespace
}  // namespace millrace::net
