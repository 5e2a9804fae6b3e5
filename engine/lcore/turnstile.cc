#include "engine/lcore/turnstile.h"

#include "engine/net/ethernet.h"
#include "engine/net/ipv4.h"
#include "engine/net/ipv6.h"

namespace millrace {

std::optional<Glimpse> glimpse_of(const Buffer& frame) {
  constexpr std::size_t kSctpBytes = kCommonHeaderBytes + kChunkHeaderBytes;
  if (frame.vlan != 0) return std::nullopt;
  if (frame.length < net::kEthernetBytes + net::kIpv4Bytes + kSctpBytes) return std::nullopt;
  const std::uint8_t* const ip = frame.data + net::kEthernetBytes;
  const std::uint16_t type = load_be16(frame.data + net::kEthernetBytes - 2);
  if (type == net::kEtherTypeIpv4) {
    const bool is_whole = (load_be16(ip + 6) & net::kIpv4FragmentMask) == 0;
    if (ip[0] != 0x45 || ip[9] != net::kProtocolSctp || !is_whole) return std::nullopt;
    return Glimpse{IpAddress::v4(ip + 12), {ip + net::kIpv4Bytes, kSctpBytes}};
  }
  const bool is_ipv6 = type == net::kEtherTypeIpv6 && ip[6] == net::kProtocolSctp &&
                       frame.length >= net::kEthernetBytes + net::kIpv6Bytes + kSctpBytes;
  if (!is_ipv6) return std::nullopt;
  return Glimpse{IpAddress::v6(ip + 8), {ip + net::kIpv6Bytes, kSctpBytes}};
}

Turnstile::Turnstile(Time now, const Shard& shard, const Steering& steering, std::size_t here,
                     Counters& counters)
    : steering_(steering),
      here_(here),
      counters_(counters),
      verdict_(shard.judge_handshakes(now)),
      answers_(verdict_ == InitRate::Verdict::kAnswer),
      opens_(shard.opens_cookies(now)) {}

Turnstile::~Turnstile() {
  if (inits_ == 0 && cookies_ == 0) return;
  const bool is_half_open = verdict_ == InitRate::Verdict::kTooManyHalfOpen;
  counters_.add(is_half_open ? Counter::drop_half_open : Counter::drop_init_rate, inits_);
  counters_.add(Counter::drop_half_open, cookies_);
}

bool Turnstile::turns_away(Bytes sctp, const IpAddress& source) {
  const CommonHeader header = CommonHeader::read(sctp);
  const auto type = static_cast<ChunkType>(sctp[kCommonHeaderBytes]);
  if (type == ChunkType::kInit && !answers_) {
    const std::size_t owner =
        steering_.owner_of_peer(header.destination_port, source, header.source_port, here_);
    inits_ += owner == here_ ? 1 : 0;
    return owner == here_;
  }
  if (type == ChunkType::kCookieEcho && !opens_) {
    const std::size_t owner = steering_.owner_of_tag(header.verification_tag);
    cookies_ += owner == here_ ? 1 : 0;
    return owner == here_;
  }
  return false;
}

}  // namespace millrace
