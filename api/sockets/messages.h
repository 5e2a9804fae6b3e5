// One attempt to send or to receive a message, which does not wait. The lock is held.
#pragma once

#include <string>

#include "api/sockets/socket.h"

namespace millrace::sockets {

/// Puts the parts of a message together; 0, -EMSGSIZE or -EFAULT.
int gather(const msghdr& message, std::string& data);
/// What to send where; made once, however often it is tried.
struct Outgoing {
  std::string data;
  SendInfo info;
  Endpoint to;
  bool has_name = false;

  /// Reads name, control data and what the call's flags say; `data` is there already.
  int read(const Socket& socket, const msghdr& message, int flags);
  ssize_t try_send(Socket& socket) const {
    return socket.send(data, info, has_name ? &to : nullptr);
  }
};
ssize_t try_receive(Socket& socket, msghdr& message, int flags);

int write_address(const Socket& socket, const Endpoint& endpoint, sockaddr* address,
                  socklen_t* length);

}  // namespace millrace::sockets
