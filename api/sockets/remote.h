// Sockets of another process. A context belongs to one process, its owner. Whoever else has a
// descriptor of a socket, by fork, by exec or over another socket, does its calls through a link to
// the owner, where a thread serves it. What poll says needs no link, as both have the kernel's
// descriptor.
#pragma once

#include <pthread.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>

#include "api/sockets/remote_call.h"
#include "api/sockets/socket.h"

namespace millrace::sockets {

/// Somebody who has found the way here and has yet to show a descriptor. Any user of the machine
/// can be one.
struct Stranger {
  int descriptor;
  uid_t user;
  std::int64_t until_us;  // so long he may take
};

/// The way to an owner, which is opened when it is needed.
struct Link {
  explicit Link(std::string name) : owner(std::move(name)) {}
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  const std::string owner;
  int descriptor = -1;
  std::unordered_set<std::uint64_t> held;  // sockets of which the owner knows that they are here
  pthread_mutex_t in_call = PTHREAD_MUTEX_INITIALIZER;
};

/// What the owner says of a socket that is adopted, accepted or peeled off.
struct AdoptedSocket {
  std::int32_t family;
  std::int32_t is_one_to_one;
  timeval receive_timeout;
  timeval send_timeout;

  static AdoptedSocket of(const Socket& socket);
  /// False: it is none.
  bool read(const RemoteCall& call);
  void write(RemoteCall& call) const;
  /// Of another process from now on: `socket` has the limits, as it is here that calls wait.
  void limit(Socket& socket) const;
};

// As in calls.h, but -errno for failures. The lock is held, and let go while the owner is asked.
namespace remote {

/// Asks the owner; the status of its answer.
ssize_t ask(const Socket& socket, RemoteCall& call);
/// Tells the owner that this process has a descriptor of a socket of it.
ssize_t adopt(Link& link, std::uint64_t number, int descriptor, AdoptedSocket& adopted);
/// The last descriptor here is closed.
void let_go(const Socket& socket);
ssize_t connect(const Socket& socket, const sockaddr* address, socklen_t length, sctp_assoc_t& id);
/// How a connect stands, after a moment of waiting.
ssize_t connect_result(const Socket& socket, sctp_assoc_t id);
ssize_t connect_many(const Socket& socket, const void* addresses, std::size_t length,
                     sctp_assoc_t& id);
ssize_t accept(const Socket& socket, int flags, std::shared_ptr<Socket>& accepted);
ssize_t peel_off(const Socket& socket, sctp_assoc_t id, int flags, std::shared_ptr<Socket>& peeled);
ssize_t name_of(const Socket& socket, RemoteCall::Kind kind, sockaddr* address, socklen_t* length);
ssize_t get_option(const Socket& socket, int level, int name, void* value, socklen_t& length);
ssize_t set_option(Socket& socket, int level, int name, const void* value, socklen_t length);
ssize_t send(const Socket& socket, const msghdr& message, int flags);
ssize_t receive(const Socket& socket, msghdr& message, int flags);

}  // namespace remote
}  // namespace millrace::sockets
