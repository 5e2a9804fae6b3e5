#include "tests/sim/frames.h"

#include <algorithm>

#include "engine/base/crc32c.h"
#include "engine/net/ethernet.h"
#include "engine/net/internet_checksum.h"
#include "engine/wire/chunks.h"
#include "tests/sim/trace.h"

namespace millrace::sim {

using net::kEthernetBytes;

bool is_v6(Bytes frame) {
  return load_be16(frame.data() + 12) == net::kEtherTypeIpv6;
}

std::vector<std::uint8_t> make_packet_too_big(Bytes frame, std::uint16_t mtu) {
  constexpr std::size_t kQuoted = 64;
  const bool v6 = is_v6(frame);
  const std::size_t header = v6 ? 40 : 20;
  const Bytes quoted = frame.subspan(kEthernetBytes, header + kQuoted);
  std::vector<std::uint8_t> error(kEthernetBytes + header + 8 + quoted.size());
  std::copy_n(frame.begin() + 6, 6, error.begin());
  std::copy_n(frame.begin(), 6, error.begin() + 6);
  std::copy_n(frame.begin() + 12, 2, error.begin() + 12);
  std::uint8_t* ip = error.data() + kEthernetBytes;
  std::uint8_t* icmp = ip + header;
  std::copy(quoted.begin(), quoted.end(), icmp + 8);
  net::InternetChecksum checksum;
  if (v6) {
    ip[0] = 0x60;
    store_be16(ip + 4, static_cast<std::uint16_t>(8 + quoted.size()));
    ip[6] = 58;
    ip[7] = 64;
    std::copy_n(quoted.begin() + 24, 16, ip + 8);
    std::copy_n(quoted.begin() + 8, 16, ip + 24);
    icmp[0] = 2;
    store_be32(icmp + 4, mtu);
    checksum.add_pseudo_header(IpAddress::v6(ip + 8), IpAddress::v6(ip + 24), 8 + quoted.size(),
                               58);
  } else {
    ip[0] = 0x45;
    store_be16(ip + 2, static_cast<std::uint16_t>(error.size() - kEthernetBytes));
    ip[8] = 64;
    ip[9] = 1;
    std::copy_n(quoted.begin() + 16, 4, ip + 12);
    std::copy_n(quoted.begin() + 12, 4, ip + 16);
    net::InternetChecksum{}.add({ip, header}).store(ip + 10);
    icmp[0] = 3;
    icmp[1] = 4;
    store_be16(icmp + 6, mtu);
  }
  checksum.add({icmp, 8 + quoted.size()}).store(icmp + 2);
  return error;
}

namespace {

// Those that a stranger tries: each of RFC 9260, and some of the others, known and not, with each
// value of the upper bits.
std::uint8_t draw_chunk_type(Dice& dice) {
  constexpr std::uint32_t kOfRfc9260 = 15;
  const std::uint64_t drawn = dice.below(kOfRfc9260 + 5);
  if (drawn < kOfRfc9260) return static_cast<std::uint8_t>(drawn);
  return dice.pick<std::uint8_t>({0x0f, 0x40, 0x7e, 0x80, 0x82, 0x84, 0xc0, 0xc1, 0xff});
}

}  // namespace

void forge(MutableBytes frame, Dice& dice) {
  constexpr std::size_t kInitBytes = 20;
  constexpr std::uint16_t kUnknownParameter = 0x8fff;  // that is skipped without a word
  const SctpPlace place = find_sctp(frame);
  const MutableBytes packet = frame.subspan(place.offset, place.length);
  const MutableBytes chunk = packet.subspan(kCommonHeaderBytes);
  const std::uint8_t type = draw_chunk_type(dice);
  const bool is_init = type == static_cast<std::uint8_t>(ChunkType::kInit);
  store_be32(packet.data() + 4, is_init ? 0 : static_cast<std::uint32_t>(dice.next()));
  for (std::uint8_t& byte : chunk) byte = static_cast<std::uint8_t>(dice.next());
  chunk[0] = type;
  store_be16(chunk.data() + 2, static_cast<std::uint16_t>(chunk.size()));
  if (is_init && chunk.size() >= kInitBytes + 4) {
    store_be16(chunk.data() + kInitBytes, kUnknownParameter);
    store_be16(chunk.data() + kInitBytes + 2,
               static_cast<std::uint16_t>(chunk.size() - kInitBytes));
  }
  store_sctp_checksum(packet);
}

void limit_windows(MutableBytes frame, std::uint32_t most) {
  const SctpPlace place = find_sctp(frame);
  if (place.length < kCommonHeaderBytes) return;
  const MutableBytes packet = frame.subspan(place.offset, place.length);
  ChunkReader chunks(packet);
  bool is_changed = false;
  while (const auto chunk = chunks.next()) {
    if (chunk->type() != ChunkType::kSack || chunk->value().size() < 8) continue;
    std::uint8_t* window = packet.data() + (chunk->value().data() - packet.data()) + 4;
    store_be32(window, std::min(load_be32(window), most));
    is_changed = true;
  }
  if (is_changed) store_sctp_checksum(packet);
}

}  // namespace millrace::sim
