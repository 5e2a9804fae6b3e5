// Sockets across fork(). A context belongs to one process: after a fork it stays with the parent,
// and the child reaches the sockets that it inherited through a channel to the parent, where a
// thread serves it. What poll says needs no channel, as both have the kernel's descriptor.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>

#include "api/sockets/socket.h"

namespace millrace::sockets {

/// What a child asks for. The parts are a name (of a peer, or an option's value), control data, and
/// a message's bytes.
struct RemoteCall {
  enum class Kind : std::uint32_t {
    bind,
    listen,
    accept,
    connect,
    connect_result,
    shutdown,
    close,
    bytes_readable,
    local_name,
    peer_name,
    get_option,
    set_option,
    send,
    receive,
    join,  ///< a fork of a fork: its channel comes along
  };
  struct Head {
    Kind kind;
    std::int32_t number[3];
    std::uint64_t socket;
    std::int64_t status;  // of the answer
    std::uint32_t lengths[3];
    std::uint32_t reserved;
  };
  Head head{};
  std::string name, control, data;
  int descriptor = -1;  // that goes along

  /// Whole calls, over a stream. False: the other side is gone.
  bool send(int channel);
  bool receive(int channel);
};

/// The parent's end of a child's channel.
struct Channel {
  int descriptor = -1;
  std::unordered_set<std::uint64_t> held;  // sockets that the child has, by their number
};

// The child's side: as in calls.h, but -errno for failures. The lock is held.
namespace remote {

/// Asks the parent; the status of its answer.
ssize_t ask(const Socket& socket, RemoteCall& call);
ssize_t connect(const Socket& socket, const sockaddr* address, socklen_t length);
ssize_t accept(const Socket& socket, int flags, std::shared_ptr<Socket>& accepted);
ssize_t name_of(const Socket& socket, RemoteCall::Kind kind, sockaddr* address, socklen_t* length);
ssize_t get_option(const Socket& socket, int level, int name, void* value, socklen_t& length);
ssize_t set_option(const Socket& socket, int level, int name, const void* value, socklen_t length);
ssize_t send(const Socket& socket, const msghdr& message, int flags);
ssize_t receive(const Socket& socket, msghdr& message, int flags);

}  // namespace remote
}  // namespace millrace::sockets
