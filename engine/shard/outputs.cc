// What a shard gives out: events, payloads, packets, statuses.
#include "engine/shard/shard.h"

namespace millrace {
namespace {

constexpr Duration kShareWait = milliseconds(10);

}  // namespace

bool Shard::next_event(Delivery& out) {
  while (Slot* slot = ready_.front()) {
    if (slot->association.next_event(event_)) {
      delivering_ = slot;
      out = {slot->owner, handle_of(*slot), slot->context, &event_};
      return true;
    }
    ready_.pop_front();
  }
  while (Slot* slot = postponed_.pop_front()) {
    slot->is_postponed = false;
    ready_.push_back(slot);
  }
  return false;
}

void Shard::take_event() {
  Slot& slot = *delivering_;
  if (event_.type == EventType::kSendFailed) --ownership(slot.owner).messages;
  if (event_.type == EventType::kMessage) {
    counters_.add(Counter::messages_delivered, event_.flags & kLastPiece ? 1 : 0);
    counters_.add(Counter::bytes_delivered, event_.length);
  }
  slot.association.pop_event();
  account(slot);
  delivering_ = nullptr;
  if (slot.association.has_events()) return;
  ready_.remove(&slot);
  retire_if_done(slot);
}

void Shard::postpone_event() {
  Slot* slot = delivering_;
  delivering_ = nullptr;
  ready_.remove(slot);
  slot->is_postponed = true;
  postponed_.push_back(slot);
}

// Nobody is there to be told: payloads of failed messages still go back.
void Shard::discard_events(Slot& slot) {
  Event event;
  while (slot.association.next_event(event)) {
    if (event.type == EventType::kSendFailed) {
      slot.association.return_failed();
      continue;
    }
    slot.association.pop_event();
    if (event.type == EventType::kMessage) slot.association.on_consumed(event.length);
  }
}

// One that has data and may not cut it, for its owner's share of chunks is in flight, looks again
// after a while: nothing tells it that another of its owner's has been acknowledged.
void Shard::wait_for_share(Time now, Slot& slot) {
  const bool may_cut = resources_.outbound.cuts_left > 0 && memory_.streams_out.may_grow;
  if (may_cut || !slot.association.outbound().has_new_data()) return;
  counters_.add(Counter::waits_for_share);
  wheel_.arm(slots_.index_of(&slot), now + kShareWait);
}

// After a burst of packets of one association it is the next one's turn.
void Shard::give_turn() {
  if (++packets_of_turn_ < kBurstMax) return;
  packets_of_turn_ = 0;
  sending_.push_back(sending_.pop_front());
}

std::size_t Shard::associations() const {
  return slots_.used();
}

Status Shard::status(Owner owner, AssociationHandle handle, AssociationStatus& status) const {
  const Slot* slot = find(owner, handle);
  if (slot == nullptr) return Status::kNoAssociation;
  describe(*slot, status);
  return Status::kOk;
}

std::size_t Shard::snapshot(std::uint32_t& first, std::span<AssociationStatus> out) const {
  std::size_t count = 0;
  for (; first < slots_.touched() && count < out.size(); ++first) {
    if (is_live(first)) describe(*slots_.at(first), out[count++]);
  }
  return count;
}

void Shard::describe(const Slot& slot, AssociationStatus& status) const {
  const Association& association = slot.association;
  const Outbound& outbound = association.outbound();
  status = AssociationStatus{};
  status.handle = handle_of(slot);
  status.owner = slot.owner;
  status.context = slot.context;
  status.state = state_name(association.state());
  status.local_port = association.identity().local_port;
  status.peer_port = association.identity().peer_port;
  status.streams_out = outbound.streams();
  status.streams_in = association.streams_in();
  status.local_tag = association.identity().local_tag;
  status.peer_tag = association.identity().peer_tag;
  status.locals = association.locals();
  status.peer_rwnd = outbound.peer_rwnd();
  status.a_rwnd = association.a_rwnd();
  status.unacked_chunks = static_cast<std::uint32_t>(outbound.outstanding_chunks());
  status.queued_messages = static_cast<std::uint32_t>(outbound.queued_messages());
  status.held_bytes = association.held_bytes();
  status.messages_sent = slot.messages_sent;
  status.messages_received = association.messages_received();
  status.retransmissions = association.retransmissions();
  status.path_count = association.path_count();
  for (std::size_t i = 0; i < status.path_count; ++i) {
    const Path& path = association.path(i);
    status.paths[i] = {path.destination(),
                       path.is_active(),
                       path.is_confirmed(),
                       i == association.primary(),
                       path.is_potentially_failed(),
                       path.congestion.cwnd(),
                       path.congestion.ssthresh(),
                       path.flight,
                       path.mtu(),
                       path.rto.srtt(),
                       path.rto.value(),
                       path.error_count()};
  }
}

}  // namespace millrace
