// Whether memory that an application names is its own: what the kernel answers with EFAULT if not.
//
// The kernel is asked, once for each page: a page that was good is taken to be good from then on.
// Without such a question (before Linux 5.14) everything passes.
#pragma once

#include <sys/socket.h>

#include <cstddef>

namespace millrace::sockets {

bool can_read(const void* from, std::size_t length);
bool can_write(void* to, std::size_t length);

/// An address as calls take it: 0, -EINVAL for lengths that none has, -EFAULT.
int check_name(const sockaddr* name, socklen_t length);
/// Room for an address and the length that tells how much it is: 0, -EINVAL, -EFAULT.
int check_room(void* to, const socklen_t* length);
/// A message's own memory, without its control data and its parts': 0, -EINVAL, -EMSGSIZE, -EFAULT.
int check_message(const msghdr* message);
/// Whether its control data, if it has any, can be read.
bool has_own_control(const msghdr& message);

}  // namespace millrace::sockets
