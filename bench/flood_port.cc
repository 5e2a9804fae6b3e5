#include "bench/flood_port.h"

#include <algorithm>
#include <cstring>

#include "engine/assoc/cookie.h"
#include "engine/base/crc32c.h"
#include "engine/net/arp.h"
#include "engine/net/internet_checksum.h"
#include "engine/wire/writer.h"

namespace millrace::bench {
namespace {

constexpr MacAddress kOwnMac{2, 0, 0, 0, 9, 1};      // of the engine's port
constexpr MacAddress kGatewayMac{2, 0, 0, 0, 9, 2};  // of what it sees behind it
constexpr std::size_t kIpBytes = 20;
// As long as one of ours of a peer with one address: what is shorter is dropped before its MAC.
constexpr std::size_t kCookieBytes = kCookieBytesMax - 16 * (kPathsMax - 1);

/// A packet of the flood, from the common header on. What differs between them is what a receiver
/// could tell them apart by: tags and ports.
void write_packet(Flood flood, std::uint16_t port, std::uint32_t number, Buffer& buffer) {
  CommonHeader header;
  header.source_port = static_cast<std::uint16_t>(1024 + number % 60000);
  header.destination_port = port;
  header.verification_tag = flood == Flood::kInit ? 0 : 0x5eed0000 + number;
  PacketWriter writer(buffer, header, 1000);
  switch (flood) {
    case Flood::kInit: {
      std::uint8_t* fields = writer.begin_chunk(ChunkType::kInit, 0, 16);
      store_be32(fields, 0x0bad0000 + number);
      store_be32(fields + 4, 65536);
      store_be16(fields + 8, 10);
      store_be16(fields + 10, 10);
      store_be32(fields + 12, number);
      break;
    }
    case Flood::kCookieEcho:
      std::fill_n(writer.begin_chunk(ChunkType::kCookieEcho, 0, kCookieBytes), kCookieBytes,
                  static_cast<std::uint8_t>(number));
      break;
    case Flood::kOutOfTheBlue:
      store_be32(writer.begin_chunk(ChunkType::kSack, 0, 12), number);
      break;
  }
  writer.end_chunk();
  store_sctp_checksum({buffer.data, buffer.length});
}

std::vector<std::uint8_t> ethernet_header(std::uint16_t type) {
  std::vector<std::uint8_t> frame(net::kEthernetBytes);
  std::memcpy(frame.data(), kOwnMac.data(), kOwnMac.size());
  std::memcpy(frame.data() + 6, kGatewayMac.data(), kGatewayMac.size());
  store_be16(frame.data() + 12, type);
  return frame;
}

}  // namespace

PortTraits FloodPort::traits() {
  PortTraits traits;
  traits.mac = kOwnMac;
  return traits;
}

void FloodPort::prepare(Flood flood, std::uint16_t port) {
  frames_.clear();
  const IpAddress target = *IpAddress::parse(kTarget);
  for (std::uint32_t number = 0; number < kFrames; ++number) {
    Buffer* buffer = pool_.acquire();
    MR_ASSERT(buffer != nullptr);
    write_packet(flood, port, number, *buffer);
    std::uint8_t ip[kIpBytes] = {0x45};
    store_be16(ip + 2, static_cast<std::uint16_t>(kIpBytes + buffer->length));
    ip[8] = 64;   // time to live
    ip[9] = 132;  // SCTP
    ip[12] = 198;
    ip[13] = 18;
    store_be16(ip + 14, static_cast<std::uint16_t>(number * 61 + 1));
    std::copy_n(target.v4_bytes(), 4, ip + 16);
    net::InternetChecksum().add(ip).store(ip + 10);
    std::vector<std::uint8_t> frame = ethernet_header(net::kEtherTypeIpv4);
    frame.insert(frame.end(), ip, ip + kIpBytes);
    frame.insert(frame.end(), buffer->data, buffer->data + buffer->length);
    frames_.push_back(std::move(frame));
    pool_.release(buffer);
  }
}

std::size_t FloodPort::receive(std::span<Buffer*> frames) {
  std::size_t count = 0;
  while (count < frames.size() && (to_come_ > 0 || !arp_reply_.empty())) {
    Buffer* buffer = pool_.acquire();
    if (buffer == nullptr) break;
    const bool is_arp = !arp_reply_.empty();
    const std::vector<std::uint8_t>& frame = is_arp ? arp_reply_ : frames_[poured_ % kFrames];
    std::copy(frame.begin(), frame.end(), buffer->data);
    buffer->length = static_cast<std::uint32_t>(frame.size());
    frames[count++] = buffer;
    if (is_arp) {
      arp_reply_.clear();
    } else {
      --to_come_;
      ++poured_;
    }
  }
  return count;
}

std::size_t FloodPort::send(std::span<Buffer* const> frames) {
  for (Buffer* frame : frames) {
    if (load_be16(frame->data + 12) == net::kEtherTypeArp) {
      answer_arp(frame->bytes());
    } else {
      ++answers_;
    }
    pool_.release(frame);
  }
  return frames.size();
}

void FloodPort::answer_arp(Bytes frame) {
  net::ArpMessage question;
  if (!question.parse(frame.subspan(net::kEthernetBytes))) return;
  if (question.operation != net::ArpOperation::kRequest || question.is_gratuitous()) return;
  net::ArpMessage answer;
  answer.operation = net::ArpOperation::kReply;
  answer.sender_mac = kGatewayMac;
  answer.sender = question.target;
  answer.target_mac = kOwnMac;
  answer.target = question.sender;
  arp_reply_ = ethernet_header(net::kEtherTypeArp);
  arp_reply_.resize(net::kEthernetBytes + net::kArpBytes);
  answer.write(arp_reply_.data() + net::kEthernetBytes);
}

}  // namespace millrace::bench
