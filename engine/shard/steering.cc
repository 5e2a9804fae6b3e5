#include "engine/shard/steering.h"

#include "engine/assoc/init_parameters.h"
#include "engine/base/assert.h"
#include "engine/base/derived_key.h"
#include "engine/wire/chunk.h"

namespace millrace {
namespace {

// What keys are for.
constexpr std::uint64_t kTagUse = 0;
constexpr std::uint64_t kDirectoryUse = 1;
constexpr std::uint64_t kCookieUse = 2;
constexpr std::uint64_t kListenerUse = 3;

std::uint64_t fingerprint_of(std::uint64_t value) {
  return value & 0xffffffff00000000;
}

}  // namespace

Steering::Steering(std::size_t shards, std::size_t associations_max, const HashKey& secret)
    : shards_(shards),
      tag_key_(derived_key(secret, kTagUse)),
      directory_key_(derived_key(secret, kDirectoryUse)),
      cookie_key_(derived_key(secret, kCookieUse)),
      listener_key_(derived_key(secret, kListenerUse)),
      bucket_mask_(std::bit_ceil(4 * associations_max / kBucketSlots + 1) - 1),
      buckets_(new Bucket[bucket_mask_ + 1]),
      port_claims_(new std::atomic<std::uint64_t>[65536] {}),
      offered_tags_(std::make_unique<OfferedTags>()) {
  MR_ASSERT(shards >= 1 && shards <= kLcoresMax);
}

// Each packet asks: two multiplications. What is above is folded in between them, so that the
// owners of some tags are no equations for that of another.
std::size_t Steering::owner_of_tag(std::uint32_t tag) const {
  const std::uint64_t product = (tag + tag_key_[0]) * (tag_key_[1] | 1);
  const std::size_t bucket = ((product ^ product >> 32) * (tag_key_[1] | 1)) >> 56;
  static_assert(kTagBuckets == 256);
  return bucket % shards_;
}

std::size_t Steering::owner_of_packet(Bytes packet, const IpAddress& source,
                                      std::size_t here) const {
  if (shards_ == 1 || packet.size() < kCommonHeaderBytes + kChunkHeaderBytes) return here;
  const CommonHeader header = CommonHeader::read(packet);
  const auto type = static_cast<ChunkType>(packet[kCommonHeaderBytes]);
  const bool is_reflected = (type == ChunkType::kAbort || type == ChunkType::kShutdownComplete) &&
                            (packet[kCommonHeaderBytes + 1] & kFlagReflectedTag);
  if (type == ChunkType::kInit) return owner_of_init(packet, source, here);
  if (header.verification_tag == 0 || is_reflected) {
    return owner_of_peer(header.destination_port, source, header.source_port, here);
  }
  return owner_of_tag(header.verification_tag);
}

// That of the association with any of the addresses that it comes from or names.
//= rfc9260 5.1.2
std::size_t Steering::owner_of_init(Bytes packet, const IpAddress& source, std::size_t here) const {
  const CommonHeader header = CommonHeader::read(packet);
  const auto chunk = ChunkReader(packet).next();
  const auto init = chunk ? InitView::parse(*chunk) : std::nullopt;
  if (!init) return owner_of_peer(header.destination_port, source, header.source_port, here);
  const InitContents contents = read_init(*init, source);
  for (const IpAddress& peer : contents.addresses()) {
    const auto tag = find(header.destination_port, peer, header.source_port);
    if (tag) return owner_of_tag(*tag);
  }
  return here;
}

std::size_t Steering::owner_of_peer(std::uint16_t local_port, const IpAddress& peer,
                                    std::uint16_t peer_port, std::size_t here) const {
  if (shards_ == 1) return here;
  const auto tag = find(local_port, peer, peer_port);
  return tag ? owner_of_tag(*tag) : here;
}

std::size_t Steering::least_loaded(std::size_t here) const {
  std::size_t best = here;
  for (std::size_t i = 0; i < shards_; ++i) {
    if (loads_[i].value.load(std::memory_order_relaxed) <
        loads_[best].value.load(std::memory_order_relaxed)) {
      best = i;
    }
  }
  return best;
}

std::uint64_t Steering::hash(std::uint16_t local_port, const IpAddress& peer,
                             std::uint16_t peer_port) const {
  std::uint8_t key[20];
  std::memcpy(key, peer.bytes.data(), 16);
  store_be16(key + 16, local_port);
  store_be16(key + 18, peer_port);
  return table_hash(directory_key_, key);
}

// A key has two buckets of one cache line each; it lives in any of their slots. So a look-up costs
// two lines at the most whatever has come and gone, and an empty slot is just empty.
template <class Visit>
bool Steering::visit_slots(std::uint64_t hashed, Visit&& visit) const {
  for (Bucket* bucket : buckets_of(hashed)) {
    for (std::atomic<std::uint64_t>& slot : bucket->slots) {
      if (visit(slot)) return true;
    }
  }
  return false;
}

void Steering::prefetch(std::uint16_t local_port, const IpAddress& peer,
                        std::uint16_t peer_port) const {
  for (const Bucket* bucket : buckets_of(hash(local_port, peer, peer_port)))
    millrace::prefetch(bucket, sizeof(Bucket));
}

bool Steering::insert(std::uint16_t local_port, const IpAddress& peer, std::uint16_t peer_port,
                      std::uint32_t tag) {
  const std::uint64_t hashed = hash(local_port, peer, peer_port);
  const std::uint64_t wanted = fingerprint_of(hashed) | tag;
  for (;;) {
    std::atomic<std::uint64_t>* free = nullptr;
    std::uint64_t found = 0;
    visit_slots(hashed, [&](std::atomic<std::uint64_t>& slot) {
      const std::uint64_t value = slot.load(std::memory_order_acquire);
      if (value == 0 && free == nullptr) free = &slot;
      if (value != 0 && fingerprint_of(value) == fingerprint_of(hashed)) found = value;
      return found != 0;
    });
    if (found != 0) return found == wanted;
    if (free == nullptr) return false;
    std::uint64_t empty = 0;
    if (free->compare_exchange_strong(empty, wanted, std::memory_order_acq_rel)) return true;
    // Another shard took the slot meanwhile: look again.
  }
}

void Steering::claim(std::uint16_t local_port, const IpAddress& peer, std::uint16_t peer_port,
                     std::uint32_t tag) {
  const auto holder = find(local_port, peer, peer_port);
  if (holder == tag) return;
  if (holder) remove(local_port, peer, peer_port, *holder);
  insert(local_port, peer, peer_port, tag);
}

void Steering::remove(std::uint16_t local_port, const IpAddress& peer, std::uint16_t peer_port,
                      std::uint32_t tag) {
  const std::uint64_t hashed = hash(local_port, peer, peer_port);
  visit_slots(hashed, [&](std::atomic<std::uint64_t>& slot) {
    std::uint64_t wanted = fingerprint_of(hashed) | tag;
    return slot.compare_exchange_strong(wanted, 0, std::memory_order_acq_rel);
  });
}

std::optional<std::uint32_t> Steering::find(std::uint16_t local_port, const IpAddress& peer,
                                            std::uint16_t peer_port) const {
  const std::uint64_t hashed = hash(local_port, peer, peer_port);
  std::optional<std::uint32_t> tag;
  visit_slots(hashed, [&](const std::atomic<std::uint64_t>& slot) {
    const std::uint64_t value = slot.load(std::memory_order_acquire);
    if (value == 0 || fingerprint_of(value) != fingerprint_of(hashed)) return false;
    tag = static_cast<std::uint32_t>(value);
    return true;
  });
  return tag;
}

std::array<std::uint8_t, 16> Steering::cookie_secret(std::uint64_t epoch) const {
  const HashKey key = derived_key(cookie_key_, epoch);
  std::array<std::uint8_t, 16> secret;
  store_be64(secret.data(), key[0]);
  store_be64(secret.data() + 8, key[1]);
  return secret;
}

std::uint32_t Steering::number_of_listener(std::uint32_t owner, std::uint16_t port,
                                           std::uint64_t context) const {
  std::uint8_t input[14];
  store_be32(input, owner);
  store_be16(input + 4, port);
  store_be64(input + 6, context);
  const auto number = static_cast<std::uint32_t>(keyed_hash(listener_key_, input));
  return number != 0 ? number : 1;
}

// A claim is the owner and, below it, how often it has claimed the port.
bool Steering::claim_port(std::uint16_t port, std::uint32_t owner) {
  std::uint64_t claim = port_claims_[port].load();
  for (;;) {
    if (claim != 0 && claim >> 32 != owner) return false;
    const std::uint64_t more = (claim == 0 ? std::uint64_t{owner} << 32 : claim) + 1;
    if (port_claims_[port].compare_exchange_weak(claim, more)) return true;
  }
}

void Steering::release_port(std::uint16_t port, std::uint32_t owner) {
  std::uint64_t claim = port_claims_[port].load();
  while (claim != 0 && claim >> 32 == owner) {
    const std::uint64_t less = static_cast<std::uint32_t>(claim) == 1 ? 0 : claim - 1;
    if (port_claims_[port].compare_exchange_weak(claim, less)) return;
  }
}

std::uint32_t Steering::port_owner(std::uint16_t port) const {
  return static_cast<std::uint32_t>(port_claims_[port].load() >> 32);
}

}  // namespace millrace
