// What applications ask of a shard.
#include <algorithm>

#include "engine/shard/shard.h"

namespace millrace {
namespace {

constexpr std::uint16_t kEphemeralFirst = 32768;
constexpr std::uint16_t kEphemeralCount = 28232;  // to 60999
constexpr int kEphemeralTries = 64;

}  // namespace

Status Shard::listen(const ListenRequest& request) {
  if (request.port == 0 || request.owner == 0) {
    return Status::kBadArgument;
  }
  bool all_known;
  const std::uint64_t locals = locals_mask(request.addresses, all_known);
  if (!all_known) return Status::kNoAddress;
  Ownership& owner = ownership(request.owner);
  if (!listeners_.has_share(owner.listeners)) return over_share();
  const Parameters& parameters = request.parameters ? *request.parameters : config_.parameters;
  const Listener listener{
      .owner = request.owner,
      .port = request.port,
      .is_shared = request.is_shared,
      .locals = locals,
      .context = request.context,
      .number = steering_.number_of_listener(request.owner, request.port, request.context),
      .parameters = parameters};
  for (const Listener* other = listeners_.first(request.port); other; other = other->next) {
    if (other->excludes(listener)) return Status::kPortInUse;
  }
  if (!steering_.claim_port(request.port, request.owner)) return Status::kPortInUse;
  if (listeners_.add(listener)) {
    ++owner.listeners;
    return Status::kOk;
  }
  steering_.release_port(request.port, request.owner);
  return Status::kNoMemory;
}

Status Shard::over_share() {
  counters_.add(Counter::requests_over_share);
  return Status::kOverShare;
}

Status Shard::unlisten(Owner owner, std::uint16_t port, std::uint64_t context) {
  if (!listeners_.remove(owner, port, context)) return Status::kNoAssociation;
  --ownership(owner).listeners;
  steering_.release_port(port, owner);
  return Status::kOk;
}

Status Shard::connect(Time now, const ConnectRequest& request, AssociationHandle& handle) {
  if (request.peer_port == 0 || request.peers.empty() || request.peers.size() > kPathsMax ||
      request.owner == 0) {
    return Status::kBadArgument;
  }
  for (auto peer = request.peers.begin(); peer != request.peers.end(); ++peer) {
    if (!peer->is_unicast() || std::find(request.peers.begin(), peer, *peer) != peer) {
      return Status::kBadArgument;
    }
  }
  // Where reserve() will look, if the first peer and the next port are as good as they mostly are.
  if (request.local_port == 0) {
    steering_.prefetch(ports_ahead_.front(), request.peers[0], request.peer_port);
  }
  bool all_known;
  const std::uint64_t locals = locals_mask(request.locals, all_known);
  if (!all_known) return Status::kNoAddress;
  // What none of them reaches would be a path of nothing.
  std::array<IpAddress, kPathsMax> reached;
  const auto reached_end =
      std::copy_if(request.peers.begin(), request.peers.end(), reached.begin(),
                   [&](const IpAddress& peer) { return resources_.reaches(locals, peer); });
  const std::span<const IpAddress> peers(reached.begin(), reached_end);
  if (peers.empty()) return Status::kNoRoute;
  // An association with itself would answer itself: both of its ends would have one name.
  if (request.local_port == request.peer_port &&
      std::any_of(peers.begin(), peers.end(),
                  [this](const IpAddress& peer) { return is_own(peer); })) {
    return Status::kBadArgument;
  }
  if (!has_share_of_slots(request.owner)) return over_share();
  const SocketAddress first{peers[0], request.peer_port};
  const std::uint32_t tag = draw_tag(config_.number);
  std::uint16_t port = request.local_port;
  const bool claims = port != 0 && request.claims_port;
  if (const Status status = reserve(request, first, tag, port); status != Status::kOk)
    return status;
  const Parameters& parameters = request.parameters ? *request.parameters : config_.parameters;
  Slot* slot = create({port, request.peer_port, tag, 0}, parameters, locals);
  if (slot == nullptr || !slot->association.connect(now, peers)) {
    steering_.remove(port, first.address, first.port, tag);
    if (claims) steering_.release_port(port, request.owner);
    if (slot != nullptr) destroy(*slot);
    return Status::kNoMemory;
  }
  slot->owner = request.owner;
  slot->context = request.context;
  slot->claims_port = claims;
  slot->indexed_paths = 1;  // what was reserved above
  ownership(slot->owner).slots.push_back(slot);
  handle = handle_of(*slot);
  settle(*slot);
  return Status::kOk;
}

bool Shard::is_own(const IpAddress& address) const {
  const auto own = resources_.local_addresses;
  return address.is_loopback() || std::find(own.begin(), own.end(), address) != own.end();
}

// The local port, and under `tag` the name that the association has with its first peer.
Status Shard::reserve(const ConnectRequest& request, const SocketAddress& peer, std::uint32_t tag,
                      std::uint16_t& port) {
  if (port == 0) {
    port = reserve_ephemeral(peer, tag, request.owner);
    return port != 0 ? Status::kOk : Status::kNoPort;
  }
  // Where another listens its peers' INITs would find this association instead.
  const bool is_ours = request.claims_port ? steering_.claim_port(port, request.owner)
                                           : is_port_free(port, request.owner);
  if (!is_ours) return Status::kPortInUse;
  if (steering_.insert(port, peer.address, peer.port, tag)) return Status::kOk;
  if (request.claims_port) steering_.release_port(port, request.owner);
  const bool is_taken = steering_.find(port, peer.address, peer.port).has_value();
  return is_taken ? Status::kDuplicate : Status::kNoMemory;
}

bool Shard::is_port_free(std::uint16_t port, Owner owner) const {
  const Owner other = steering_.port_owner(port);
  return other == 0 || other == owner;
}

void Shard::release_port(Slot& slot) {
  if (!slot.claims_port) return;
  slot.claims_port = false;
  steering_.release_port(slot.association.identity().local_port, slot.owner);
}

std::uint16_t Shard::draw_port() {
  return ports_ahead_.next([this] {
    const auto port = static_cast<std::uint16_t>(kEphemeralFirst + random_.below(kEphemeralCount));
    listeners_.prefetch(port);
    steering_.prefetch_claim(port);
    return port;
  });
}

// A local port with which the peer is not yet talked to, reserved under `tag`; 0 if none was found.
std::uint16_t Shard::reserve_ephemeral(const SocketAddress& peer, std::uint32_t tag, Owner owner) {
  for (int attempt = 0; attempt < kEphemeralTries; ++attempt) {
    const std::uint16_t port = draw_port();
    if (port != peer.port && listeners_.first(port) == nullptr && is_port_free(port, owner) &&
        steering_.insert(port, peer.address, peer.port, tag)) {
      return port;
    }
  }
  return 0;
}

Status Shard::send(Time /*now*/, Owner owner, AssociationHandle handle,
                   const SendRequest& request) {
  return sends_to(owner, handle).send(request);
}

Status Shard::consumed(Time /*now*/, Owner owner, AssociationHandle handle, std::uint32_t bytes) {
  Slot* slot = find(owner, handle);
  if (slot == nullptr) return Status::kNoAssociation;
  if (slot->association.on_consumed(bytes)) settle(*slot);
  return Status::kOk;
}

Status Shard::shutdown(Time now, Owner owner, AssociationHandle handle) {
  Slot* slot = find(owner, handle);
  if (slot == nullptr) return Status::kNoAssociation;
  slot->association.shutdown(now);
  settle(*slot);
  return Status::kOk;
}

Status Shard::abort(Time /*now*/, Owner owner, AssociationHandle handle, Bytes reason) {
  Slot* slot = find(owner, handle);
  if (slot == nullptr) return Status::kNoAssociation;
  slot->association.abort(CauseCode::kUserInitiatedAbort, reason, DownReason::kAbortedLocally);
  settle(*slot);
  return Status::kOk;
}

Status Shard::set_primary(Time /*now*/, Owner owner, AssociationHandle handle,
                          const IpAddress& peer) {
  Slot* slot = find(owner, handle);
  if (slot == nullptr) return Status::kNoAssociation;
  return slot->association.set_primary(peer) ? Status::kOk : Status::kBadArgument;
}

Status Shard::set_parameters(Time now, Owner owner, AssociationHandle handle,
                             const Parameters& parameters, const IpAddress& peer) {
  Slot* slot = find(owner, handle);
  if (slot == nullptr) return Status::kNoAssociation;
  if (peer == IpAddress{}) {
    slot->association.set_parameters(now, parameters);
  } else if (!slot->association.set_path_parameters(now, peer, parameters)) {
    return Status::kBadArgument;
  }
  settle(*slot);
  return Status::kOk;
}

Status Shard::parameters(Owner owner, AssociationHandle handle, Parameters& parameters,
                         const IpAddress& peer) const {
  const Slot* slot = find(owner, handle);
  if (slot == nullptr) return Status::kNoAssociation;
  parameters = slot->association.parameters();
  if (peer == IpAddress{}) return Status::kOk;
  const int path = slot->association.path_of(peer);
  if (path < 0) return Status::kBadArgument;
  parameters = slot->association.path(static_cast<std::size_t>(path)).settings().over(parameters);
  return Status::kOk;
}

Status Shard::heartbeat(Time now, Owner owner, AssociationHandle handle, const IpAddress& peer) {
  Slot* slot = find(owner, handle);
  if (slot == nullptr) return Status::kNoAssociation;
  if (!slot->association.heartbeat(now, peer)) return Status::kBadArgument;
  settle(*slot);
  return Status::kOk;
}

//= rfc9260 9
void Shard::drop_owner(Time now, Owner owner, bool gracefully) {
  listeners_.remove_of(owner, [&](std::uint16_t port) { steering_.release_port(port, owner); });
  ownership(owner).listeners = 0;
  Owned& slots = ownership(owner).slots;
  for (Slot* slot = slots.front(); slot != nullptr;) {
    Slot* next = Owned::next(slot);
    slot->is_orphan = true;
    release_port(*slot);  // a successor has it at once, though this one may take its time
    const bool ends_later = gracefully || slot->association.is_ending();
    if (ends_later && !slot->association.is_in_vain()) {
      slot->association.on_consumed(UINT32_MAX);  // what was delivered is read by nobody now
      slot->association.shutdown(now);
    } else {
      slot->association.abort(CauseCode::kUserInitiatedAbort, {}, DownReason::kAbortedLocally);
    }
    settle(*slot);
    slot = next;
  }
}

std::size_t Shard::owned(Owner owner) const {
  const Ownership& held = owners_[owner & (owners_.size() - 1)];
  return held.slots.size() + held.messages;
}

}  // namespace millrace
