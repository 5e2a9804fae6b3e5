// Associations that this side begins.
#include <algorithm>
#include <cerrno>

#include "api/sockets/process.h"
#include "api/sockets/socket.h"

namespace millrace::sockets {
namespace {

/// The addresses of one host to connect to, and its port.
int read_peers(const std::vector<Endpoint>& peers, std::vector<mr_address>& addresses) {
  if (peers.empty() || peers.size() > MR_PATHS_MAX) return -EINVAL;
  for (const Endpoint& peer : peers) {
    if (peer.port != peers.front().port || !is_destination(peer.address)) return -EINVAL;
    if (peer.port == 0) return -ECONNREFUSED;  // nobody can be there
    // The wildcard as a destination means this host.
    addresses.push_back(is_any(peer.address) ? loopback_address(is_v4(peer.address))
                                             : peer.address);
  }
  return 0;
}

bool are_loopback(const std::vector<mr_address>& addresses) {
  return std::all_of(addresses.begin(), addresses.end(), is_loopback);
}

/// Of the association that is begun next.
void preset_attempts(const sctp_initmsg& init) {
  mr_context* context = Process::get().context();
  if (init.sinit_max_attempts != 0) mr_preset(context, MR_INIT_MAX_RETRANS, attempts_of(init));
  if (init.sinit_max_init_timeo != 0)
    mr_preset(context, MR_INIT_RTO_MAX_MS, init.sinit_max_init_timeo);
}

}  // namespace

int Socket::start(const std::vector<Endpoint>& peers, const sctp_initmsg* init,
                  std::shared_ptr<Association>& started) {
  Process& process = Process::get();
  std::vector<mr_address> addresses;
  if (const int bad = read_peers(peers, addresses); bad != 0) return bad;
  // Nothing leaves a loopback address for another.
  if (!locals_.empty() && are_loopback(locals_) && !are_loopback(addresses)) return -ENETUNREACH;
  const sctp_initmsg& streams = init != nullptr ? *init : init_;
  const std::vector<mr_address> offered = offered_addresses();
  const bool was_bound = port_ != 0;
  for (int i = 0; i < kPortTries; ++i) {
    if (!was_bound) {
      if (const int status = choose_port(); status != 0) return status;
    }
    started = process.make_association();
    started->socket = this;
    started->options = options;
    started->local_port = port_;
    started->peer_port = peers.front().port;
    started->primary = addresses.front();
    started->peers = addresses;
    started->locals = locals_;
    associations[started->id] = started;
    preset();
    if (init != nullptr) preset_attempts(*init);
    mr_connect_options wanted{};
    wanted.peer_port = started->peer_port;
    wanted.local_port = port_;
    wanted.flags = is_port_chosen_ ? MR_CONNECT_ANY_PORT : 0;
    wanted.streams_out =
        streams.sinit_num_ostreams != 0 ? streams.sinit_num_ostreams : init_.sinit_num_ostreams;
    wanted.streams_in =
        streams.sinit_max_instreams != 0 ? streams.sinit_max_instreams : init_.sinit_max_instreams;
    wanted.peer_count = static_cast<std::uint16_t>(addresses.size());
    wanted.peers = addresses.data();
    wanted.local_count = static_cast<std::uint16_t>(offered.size());
    wanted.locals = offered.data();
    wanted.context = static_cast<std::uint64_t>(started->id);
    int status = mr_connect(process.context(), &wanted);
    if (status == -EAGAIN) status = -ENOBUFS;
    if (status == -EIO) status = -ENETDOWN;
    const Association& it = *started;
    if (status == 0) {
      status =
          process.await([&it] { return it.handle != 0 || it.state == Association::State::ended; });
      if (status == 0 && it.handle == 0) status = -it.error;
    }
    if (status == 0) return 0;
    associations.erase(it.id);
    process.forget(it);
    if (!was_bound) port_ = 0;
    // As on Linux, where it is one that was peeled off.
    if (was_bound) return status == -EISCONN ? -EADDRNOTAVAIL : status;
    if (status != -EADDRINUSE && status != -EISCONN) return status;
    error_ = 0;  // of this port, not of the next one
  }
  return -EADDRNOTAVAIL;
}

int Socket::connect(const std::vector<Endpoint>& peers, sctp_assoc_t* id) {
  if (is_one_to_one()) {
    if (is_listening_) return -EISCONN;
    if (!associations.empty()) {
      const bool is_starting = associations.begin()->second->state == Association::State::starting;
      return is_starting ? -EALREADY : -EISCONN;
    }
    if (was_connected_) return -EISCONN;
  } else if (const Association* there = association_soon_to(peers.front()); there != nullptr) {
    return there->state == Association::State::starting ? -EALREADY : -EISCONN;
  }
  error_ = 0;
  std::shared_ptr<Association> started;
  if (const int status = start(peers, nullptr, started); status != 0) return status;
  if (id != nullptr) *id = started->id;
  refresh();
  return started->state == Association::State::starting ? -EINPROGRESS
                                                        : connect_result(started->id);
}

int Socket::tell_later(int error) {
  if (!is_one_to_one() && error != 0) return -error;
  error_ = error;
  refresh();
  return -EINPROGRESS;
}

int Socket::connect_result(sctp_assoc_t id) {
  if (const Association* begun = association(id))
    return begun->state == Association::State::starting ? -EINPROGRESS : 0;
  if (is_one_to_one()) {
    if (was_connected_) return 0;  // up, and already gone again
    return error_ != 0 ? -error_ : -ECONNREFUSED;
  }
  return -ECONNREFUSED;
}

// ---- questions ----

Association* Socket::association(sctp_assoc_t id) const {
  if (is_one_to_one()) return associations.empty() ? nullptr : associations.begin()->second.get();
  const auto found = associations.find(id);
  return found != associations.end() ? found->second.get() : nullptr;
}

namespace {

PeerKey key_of(const mr_address& address, std::uint16_t port) {
  PeerKey key{port, {}};
  std::copy(std::begin(address.bytes), std::end(address.bytes), key.second.begin());
  return key;
}

}  // namespace

/// What was found before is looked at first: it may have ended, or its peer's addresses may be
/// others.
Association* Socket::association_to(const Endpoint& peer) const {
  const auto is_to = [&peer](const Association& association) {
    const auto& peers = association.peers;
    return association.peer_port == peer.port &&
           std::find(peers.begin(), peers.end(), peer.address) != peers.end();
  };
  const PeerKey key = key_of(peer.address, peer.port);
  if (const auto found = by_peer_.find(key); found != by_peer_.end()) {
    Association* before = association(found->second);
    if (before != nullptr && is_to(*before)) return before;
    by_peer_.erase(found);
  }
  for (const auto& [id, association] : associations) {
    if (!is_to(*association)) continue;
    by_peer_[key] = id;
    return association.get();
  }
  return nullptr;
}

void Socket::forget_peers(const Association& association) {
  for (const mr_address& peer : association.peers)
    by_peer_.erase(key_of(peer, association.peer_port));
}

/// The same, when peers' addresses may be on their way here: an association tells one as it begins.
Association* Socket::association_soon_to(const Endpoint& peer) const {
  Association* found = nullptr;
  const auto is_told = [&] {
    found = association_to(peer);
    return found != nullptr ||
           std::none_of(associations.begin(), associations.end(), [&](const auto& entry) {
             return entry.second->peer_port == peer.port && entry.second->statuses > 0;
           });
  };
  if (!is_told()) Process::get().await(is_told);
  return found;
}

Endpoint Socket::name() const {
  Endpoint result;
  result.port = port_;
  result.address = locals_.empty() ? any_address(family_) : locals_.front();
  if (is_one_to_one() && locals_.empty() && !is_any(local_)) result.address = local_;
  return result;
}

bool Socket::peer_name(Endpoint& peer) const {
  const Association* only = is_one_to_one() ? association(0) : nullptr;
  if (only != nullptr && only->state == Association::State::up) {
    peer = {only->primary, only->peer_port};
  } else {
    peer = peer_;
  }
  return peer.port != 0;
}

/// What an application may bind to, or has bound to.
std::vector<mr_address> Socket::local_addresses(const Association* association) const {
  const std::vector<mr_address>& chosen = association != nullptr ? association->locals : locals_;
  if (!chosen.empty()) return chosen;
  std::vector<mr_address> all;
  const mr_engine& engine = Process::get().engine();
  for (std::uint32_t i = 0; i < engine.address_count; ++i) {
    if (serves(is_v4(engine.addresses[i]))) all.push_back(engine.addresses[i]);
  }
  return all;
}

int Socket::take_error() {
  const int error = error_;
  error_ = 0;
  refresh();
  return error;
}

}  // namespace millrace::sockets
