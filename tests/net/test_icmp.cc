#include "tests/net/rig.h"

namespace millrace::net {
namespace {

Octets from_peer(const Octets& packet) {
  return ethernet(kOurMac, kPeerMac, packet[0] >> 4 == 4 ? 0x0800 : 0x86dd, packet);
}

Octets error_v4(unsigned type, unsigned code, std::uint32_t rest, const Octets& quote) {
  return from_peer(ipv4("192.0.2.254", "192.0.2.1", 1, icmp4(type, code, rest, quote)));
}

Octets error_v6(unsigned type, unsigned code, std::uint32_t rest, const Octets& quote) {
  return from_peer(icmp6("2001:db8::fe", "2001:db8::1", type, code, rest, quote));
}

Octets quoted_v4() {
  return ipv4("192.0.2.1", "203.0.113.5", 132, sctp(20, 0xcafe));
}

Octets quoted_v6() {
  return ipv6("2001:db8::1", "2001:db8:9::5", 132, sctp(20, 0xcafe));
}

IcmpError the_error(const Octets& frame) {
  Rig rig;
  rig.receive(frame);
  CHECK(rig.count(Counter::icmp_errors_received) == 1);
  IcmpError error;
  REQUIRE(rig.stack->next_icmp_error(error));
  IcmpError none;
  CHECK_FALSE(rig.stack->next_icmp_error(none));
  CHECK(load_be32(error.quoted_sctp().data() + 4) == 0xcafe);
  return error;
}

void check_dropped(const Octets& frame, Counter why = Counter::drop_bad_icmp) {
  Rig rig;
  rig.receive(frame);
  CHECK(rig.count(why) == 1);
  IcmpError error;
  CHECK_FALSE(rig.stack->next_icmp_error(error));
  CHECK(rig.sent().empty());
}

TEST_CASE("ICMP errors say what happened to a packet of ours") {
  const auto kind = [](unsigned type, unsigned code) {
    return the_error(error_v4(type, code, 0, quoted_v4())).kind;
  };
  CHECK(kind(3, 0) == IcmpErrorKind::kUnreachable);
  CHECK(kind(3, 1) == IcmpErrorKind::kUnreachable);
  CHECK(kind(3, 2) == IcmpErrorKind::kProtocolUnreachable);
  CHECK(kind(3, 3) == IcmpErrorKind::kPortUnreachable);
  CHECK(kind(3, 13) == IcmpErrorKind::kUnreachable);
  CHECK(kind(11, 0) == IcmpErrorKind::kTimeExceeded);
  CHECK(kind(12, 0) == IcmpErrorKind::kParameterProblem);
  const IcmpError error = the_error(error_v4(3, 4, 1400, quoted_v4()));
  CHECK(error.kind == IcmpErrorKind::kPacketTooBig);
  CHECK(error.next_hop_mtu == 1400);
  CHECK(error.source == ip("192.0.2.1"));
  CHECK(error.destination == ip("203.0.113.5"));
  CHECK(error.quoted_sctp().size() == IcmpError::kQuotedMax);
}

TEST_CASE("ICMPv6 errors say what happened to a packet of ours") {
  const auto kind = [](unsigned type, unsigned code) {
    return the_error(error_v6(type, code, 0, quoted_v6())).kind;
  };
  CHECK(kind(1, 0) == IcmpErrorKind::kUnreachable);
  CHECK(kind(1, 4) == IcmpErrorKind::kPortUnreachable);
  CHECK(kind(3, 0) == IcmpErrorKind::kTimeExceeded);
  CHECK(kind(4, 0) == IcmpErrorKind::kParameterProblem);
  CHECK(kind(4, 1) == IcmpErrorKind::kProtocolUnreachable);
  const IcmpError error = the_error(error_v6(2, 0, 1300, quoted_v6()));
  CHECK(error.kind == IcmpErrorKind::kPacketTooBig);
  CHECK(error.next_hop_mtu == 1300);
  CHECK(error.source == ip("2001:db8::1"));
  CHECK(error.destination == ip("2001:db8:9::5"));
}

TEST_CASE("the quote may stop after the verification tag, not before") {
  Octets quote = quoted_v4();
  quote.resize(28);
  CHECK(the_error(error_v4(3, 1, 0, quote)).quoted_sctp().size() == 8);
  quote.resize(27);
  check_dropped(error_v4(3, 1, 0, quote));
  quote.resize(5);
  check_dropped(error_v4(3, 1, 0, quote));
  quote = quoted_v6();
  quote.resize(47);
  check_dropped(error_v6(1, 0, 0, quote));
}

TEST_CASE("errors about what we cannot have sent are dropped") {
  check_dropped(error_v4(3, 1, 0, ipv4("192.0.2.9", "203.0.113.5", 132, sctp(20, 0xcafe))));
  check_dropped(error_v4(3, 1, 0, ipv4("192.0.2.1", "203.0.113.5", 17, sctp(20, 0xcafe))));
  check_dropped(error_v4(3, 1, 0, quoted_v6()));
  check_dropped(error_v4(
      3, 1, 0,
      ipv4("192.0.2.1", "203.0.113.5", 132, sctp(), {.flags_and_offset = 5, .options = {}})));
  check_dropped(error_v6(1, 0, 0, ipv6("2001:db8::7", "2001:db8:9::5", 132, sctp())));
}

TEST_CASE("an MTU that no path can have is not believed") {
  check_dropped(error_v4(3, 4, 0, quoted_v4()));
  check_dropped(error_v4(3, 4, 68, quoted_v4()));
  check_dropped(error_v6(2, 0, 1279, quoted_v6()));
  CHECK(the_error(error_v6(2, 0, 0x10000, quoted_v6())).next_hop_mtu == 0xffff);
}

TEST_CASE("an error about our fragment is understood") {
  Octets chain{132, 0, 0, 1, 0, 0, 0, 9};
  append(chain, sctp(20, 0xcafe));
  CHECK(the_error(error_v6(2, 0, 1300, ipv6("2001:db8::1", "2001:db8:9::5", 44, chain)))
            .next_hop_mtu == 1300);
}

TEST_CASE("malformed and other ICMP is counted") {
  Octets message = icmp4(8, 0, 1, Octets(8));
  message[7] ^= 1;
  check_dropped(from_peer(ipv4("192.0.2.2", "192.0.2.1", 1, message)));
  check_dropped(from_peer(ipv4("192.0.2.2", "192.0.2.1", 1, Octets(7))));
  Octets packet = icmp6("2001:db8::2", "2001:db8::1", 128, 0, 1, Octets(8));
  packet.back() ^= 1;
  check_dropped(from_peer(packet));
  check_dropped(from_peer(ipv4("192.0.2.2", "192.0.2.1", 1, icmp4(5, 1, 0, quoted_v4()))),
                Counter::drop_icmp_type);
  check_dropped(from_peer(icmp6("2001:db8::2", "2001:db8::1", 137, 0, 0, Octets(32))),
                Counter::drop_icmp_type);
  check_dropped(ethernet({0x33, 0x33, 0, 0, 0, 1}, kPeerMac, 0x86dd,
                         icmp6("2001:db8::2", "ff02::1", 134, 0, 0, Octets(16))),
                Counter::drop_icmp_type);
  check_dropped(ethernet({0x33, 0x33, 0, 0, 0, 1}, kPeerMac, 0x86dd,
                         icmp6("2001:db8::2", "ff02::1", 128, 0, 0, Octets(16))),
                Counter::drop_icmp_type);
}

TEST_CASE("echo requests are answered to where they came from") {
  Rig rig;
  const Octets body{1, 2, 3, 4, 5, 6, 7};
  Ipv4Options options;
  options.options = {1, 1, 1, 1};
  for (const Octets& request :
       {ipv4("203.0.113.7", "192.0.2.1", 1, icmp4(8, 0, 0x00010002, body)),
        ipv4("203.0.113.7", "192.0.2.1", 1, icmp4(8, 0, 0x00010002, body), options)}) {
    rig.receive(from_peer(request));
    const auto sent = rig.sent();
    REQUIRE(sent.size() == 1);
    CHECK(sent[0] == ethernet(kPeerMac, kOurMac, 0x0800,
                              ipv4("192.0.2.1", "203.0.113.7", 1, icmp4(0, 0, 0x00010002, body),
                                   {.id = 0, .options = {}})));
  }
  rig.receive(from_peer(icmp6("2001:db8:9::7", "2001:db8::1", 128, 0, 0x00010002, body)));
  const auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == ethernet(kPeerMac, kOurMac, 0x86dd,
                            icmp6("2001:db8::1", "2001:db8:9::7", 129, 0, 0x00010002, body)));
  CHECK(rig.count(Counter::echo_replies_sent) == 3);
}

TEST_CASE("an echo reply in a VLAN whose tag the port took off has the tag") {
  StackConfig config = two_interfaces();
  config.interfaces[0].vlan = 9;
  Rig rig(config);
  rig.receive(from_peer(ipv4("192.0.2.2", "192.0.2.1", 1, icmp4(8, 0, 1, Octets(4)))), 0, 0, 9);
  const auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == ethernet(kPeerMac, kOurMac, 0x0800,
                            ipv4("192.0.2.1", "192.0.2.2", 1, icmp4(0, 0, 1, Octets(4)),
                                 {.id = 0, .options = {}}),
                            9));
}

TEST_CASE("echo requests that are too large or come from nowhere are not answered") {
  check_dropped(from_peer(ipv4("192.0.2.2", "192.0.2.1", 1, icmp4(8, 0, 1, Octets(1600)))),
                Counter::drop_too_big);
  for (const char* source : {"255.255.255.255", "224.0.0.9", "127.0.0.1", "0.0.0.0"}) {
    check_dropped(from_peer(ipv4(source, "192.0.2.1", 1, icmp4(8, 0, 1, Octets(4)))),
                  Counter::drop_bad_address);
  }
}

TEST_CASE("errors that nobody fetches are bounded") {
  Rig rig;
  for (int i = 0; i < 100; ++i) rig.receive(error_v4(3, 1, 0, quoted_v4()));
  IcmpError error;
  int count = 0;
  while (rig.stack->next_icmp_error(error)) ++count;
  CHECK(count == 64);
  CHECK(rig.count(Counter::drop_no_memory) == 36);
}

}  // namespace
}  // namespace millrace::net
