#include "api/sockets/calls.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "api/sockets/abi.h"
#include "api/sockets/attempts.h"
#include "api/sockets/in_call.h"
#include "api/sockets/memory.h"
#include "api/sockets/messages.h"
#include "api/sockets/process.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/remote.h"

namespace millrace::sockets::calls {
namespace {

constexpr socklen_t kValueMost = 65536;  // of an option

using Guard = Process::Guard;

/// Waits for the outcome of a connect that has begun, if its call may wait.
template <class Outcome>
ssize_t wait_for_outcome(Guard& guard, const SocketPointer& socket, int descriptor, ssize_t begun,
                         Outcome&& outcome) {
  if (begun != -EINPROGRESS || !may_wait(descriptor, 0)) return begun;
  return until_done(guard, *socket, descriptor, 0, deadline_of(socket->send_timeout), -EINPROGRESS,
                    outcome);
}

ssize_t wait_for_owner(Guard& guard, const SocketPointer& socket, int descriptor, ssize_t begun,
                       sctp_assoc_t id) {
  return wait_for_outcome(guard, socket, descriptor, begun,
                          [&] { return remote::connect_result(*socket, id); });
}

ssize_t connect_to(Guard& guard, const SocketPointer& socket, int descriptor,
                   const std::vector<Endpoint>& peers, sctp_assoc_t& id) {
  const ssize_t status = socket->connect(peers, &id);
  const bool is_known = status == 0 || status == -ECONNREFUSED;
  if (is_known && !may_wait(descriptor, 0)) return socket->tell_later(static_cast<int>(-status));
  return wait_for_outcome(guard, socket, descriptor, status,
                          [&] { return ssize_t{socket->connect_result(id)}; });
}

int ask_with(const Socket& socket, RemoteCall::Kind kind, const sockaddr* address, socklen_t length,
             int number = 0) {
  RemoteCall call;
  call.head.kind = kind;
  call.head.number[0] = number;
  if (address != nullptr) call.name.assign(reinterpret_cast<const char*>(address), length);
  return static_cast<int>(answer(remote::ask(socket, call)));
}

int connect_remotely(Guard& guard, const SocketPointer& socket, int descriptor,
                     const sockaddr* address, socklen_t length) {
  sctp_assoc_t id = 0;
  const ssize_t begun = remote::connect(*socket, address, length, id);
  return static_cast<int>(answer(wait_for_owner(guard, socket, descriptor, begun, id)));
}

}  // namespace

bool is_sctp(int family, int type, int protocol) {
  const int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  // Of the type SOCK_SEQPACKET it is the only protocol that there is.
  const bool is_meant = protocol == IPPROTO_SCTP || (protocol == 0 && kind == SOCK_SEQPACKET);
  return is_meant && (family == AF_INET || family == AF_INET6) &&
         (kind == SOCK_STREAM || kind == SOCK_SEQPACKET);
}

int socket(int family, int type) {
  Process& process = Process::get();
  const Guard guard(process);
  const int status = process.start();
  // An engine that is full, or a process.
  if (status == -EMFILE || status == -EDQUOT || status == -ENOBUFS) return answer(-ENOBUFS);
  // What a kernel without SCTP says, when there is no engine.
  if (status != 0) return answer(-EPROTONOSUPPORT);
  const bool is_stream = (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM;
  const auto fresh = std::make_shared<Socket>(
      family, is_stream ? Socket::Model::one_to_one : Socket::Model::one_to_many);
  return answer(fresh->open(type));
}

int bind(int descriptor, const sockaddr* address, socklen_t length) {
  Process& process = Process::get();
  const Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  if (socket == nullptr) return answer(-EBADF);
  if (const int bad = check_name(address, length); bad != 0) return answer(bad);
  if (socket->is_remote()) return ask_with(*socket, RemoteCall::Kind::bind, address, length);
  Endpoint endpoint;
  const int status = read_endpoint(address, length, socket->family(), endpoint);
  return answer(status != 0 ? status : socket->bind(endpoint));
}

int listen(int descriptor, int backlog) {
  Process& process = Process::get();
  const Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  if (socket != nullptr && socket->is_remote())
    return ask_with(*socket, RemoteCall::Kind::listen, nullptr, 0, backlog);
  return answer(socket == nullptr ? -EBADF : socket->listen(backlog));
}

int accept(int descriptor, sockaddr* address, socklen_t* length, int flags) {
  if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0) return answer(-EINVAL);
  Process& process = Process::get();
  Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  if (socket == nullptr) return answer(-EBADF);
  if (address != nullptr) {
    if (const int bad = check_room(address, length); bad != 0) return answer(bad);
  }
  SocketPointer accepted;
  const auto attempt = [&]() -> ssize_t {
    return socket->is_remote() ? remote::accept(*socket, flags, accepted)
                               : socket->accept(flags, accepted);
  };
  const ssize_t status = until_done(guard, *socket, descriptor, 0,
                                    deadline_of(socket->receive_timeout), -EAGAIN, attempt, true);
  if (status < 0) return static_cast<int>(answer(status));
  Endpoint peer;
  if (accepted->is_remote() && address != nullptr) {
    remote::name_of(*accepted, RemoteCall::Kind::peer_name, address, length);
    return static_cast<int>(status);
  }
  if (accepted->peer_name(peer)) write_address(*accepted, peer, address, length);
  return static_cast<int>(status);
}

int connect(int descriptor, const sockaddr* address, socklen_t length) {
  Process& process = Process::get();
  Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  if (socket == nullptr) return answer(-EBADF);
  if (const int bad = check_name(address, length); bad != 0) return answer(bad);
  if (socket->is_remote()) return connect_remotely(guard, socket, descriptor, address, length);
  Endpoint peer;
  sctp_assoc_t id = 0;
  if (length >= sizeof address->sa_family && address->sa_family == AF_UNSPEC)
    return answer(-EOPNOTSUPP);  // an association is not dissolved
  ssize_t status = read_endpoint(address, length, socket->family(), peer);
  if (status == -EAFNOSUPPORT) status = -EINVAL;  // bind() is the one that says so
  if (status == 0) status = connect_to(guard, socket, descriptor, {peer}, id);
  return static_cast<int>(answer(status));
}

int shutdown(int descriptor, int how) {
  Process& process = Process::get();
  const Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  if (socket != nullptr && socket->is_remote())
    return ask_with(*socket, RemoteCall::Kind::shutdown, nullptr, 0, how);
  return answer(socket == nullptr ? -EBADF : socket->shut_down(how));
}

namespace {

void linger(Guard& guard, Socket& socket) {
  const InCall in_call(socket);  // it does not end before its time
  socket.shut_down(SHUT_RDWR);
  const std::int64_t deadline =
      monotonic_us() + std::int64_t{socket.lingering.l_linger} * 1'000'000;
  while (socket.is_lingering() && sleep_in_call(guard, socket, deadline) == 0) {
  }
}

}  // namespace

int close(int descriptor) {
  Process& process = Process::get();
  Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  process.leave(descriptor);
  const int status = real().close(descriptor);
  if (socket == nullptr) return status;
  if (socket->is_lingering() && Process::is_left(*socket)) linger(guard, *socket);
  process.settle(socket);
  return status;
}

namespace {

/// A number that the kernel gives away, and that no socket of ours has.
bool is_too_large(int descriptor) {
  rlimit limit{};
  return descriptor >= kDescriptorsMax && ::getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
         static_cast<rlim_t>(descriptor) < limit.rlim_cur;
}

}  // namespace

int copy(int from, int to, const std::function<int()>& make) {
  Process& process = Process::get();
  const Guard guard(process);
  const SocketPointer socket = process.find(from);
  // Before it is made: what it would replace stays open.
  if (socket != nullptr && is_too_large(to)) return answer(-EMFILE);
  const int made = make();
  if (made < 0) return made;
  const SocketPointer replaced = to >= 0 ? process.leave(to) : nullptr;
  if (socket != nullptr && made >= kDescriptorsMax) {
    real().close(made);
    errno = EMFILE;
    return -1;
  }
  if (socket != nullptr) process.enter(made, socket);
  if (replaced != nullptr) process.settle(replaced);
  return made;
}

void watch_edges(int descriptor) {
  Process& process = Process::get();
  const Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  if (socket == nullptr) return;
  socket->is_edge_triggered = true;
  if (socket->is_remote()) ask_with(*socket, RemoteCall::Kind::watch_edges, nullptr, 0);
}

int bytes_readable(int descriptor, int* count) {
  Process& process = Process::get();
  const Guard guard(process);
  process.drain();
  const SocketPointer socket = process.find(descriptor);
  if (socket == nullptr) return answer(-EBADF);
  if (!can_write(count, sizeof *count)) return answer(-EFAULT);
  if (socket->accepts()) return answer(-ENOTCONN);
  if (socket->is_remote()) {
    *count = std::max(0, ask_with(*socket, RemoteCall::Kind::bytes_readable, nullptr, 0));
    return 0;
  }
  *count = static_cast<int>(socket->bytes_readable());
  return 0;
}

namespace {

/// What getsockname() and getpeername() are: `find(socket, endpoint)` is false if there is no name.
template <class Find>
int name_of(int descriptor, RemoteCall::Kind kind, sockaddr* address, socklen_t* length,
            Find&& find) {
  Process& process = Process::get();
  const Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  if (socket == nullptr) return answer(-EBADF);
  if (const int bad = check_room(address, length); bad != 0) return answer(bad);
  if (socket->is_remote())
    return static_cast<int>(answer(remote::name_of(*socket, kind, address, length)));
  Endpoint name;
  if (!find(*socket, name)) return answer(-ENOTCONN);
  return answer(write_address(*socket, name, address, length));
}

}  // namespace

int getsockname(int descriptor, sockaddr* address, socklen_t* length) {
  return name_of(descriptor, RemoteCall::Kind::local_name, address, length,
                 [](const Socket& socket, Endpoint& name) {
                   name = socket.name();
                   return true;
                 });
}

int getpeername(int descriptor, sockaddr* address, socklen_t* length) {
  return name_of(descriptor, RemoteCall::Kind::peer_name, address, length,
                 [](const Socket& socket, Endpoint& name) { return socket.peer_name(name); });
}

// ---- options, three of which are calls in disguise ----

namespace {

int peel_off(const SocketPointer& socket, void* value, socklen_t& length, bool has_flags) {
  sctp_peeloff_flags_arg_t wanted{};
  const std::size_t size = has_flags ? sizeof wanted : sizeof wanted.p_arg;
  if (value == nullptr || length < size) return -EINVAL;
  std::memcpy(&wanted, value, size);
  SocketPointer peeled;
  const int flags = static_cast<int>(wanted.flags) & (SOCK_NONBLOCK | SOCK_CLOEXEC);
  const sctp_assoc_t id = wanted.p_arg.associd;
  const int status = socket->is_remote()
                         ? static_cast<int>(remote::peel_off(*socket, id, flags, peeled))
                         : socket->peel_off(id, flags, peeled);
  if (status < 0) return status;
  wanted.p_arg.sd = status;
  std::memcpy(value, &wanted, size);
  length = static_cast<socklen_t>(size);
  return status;  // as Linux does
}

ssize_t connect_to_many(Guard& guard, const SocketPointer& socket, int descriptor,
                        const void* addresses, std::size_t length, sctp_assoc_t& id) {
  if (socket->is_remote()) {
    const ssize_t begun = remote::connect_many(*socket, addresses, length, id);
    return wait_for_owner(guard, socket, descriptor, begun, id);
  }
  if (!can_read(addresses, std::min<std::size_t>(length, kValueMost))) return -EFAULT;
  std::vector<Endpoint> peers;
  const int status = read_endpoints(addresses, length, socket->family(), peers);
  return status != 0 ? status : connect_to(guard, socket, descriptor, peers, id);
}

int connect_option(Guard& guard, const SocketPointer& socket, int descriptor, void* value,
                   socklen_t& length) {
  sctp_getaddrs_old wanted;
  if (value == nullptr || length < sizeof wanted) return -EINVAL;
  std::memcpy(&wanted, value, sizeof wanted);
  sctp_assoc_t id = 0;
  const ssize_t status =
      connect_to_many(guard, socket, descriptor, wanted.addrs,
                      static_cast<std::size_t>(std::max(wanted.addr_num, 0)), id);
  if (status != 0 && status != -EINPROGRESS) return static_cast<int>(status);
  std::memcpy(value, &id, sizeof id);
  length = sizeof id;
  return static_cast<int>(status);
}

}  // namespace

int getsockopt(int descriptor, int level, int name, void* value, socklen_t* length) {
  const Uncancellable uncancellable;
  Process& process = Process::get();
  Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  if (socket == nullptr) return answer(-EBADF);
  if (!can_write(length, sizeof *length)) return answer(-EFAULT);
  if (*length > INT_MAX) return answer(-EINVAL);
  if (!can_write(value, std::min(*length, kValueMost))) return answer(-EFAULT);
  if (level == IPPROTO_SCTP) {
    if (name == SCTP_SOCKOPT_PEELOFF) return answer(peel_off(socket, value, *length, false));
    if (name == SCTP_SOCKOPT_PEELOFF_FLAGS) return answer(peel_off(socket, value, *length, true));
    if (name == SCTP_SOCKOPT_CONNECTX3)
      return answer(connect_option(guard, socket, descriptor, value, *length));
  }
  if (socket->is_remote())
    return static_cast<int>(answer(remote::get_option(*socket, level, name, value, *length)));
  if (level == SOL_SOCKET && name == SO_ERROR) process.drain();
  return answer(socket->get_option(level, name, value, *length));
}

int setsockopt(int descriptor, int level, int name, const void* value, socklen_t length) {
  const Uncancellable uncancellable;
  Process& process = Process::get();
  Guard guard(process);
  const SocketPointer socket = process.find(descriptor);
  if (socket == nullptr) return answer(-EBADF);
  if (length > INT_MAX) return answer(-EINVAL);
  if (!can_read(value, std::min(length, kValueMost))) return answer(-EFAULT);
  if (level == IPPROTO_SCTP &&
      (name == SCTP_SOCKOPT_CONNECTX || name == SCTP_SOCKOPT_CONNECTX_OLD)) {
    sctp_assoc_t id = 0;
    const ssize_t status = connect_to_many(guard, socket, descriptor, value, length, id);
    if (status != 0 || name == SCTP_SOCKOPT_CONNECTX_OLD) return static_cast<int>(answer(status));
    return id;  // as Linux does
  }
  if (socket->is_remote())
    return static_cast<int>(answer(remote::set_option(*socket, level, name, value, length)));
  return answer(socket->set_option(level, name, value, length));
}

}  // namespace millrace::sockets::calls
