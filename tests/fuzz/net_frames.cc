// Any frames into the network layer: nothing but counted drops, well-formed answers, and every
// buffer back in its pool when time has passed.
//
// The input is a sequence of frames, each behind three bytes: flags, and its length in two. A flag
// asks for checksums to be made right first, which random changes would almost never achieve.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "engine/base/crc32c.h"
#include "engine/net/internet_checksum.h"
#include "engine/net/ip.h"
#include "engine/net/stack.h"

namespace millrace {
namespace {

using net::InternetChecksum;
using net::SctpPacket;

constexpr std::size_t kBuffers = 64;
constexpr std::size_t kEthernet = 14;
constexpr MacAddress kOurMac{0x02, 0, 0, 0, 0, 1};

void require(bool holds) {
  if (!holds) std::abort();
}

/// Takes what the stack sends and looks whether it can be a frame.
class Sink : public PortQueue {
 public:
  explicit Sink(BufferPool& pool) : pool_(pool) {}

  std::size_t receive(std::span<Buffer*>) override { return 0; }
  std::size_t send(std::span<Buffer* const> frames) override {
    for (Buffer* frame : frames) {
      require(frame->length >= kEthernet && frame->length <= kEthernet + 4 + kMtuMax);
      require(std::equal(kOurMac.begin(), kOurMac.end(), frame->data + 6));
      pool_.release(frame);
    }
    return frames.size();
  }

 private:
  BufferPool& pool_;
};

net::StackConfig configuration() {
  net::StackConfig config;
  config.interfaces.resize(2);
  for (std::uint8_t i = 0; i < 2; ++i) {
    net::InterfaceConfig& interface = config.interfaces[i];
    interface.name = i == 0 ? "first" : "second";
    interface.port = i;
    interface.vlan = i == 0 ? 0 : 7;
    interface.traits.mac = kOurMac;
  }
  config.interfaces[0].addresses = {*Prefix::parse("192.0.2.1/24"),
                                    *Prefix::parse("2001:db8::1/64")};
  config.interfaces[1].addresses = {*Prefix::parse("198.51.100.1/24")};
  config.seed = {1, 2};
  config.neighbours_max = 16;
  config.reassemblies_max = 8;
  return config;
}

/// Makes the checksums right of an IP packet that has no extension headers.
void repair(MutableBytes ip) {
  if (ip.size() < 20) return;
  const bool is_v4 = ip[0] >> 4 == 4;
  const std::size_t header = is_v4 ? std::size_t{ip[0] & 0xfu} * 4 : 40;
  if (header < 20 || header > ip.size()) return;
  const std::uint8_t protocol = is_v4 ? ip[9] : ip[6];
  const MutableBytes payload = ip.subspan(header);
  if (is_v4) {
    ip[10] = ip[11] = 0;
    InternetChecksum{}.add(ip.first(header)).store(&ip[10]);
  }
  if (protocol == net::kProtocolSctp && payload.size() >= 12) store_sctp_checksum(payload);
  if (payload.size() < 4) return;
  if (protocol == net::kProtocolIcmp || protocol == net::kProtocolIcmpv6) {
    payload[2] = payload[3] = 0;
    InternetChecksum sum;
    if (!is_v4) {
      sum.add_pseudo_header(IpAddress::v6(&ip[8]), IpAddress::v6(&ip[24]), payload.size(),
                            protocol);
    }
    sum.add(payload).store(&payload[2]);
  }
}

/// One run: a stack, its port, and what it has handed out.
class Run {
 public:
  Run() : pool_(kBuffers), slab_(pool_, kBuffers), sink_(pool_) {
    const std::array<PortQueue*, 2> ports{&sink_, &sink_};
    stack_ = std::make_unique<net::Stack>(configuration(), ports, pool_, counters_);
  }

  void on_frame(std::uint8_t flags, Bytes bytes) {
    Buffer* frame = pool_.acquire();
    require(frame != nullptr);
    std::copy(bytes.begin(), bytes.end(), frame->data);
    frame->length = static_cast<std::uint32_t>(bytes.size());
    if ((flags & 1) != 0 && bytes.size() > kEthernet) {
      repair({frame->data + kEthernet, frame->length - kEthernet});
    }
    const std::size_t port = (flags & 2) != 0 ? 1 : 0;
    if (port == 1) frame->vlan = 7;
    now_ = now_ + milliseconds(flags >> 2);
    std::array<SctpPacket, kBurstMax> packets;
    take({packets.data(), stack_->on_frames(now_, port, {&frame, 1}, packets)});
    turn();
  }

  void finish() {
    send_to_ourselves();
    for (int i = 0; i < 8; ++i) {
      now_ = now_ + seconds(60);
      turn();
    }
    require(locals_ == 1 && pool_.free_count() == kBuffers);
  }

 private:
  /// What the poll loop does after it has received.
  void turn() {
    std::array<SctpPacket, kBurstMax> packets;
    // Nothing from the wire is answered to ourselves: what comes here we have sent to ourselves.
    const std::size_t count = stack_->next_local(packets);
    for (std::size_t i = 0; i < count; ++i) pool_.release(packets[i].buffer);
    locals_ += count;
    net::IcmpError error;
    while (stack_->next_icmp_error(error)) require(error.quoted_sctp().size() >= 8);
    if (stack_->next_deadline() <= now_) stack_->on_deadline(now_);
    stack_->flush();
  }

  /// Answers each packet with itself, so that neighbours are asked and routes are taken.
  void take(std::span<const SctpPacket> packets) {
    for (const SctpPacket& packet : packets) {
      require(packet.bytes.size() >= 12 && is_sctp_checksum_right(packet.bytes));
      require(stack_->is_local(packet.destination) && !stack_->is_local(packet.source));
      if (Buffer* answer = pool_.acquire()) {
        const std::size_t length = std::min<std::size_t>(packet.bytes.size(), 1400);
        std::copy_n(packet.bytes.begin(), length, answer->data);
        answer->length = static_cast<std::uint32_t>(length);
        stack_->send(now_, answer, packet.destination, packet.source);
      }
      pool_.release(packet.buffer);
    }
  }

  void send_to_ourselves() {
    Buffer* packet = pool_.acquire();
    require(packet != nullptr);
    packet->length = 16;
    std::fill_n(packet->data, packet->length, std::uint8_t{0});
    const IpAddress own = stack_->local_addresses()[0].address;
    require(stack_->send(now_, packet, own, own));
  }

  BufferPool pool_;
  BufferSlab slab_;
  std::size_t locals_ = 0;  // packets that came back from ourselves
  Sink sink_;
  Counters counters_;
  std::unique_ptr<net::Stack> stack_;
  Time now_ = Time{} + seconds(1);
};

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  Run run;
  Bytes rest(data, size);
  while (rest.size() > 3) {
    const std::size_t length = std::min<std::size_t>(
        {load_be16(rest.data() + 1), rest.size() - 3, kBufferStorage - kBufferHeadroom});
    run.on_frame(rest[0], rest.subspan(3, length));
    rest = rest.subspan(3 + length);
  }
  run.finish();
  return 0;
}
