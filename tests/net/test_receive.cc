#include "tests/net/rig.h"

namespace millrace::net {
namespace {

Octets from_peer(const Octets& packet, unsigned vlan = 0) {
  const unsigned type = packet[0] >> 4 == 4 ? 0x0800 : 0x86dd;
  return ethernet(kOurMac, kPeerMac, type, packet, vlan);
}

Octets sctp_v4(const Octets& packet = sctp()) {
  return ipv4("192.0.2.2", "192.0.2.1", 132, packet);
}

Octets sctp_v6(const Octets& packet = sctp()) {
  return ipv6("2001:db8::2", "2001:db8::1", 132, packet);
}

void check_dropped(const Octets& frame, Counter why, std::uint8_t flags = 0) {
  Rig rig;
  CHECK(rig.receive(frame, 0, flags) == 0);
  INFO(counter_name(why));
  CHECK(rig.count(why) == 1);
  CHECK(rig.sent().empty());
}

TEST_CASE("an SCTP packet in IPv4 comes out with its addresses") {
  Rig rig;
  Octets frame = from_peer(sctp_v4());
  frame.resize(frame.size() + 6);  // padding of a short frame
  REQUIRE(rig.receive(frame) == 1);
  const SctpPacket& packet = rig.received[0];
  CHECK(packet.source == ip("192.0.2.2"));
  CHECK(packet.destination == ip("192.0.2.1"));
  CHECK(Octets(packet.bytes.begin(), packet.bytes.end()) == sctp());
  CHECK(packet.bytes.data() == packet.buffer->data);
  CHECK(packet.interface_index == 0);
  const SctpPacket again = sctp_packet_of(*packet.buffer);
  CHECK(again.source == packet.source);
  CHECK(again.destination == packet.destination);
  CHECK(again.bytes.data() == packet.bytes.data());
  CHECK(again.bytes.size() == packet.bytes.size());
}

TEST_CASE("an SCTP packet in IPv6 comes out with its addresses") {
  Rig rig;
  REQUIRE(rig.receive(from_peer(sctp_v6())) == 1);
  const SctpPacket again = sctp_packet_of(*rig.received[0].buffer);
  CHECK(again.source == ip("2001:db8::2"));
  CHECK(again.destination == ip("2001:db8::1"));
  CHECK(Octets(again.bytes.begin(), again.bytes.end()) == sctp());
}

TEST_CASE("an address of ours is served on every interface") {
  Rig rig;
  Octets frame = ethernet(kOurSecondMac, kPeerMac, 0x0800, sctp_v4());
  CHECK(rig.receive(frame, 1) == 1);
  CHECK(rig.received[0].interface_index == 1);
}

TEST_CASE("IPv4 options are stepped over, source routes are not taken") {
  Ipv4Options options;
  options.options = {1, 7, 7, 4, 0, 0, 0, 0};
  Rig rig;
  CHECK(rig.receive(from_peer(ipv4("192.0.2.2", "192.0.2.1", 132, sctp(), options))) == 1);
  CHECK(Octets(rig.received[0].bytes.begin(), rig.received[0].bytes.end()) == sctp());
  for (const std::uint8_t type : {131, 137}) {
    options.options = {type, 7, 4, 10, 0, 0, 1, 0};
    check_dropped(from_peer(ipv4("192.0.2.2", "192.0.2.1", 132, sctp(), options)),
                  Counter::drop_bad_ip);
  }
  options.options = {7, 9, 4, 0};  // longer than the header
  check_dropped(from_peer(ipv4("192.0.2.2", "192.0.2.1", 132, sctp(), options)),
                Counter::drop_bad_ip);
  options.options = {7, 1, 4, 0};  // shorter than itself
  check_dropped(from_peer(ipv4("192.0.2.2", "192.0.2.1", 132, sctp(), options)),
                Counter::drop_bad_ip);
}

TEST_CASE("IPv6 extension headers are stepped over") {
  Octets chain{43, 0, 1, 4, 0, 0, 0, 0};           // hop-by-hop: PadN
  append(chain, Octets{60, 0, 4, 0, 0, 0, 0, 0});  // routing, no segments left
  append(chain,
         Octets{44, 0, 0x1e, 4, 0, 0, 0, 0});  // destination options: unknown, may be skipped
  //= rfc6946 4 type=test
  append(chain, Octets{132, 0, 0, 0, 0, 0, 0, 9});  // fragment header of a whole packet
  append(chain, sctp());
  Rig rig;
  REQUIRE(rig.receive(from_peer(ipv6("2001:db8::2", "2001:db8::1", 0, chain))) == 1);
  CHECK(Octets(rig.received[0].bytes.begin(), rig.received[0].bytes.end()) == sctp());
}

TEST_CASE("IPv6 extension headers that must not be stepped over are not") {
  const auto with = [](unsigned next_header, Octets extension) {
    append(extension, sctp());
    return from_peer(ipv6("2001:db8::2", "2001:db8::1", next_header, extension));
  };
  check_dropped(with(60, {132, 0, 0x5e, 4, 0, 0, 0, 0}), Counter::drop_bad_ip);  // discard
  check_dropped(with(60, {132, 0, 1, 5, 0, 0, 0, 0}), Counter::drop_bad_ip);     // option too long
  check_dropped(with(60, {132, 200, 1, 4, 0, 0, 0, 0}), Counter::drop_bad_ip);   // header too long
  check_dropped(with(43, {132, 0, 0, 1, 0, 0, 0, 0}), Counter::drop_bad_ip);     // segments left
  check_dropped(with(60, {0, 0, 1, 4, 0, 0, 0, 0}), Counter::drop_bad_ip);  // hop-by-hop second
  Octets chain;
  for (int i = 0; i < 20; ++i) append(chain, Octets{60, 0, 1, 4, 0, 0, 0, 0});
  check_dropped(with(60, chain), Counter::drop_bad_ip);  // endless chain
}

TEST_CASE("frames that are not ours or not understood are counted") {
  const Octets good = from_peer(sctp_v4());
  check_dropped(Octets(good.begin(), good.begin() + 13), Counter::drop_bad_ethernet);
  check_dropped(ethernet(kOurMac, kPeerMac, 0x88cc, sctp_v4()), Counter::drop_bad_ethernet);
  check_dropped(ethernet(kOurMac, kPeerMac, 0x0800, sctp_v4(), 77), Counter::drop_bad_ethernet);
  check_dropped(ethernet(kOtherMac, kPeerMac, 0x0800, sctp_v4()), Counter::drop_not_for_us);
  check_dropped(ethernet(kEveryone, kPeerMac, 0x0800, sctp_v4()), Counter::drop_not_for_us);
  check_dropped(from_peer(ipv4("192.0.2.2", "192.0.2.9", 132, sctp())), Counter::drop_not_for_us);
  check_dropped(from_peer(ipv6("2001:db8::2", "2001:db8::9", 132, sctp())),
                Counter::drop_not_for_us);
  check_dropped(from_peer(ipv4("192.0.2.2", "127.0.0.1", 132, sctp())), Counter::drop_not_for_us);
  check_dropped(from_peer(ipv4("192.0.2.2", "192.0.2.1", 6, sctp())), Counter::drop_ip_protocol);
  check_dropped(from_peer(ipv4("192.0.2.2", "192.0.2.1", 58, sctp())), Counter::drop_ip_protocol);
  check_dropped(from_peer(ipv6("2001:db8::2", "2001:db8::1", 17, sctp())),
                Counter::drop_ip_protocol);
}

TEST_CASE("malformed IP headers are counted") {
  Octets packet = sctp_v4();
  packet[8] ^= 1;  // the checksum does not match any more
  check_dropped(from_peer(packet), Counter::drop_bad_ip);
  packet = sctp_v4();
  check_dropped(from_peer(Octets(packet.begin(), packet.begin() + 19)), Counter::drop_bad_ip);
  check_dropped(from_peer(Octets(packet.begin(), packet.end() - 1)), Counter::drop_bad_ip);
  packet[0] = 0x44;
  check_dropped(from_peer(packet), Counter::drop_bad_ip);
  packet[0] = 0x65;
  check_dropped(ethernet(kOurMac, kPeerMac, 0x0800, packet), Counter::drop_bad_ip);
  packet = sctp_v6();
  check_dropped(from_peer(Octets(packet.begin(), packet.end() - 1)), Counter::drop_bad_ip);
  check_dropped(from_peer(Octets(packet.begin(), packet.begin() + 39)), Counter::drop_bad_ip);
  // An IPv4-mapped source must not pass for IPv4.
  check_dropped(ethernet(kOurMac, kPeerMac, 0x86dd,
                         [] {
                           Octets mapped = sctp_v6();
                           std::fill(mapped.begin() + 8, mapped.begin() + 18, std::uint8_t{0});
                           mapped[18] = mapped[19] = 0xff;
                           return mapped;
                         }()),
                Counter::drop_bad_ip);
}

TEST_CASE("SCTP packets with a wrong checksum, length or source are counted") {
  //= rfc9260 6.8#3,4 type=test
  Octets packet = sctp();
  packet[20 - 1] ^= 1;
  check_dropped(from_peer(sctp_v4(packet)), Counter::drop_bad_checksum);
  check_dropped(from_peer(sctp_v6(packet)), Counter::drop_bad_checksum);
  check_dropped(from_peer(sctp_v4(Octets(packet.begin(), packet.begin() + 15))),
                Counter::drop_short_packet);
  // RFC 9260 8.4
  for (const char* source :
       {"0.0.0.0", "0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255", "127.0.0.1"}) {
    check_dropped(from_peer(ipv4(source, "192.0.2.1", 132, sctp())), Counter::drop_bad_address);
  }
  for (const char* source : {"::", "ff02::1", "::1"}) {
    check_dropped(from_peer(ipv6(source, "2001:db8::1", 132, sctp())), Counter::drop_bad_address);
  }
}

TEST_CASE("nothing from the wire has an address of ours as its source") {
  for (const char* source : {"192.0.2.1", "198.51.100.1"}) {
    check_dropped(from_peer(ipv4(source, "192.0.2.1", 132, sctp())), Counter::drop_bad_address);
    check_dropped(from_peer(ipv4(source, "192.0.2.1", 132, sctp(),
                                 {.flags_and_offset = 0x2000, .options = {}})),
                  Counter::drop_bad_address);
    check_dropped(from_peer(ipv4(source, "192.0.2.1", 1, icmp4(8, 0, 1, Octets(8)))),
                  Counter::drop_bad_address);
    check_dropped(from_peer(ipv4(source, "192.0.2.1", 1,
                                 icmp4(3, 1, 0, ipv4("192.0.2.1", "203.0.113.5", 132, sctp())))),
                  Counter::drop_bad_address);
  }
  for (const char* source : {"2001:db8::1", "2001:db8:1::1"}) {
    check_dropped(from_peer(ipv6(source, "2001:db8::1", 132, sctp())), Counter::drop_bad_address);
    check_dropped(from_peer(icmp6(source, "2001:db8::1", 128, 0, 1, Octets(8))),
                  Counter::drop_bad_address);
    check_dropped(from_peer(icmp6(source, "2001:db8::1", 1, 0, 0,
                                  ipv6("2001:db8::1", "2001:db8:9::5", 132, sctp()))),
                  Counter::drop_bad_address);
  }
}

TEST_CASE("what is sent to ourselves comes back without the wire") {
  Rig rig;
  REQUIRE(rig.send(sctp(), "192.0.2.1", "192.0.2.1"));
  REQUIRE(rig.send(sctp(), "127.0.0.1", "127.0.0.1"));
  SctpPacket packets[2];
  REQUIRE(rig.stack->next_local(packets) == 2);
  for (const SctpPacket& packet : packets) rig.received.push_back(packet);
  CHECK(packets[0].source == ip("192.0.2.1"));
  CHECK(rig.sent().empty());
}

TEST_CASE("what the port says about the checksum is believed") {
  Octets wrong = sctp();
  wrong[8] ^= 1;
  Rig rig;
  CHECK(rig.receive(from_peer(sctp_v4(wrong)), 0, kChecksumVerified) == 1);
  check_dropped(from_peer(sctp_v4()), Counter::drop_bad_checksum, kChecksumBad);
}

TEST_CASE("frames of a VLAN belong to its interface, tagged in the frame or by the port") {
  StackConfig config = two_interfaces();
  config.interfaces[1].port = 0;
  config.interfaces[1].vlan = 42;
  config.interfaces[1].traits.mac = kOurMac;
  Rig rig(config);
  const Octets packet = ipv4("198.51.100.2", "198.51.100.1", 132, sctp());
  CHECK(rig.receive(from_peer(packet, 42)) == 1);
  CHECK(rig.received[0].interface_index == 1);
  CHECK(rig.receive(from_peer(packet, 0xe000 | 42)) == 1);  // with a priority
  CHECK(rig.receive(from_peer(packet), 0, 0, 0xe000 | 42) == 1);
  CHECK(rig.received[2].interface_index == 1);
  CHECK(rig.receive(from_peer(sctp_v4(), 0xe000)) == 1);  // a priority only: untagged
  CHECK(rig.received[3].interface_index == 0);
  CHECK(rig.receive(from_peer(packet, 43)) == 0);
  CHECK(rig.count(Counter::drop_bad_ethernet) == 1);
  Octets cut = from_peer(packet, 42);
  cut.resize(17);
  CHECK(rig.receive(cut) == 0);
  CHECK(rig.count(Counter::drop_bad_ethernet) == 2);
}

TEST_CASE("a burst keeps its order and skips what is no SCTP") {
  Rig rig;
  std::vector<Buffer*> frames;
  for (std::uint32_t i = 0; i < 8; ++i) {
    frames.push_back(rig.buffer_of(from_peer(sctp_v4(i % 2 == 0 ? sctp(4, i) : Octets(20, 0xee)))));
  }
  std::vector<SctpPacket> out(8);
  REQUIRE(rig.stack->on_frames(rig.now, 0, frames, out) == 4);
  for (std::uint32_t i = 0; i < 4; ++i) {
    CHECK(load_be32(out[i].bytes.data() + 4) == 2 * i);
    rig.received.push_back(out[i]);
  }
  CHECK(rig.count(Counter::packets_received) == 8);
  CHECK(rig.count(Counter::sctp_packets_received) == 4);
}

}  // namespace
}  // namespace millrace::net
