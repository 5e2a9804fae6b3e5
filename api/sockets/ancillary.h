// Control messages of sendmsg and recvmsg (RFC 6458 5.3).
#pragma once

#include "api/sockets/socket.h"

namespace millrace::sockets {

/// What a message's control data says; 0 or -EINVAL.
int read_control(const msghdr& message, SendInfo& info);

/// Writes what the socket wants to know of an item, and how much room that took.
void write_control(const Socket& socket, const ReceiveRequest& request, msghdr& message);

}  // namespace millrace::sockets
