// Options of IPPROTO_IP and IPPROTO_IPV6 that change packets.
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>

#include "api/sockets/options.h"

namespace millrace::sockets {
namespace {

constexpr int kEcnBits = 3;  // the protocol's own

}  // namespace

int Options::get_tos(Socket& socket, void* value, socklen_t& length) {
  return write_value(socket.tos_, value, length);
}

// A byte will do, as in Linux.
int Options::set_tos(Socket& socket, const void* value, socklen_t length) {
  const int wanted =
      length < sizeof(int) ? read_value<std::uint8_t>(value) : read_value<int>(value) & 0xff;
  socket.tos_ = socket.is_one_to_one() ? wanted & ~kEcnBits : wanted;
  return set_dscp(socket, static_cast<std::uint32_t>(socket.tos_) >> 2);
}

int Options::get_tclass(Socket& socket, void* value, socklen_t& length) {
  return write_value(socket.traffic_class_, value, length);
}

int Options::set_tclass(Socket& socket, const void* value, socklen_t) {
  const int wanted = read_value<int>(value);
  if (wanted < -1 || wanted > 0xff) return -EINVAL;
  const int chosen = std::max(wanted, 0);  // -1: the default, which is told as 0
  socket.traffic_class_ = socket.is_one_to_one() ? chosen & ~kEcnBits : chosen;
  return set_dscp(socket, wanted == -1 ? Process::get().engine().parameters[MR_DSCP]
                                       : static_cast<std::uint32_t>(chosen) >> 2);
}

int Options::get_hops(Socket& socket, void* value, socklen_t& length) {
  return write_value(static_cast<int>(socket.options.parameters[MR_HOP_LIMIT]), value, length);
}

int Options::set_hops(Socket& socket, const void* value, socklen_t length) {
  const int wanted =
      length < sizeof(int) ? read_value<std::uint8_t>(value) : read_value<int>(value);
  if (wanted < -1 || wanted == 0 || wanted > 255) return -EINVAL;
  Scope all;
  all.has_socket = all.has_all = true;
  change(socket, all, MR_HOP_LIMIT,
         wanted == -1 ? Process::get().engine().parameters[MR_HOP_LIMIT]
                      : static_cast<std::uint32_t>(wanted));
  return 0;
}

}  // namespace millrace::sockets
