#include "engine/net/icmp.h"

#include "engine/base/limits.h"
#include "engine/net/internet_checksum.h"
#include "engine/net/ipv4.h"
#include "engine/net/ipv6.h"

namespace millrace::net {
namespace {

constexpr std::uint8_t kEchoReply4 = 0;
constexpr std::uint8_t kEchoReply6 = 129;

enum Icmpv4Type : std::uint8_t {
  kUnreachable4 = 3,
  kEchoRequest4 = 8,
  kTimeExceeded4 = 11,
  kParameterProblem4 = 12,
};
constexpr std::uint8_t kCodeProtocolUnreachable4 = 2;
constexpr std::uint8_t kCodePortUnreachable4 = 3;
constexpr std::uint8_t kCodeFragmentationNeeded4 = 4;

enum Icmpv6Type : std::uint8_t {
  kUnreachable6 = 1,
  kPacketTooBig6 = 2,
  kTimeExceeded6 = 3,
  kParameterProblem6 = 4,
  kEchoRequest6 = 128,
  kNeighbourSolicitation6 = 135,
  kNeighbourAdvertisement6 = 136,
};
constexpr std::uint8_t kCodePortUnreachable6 = 4;
constexpr std::uint8_t kCodeUnknownNextHeader6 = 1;

constexpr std::size_t kQuotedMin = 8;  // ports and verification tag (RFC 792)

IcmpClass classify_v4(std::uint8_t type) {
  switch (type) {
    case kEchoRequest4:
      return IcmpClass::kEchoRequest;
    case kUnreachable4:
    case kTimeExceeded4:
    case kParameterProblem4:
      return IcmpClass::kError;
    default:
      return IcmpClass::kOther;
  }
}

IcmpClass classify_v6(std::uint8_t type) {
  switch (type) {
    case kEchoRequest6:
      return IcmpClass::kEchoRequest;
    case kUnreachable6:
    case kPacketTooBig6:
    case kTimeExceeded6:
    case kParameterProblem6:
      return IcmpClass::kError;
    case kNeighbourSolicitation6:
    case kNeighbourAdvertisement6:
      return IcmpClass::kNeighbourDiscovery;
    default:
      return IcmpClass::kOther;
  }
}

// What the error says; nothing if it is not to be believed.
bool read_kind_v4(Bytes message, IcmpError& error) {
  const std::uint8_t code = message[1];
  if (message[0] == kTimeExceeded4) {
    error.kind = IcmpErrorKind::kTimeExceeded;
  } else if (message[0] == kParameterProblem4) {
    error.kind = IcmpErrorKind::kParameterProblem;
  } else if (code == kCodeProtocolUnreachable4) {
    error.kind = IcmpErrorKind::kProtocolUnreachable;
  } else if (code == kCodePortUnreachable4) {
    error.kind = IcmpErrorKind::kPortUnreachable;
  } else if (code == kCodeFragmentationNeeded4) {
    error.kind = IcmpErrorKind::kPacketTooBig;
    error.next_hop_mtu = load_be16(message.data() + 6);
    return error.next_hop_mtu >= kMtuMin;
  } else {
    error.kind = IcmpErrorKind::kUnreachable;
  }
  return true;
}

bool read_kind_v6(Bytes message, IcmpError& error) {
  const std::uint8_t code = message[1];
  switch (message[0]) {
    case kPacketTooBig6: {
      const std::uint32_t mtu = load_be32(message.data() + 4);
      error.kind = IcmpErrorKind::kPacketTooBig;
      error.next_hop_mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(mtu, 0xffff));
      return mtu >= kIpv6MtuMin;
    }
    case kTimeExceeded6:
      error.kind = IcmpErrorKind::kTimeExceeded;
      return true;
    case kParameterProblem6:
      error.kind = code == kCodeUnknownNextHeader6 ? IcmpErrorKind::kProtocolUnreachable
                                                   : IcmpErrorKind::kParameterProblem;
      return true;
    default:
      error.kind = code == kCodePortUnreachable6 ? IcmpErrorKind::kPortUnreachable
                                                 : IcmpErrorKind::kUnreachable;
      return true;
  }
}

}  // namespace

IcmpClass classify_icmp(const IpPacket& packet) {
  if (packet.payload.size() < kIcmpBytes) return IcmpClass::kMalformed;
  InternetChecksum checksum;
  if (packet.protocol == kProtocolIcmpv6) {
    checksum.add_pseudo_header(packet.source, packet.destination, packet.payload.size(),
                               kProtocolIcmpv6);
  }
  if (!checksum.add(packet.payload).is_right()) return IcmpClass::kMalformed;
  const std::uint8_t type = packet.payload[0];
  return packet.protocol == kProtocolIcmpv6 ? classify_v6(type) : classify_v4(type);
}

std::optional<IcmpError> parse_icmp_error(const IpPacket& packet) {
  const bool is_v6 = packet.protocol == kProtocolIcmpv6;
  IcmpError error;
  if (!(is_v6 ? read_kind_v6(packet.payload, error) : read_kind_v4(packet.payload, error))) {
    return std::nullopt;
  }
  const Bytes quote = packet.payload.subspan(kIcmpBytes);
  IpPacket quoted;
  if (!(is_v6 ? parse_quoted_ipv6(quote, quoted) : parse_quoted_ipv4(quote, quoted))) {
    return std::nullopt;
  }
  // Only the first of several fragments has the SCTP header.
  if (quoted.protocol != kProtocolSctp || quoted.fragment_offset != 0 ||
      quoted.payload.size() < kQuotedMin) {
    return std::nullopt;
  }
  error.source = quoted.source;
  error.destination = quoted.destination;
  error.quoted_length =
      static_cast<std::uint8_t>(std::min(quoted.payload.size(), IcmpError::kQuotedMax));
  std::memcpy(error.quoted.data(), quoted.payload.data(), error.quoted_length);
  return error;
}

void make_echo_reply(const IpPacket& request, std::uint8_t* message) {
  const bool is_v6 = request.protocol == kProtocolIcmpv6;
  message[0] = is_v6 ? kEchoReply6 : kEchoReply4;
  message[1] = 0;
  store_be16(message + 2, 0);
  InternetChecksum checksum;
  if (is_v6) {
    checksum.add_pseudo_header(request.destination, request.source, request.payload.size(),
                               kProtocolIcmpv6);
  }
  checksum.add({message, request.payload.size()}).store(message + 2);
}

}  // namespace millrace::net
