#include "bench/limits.h"

#include <algorithm>
#include <array>
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

template <class T>
double time_of_entry(Duration span, ipc::Ring<T>& ring) {
  T entry{};
  const auto pass = [&ring, &entry] {
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
  };
  return time_of(span, pass) / kAtOnce;
}

}  // namespace

// ---- hops ----

Hops::Hops()
    : submissions_(kRing),
      completions_(kRing),
      returns_(kRing),
      pool_(kBuffers),
      buffers_(pool_, kBuffers),
      wire_(pool_, kBuffers) {}

double Hops::request(Duration span) {
  return time_of_entry(span, submissions_);
}

double Hops::event(Duration span) {
  return time_of_entry(span, completions_);
}

double Hops::slot(Duration span) {
  return time_of_entry(span, returns_);
}

double Hops::packet(Duration span) {
  return time_of(span, [this] { pass_port(); }) / kBurstMax;
}

void Hops::pass_port() {
  std::array<Buffer*, kBurstMax> burst;
  for (Buffer*& buffer : burst) buffer = pool_.acquire();
  wire_.end(0).send(burst);
  const std::size_t count = wire_.end(1).receive(burst);
  if (count != burst.size()) fail("the port has lost a frame");
  for (Buffer* buffer : burst) pool_.release(buffer);
}

// ---- a message ----

Limits::Limits(std::size_t size, bool is_in_place)
    : size_(size),
      payload_(std::min(size, kRoom - kChunkHeader)),
      messages_(size > payload_ ? 1 : kRoom / (kChunkHeader + padded(size))),
      packets_((size + payload_ - 1) / payload_),
      is_in_place_(is_in_place),
      packet_(kHeader + kRoom),
      memory_(3 * (size + kApart), 0x5a),
      application_(memory_.data()),
      slot_(application_ + size + kApart),
      arena_(slot_ + size + kApart) {}

Parts Limits::measure(Duration span) {
  const auto share = static_cast<double>(messages_);
  const Duration part = span / 6;
  const double copies = time_of(part, [this] { pass_bytes(false); }) / share;
  const double both = time_of(part, [this] { pass_bytes(true); }) / share;
  return {{"copies", copies},
          {"checksums", both - copies},
          {"rings", hops_.request(part) + hops_.event(part) + hops_.slot(part)},
          {"port", hops_.packet(part) * static_cast<double>(packets_) / share}};
}

// Of one packet's messages, or of all packets of one message.
void Limits::pass_bytes(bool sums) {
  const bool sums_ahead = sums && sums_while_copying() && payload_ >= 512;
  for (std::size_t i = 0; i < messages_ && !is_in_place_; ++i)
    std::memcpy(slot_, application_, size_);
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
      if (sums) store_sctp_checksum(packet);
    }
    if (sums && !is_sctp_checksum_right(packet)) fail("a checksum is wrong");
    for (std::size_t i = 0; i < messages_; ++i) {
      std::memcpy(arena_ + at, packet_.data() + kHeader + i * chunk + kChunkHeader, length);
    }
  }
}

// ---- an association ----

SetUpLimits::SetUpLimits(std::vector<std::size_t> sizes)
    : sizes_(std::move(sizes)),
      packet_(*std::max_element(sizes_.begin(), sizes_.end()), 0x5a),
      jar_(MacKey{1, 2, 3}, 1),
      random_({1, 2}) {}

Parts SetUpLimits::measure(Duration span) {
  constexpr double kRequests = 2, kEvents = 5, kDraws = 5;
  const Duration part = span / 7;
  std::uint64_t sum = 0;
  const double draw = time_of(part, [this, &sum] { sum += random_.next_u64(); });
  if (sum == 0) fail("all random numbers were 0");
  const double rings =
      kRequests * hops_.request(part) + kEvents * hops_.event(part) + hops_.slot(part);
  return {{"checksums", time_of(part, [this] { pass_checksums(); })},
          {"cookie", time_of(part, [this] { pass_cookie(); })},
          {"random numbers", kDraws * draw},
          {"rings", rings},
          {"port", hops_.packet(part) * static_cast<double>(sizes_.size())}};
}

void SetUpLimits::pass_checksums() {
  for (const std::size_t size : sizes_) {
    const MutableBytes packet(packet_.data(), size);
    store_sctp_checksum(packet);
    if (!is_sctp_checksum_right(packet)) fail("a checksum is wrong");
  }
}

void SetUpLimits::pass_cookie() {
  constexpr std::uint8_t kPeer[] = {10, 0, 0, 1};
  Cookie cookie;
  cookie.peer_count = 1;
  cookie.peers[0] = IpAddress::v4(kPeer);
  std::array<std::uint8_t, kCookieBytesMax> sealed;
  const std::size_t length = jar_.seal(cookie, sealed);
  if (!jar_.open(Bytes(sealed.data(), length))) fail("a cookie does not open");
}

}  // namespace millrace::bench
