#include <algorithm>

#include "tests/net/rig.h"

namespace millrace::net {
namespace {

/// A packet's payload cut at the given places; each piece a frame.
std::vector<Octets> cut_v4(const Octets& payload, const std::vector<std::size_t>& cuts,
                           unsigned id = 7, unsigned protocol = 132) {
  std::vector<Octets> frames;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : payload.size();
    Ipv4Options options;
    options.id = id;
    options.flags_and_offset = static_cast<unsigned>((i < cuts.size() ? 0x2000 : 0) | begin / 8);
    const Octets piece(payload.begin() + static_cast<std::ptrdiff_t>(begin),
                       payload.begin() + static_cast<std::ptrdiff_t>(end));
    frames.push_back(ethernet(kOurMac, kPeerMac, 0x0800,
                              ipv4("192.0.2.2", "192.0.2.1", protocol, piece, options)));
    begin = end;
  }
  return frames;
}

Octets piece_v6(const Octets& payload, std::size_t begin, std::size_t end, bool more,
                unsigned protocol = 132, std::uint32_t id = 9) {
  Octets body{static_cast<std::uint8_t>(protocol), 0};
  append16(body, static_cast<unsigned>(begin | (more ? 1 : 0)));
  append32(body, id);
  body.insert(body.end(), payload.begin() + static_cast<std::ptrdiff_t>(begin),
              payload.begin() + static_cast<std::ptrdiff_t>(end));
  return ethernet(kOurMac, kPeerMac, 0x86dd, ipv6("2001:db8::2", "2001:db8::1", 44, body));
}

std::size_t receive_all(Rig& rig, const std::vector<Octets>& frames) {
  std::size_t count = 0;
  for (const Octets& frame : frames) count += rig.receive(frame);
  return count;
}

bool is_received(const Rig& rig, const Octets& packet) {
  const Bytes bytes = rig.received.back().bytes;
  return Octets(bytes.begin(), bytes.end()) == packet;
}

TEST_CASE("IPv4 fragments are put together in every order") {
  const Octets packet = sctp(200);
  std::vector<Octets> frames = cut_v4(packet, {16, 64, 136});
  std::vector<int> order{0, 1, 2, 3};
  do {
    Rig rig;
    std::size_t count = 0;
    for (const int i : order) count += rig.receive(frames[static_cast<std::size_t>(i)]);
    REQUIRE(count == 1);
    CHECK(is_received(rig, packet));
    const SctpPacket again = sctp_packet_of(*rig.received.back().buffer);
    CHECK(again.source == ip("192.0.2.2"));
    CHECK(again.destination == ip("192.0.2.1"));
    CHECK(rig.stack->next_deadline() == kNever);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("IPv6 fragments are put together") {
  const Octets packet = sctp(200);
  Rig rig;
  CHECK(rig.receive(piece_v6(packet, 104, packet.size(), false)) == 0);
  CHECK(rig.receive(piece_v6(packet, 0, 104, true)) == 1);
  CHECK(is_received(rig, packet));
  CHECK(sctp_packet_of(*rig.received.back().buffer).source == ip("2001:db8::2"));
}

TEST_CASE("an extension header inside of what was in fragments is stepped over") {
  Octets chain{132, 0, 1, 4, 0, 0, 0, 0};
  append(chain, sctp(100));
  Rig rig;
  CHECK(rig.receive(piece_v6(chain, 0, 64, true, 60)) == 0);
  CHECK(rig.receive(piece_v6(chain, 64, chain.size(), false, 60)) == 1);
  CHECK(is_received(rig, sctp(100)));
}

TEST_CASE("the largest packet that fits a buffer is put together, a larger one is not") {
  Rig rig;
  const Octets largest = sctp(2048 - 16);
  CHECK(receive_all(rig, cut_v4(largest, {1000})) == 1);
  CHECK(is_received(rig, largest));
  CHECK(receive_all(rig, cut_v4(sctp(2049 - 16), {1000}, 8)) == 0);
  CHECK(rig.count(Counter::drop_ip_fragment) == 1);
}

TEST_CASE("overlapping fragments throw the packet away") {
  //= rfc5722 4 type=test
  const Octets packet = sctp(200);
  const auto frames = cut_v4(packet, {64, 128});
  const auto others = cut_v4(packet, {56, 120});
  Rig rig;
  rig.receive(frames[0]);
  rig.receive(others[1]);
  CHECK(rig.count(Counter::drop_ip_fragment) == 1);
  CHECK(receive_all(rig, {frames[1], frames[2]}) == 0);
  CHECK(rig.count(Counter::drop_ip_fragment) == 3);
  rig.pass(seconds(16));
  CHECK(receive_all(rig, frames) == 1);

  Rig six;
  six.receive(piece_v6(packet, 0, 64, true));
  six.receive(piece_v6(packet, 0, 64, true));
  CHECK(six.receive(piece_v6(packet, 64, packet.size(), false)) == 0);
  CHECK(six.count(Counter::drop_ip_fragment) == 2);
}

TEST_CASE("fragments that contradict the end of the packet throw it away") {
  const Octets packet = sctp(200);
  Rig rig;
  rig.receive(piece_v6(packet, 64, 100, false));  // the end is at 100
  rig.receive(piece_v6(packet, 104, 112, true));  // behind the end
  CHECK(rig.count(Counter::drop_ip_fragment) == 1);
  rig.receive(piece_v6(packet, 104, 112, true, 132, 10));
  rig.receive(piece_v6(packet, 64, 100, false, 132, 10));  // an end before what is there
  CHECK(rig.count(Counter::drop_ip_fragment) == 2);
  rig.receive(piece_v6(packet, 64, 100, false, 132, 11));
  rig.receive(piece_v6(packet, 32, 64, false, 132, 11));  // a second end
  CHECK(rig.count(Counter::drop_ip_fragment) == 3);
}

TEST_CASE("fragments of no length or of odd length are dropped") {
  const Octets packet = sctp(200);
  Rig rig;
  rig.receive(piece_v6(packet, 0, 63, true));
  rig.receive(piece_v6(packet, 64, 64, true));
  CHECK(rig.count(Counter::drop_ip_fragment) == 2);
  CHECK(rig.stack->next_deadline() == kNever);
}

TEST_CASE("fragments of different packets are not mixed") {
  const Octets one = sctp(200, 1), two = sctp(200, 2);
  const auto first = cut_v4(one, {64}, 1), second = cut_v4(two, {64}, 2);
  Rig rig;
  CHECK(rig.receive(first[0]) == 0);
  CHECK(rig.receive(second[1]) == 0);
  CHECK(rig.receive(first[1]) == 1);
  CHECK(is_received(rig, one));
  CHECK(rig.receive(second[0]) == 1);
  CHECK(is_received(rig, two));
  const auto icmp = cut_v4(one, {64}, 3, 1);
  CHECK(rig.receive(cut_v4(one, {64}, 3)[0]) == 0);
  CHECK(rig.receive(icmp[1]) == 0);
}

TEST_CASE("what is not complete in time is dropped") {
  const auto frames = cut_v4(sctp(200), {64});
  Rig rig;
  rig.receive(frames[0]);
  CHECK(rig.stack->next_deadline() == rig.now + seconds(15));
  rig.pass(seconds(15));
  CHECK(rig.count(Counter::drop_ip_fragment) == 1);
  CHECK(rig.receive(frames[1]) == 0);
}

TEST_CASE("a full table gives up the oldest packet") {
  Rig rig;
  const auto oldest = cut_v4(sctp(200), {64}, 100);
  rig.receive(oldest[0]);
  for (unsigned id = 200; id < 232; ++id) rig.receive(cut_v4(sctp(200), {64}, id)[0]);
  CHECK(rig.count(Counter::drop_ip_fragment) == 1);
  CHECK(rig.receive(oldest[1]) == 0);
  CHECK(rig.receive(cut_v4(sctp(200), {64}, 231)[1]) == 1);
}

TEST_CASE("without a buffer nothing is put together") {
  Rig rig;
  Buffer* fragment = rig.buffer_of(cut_v4(sctp(200), {64})[0]);
  std::vector<Buffer*> hoard;
  while (Buffer* buffer = rig.pool.acquire()) hoard.push_back(buffer);
  SctpPacket out;
  CHECK(rig.stack->on_frames(rig.now, 0, {&fragment, 1}, {&out, 1}) == 0);
  CHECK(rig.count(Counter::drop_no_buffer) == 1);
  for (Buffer* buffer : hoard) rig.pool.release(buffer);
}

TEST_CASE("a fragment inside of a packet that was in fragments is dropped") {
  Octets inner{132, 0, 0, 1, 0, 0, 0, 5};
  append(inner, sctp(96));
  Rig rig;
  CHECK(rig.receive(piece_v6(inner, 0, 64, true, 44)) == 0);
  CHECK(rig.receive(piece_v6(inner, 64, inner.size(), false, 44)) == 0);
  CHECK(rig.count(Counter::drop_ip_fragment) == 1);
}

TEST_CASE("an echo request in fragments is answered") {
  Rig rig;
  CHECK(receive_all(rig, cut_v4(icmp4(8, 0, 1, Octets(400, 3)), {64, 128}, 7, 1)) == 0);
  const auto sent = rig.sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == ethernet(kPeerMac, kOurMac, 0x0800,
                            ipv4("192.0.2.1", "192.0.2.2", 1, icmp4(0, 0, 1, Octets(400, 3)),
                                 {.id = 0, .options = {}})));
}

}  // namespace
}  // namespace millrace::net
