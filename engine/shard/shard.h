// Many associations on one thread.
//
// A shard decides which association a packet, a deadline or a request is for, answers what belongs
// to none, and collects what the associations have to say and to send. It knows no ports, no rings,
// no clock and no other shard but for what Steering shares: it is driven by the poll loop and by
// the simulator with the same calls. One thread; nothing here locks, allocates after construction,
// or throws.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "engine/assoc/association.h"
#include "engine/base/address.h"
#include "engine/base/buffer.h"
#include "engine/base/counters.h"
#include "engine/base/hash.h"
#include "engine/base/time.h"
#include "engine/shard/association_status.h"
#include "engine/shard/draws_ahead.h"
#include "engine/shard/init_rate.h"
#include "engine/shard/listeners.h"
#include "engine/shard/peer_counts.h"
#include "engine/shard/recent_tags.h"
#include "engine/shard/shard_limits.h"
#include "engine/shard/share.h"
#include "engine/shard/slot.h"
#include "engine/shard/status.h"
#include "engine/shard/steering.h"
#include "engine/shard/tag_table.h"
#include "engine/shard/timer_wheel.h"

namespace millrace {

struct ConnectRequest {
  Owner owner = 0;
  std::uint16_t local_port = 0;  ///< 0: an ephemeral one
  bool claims_port = true;  ///< unless it is 0: no other owner uses it as long as this one does
  std::uint16_t peer_port = 0;
  std::span<const IpAddress> peers;   ///< 1 to kPathsMax addresses, the first is the primary; what
                                      ///< none of `locals` reaches is left out
  std::span<const IpAddress> locals;  ///< empty: all local addresses
  std::uint64_t context = 0;          ///< comes back with the kUp or kDown event
  const Parameters* parameters = nullptr;
};

struct SendRequest {
  std::uint16_t stream = 0;
  std::uint8_t flags = 0;         ///< kUnordered, kSackImmediately
  std::uint32_t ppid = 0;         ///< host order
  std::uint64_t context = 0;      ///< comes back with kSendFailed
  std::uint64_t token = 0;        ///< names the payload's memory when it is given back
  const IpAddress* to = nullptr;  ///< one of the peer's addresses; nullptr: as it comes
  Bytes payload;  ///< 1 to kMessageBytesMax bytes; stays readable until the token is returned
};

/// An ICMP error that quotes a packet of ours (RFC 9260 section 10).
struct IcmpReport {
  enum class Kind : std::uint8_t { kPacketTooBig, kProtocolUnreachable, kUnreachable, kOther };
  Kind kind = Kind::kOther;
  std::uint16_t mtu = 0;  ///< kPacketTooBig: next-hop MTU, 0 if not told
  IpAddress peer;         ///< destination of the quoted packet
  Bytes quoted;           ///< the quoted SCTP packet, 8 bytes or more
};

/// An event on its way to the owner of an association.
struct Delivery {
  Owner owner = 0;
  AssociationHandle handle;
  std::uint64_t context = 0;     ///< of the listener, or of the connect request
  const Event* event = nullptr;  ///< valid until take_event() or postpone_event()
};

class Shard;

/// Messages for one association, one after the other: what is the same for all of them is looked up
/// once. Nothing else is asked of the shard while one of these lives.
class Sends {
 public:
  Sends(Shard& shard, Slot* slot);
  ~Sends();
  Sends(const Sends&) = delete;
  Sends& operator=(const Sends&) = delete;

  Status send(const SendRequest& request);

 private:
  Shard& shard_;
  Slot* slot_;  // nullptr: there is no such association
  Owner owner_ = 0;
  bool accepts_data_ = false;
  std::uint16_t streams_ = 0;
  std::uint32_t send_buffer_ = 0;
  std::size_t left_ = 0;        // messages that its owner may still have
  std::uint32_t messages_ = 0;  // that were accepted
  std::uint64_t bytes_ = 0;
};

class Shard {
 public:
  struct Config {
    std::size_t number = 0;  ///< this shard's, below Steering::shards()
    Parameters parameters;
    ShardLimits limits;
    HashKey seed{};  ///< from the operating system's entropy, or the simulator's
    /// The first association of a slot is the next one of this number. Not 0 in tests only.
    std::uint32_t generations_before = 0;
  };

  /// `steering` is shared by the shards of an engine; `buffers` and `counters` belong to this
  /// thread.
  Shard(const Config& config, Steering& steering, BufferPool& buffers, Counters& counters);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  /// The addresses that INIT and INIT ACK announce. Call again when they change.
  void set_local_addresses(std::span<const IpAddress> addresses);
  /// Which of them lead where, the longest first; without any, those are taken that look most like
  /// the peer's.
  void set_source_routes(std::span<const SourceRoute> routes);
  /// Whether packets are to be summed up while they are filled (their checksums are not a port's).
  void set_sums_ahead(bool sums_ahead) { resources_.sums_ahead = sums_ahead; }
  /// Off: what is like nearly all goes the same way as everything else. For tests: it must come to
  /// the same.
  void set_short_ways(bool on) { resources_.short_ways = resources_.outbound.short_ways = on; }

  // ---- inputs ----

  /// An SCTP packet whose checksum is right. Takes over one reference of `buffer`; `packet` lies in
  /// it. The caller has made sure with Steering that the packet is this shard's. Several: Arrivals
  /// (bursts.h).
  void on_packet(Time now, Buffer* buffer, const IpAddress& source, const IpAddress& destination,
                 Bytes packet);
  void on_icmp(Time now, const IcmpReport& report);
  /// What the limits say to each handshake now: see InitRate::judge_all().
  InitRate::Verdict judge_handshakes(Time now) const { return init_rate_.judge_all(now); }
  /// The same of a COOKIE ECHO: whether its cookie may be looked at.
  bool opens_cookies(Time now) const { return init_rate_.opens(now); }
  /// Runs what is due, or the oldest of it: next_deadline() says then that it wants to go on.
  void on_deadline(Time now);

  Status listen(const ListenRequest& request);
  /// `context` is that of the listen request.
  Status unlisten(Owner owner, std::uint16_t port, std::uint64_t context = 0);
  Status connect(Time now, const ConnectRequest& request, AssociationHandle& handle);
  Status send(Time now, Owner owner, AssociationHandle handle, const SendRequest& request);
  /// Several messages for one association, one after the other.
  Sends sends_to(Owner owner, AssociationHandle handle) { return {*this, find(owner, handle)}; }
  /// The application has read `bytes` of what was delivered: the receive window opens again.
  Status consumed(Time now, Owner owner, AssociationHandle handle, std::uint32_t bytes);
  Status shutdown(Time now, Owner owner, AssociationHandle handle);
  /// `reason` (may be empty) goes into the User-Initiated Abort cause.
  Status abort(Time now, Owner owner, AssociationHandle handle, Bytes reason);
  Status set_primary(Time now, Owner owner, AssociationHandle handle, const IpAddress& peer);
  /// For an address of the peer's, those that a path has of its own; unspecified: all, for all.
  Status set_parameters(Time now, Owner owner, AssociationHandle handle,
                        const Parameters& parameters, const IpAddress& peer = {});
  /// The parameters as they are now, to change one and set them again.
  Status parameters(Owner owner, AssociationHandle handle, Parameters& parameters,
                    const IpAddress& peer = {}) const;
  /// Sends a heartbeat to an address of the peer's.
  Status heartbeat(Time now, Owner owner, AssociationHandle handle, const IpAddress& peer);
  Status status(Owner owner, AssociationHandle handle, AssociationStatus& status) const;

  /// An owner is gone: its listeners go, its associations are shut down or aborted (those that it
  /// had shut down itself go on with that), and from now on no event is produced for it. Payloads
  /// still come back through take_returned().
  void drop_owner(Time now, Owner owner, bool gracefully);
  /// Associations and payloads of this owner that are still there; its memory may go when it is 0.
  std::size_t owned(Owner owner) const;

  // ---- outputs ----

  /// The oldest event of the next association that has one; false when there are none left for now.
  /// Answer each with take_event() or postpone_event() before the next call.
  bool next_event(Delivery& out);
  /// The event was delivered.
  void take_event();
  /// The event and those behind it were messages that `post(const RxChunk& head, std::uint8_t
  /// flags)` has said true of: takes them off until it says false. Instead of take_event(); returns
  /// how many.
  template <class Post>
  std::size_t take_messages(Post&& post);
  /// The owner has no room: the event stays, and so do all later ones of this association, until
  /// next_event() has said false once.
  void postpone_event();

  /// Payloads that are free again: calls `take(Owner, std::span<const std::uint64_t> tokens)` for
  /// up to kReturnedAtOnce of an owner's at a time; returns how many.
  template <class Take>
  std::size_t take_returned(Take&& take);

  /// The next packet to send; false when there is nothing more to send now. Call until it says so,
  /// at the end of every poll: what is there by then shares packets. Several: Departures
  /// (bursts.h).
  bool next_packet(Time now, PacketOut& out);

  /// When on_deadline() wants to be called, at the latest; kNever if nothing waits.
  Time next_deadline() const;

  // ---- questions ----

  std::size_t associations() const;
  std::span<const IpAddress> local_addresses() const { return resources_.local_addresses; }
  /// Fills in the statuses of up to `out.size()` associations from slot `first` on; returns how
  /// many, and where to go on in `first`.
  std::size_t snapshot(std::uint32_t& first, std::span<AssociationStatus> out) const;
  /// What is used of what the operator has set for all associations together.
  LimitUses limit_uses() const;
  /// As snapshot(), of the listeners.
  std::size_t listeners(std::uint32_t& cursor, std::span<ListenerStatus> out) const {
    return listeners_.snapshot(cursor, out);
  }

 private:
  friend class Sends;
  friend class Forecast;
  friend class Arrivals;
  friend class Departures;

  static constexpr std::size_t kReturnedAtOnce = 64;

  using Ready = List<Slot, ReadyTag>;
  using Sending = List<Slot, SendingTag>;
  using Owned = List<Slot, OwnedTag>;

  // What is held for one owner.
  struct Ownership {
    Owned slots;
    std::size_t messages = 0;  // accepted, payload not yet given back
    std::size_t listeners = 0;
    Usage usage;  // by its associations
  };

  // The slabs that associations take their memory from.
  struct Memory {
    Memory(const ShardLimits& limits, std::uint64_t secret);
    Slab<Path> paths;
    Slab<TsnBitmap> bitmaps;
    Slab<RxChunk> rx_chunks;
    RxIndex rx_index;
    Slab<TxMessage> messages;
    Slab<TxChunk> tx_chunks;
    StreamTable<InboundStream>::Slabs streams_in;
    StreamTable<OutboundStream>::Slabs streams_out;
    Fifo<TxMessage> returned;
    Outbox outbox;
  };

  Ownership& ownership(Owner owner) { return owners_[owner & (owners_.size() - 1)]; }
  const Ownership& ownership(Owner owner) const { return owners_[owner & (owners_.size() - 1)]; }

  // packets.cc
  Slot* take_packet(Time now, const PacketIn& in);
  Slot* find_here_by_peer(const CommonHeader& header, const IpAddress& peer);
  Slot* find_for(const CommonHeader& header, const ChunkView& first, const PacketIn& in);
  bool is_anothers(const Slot& slot, const ChunkView& init_ack, const PacketIn& in);
  bool is_of_another_tag(const CommonHeader& header, const IpAddress& source) const;
  void on_out_of_the_blue(Time now, const CommonHeader& header, const PacketIn& in);
  void refuse(const CommonHeader& header, std::uint32_t tag, CauseCode cause, Bytes value,
              const PacketIn& in);

  // handshakes.cc
  void on_init(Time now, ChunkView chunk, const PacketIn& in);
  Listener* listener_at(const CommonHeader& header, const IpAddress& local,
                        const IpAddress& peer) const;
  const Listener* listener_of(const CommonHeader& header, const Cookie& cookie) const;
  bool is_affordable(InitRate::Verdict verdict);
  bool draw_cookie(Time now, Slot& slot, const InitView& init, const InitContents& contents,
                   const PacketIn& in, Cookie& cookie);
  void draw_cookie(const CommonHeader& header, const PacketIn& in, Cookie& cookie);
  static void fill(Cookie& cookie, Time now, const InitView& init, const InitContents& contents,
                   const Parameters& parameters, const PacketIn& in);
  bool is_acceptable(const InitView& init, const InitContents& contents, const PacketIn& in);
  Slot* find_by_any_peer(const PacketIn& in, std::span<const IpAddress> peers,
                         const Slot* except = nullptr);
  void answer_init(const InitContents& contents, const Cookie& cookie, const Parameters& parameters,
                   std::uint64_t locals, const PacketIn& in);
  CookieJar& jar(Time now);
  Slot* on_cookie_echo(Time now, const PacketIn& in, ChunkView chunk, ChunkReader rest);
  Slot* establish(Time now, const Cookie& cookie, const PacketIn& in);
  bool take_place(const CommonHeader& header, const Slot& slot);
  bool may_have_another(const IpAddress& peer) const;

  // shard.cc
  Slot* create(const Identity& identity, const Parameters& parameters, std::uint64_t locals);
  Slot* find(Owner owner, AssociationHandle handle) const;
  AssociationHandle handle_of(const Slot& slot) const;
  void settle(Slot& slot);
  void on_deadline(Time now, Slot& slot);
  bool index(Slot& slot);
  void claim_confirmed(const Slot& slot);
  void unindex(Slot& slot);
  void retire_if_done(Slot& slot);
  bool is_live(std::uint32_t index) const { return generations_[index] & 1; }
  bool is_current(AssociationHandle handle) const {
    return handle.index < slots_.touched() && is_live(handle.index) &&
           generations_[handle.index] == handle.generation;
  }
  void destroy(Slot& slot);
  bool has_share_of_slots(Owner owner) const;
  bool is_roomy() const;
  void lend(const Slot& slot);
  void account(Slot& slot);
  std::uint32_t draw_tag(std::size_t shard);
  std::uint32_t draw_tag_of(std::size_t shard);
  LocalSet locals_mask(std::span<const IpAddress> addresses, bool& all_known) const;

  // requests.cc
  bool is_own(const IpAddress& address) const;
  Status over_share();
  Status reserve(const ConnectRequest& request, const SocketAddress& peer, std::uint32_t tag,
                 std::uint16_t& port);
  bool is_port_free(std::uint16_t port, Owner owner) const;
  void release_port(Slot& slot);
  std::uint16_t draw_port();
  std::uint16_t reserve_ephemeral(const SocketAddress& peer, std::uint32_t tag, Owner owner);

  // outputs.cc
  void discard_events(Slot& slot);
  void give_turn();
  void wait_for_share(Time now, Slot& slot);
  void describe(const Slot& slot, AssociationStatus& status) const;

  Config config_;
  Steering& steering_;
  BufferPool& buffers_;
  Counters& counters_;
  Random random_;
  Memory memory_;
  std::array<IpAddress, kLocalAddressesMax> locals_;
  std::vector<SourceRoute> source_routes_;
  Resources resources_;
  mutable Slab<Slot> slots_;
  std::vector<std::uint32_t> generations_;  // of each slot: odd while an association lives there
  std::vector<Ownership> owners_;
  TagTable tags_;
  RecentTags recent_tags_;
  DrawsAhead<std::uint32_t> tags_ahead_;   // of this shard
  DrawsAhead<std::uint16_t> ports_ahead_;  // ephemeral ones
  Listeners listeners_;
  InitRate init_rate_;
  TokenBucket out_of_the_blue_rate_;
  PeerCounts peer_counts_;
  TimerWheel wheel_;  // of slots
  CookieJar jar_;
  std::uint64_t jar_epoch_ = 0;
  Ready ready_;
  Ready postponed_;  // their owners had no room; ready again when next_event() has said false
  Sending sending_;
  std::size_t packets_of_turn_ = 0;  // that the first of them has sent in succession
  Slot* delivering_ = nullptr;
  Event event_;
};

inline Sends::Sends(Shard& shard, Slot* slot) : shard_(shard), slot_(slot) {
  if (slot == nullptr) return;
  const Association& association = slot->association;
  owner_ = slot->owner;
  accepts_data_ = association.accepts_data();
  streams_ = association.outbound().streams();
  send_buffer_ = association.parameters().send_buffer;
  left_ = allowance(kOwnerShare, shard.ownership(owner_).messages, shard.memory_.messages.used(),
                    shard.memory_.messages.capacity());
}

inline Sends::~Sends() {
  if (messages_ == 0) return;
  slot_->messages_sent += messages_;
  shard_.ownership(owner_).messages += messages_;
  shard_.counters_.add(Counter::messages_sent, messages_);
  shard_.counters_.add(Counter::bytes_sent, bytes_);
  if (!Shard::Sending::is_linked(slot_)) shard_.sending_.push_back(slot_);
}

inline Status Sends::send(const SendRequest& request) {
  if (slot_ == nullptr) return Status::kNoAssociation;
  const std::size_t size = request.payload.size();
  if (size == 0) return Status::kBadArgument;
  if (size > kMessageBytesMax) return Status::kMessageTooLong;
  if (!accepts_data_) return Status::kShuttingDown;
  if (request.stream >= streams_) return Status::kBadStream;
  // A message that alone is larger than the buffer may go into an empty one.
  const std::uint32_t buffered = slot_->association.outbound().buffered_bytes();
  if (buffered > 0 && buffered + size > send_buffer_) return Status::kBufferFull;
  if (messages_ == left_) return shard_.over_share();
  const int path = request.to == nullptr ? kAnyPath : slot_->association.path_of(*request.to);
  if (path < 0) return Status::kBadArgument;
  const int flags =
      (request.flags & (kUnordered | kSackImmediately)) | (path != kAnyPath ? kChosenPath : 0);
  const bool is_accepted = slot_->association.send([&] {
    return TxMessage{.payload = request.payload.data(),
                     .token = request.token,
                     .context = request.context,
                     .owner = owner_,
                     .length = static_cast<std::uint32_t>(size),
                     .ppid = request.ppid,
                     .stream = request.stream,
                     .flags = static_cast<std::uint8_t>(flags),
                     .path = static_cast<std::uint8_t>(path)};
  });
  if (!is_accepted) return Status::kNoMemory;
  ++messages_;
  bytes_ += size;
  return Status::kOk;
}

template <class Post>
std::size_t Shard::take_messages(Post&& post) {
  Slot& slot = *delivering_;
  const MessagesTaken taken = slot.association.take_messages(post);
  counters_.add(Counter::messages_delivered, taken.messages);
  counters_.add(Counter::bytes_delivered, taken.bytes);
  if (taken.pieces == 0) return 0;
  account(slot);
  delivering_ = nullptr;
  if (!slot.association.has_events()) {
    ready_.remove(&slot);
    retire_if_done(slot);
  }
  return taken.pieces;
}

template <class Take>
std::size_t Shard::take_returned(Take&& take) {
  std::array<std::uint64_t, kReturnedAtOnce> tokens;
  std::size_t all = 0;
  while (const TxMessage* first = memory_.returned.front()) {
    const Owner owner = first->owner;
    std::size_t count = 0;
    while (count < tokens.size()) {
      TxMessage* message = memory_.returned.front();
      if (message == nullptr || message->owner != owner) break;
      memory_.returned.pop_front();
      tokens[count++] = message->token;
      memory_.messages.destroy(message);
    }
    ownership(owner).messages -= count;
    take(owner, std::span<const std::uint64_t>(tokens).first(count));
    all += count;
  }
  return all;
}

}  // namespace millrace
