// sockaddr and the engine's addresses.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "api/millrace.h"

/// Beside the type, which is C's: where algorithms look for it.
inline bool operator==(const mr_address& a, const mr_address& b) {
  return std::memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

namespace millrace::sockets {

/// An address with its port in host order.
struct Endpoint {
  mr_address address{};
  std::uint16_t port = 0;
};

bool is_v4(const mr_address& address);
bool is_any(const mr_address& address);  ///< 0.0.0.0 or ::
bool is_loopback(const mr_address& address);
mr_address loopback_address(bool v4);            ///< 127.0.0.1 or ::1
bool is_destination(const mr_address& address);  ///< no multicast, no broadcast

/// Reads one that a socket of `family` may use: 0, -EINVAL or -EAFNOSUPPORT.
int read_endpoint(const sockaddr* from, std::size_t length, int family, Endpoint& to);
/// Reads addresses that lie one behind the other, as bindx and connectx take them.
int read_endpoints(const void* from, std::size_t length, int family, std::vector<Endpoint>& to);

/// Writes one as a socket of `family` sees it: an IPv4 address on an IPv6 socket is mapped, unless
/// the application has turned that off. Returns its length.
std::size_t write_endpoint(const Endpoint& from, int family, bool maps_v4, sockaddr_storage& to);

/// The address that means all, of a family.
mr_address any_address(int family);

}  // namespace millrace::sockets
