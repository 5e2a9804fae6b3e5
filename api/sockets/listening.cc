// Listening sockets. Each is a listener of the engine's, named by the socket's number.
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "api/sockets/process.h"
#include "api/sockets/socket.h"

namespace millrace::sockets {
namespace {

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
  if (is_listening_ && listener != 0) return 0;
  is_listening_ = false;
  const bool was_bound = port_ != 0;
  int status = -EADDRINUSE;
  for (int i = 0; i < kPortTries && status == -EADDRINUSE && !is_listening_; ++i) {
    if (!was_bound && (status = choose_port()) != 0) return status;
    status = process.has_rival(*this, true) ? -EADDRINUSE : process.start_listening(*this);
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
  if (has_so_reuseport() && other.has_so_reuseport()) return false;
  return !(may_be_bound_twice() && other.may_be_bound_twice() && !other.is_listening_);
}

std::vector<mr_address> Socket::offered_addresses() const {
  if (!locals_.empty()) return locals_;
  const bool has_both = serves(true) && serves(false);
  return has_both ? locals_
                  : std::vector<mr_address>{any_address(serves(true) ? AF_INET : AF_INET6)};
}

bool Process::has_rival(const Socket& socket, bool is_to_listen) const {
  const auto is_rival = [&](const Socket& other) {
    const bool counts = !is_to_listen || !other.was_connected();
    return &other != &socket && counts && socket.is_rival_of(other);
  };
  return std::any_of(sockets_.begin(), sockets_.end(),
                     [&](const auto& other) { return other != nullptr && is_rival(*other); }) ||
         std::any_of(listening_.begin(), listening_.end(),
                     [&](const auto& one) { return is_rival(*one.second.socket); });
}

/// Listens as the socket is now. One that listens already does so until the engine has said yes: no
/// INIT is refused meanwhile. The engine is told that all share their addresses, as it is here that
/// is known who excludes whom.
int Process::start_listening(Socket& socket) {
  const std::vector<mr_address> addresses = socket.offered_addresses();
  const std::uint64_t number = next_number();
  mr_listen_options wanted{};
  wanted.port = socket.name().port;
  wanted.address_count = static_cast<std::uint16_t>(addresses.size());
  wanted.addresses = addresses.data();
  wanted.context = number;
  wanted.flags = MR_LISTEN_SHARED;
  wanted.streams_out = socket.streams_wanted().sinit_num_ostreams;
  wanted.streams_in = socket.streams_wanted().sinit_max_instreams;
  listening_[number] = {&socket, socket.options.parameters};
  socket.preset();
  const int status = ask(MR_REQUEST_LISTEN, number, [&] { return mr_listen(context_, &wanted); });
  if (status != 0) {
    listening_.erase(number);
    mr_unlisten(context_, wanted.port, number);  // if it was never answered
    return status == -EAGAIN ? -ENOBUFS : status;
  }
  // What has begun with the listener before is the socket's until the engine has ended that one.
  const std::uint64_t before = std::exchange(socket.listener, number);
  if (listening_.count(before) != 0) {
    end_listener(wanted.port, before);
    listening_.erase(before);
  }
  return 0;
}

void Process::stop_listening(Socket& socket) {
  const std::uint64_t number = std::exchange(socket.listener, 0);
  if (listening_.erase(number) != 0) end_listener(socket.name().port, number);
}

void Process::end_listener(std::uint16_t port, std::uint64_t number) {
  make_room([] { return 1; });
  ask(MR_REQUEST_UNLISTEN, number, [&] { return mr_unlisten(context_, port, number); });
}

void Socket::preset() const {
  for (int parameter = 1; parameter < MR_PARAMETERS; ++parameter) {
    if ((changed_parameters_ >> parameter & 1) != 0)
      mr_preset(Process::get().context(), parameter, options.parameters[parameter]);
  }
}

}  // namespace millrace::sockets
