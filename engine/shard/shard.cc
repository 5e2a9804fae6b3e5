#include "engine/shard/shard.h"

#include <algorithm>
#include <bit>

#include "engine/base/derived_key.h"
#include "engine/shard/forecast.h"

namespace millrace {
namespace {

// As many chunks as a packet can have and some: who sends more asks again for the next packet.
constexpr std::size_t kCutsWhenRoomy = 128;

// Timers that fire in one turn. When many are due, because the lcore was kept from running, their
// packets are not to be more than buffers hold and a peer takes in while it answers them: what is
// lost of them comes again, all at once.
constexpr std::size_t kDeadlinesOfTurn = kBurstMax / 2;

// Of the keys that are derived from the seed, which itself is the random numbers'.
constexpr std::uint64_t kPeerCountsUse = 0;

bool is_half_free(std::size_t used, std::size_t capacity) {
  return 2 * used < capacity;
}

Usage usage_of(const Association& association) {
  const Outbound& outbound = association.outbound();
  const Reassembly& reassembly = association.reassembly();
  return {static_cast<std::uint32_t>(outbound.outstanding_chunks()), reassembly.held_chunks(),
          association.held_buffers(), reassembly.stream_blocks(), outbound.stream_blocks()};
}

}  // namespace

Shard::Memory::Memory(const ShardLimits& limits, std::uint64_t secret)
    : paths(limits.associations * kPathsMax),
      bitmaps(limits.associations),
      rx_chunks(limits.chunks_held),
      rx_index(limits.chunks_held, secret),
      messages(limits.messages_queued),
      tx_chunks(limits.chunks_sent),
      streams_in(limits.associations),
      streams_out(limits.associations) {}

Shard::Shard(const Config& config, Steering& steering, BufferPool& buffers, Counters& counters)
    : config_(config),
      steering_(steering),
      buffers_(buffers),
      counters_(counters),
      random_(config.seed),
      memory_(config.limits, random_.next_u64()),
      resources_{buffers,
                 counters,
                 random_,
                 memory_.outbox,
                 memory_.paths,
                 memory_.bitmaps,
                 {memory_.rx_chunks, memory_.streams_in, buffers, memory_.rx_index},
                 {memory_.messages, memory_.tx_chunks, memory_.streams_out, memory_.returned},
                 {},
                 {},
                 config.limits.chunks_held_per_association != 0
                     ? config.limits.chunks_held_per_association
                     : SIZE_MAX,
                 config.limits.buffers_held},
      slots_(config.limits.associations),
      generations_(config.limits.associations, config.generations_before & ~1u),
      owners_(config.limits.owners),
      tags_(config.limits.associations),
      listeners_(config.limits.listeners),
      init_rate_(config.limits.inits, {random_.next_u64(), random_.next_u64()}),
      peer_counts_(config.limits.associations, derived_key(config.seed, kPeerCountsUse)),
      wheel_(config.limits.associations),
      jar_(steering.cookie_secret(0), static_cast<std::uint32_t>(config.number)) {
  MR_ASSERT(std::has_single_bit(config.limits.owners));
  MR_ASSERT(config.limits.associations <= kAssociationsMax);
}

Shard::~Shard() {
  for (Ownership& ownership : owners_) {
    while (Slot* slot = ownership.slots.front()) {
      slot->association.abort(CauseCode::kNone, {}, DownReason::kAbortedLocally);
      unindex(*slot);
      destroy(*slot);
    }
  }
  PacketOut unsent;
  while (memory_.outbox.pop(unsent)) buffers_.release(unsent.buffer);
}

void Shard::set_local_addresses(std::span<const IpAddress> addresses) {
  const std::size_t count = std::min(addresses.size(), locals_.size());
  std::copy_n(addresses.begin(), count, locals_.begin());
  resources_.local_addresses = {locals_.data(), count};
}

void Shard::set_source_routes(std::span<const SourceRoute> routes) {
  source_routes_.assign(routes.begin(), routes.end());
  resources_.source_routes = source_routes_;
}

// 0.0.0.0 and :: stand for all addresses of their version of IP.
LocalSet Shard::locals_mask(std::span<const IpAddress> addresses, bool& all_known) const {
  const auto known = resources_.local_addresses;
  LocalSet mask = 0;
  bool has_wildcard = false;
  all_known = true;
  for (const IpAddress& address : addresses) {
    const int bit = local_bit(known, address);
    if (address.is_unspecified()) {
      mask |= locals_of(known, address.is_v4());
      has_wildcard = true;
    } else if (bit < 0) {
      all_known = false;
    } else {
      mask |= LocalSet{1} << bit;
    }
  }
  const LocalSet all = locals_of(known, true) | locals_of(known, false);
  return has_wildcard && mask == all ? 0 : mask;
}

// ---- association slots ----

Slot* Shard::create(const Identity& identity, const Parameters& parameters, std::uint64_t locals) {
  Slot* slot = slots_.create(resources_, identity, parameters, locals);
  if (slot == nullptr) return nullptr;
  slot->generation = ++generations_[slots_.index_of(slot)];
  steering_.add_load(config_.number, 1);
  return slot;
}

AssociationHandle Shard::handle_of(const Slot& slot) const {
  return {slots_.index_of(&slot), slot.generation};
}

Slot* Shard::find(Owner owner, AssociationHandle handle) const {
  if (!is_current(handle)) return nullptr;
  Slot* slot = slots_.at(handle.index);
  return slot->owner == owner && !slot->is_orphan ? slot : nullptr;
}

// One that no association has. Those of this shard are drawn ahead; only now is it known that they
// are free.
//= rfc9260 5.3.1
std::uint32_t Shard::draw_tag(std::size_t shard) {
  const auto draw_own = [this] {
    const std::uint32_t tag = draw_tag_of(config_.number);
    tags_.prefetch(tag);
    steering_.offered_tags().prefetch(tag);
    recent_tags_.prefetch(tag);
    return tag;
  };
  for (;;) {
    const bool is_own = shard == config_.number;
    const std::uint32_t tag = is_own ? tags_ahead_.next(draw_own) : draw_tag_of(shard);
    if (!tags_.find(tag)) return tag;
  }
}

std::uint32_t Shard::draw_tag_of(std::size_t shard) {
  for (;;) {
    const std::uint32_t tag = random_.next_u32();
    if (tag != 0 && steering_.owner_of_tag(tag) == shard) return tag;
  }
}

// ---- shares ----

bool Shard::has_share_of_slots(Owner owner) const {
  return may_take(kOwnerShare, ownership(owner).slots.size(), slots_);
}

// Nobody can hold more than what is used in all, so while that is less than what is free, everyone
// may take, whatever the share. That is nearly always so, and said without looking at any owner.
bool Shard::is_roomy() const {
  static_assert(kOwnerShare >= 1 && kAssociationShare >= 1);
  const auto has_room = [](const auto& slab) { return is_half_free(slab.used(), slab.capacity()); };
  return is_half_free(buffers_.held_count(), config_.limits.buffers_held) &&
         has_room(memory_.rx_chunks) && has_room(memory_.streams_in.blocks) &&
         has_room(memory_.streams_out.blocks) &&
         is_half_free(resources_.outbound.chunks_in_flight() + kCutsWhenRoomy,
                      memory_.tx_chunks.capacity());
}

// Before an association is given something to do: what it may take of what is there for all.
void Shard::lend(const Slot& slot) {
  if (is_roomy()) [[likely]] {
    resources_.may_hold = true;
    resources_.outbound.cuts_left = kCutsWhenRoomy;
    memory_.streams_in.may_grow = true;
    memory_.streams_out.may_grow = true;
    return;
  }
  const Usage& owners = ownership(slot.owner).usage;
  const Usage& own = slot.counted;
  const std::size_t buffers = buffers_.held_count();
  const std::size_t buffers_max = config_.limits.buffers_held;
  resources_.may_hold = may_take(kOwnerShare, owners.chunks_held, memory_.rx_chunks) &&
                        may_take(kAssociationShare, own.chunks_held, memory_.rx_chunks) &&
                        may_take(kOwnerShare, owners.buffers_held, buffers, buffers_max) &&
                        may_take(kAssociationShare, own.buffers_held, buffers, buffers_max);
  resources_.outbound.cuts_left =
      allowance(kOwnerShare, owners.chunks_sent, resources_.outbound.chunks_in_flight(),
                memory_.tx_chunks.capacity());
  // Peers leave an eighth for those who have none yet: there are sixteen for an association.
  const auto& in = memory_.streams_in.blocks;
  memory_.streams_in.may_grow = in.capacity() - in.used() > in.capacity() / 8 &&
                                may_take(kOwnerShare, owners.streams_in, in) &&
                                may_take(kAssociationShare, own.streams_in, in);
  memory_.streams_out.may_grow =
      may_take(kOwnerShare, owners.streams_out, memory_.streams_out.blocks);
}

// After it has done it.
void Shard::account(Slot& slot) {
  const Usage now = usage_of(slot.association);
  if (now == slot.counted) return;
  Usage& owners = ownership(slot.owner).usage;
  owners.chunks_sent += now.chunks_sent - slot.counted.chunks_sent;
  owners.chunks_held += now.chunks_held - slot.counted.chunks_held;
  owners.buffers_held += now.buffers_held - slot.counted.buffers_held;
  owners.streams_in += now.streams_in - slot.counted.streams_in;
  owners.streams_out += now.streams_out - slot.counted.streams_out;
  slot.counted = now;
}

// ---- tables and lists ----

// After anything that may have changed an association: the tables, the lists of what is to be done
// and the wheel follow its state.
void Shard::settle(Slot& slot) {
  Association& association = slot.association;
  account(slot);
  if (association.is_closed()) {
    unindex(slot);
    wheel_.disarm(slots_.index_of(&slot));
  } else {
    if (slot.indexed_tag != association.identity().local_tag ||
        slot.indexed_paths != association.path_count()) {
      if (slot.indexed_tag != association.identity().local_tag) unindex(slot);
      index(slot);
    }
    if (association.has_path_news()) claim_confirmed(slot);
    const Time deadline = association.next_deadline();
    if (deadline != kNever) wheel_.arm(slots_.index_of(&slot), deadline);
  }
  if (association.has_events() && slot.is_orphan) {
    discard_events(slot);
    account(slot);
  }
  if (association.has_events() && !Ready::is_linked(&slot)) ready_.push_back(&slot);
  if (association.has_something_to_send() && !association.is_closed() &&
      !Sending::is_linked(&slot)) {
    sending_.push_back(&slot);
    association.await_round();
  }
  retire_if_done(slot);
}

// Makes the association findable by its tag and its peer's addresses. False if another association
// is found by its first address.
//= rfc9260 1.3
bool Shard::index(Slot& slot) {
  const Identity& identity = slot.association.identity();
  if (slot.indexed_tag == 0) {
    tags_.insert(identity.local_tag, slots_.index_of(&slot));
    steering_.offered_tags().remove(identity.local_tag);
    slot.indexed_tag = identity.local_tag;
  }
  bool is_first_free = true;
  for (; slot.indexed_paths < slot.association.path_count(); ++slot.indexed_paths) {
    const bool inserted = steering_.insert(identity.local_port,
                                           slot.association.path(slot.indexed_paths).destination(),
                                           identity.peer_port, identity.local_tag);
    if (!inserted && slot.indexed_paths == 0) is_first_free = false;
  }
  return is_first_free;
}

// An address that has proved to be this peer's own is found as such, whoever has named it before:
// without a proof it had to stand back behind that one, which may live on any lcore.
//= rfc9260 5.4
void Shard::claim_confirmed(const Slot& slot) {
  const Identity& identity = slot.association.identity();
  for (std::size_t i = 0; i < slot.association.path_count(); ++i) {
    const Path& path = slot.association.path(i);
    if (!path.is_confirmed()) continue;
    steering_.claim(identity.local_port, path.destination(), identity.peer_port,
                    identity.local_tag);
  }
}

void Shard::unindex(Slot& slot) {
  if (slot.indexed_tag == 0) return;
  const Identity& identity = slot.association.identity();
  tags_.remove(slot.indexed_tag);
  if (slot.cookie_expires != Time{}) recent_tags_.add(slot.indexed_tag, slot.cookie_expires);
  for (std::size_t i = 0; i < slot.indexed_paths; ++i) {
    steering_.remove(identity.local_port, slot.association.path(i).destination(),
                     identity.peer_port, slot.indexed_tag);
  }
  slot.indexed_tag = 0;
  slot.indexed_paths = 0;
}

//= rfc9260 14.2
void Shard::retire_if_done(Slot& slot) {
  if (!slot.association.is_closed() || slot.association.has_events() || delivering_ == &slot)
    return;
  destroy(slot);
}

void Shard::destroy(Slot& slot) {
  release_port(slot);
  if (slot.is_peers_count) peer_counts_.remove(slot.association.path(0).destination());
  slot.association.clear();
  account(slot);
  wheel_.disarm(slots_.index_of(&slot));
  if (Ready::is_linked(&slot)) (slot.is_postponed ? postponed_ : ready_).remove(&slot);
  if (Sending::is_linked(&slot)) sending_.remove(&slot);
  if (Owned::is_linked(&slot)) ownership(slot.owner).slots.remove(&slot);
  steering_.add_load(config_.number, -1);
  // A handle means one association for ever: a slot that has used up its numbers is given up.
  if (++generations_[slots_.index_of(&slot)] == 0) return slots_.retire(&slot);
  slots_.destroy(&slot);
}

// ---- time ----

// Nearly always several are due, and of associations that were last looked at long ago.
void Shard::on_deadline(Time now) {
  std::array<std::uint32_t, kDeadlinesOfTurn> due;
  const std::size_t count = wheel_.take_due(now, due);
  if (count > 1) {
    Forecast forecast(*this);
    for (std::size_t i = 0; i < count; ++i) forecast.add(*slots_.at(due[i]));
    forecast.fetch();
  }
  for (std::size_t i = 0; i < count; ++i) on_deadline(now, *slots_.at(due[i]));
}

// What fires early costs one look, since nothing has happened: but one that has data may have been
// waiting for its share, and is to be asked again.
void Shard::on_deadline(Time now, Slot& slot) {
  const Time deadline = slot.association.next_deadline();
  if (deadline > now && !slot.association.outbound().has_new_data()) {
    if (deadline != kNever) wheel_.arm(slots_.index_of(&slot), deadline);
    return;
  }
  if (deadline <= now) slot.association.on_deadline(now);
  settle(slot);
}

Time Shard::next_deadline() const {
  return wheel_.next_deadline();
}

}  // namespace millrace
