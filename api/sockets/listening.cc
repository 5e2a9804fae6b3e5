// Listening sockets. Each is a listener of the engine's, named by the socket's number.
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
  return !v4 || !is_on(IPPROTO_IPV6, IPV6_V6ONLY);
}

/// A stored option that is a flag.
bool Socket::is_on(int level, int name) const {
  return std::any_of(stored_.begin(), stored_.end(), [&](const StoredOption& stored) {
    return stored.level == level && stored.name == name && stored.value != 0;
  });
}

/// Whether others that say so, too, may be bound and listen where it does.
bool Socket::shares_port() const {
  return is_on(SOL_SOCKET, SO_REUSEPORT);
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
  if (shares_port() && other.shares_port()) return false;
  return !(reuses() && other.reuses() && !other.is_listening_);
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
  const std::vector<mr_address> addresses = socket.offered_addresses();
  mr_listen_options wanted{};
  wanted.port = socket.name().port;
  wanted.address_count = static_cast<std::uint16_t>(addresses.size());
  wanted.addresses = addresses.data();
  wanted.context = socket.number;
  wanted.flags = socket.shares_port() ? MR_LISTEN_SHARED : 0;
  socket.preset(wanted);
  listening_[socket.number] = {&socket, socket.options.parameters};
  const int status = ask(MR_REQUEST_LISTEN, socket.number,
                         [&] { return mr_listen(context_, &wanted); });
  if (status != 0) listening_.erase(socket.number);
  return status;
}

void Process::stop_listening(const Socket& socket) {
  if (listening_.erase(socket.number) == 0) return;
  ask(MR_REQUEST_UNLISTEN, socket.number,
      [&] { return mr_unlisten(context_, socket.name().port, socket.number); });
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
