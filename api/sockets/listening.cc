// Listening sockets. The engine has one listener at a port; a process may have two sockets there,
// one for each version of IP, and tells their associations apart by the peer's address.
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>

#include "api/sockets/process.h"
#include "api/sockets/socket.h"

namespace millrace::sockets {
namespace {

constexpr int kPortTries = 64;
constexpr int kBacklogMax = 4096;

}  // namespace

int Socket::listen(int backlog) {
  Process& process = Process::get();
  if (is_one_to_one() && (was_connected_ || !associations.empty())) return -EINVAL;
  if (backlog < 0) backlog = kBacklogMax;
  if (backlog == 0) {
    if (is_listening_) process.stop_listening(*this);
    is_listening_ = false;
    refresh();
    return 0;
  }
  backlog_ = std::min(backlog, kBacklogMax);
  if (is_listening_) return 0;
  const bool was_bound = port_ != 0;
  int status = -EADDRINUSE;
  for (int i = 0; i < kPortTries && status == -EADDRINUSE && !is_listening_; ++i) {
    if (!was_bound && (status = choose_port()) != 0) return status;
    status = process.start_listening(*this);
    is_listening_ = status == 0;
    if (was_bound) break;
  }
  if (!is_listening_ && !was_bound) port_ = 0;
  refresh();
  return status;
}

/// Whether associations with peers of a version of IP come to this socket.
bool Socket::serves(bool v4) const {
  if (family_ == AF_INET) return v4;
  if (!v4) return true;
  return std::none_of(stored_.begin(), stored_.end(), [](const StoredOption& stored) {
    return stored.level == IPPROTO_IPV6 && stored.name == IPV6_V6ONLY && stored.value != 0;
  });
}

/// Whether it is reached at an address of ours.
bool Socket::is_at(const mr_address& local) const {
  if (locals_.empty()) return serves(is_v4(local));
  return std::any_of(locals_.begin(), locals_.end(), [&local](const mr_address& own) {
    return own == local || (is_loopback(own) && is_loopback(local) && is_v4(own) == is_v4(local));
  });
}

/// Whether there is an address at which a peer reaches both.
bool Socket::meets(const Socket& other) const {
  const auto both_serve = [&](bool v4) { return serves(v4) && other.serves(v4); };
  if (locals_.empty() && other.locals_.empty()) return both_serve(true) || both_serve(false);
  const Socket& narrower = locals_.empty() ? other : *this;
  const Socket& wider = locals_.empty() ? *this : other;
  const auto& narrow = narrower.locals_;
  return std::any_of(narrow.begin(), narrow.end(),
                     [&wider](const mr_address& address) { return wider.is_at(address); });
}

bool Socket::is_rival_of(const Socket& other) const {
  if (port_ != other.port_ || port_ == 0 || !meets(other)) return false;
  if (reuses_port_ && other.reuses_port_) return false;
  return !(reuses_address_ && other.reuses_address_ && !other.is_listening_);
}

std::vector<mr_address> Socket::offered_addresses() const {
  if (!locals_.empty()) return locals_;
  const bool has_both = serves(true) && serves(false);
  return has_both ? locals_
                  : std::vector<mr_address>{any_address(serves(true) ? AF_INET : AF_INET6)};
}

bool Process::has_rival(const Socket& socket) const {
  return std::any_of(sockets_.begin(), sockets_.end(), [&socket](const auto& other) {
    return other != nullptr && other.get() != &socket && socket.is_rival_of(*other);
  });
}

int Process::start_listening(Socket& socket) {
  const std::uint16_t port = socket.name().port;
  ListenGroup& group = listening_[port];
  for (const Socket* other : group.sockets) {
    const bool share = socket.shares_port() && other->shares_port();
    if (!share && socket.meets(*other)) return -EADDRINUSE;
  }
  if (!group.sockets.empty()) {
    // The engine's listener is made anew, for the addresses of all of them.
    if (const int status = unlisten(port); status != 0) return status;
  }
  group.sockets.push_back(&socket);
  const int status = listen(port, group);
  if (status == 0) return 0;
  group.sockets.pop_back();
  if (!group.sockets.empty()) listen(port, group);
  if (group.sockets.empty()) listening_.erase(port);
  return status;
}

void Process::stop_listening(Socket& socket) {
  const std::uint16_t port = socket.name().port;
  ListenGroup& group = listening_[port];
  std::erase(group.sockets, &socket);
  const bool is_last = group.sockets.empty();
  if (!is_last && group.addresses == addresses_of(group)) return;
  unlisten(port);
  if (is_last || listen(port, group) != 0) listening_.erase(port);
}

/// Of all its sockets; none: all that the engine has.
std::vector<mr_address> Process::addresses_of(const ListenGroup& group) {
  std::vector<mr_address> addresses;
  for (const Socket* socket : group.sockets) {
    const std::vector<mr_address> offered = socket->offered_addresses();
    if (offered.empty()) return {};
    for (const mr_address& address : offered) {
      if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
        addresses.push_back(address);
    }
  }
  return addresses;
}

int Process::listen(std::uint16_t port, ListenGroup& group) {
  group.addresses = addresses_of(group);
  const std::vector<mr_address>& addresses = group.addresses;
  mr_listen_options wanted{};
  wanted.port = port;
  wanted.address_count = static_cast<std::uint16_t>(addresses.size());
  wanted.addresses = addresses.data();
  wanted.context = port;
  group.sockets.front()->preset(wanted);
  group.told = group.sockets.front()->options.parameters;
  listening_port = 0;
  int status = mr_listen(context_, &wanted);
  if (status == 0) status = await([this, port] { return listening_port == port; });
  return status == 0 ? listen_status : status;
}

int Process::unlisten(std::uint16_t port) {
  has_request_answer = false;
  const int status = mr_unlisten(context_, port);
  return status == 0 ? await([this] { return has_request_answer; }) : status;
}

/// The socket at a port that an association of a peer that has reached `local` is for. Of those
/// that share it each one gets its part of the peers.
Socket* Process::listener(std::uint16_t port, const mr_address& local, const mr_address& peer,
                          std::uint16_t peer_port) const {
  const auto group = listening_.find(port);
  if (group == listening_.end()) return nullptr;
  std::vector<Socket*> willing;
  for (Socket* socket : group->second.sockets) {
    if (socket->is_at(local)) willing.push_back(socket);
  }
  if (willing.empty()) return nullptr;
  std::size_t mixed = peer_port;
  for (const std::uint8_t byte : peer.bytes) mixed = mixed * 31 + byte;
  return willing[mixed % willing.size()];
}

/// What the socket wants for the associations that come to it.
void Socket::preset(mr_listen_options& wanted) const {
  wanted.streams_out = init_.sinit_num_ostreams;
  wanted.streams_in = init_.sinit_max_instreams;
  for (int parameter = 1; parameter < MR_PARAMETERS; ++parameter) {
    if ((changed_parameters_ >> parameter & 1) != 0)
      mr_preset(Process::get().context(), parameter, options.parameters[parameter]);
  }
}

}  // namespace millrace::sockets
