// How a descriptor tells whose socket it is, wherever it came from: through exec, or over another
// socket. The library's end of each pair (descriptor.h) has a name in Linux's abstract namespace,
// which the application's end tells as its peer's; and the process that has the socket behind it is
// reached by a name of its own. Who brings the descriptor may use the socket.
#pragma once

#include <cstdint>
#include <string>

namespace millrace::sockets {

struct SocketName {
  std::string owner;         // a process: random, the same for all of its sockets
  std::uint64_t number = 0;  // among them
};

/// A name for this process that nobody else has.
std::string new_owner_name();
/// Names a library's end; 0 or -errno.
int give_name(int descriptor, const SocketName& name);
/// Reads the name behind an application's end; false if the descriptor is no such thing.
bool read_name(int descriptor, SocketName& name);
/// A socket on which the process of that name is reached, or -errno.
int open_rendezvous(const std::string& owner);
/// A stream to the process of that name, or -errno.
int reach(const std::string& owner);

}  // namespace millrace::sockets
