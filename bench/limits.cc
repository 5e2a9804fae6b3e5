#include "bench/limits.h"

#include <algorithm>
#include <cstring>

#include "bench/clocks.h"
#include "bench/contestant.h"
#include "engine/base/crc32c.h"
#include "engine/base/limits.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kHeader = 12, kChunkHeader = 16;
constexpr std::size_t kRoom = 1500 - 20 - kHeader;  // for chunks, behind IP's header and SCTP's
constexpr std::uint32_t kRing = 1024;
constexpr std::uint32_t kAtOnce = 64;  // entries that are handed over together
constexpr std::size_t kBuffers = 256;
// A load waits for an earlier store to the same place of another page: as buffers lie by chance,
// few do.
constexpr std::size_t kApart = 1344;

std::size_t padded(std::size_t size) {
  return (size + 3) / 4 * 4;
}

// How long one call of `pass` takes, in ns, when it is called for about `span`.
template <class Pass>
double time_of(Duration span, Pass&& pass) {
  constexpr int kCalls = 64;  // between two looks at the clock
  for (int i = 0; i < kCalls; ++i) pass();
  std::uint64_t calls = 0;
  const CpuStopwatch stopwatch;
  double seconds = 0;
  while ((seconds = stopwatch.seconds()) * 1e9 < static_cast<double>(span.ns)) {
    for (int i = 0; i < kCalls; ++i) pass();
    calls += kCalls;
  }
  return calls == 0 ? 0 : seconds * 1e9 / static_cast<double>(calls);
}

// One entry of a ring, written, shown, read and given back, in batches.
template <class T>
void pass(ipc::Ring<T>& ring, T& entry) {
  for (std::uint32_t i = 0; i < kAtOnce; ++i) {
    if (ring.producer().reserve(1) == 0) fail("a ring is full");
    ring.producer().at(0) = entry;
    ring.producer().commit(1);
  }
  ring.producer().publish();
  const std::uint32_t count = ring.consumer().available(kAtOnce);
  for (std::uint32_t i = 0; i < count; ++i) entry = ring.consumer().at(i);
  ring.consumer().consume(count);
  ring.consumer().publish();
}

}  // namespace

Limits::Limits(std::size_t size)
    : size_(size),
      payload_(std::min(size, kRoom - kChunkHeader)),
      messages_(size > payload_ ? 1 : kRoom / (kChunkHeader + padded(size))),
      packets_((size + payload_ - 1) / payload_),
      packet_(kHeader + kRoom),
      memory_(3 * (size + kApart), 0x5a),
      application_(memory_.data()),
      slot_(application_ + size + kApart),
      arena_(slot_ + size + kApart),
      submissions_(kRing),
      completions_(kRing),
      returns_(kRing),
      pool_(kBuffers),
      buffers_(pool_, kBuffers),
      wire_(pool_, kBuffers) {}

Limits::Parts Limits::measure(Duration span) {
  const auto share = static_cast<double>(messages_);
  const Duration part = span / static_cast<std::int64_t>(kNames.size());
  return {
      time_of(part, [this] { pass_bytes(); }) / share,
      time_of(part, [this] { pass_rings(); }) / kAtOnce,
      time_of(part, [this] { pass_port(); }) / kBurstMax * static_cast<double>(packets_) / share};
}

// Of one packet's messages, or of all packets of one message.
void Limits::pass_bytes() {
  const bool sums_ahead = sums_while_copying() && payload_ >= 512;
  for (std::size_t i = 0; i < messages_; ++i) std::memcpy(slot_, application_, size_);
  for (std::size_t at = 0; at < size_; at += payload_) {
    const std::size_t length = std::min(payload_, size_ - at);
    const std::size_t chunk = kChunkHeader + padded(length);
    const MutableBytes packet(packet_.data(), kHeader + messages_ * chunk);
    std::memset(packet_.data(), 0, kHeader);
    if (sums_ahead) {
      Crc32c sum;
      sum.add(packet.first(kHeader + kChunkHeader));
      sum.add_copied(packet_.data() + kHeader + kChunkHeader, {slot_ + at, length});
      store_sctp_checksum(packet, sum, kHeader + kChunkHeader + length);
    } else {
      for (std::size_t i = 0; i < messages_; ++i) {
        std::memcpy(packet_.data() + kHeader + i * chunk + kChunkHeader, slot_ + at, length);
      }
      store_sctp_checksum(packet);
    }
    if (!is_sctp_checksum_right(packet)) fail("a checksum is wrong");
    for (std::size_t i = 0; i < messages_; ++i) {
      std::memcpy(arena_ + at, packet_.data() + kHeader + i * chunk + kChunkHeader, length);
    }
  }
}

void Limits::pass_rings() {
  ipc::SubmissionEntry request{};
  ipc::CompletionEntry event{};
  pass(submissions_, request);
  pass(completions_, event);
  pass(returns_, sum_);
}

void Limits::pass_port() {
  std::array<Buffer*, kBurstMax> burst;
  for (Buffer*& buffer : burst) buffer = pool_.acquire();
  wire_.end(0).send(burst);
  const std::size_t count = wire_.end(1).receive(burst);
  if (count != burst.size()) fail("the port has lost a frame");
  for (Buffer* buffer : burst) pool_.release(buffer);
}

}  // namespace millrace::bench
