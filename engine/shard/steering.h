// Which shard owns a packet. Shared by all shards of an engine; safe from every lcore.
//
// Our own verification tag decides: a tag falls into one of kTagBuckets buckets through a keyed
// hash, and a bucket belongs to a shard. Which tags we choose tells something of that hash, so its
// key is for nothing else. Packets that do not carry our tag (INIT, ABORT and
// SHUTDOWN COMPLETE with the T bit, ICMP) are looked up in a directory from (local port, peer
// address, peer port) to tag.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>

#include "engine/base/address.h"
#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/base/limits.h"
#include "engine/base/prefetch.h"
#include "engine/shard/offered_tags.h"

namespace millrace {

class Steering {
 public:
  /// `associations_max` is over all shards; each may be found by up to kPathsMax addresses.
  /// `secret` is used for nothing but to derive keys.
  Steering(std::size_t shards, std::size_t associations_max, const HashKey& secret);

  std::size_t shards() const { return shards_; }

  /// The shard that owns an SCTP packet (common header on, at least 16 bytes), or `here` if none
  /// does: then any shard may answer it.
  std::size_t owner_of_packet(Bytes packet, const IpAddress& source, std::size_t here) const;
  /// The shard that owns the association an ICMP message is about.
  std::size_t owner_of_peer(std::uint16_t local_port, const IpAddress& peer,
                            std::uint16_t peer_port, std::size_t here) const;
  std::size_t owner_of_tag(std::uint32_t tag) const;
  /// The shard with the fewest associations: it shall own the next one.
  std::size_t least_loaded(std::size_t here) const;

  /// Makes an association findable. False if the key is there already with another tag, or the
  /// directory is full.
  bool insert(std::uint16_t local_port, const IpAddress& peer, std::uint16_t peer_port,
              std::uint32_t tag);
  /// The key means `tag` from now on, whatever it meant; not if the directory is full.
  void claim(std::uint16_t local_port, const IpAddress& peer, std::uint16_t peer_port,
             std::uint32_t tag);
  /// The key no longer means `tag`.
  void remove(std::uint16_t local_port, const IpAddress& peer, std::uint16_t peer_port,
              std::uint32_t tag);
  /// Starts to bring nearer where find() will look first.
  void prefetch(std::uint16_t local_port, const IpAddress& peer, std::uint16_t peer_port) const;
  /// The tag of the association with this key, if any. It may be a false friend (one in 2^32): the
  /// owner compares ports and addresses.
  std::optional<std::uint32_t> find(std::uint16_t local_port, const IpAddress& peer,
                                    std::uint16_t peer_port) const;

  /// A number that follows from a peer alone, the same on every shard, which nobody outside can
  /// guess.
  std::uint64_t number_of_peer(std::uint16_t local_port, const IpAddress& peer,
                               std::uint16_t peer_port) const {
    return hash(local_port, peer, peer_port);
  }
  /// What stands for a listener in a cookie, the same on every shard; not 0. It tells nothing of
  /// what the owner has given as `context`.
  std::uint32_t number_of_listener(std::uint32_t owner, std::uint16_t port,
                                   std::uint64_t context) const;

  /// The secret that cookies are sealed with in this epoch: the same on every shard, without a word
  /// between them.
  std::array<std::uint8_t, 16> cookie_secret(std::uint64_t epoch) const;

  /// Of INIT ACKs: any shard answers an INIT, and what comes with the tag goes to the shard that is
  /// to have the association.
  OfferedTags& offered_tags() { return *offered_tags_; }

  /// Of its own: nobody else writes it.
  void add_load(std::size_t shard, std::int32_t associations) {
    std::atomic<std::int32_t>& load = loads_[shard].value;
    load.store(load.load(std::memory_order_relaxed) + associations, std::memory_order_relaxed);
  }

  /// Associations of a shard; from any thread.
  std::int32_t load(std::size_t shard) const {
    return loads_[shard].value.load(std::memory_order_relaxed);
  }

  /// Claims `port` for `owner`: false if another owner has it. An owner claims it once for each
  /// listener on each shard, and for each association that it begins at this port, and another can
  /// have it when all are released.
  bool claim_port(std::uint16_t port, std::uint32_t owner);
  void release_port(std::uint16_t port, std::uint32_t owner);
  /// Starts to bring nearer what port_owner() looks at.
  void prefetch_claim(std::uint16_t port) const {
    millrace::prefetch(&port_claims_[port], sizeof port_claims_[0]);
  }
  /// Who has claimed the port; 0: nobody.
  std::uint32_t port_owner(std::uint16_t port) const;

 private:
  std::size_t owner_of_init(Bytes packet, const IpAddress& source, std::size_t here) const;

  struct alignas(64) Load {
    std::atomic<std::int32_t> value{0};
  };

  // A line of slots. Each holds the upper half of the key's hash and the tag, or 0; it is written
  // with compare-and-swap and read with acquire loads: no reader ever waits.
  static constexpr std::size_t kBucketSlots = 8;
  struct alignas(64) Bucket {
    std::atomic<std::uint64_t> slots[kBucketSlots]{};
  };

  std::uint64_t hash(std::uint16_t local_port, const IpAddress& peer,
                     std::uint16_t peer_port) const;

  /// The two that a key may be in, the first one first.
  std::array<Bucket*, 2> buckets_of(std::uint64_t hashed) const {
    const std::uint64_t other = std::rotl(hashed, 27);
    return {&buckets_[hashed & bucket_mask_], &buckets_[other & bucket_mask_]};
  }
  template <class Visit>
  bool visit_slots(std::uint64_t hashed, Visit&& visit) const;

  std::size_t shards_;
  HashKey tag_key_;        // of owner_of_tag()
  HashKey directory_key_;  // of number_of_peer() too
  HashKey cookie_key_;
  HashKey listener_key_;
  std::array<Load, kLcoresMax> loads_;
  std::size_t bucket_mask_;
  std::unique_ptr<Bucket[]> buckets_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> port_claims_;
  std::unique_ptr<OfferedTags> offered_tags_;
};

}  // namespace millrace
