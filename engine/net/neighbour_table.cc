#include "engine/net/neighbour_table.h"

#include "engine/base/assert.h"
#include "engine/net/address_hash.h"

namespace millrace::net {

NeighbourTable::NeighbourTable(const StackConfig& config, BufferPool& pool, Counters& counters)
    : key_(config.seed),
      reachable_(config.neighbour_reachable),
      retry_(config.neighbour_retry),
      pool_(pool),
      counters_(counters),
      neighbours_(config.neighbours_max),
      slots_(2 * config.neighbours_max) {
  MR_ASSERT(config.neighbours_max > 0 && config.neighbours_max < 0xffff);
}

NeighbourTable::~NeighbourTable() {
  for (Neighbour& neighbour : neighbours_) {
    while (Buffer* frame = neighbour.held_first) {
      neighbour.held_first = frame->next;
      pool_.release(frame);
    }
  }
}

std::size_t NeighbourTable::slot_of(std::uint8_t interface_index, const IpAddress& address) const {
  return (hash_address(key_, address) + interface_index) % slots_.size();
}

const Neighbour* NeighbourTable::find(std::uint8_t interface_index,
                                      const IpAddress& address) const {
  std::uint16_t link = slots_[slot_of(interface_index, address)];
  while (link != 0) {
    const Neighbour& neighbour = neighbours_[link - 1u];
    if (neighbour.interface_index == interface_index && neighbour.address == address) {
      return &neighbour;
    }
    link = neighbour.slot_next;
  }
  return nullptr;
}

Neighbour* NeighbourTable::find_mutable(std::uint8_t interface_index, const IpAddress& address) {
  return const_cast<Neighbour*>(find(interface_index, address));
}

Neighbour& NeighbourTable::use(Time now, std::uint8_t interface_index, const IpAddress& address,
                               const IpAddress& source) {
  Neighbour* found = find_mutable(interface_index, address);
  const bool is_new = found == nullptr;
  Neighbour& neighbour = is_new ? make(interface_index, address) : *found;
  neighbour.used_at = now;
  neighbour.asked_from = source;
  if (is_new || (neighbour.state == NeighbourState::kFailed && now >= neighbour.deadline)) {
    enter_incomplete(now, neighbour);
  } else if (neighbour.state == NeighbourState::kReachable && now >= neighbour.confirmed_until) {
    enter_probing(now, neighbour, 0);
  }
  return neighbour;
}

Time NeighbourTable::valid_until(const Neighbour& neighbour) const {
  MR_ASSERT(neighbour.has_mac());
  return neighbour.state == NeighbourState::kReachable ? neighbour.confirmed_until
                                                       : neighbour.deadline;
}

bool NeighbourTable::hold(Neighbour& neighbour, Buffer* frame) {
  MR_ASSERT(!neighbour.has_mac());
  if (neighbour.state == NeighbourState::kFailed || neighbour.held_count == kHeldPerNeighbour ||
      held_count_ == kHeldMax) {
    counters_.add(Counter::drop_neighbour_queue);
    pool_.release(frame);
    return false;
  }
  frame->next = nullptr;
  (neighbour.held_last != nullptr ? neighbour.held_last->next : neighbour.held_first) = frame;
  neighbour.held_last = frame;
  ++neighbour.held_count;
  ++held_count_;
  return true;
}

bool NeighbourTable::on_answer(Time now, std::uint8_t interface_index, const IpAddress& address,
                               const MacAddress& mac) {
  Neighbour* neighbour = find_mutable(interface_index, address);
  if (neighbour == nullptr || !List<Neighbour, AskingTag>::is_linked(neighbour)) return false;
  enter_reachable(now, *neighbour, mac);
  return true;
}

bool NeighbourTable::on_hint(Time now, std::uint8_t interface_index, const IpAddress& address,
                             const MacAddress& mac) {
  Neighbour* neighbour = find_mutable(interface_index, address);
  if (neighbour == nullptr) return false;
  if (!neighbour->has_mac()) {
    enter_reachable(now, *neighbour, mac);
  } else if (neighbour->state == NeighbourState::kReachable && neighbour->mac != mac &&
             now >= neighbour->confirmed_at + retry_) {
    // It may have moved, or someone lies: ask everyone, and go on as before meanwhile.
    enter_probing(now, *neighbour, kUnicastProbes);
  }
  return true;
}

void NeighbourTable::on_deadline(Time now) {
  while (!asking_.empty() && asking_.front()->deadline <= now) {
    Neighbour& neighbour = *asking_.front();
    const std::uint8_t attempts_max = neighbour.state == NeighbourState::kProbing
                                          ? kUnicastProbes + kMulticastProbes
                                          : kMulticastProbes;
    if (neighbour.attempts >= attempts_max) {
      enter_failed(now, neighbour);
    } else {
      ask(now, neighbour);
    }
  }
}

bool NeighbourTable::next_solicitation(Solicitation& out) {
  Neighbour* neighbour = due_.pop_front();
  if (neighbour == nullptr) return false;
  const bool is_unicast =
      neighbour->state == NeighbourState::kProbing && neighbour->attempts <= kUnicastProbes;
  out.target = neighbour->address;
  out.source = neighbour->asked_from;
  out.mac = is_unicast ? neighbour->mac : MacAddress{};
  out.interface_index = neighbour->interface_index;
  return true;
}

Buffer* NeighbourTable::next_ready(MacAddress& mac) {
  Neighbour* neighbour = ready_.front();
  if (neighbour == nullptr) return nullptr;
  Buffer* frame = neighbour->held_first;
  neighbour->held_first = frame->next;
  frame->next = nullptr;
  --neighbour->held_count;
  --held_count_;
  if (neighbour->held_first == nullptr) {
    neighbour->held_last = nullptr;
    ready_.remove(neighbour);
  }
  mac = neighbour->mac;
  return frame;
}

Time NeighbourTable::next_deadline() const {
  return asking_.empty() ? kNever : asking_.front()->deadline;
}

Neighbour& NeighbourTable::make(std::uint8_t interface_index, const IpAddress& address) {
  Neighbour& neighbour = used_ < neighbours_.size() ? neighbours_[used_++] : vacant();
  neighbour.interface_index = interface_index;
  neighbour.address = address;
  std::uint16_t& head = slots_[slot_of(interface_index, address)];
  neighbour.slot_next = head;
  head = static_cast<std::uint16_t>(&neighbour - neighbours_.data() + 1);
  return neighbour;
}

// Looks at a stretch of a full table and frees the entry in it that is worth the least: one without
// an address before one with, the longest unused first. So a flood of packets to neighbours that do
// not exist pushes out its own entries.
Neighbour& NeighbourTable::vacant() {
  Neighbour* worst = nullptr;
  for (std::size_t i = 0; i < kEvictionTries || worst == nullptr; ++i) {
    Neighbour& candidate = neighbours_[eviction_hand_];
    eviction_hand_ = (eviction_hand_ + 1) % neighbours_.size();
    const bool is_worse =
        worst == nullptr || (worst->has_mac() && !candidate.has_mac()) ||
        (worst->has_mac() == candidate.has_mac() && candidate.used_at < worst->used_at);
    if (is_worse) worst = &candidate;
  }
  remove(*worst);
  return *worst;
}

void NeighbourTable::remove(Neighbour& neighbour) {
  std::uint16_t* link = &slots_[slot_of(neighbour.interface_index, neighbour.address)];
  while (&neighbours_[*link - 1u] != &neighbour) link = &neighbours_[*link - 1u].slot_next;
  *link = neighbour.slot_next;
  stop_asking(neighbour);
  drop_held(neighbour);
  if (neighbour.has_mac()) ++epoch_;
  neighbour = Neighbour{};
}

void NeighbourTable::ask(Time now, Neighbour& neighbour) {
  ++neighbour.attempts;
  neighbour.deadline = now + retry_;
  // Every deadline is the same span away, so that the list stays in their order.
  if (List<Neighbour, AskingTag>::is_linked(&neighbour)) asking_.remove(&neighbour);
  asking_.push_back(&neighbour);
  if (!List<Neighbour, DueTag>::is_linked(&neighbour)) due_.push_back(&neighbour);
}

void NeighbourTable::stop_asking(Neighbour& neighbour) {
  if (List<Neighbour, AskingTag>::is_linked(&neighbour)) asking_.remove(&neighbour);
  if (List<Neighbour, DueTag>::is_linked(&neighbour)) due_.remove(&neighbour);
}

void NeighbourTable::enter_incomplete(Time now, Neighbour& neighbour) {
  neighbour.state = NeighbourState::kIncomplete;
  neighbour.attempts = 0;
  ask(now, neighbour);
}

void NeighbourTable::enter_reachable(Time now, Neighbour& neighbour, const MacAddress& mac) {
  if (neighbour.has_mac() && neighbour.mac != mac) ++epoch_;
  stop_asking(neighbour);
  neighbour.state = NeighbourState::kReachable;
  neighbour.mac = mac;
  neighbour.confirmed_at = now;
  neighbour.confirmed_until = now + reachable_;
  const bool is_ready = List<Neighbour, ReadyTag>::is_linked(&neighbour);
  if (neighbour.held_first != nullptr && !is_ready) ready_.push_back(&neighbour);
}

void NeighbourTable::enter_probing(Time now, Neighbour& neighbour, std::uint8_t attempts) {
  neighbour.state = NeighbourState::kProbing;
  neighbour.attempts = attempts;
  ask(now, neighbour);
}

void NeighbourTable::enter_failed(Time now, Neighbour& neighbour) {
  if (neighbour.has_mac()) ++epoch_;
  stop_asking(neighbour);
  drop_held(neighbour);
  neighbour.state = NeighbourState::kFailed;
  neighbour.deadline = now + retry_;
}

void NeighbourTable::drop_held(Neighbour& neighbour) {
  if (List<Neighbour, ReadyTag>::is_linked(&neighbour)) ready_.remove(&neighbour);
  while (Buffer* frame = neighbour.held_first) {
    neighbour.held_first = frame->next;
    pool_.release(frame);
    counters_.add(Counter::drop_neighbour_queue);
    --held_count_;
  }
  neighbour.held_last = nullptr;
  neighbour.held_count = 0;
}

std::size_t NeighbourTable::snapshot(std::uint32_t& first, std::span<NeighbourStatus> out) const {
  static constexpr const char* kStates[] = {"free", "incomplete", "reachable", "probing", "failed"};
  std::size_t count = 0;
  for (; first < used_ && count < out.size(); ++first) {
    const Neighbour& from = neighbours_[first];
    if (from.state == NeighbourState::kFree) continue;
    NeighbourStatus& to = out[count++];
    to.address = from.address;
    to.mac = from.has_mac() ? from.mac : MacAddress{};
    to.state = kStates[static_cast<std::size_t>(from.state)];
    to.interface_index = from.interface_index;
  }
  return count;
}

}  // namespace millrace::net
