#include "api/sockets/address.h"

#include <algorithm>
#include <cerrno>

namespace millrace::sockets {
namespace {

constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

mr_address from_v4(const in_addr& address) {
  mr_address result;
  std::memcpy(result.bytes, kMapped, sizeof kMapped);
  std::memcpy(result.bytes + 12, &address, 4);
  return result;
}

}  // namespace

bool is_v4(const mr_address& address) {
  return std::memcmp(address.bytes, kMapped, sizeof kMapped) == 0;
}

bool is_any(const mr_address& address) {
  const std::size_t first = is_v4(address) ? 12 : 0;
  return std::all_of(address.bytes + first, address.bytes + 16,
                     [](std::uint8_t byte) { return byte == 0; });
}

bool is_loopback(const mr_address& address) {
  if (is_v4(address)) return address.bytes[12] == 127;
  mr_address one{};
  one.bytes[15] = 1;
  return address == one;
}

mr_address loopback_address(bool v4) {
  mr_address address = any_address(v4 ? AF_INET : AF_INET6);
  if (v4) address.bytes[12] = 127;
  address.bytes[15] = 1;
  return address;
}

bool is_destination(const mr_address& address) {
  if (!is_v4(address)) return address.bytes[0] != 0xff;
  const bool is_broadcast = std::all_of(address.bytes + 12, address.bytes + 16,
                                        [](std::uint8_t byte) { return byte == 0xff; });
  return !is_broadcast && (address.bytes[12] & 0xf0) != 0xe0;
}

mr_address any_address(int family) {
  return family == AF_INET ? from_v4(in_addr{}) : mr_address{};
}

int read_endpoint(const sockaddr* from, std::size_t length, int family, Endpoint& to) {
  sa_family_t own;
  if (from == nullptr || length < sizeof own) return -EINVAL;
  std::memcpy(&own, &from->sa_family, sizeof own);
  if (own == AF_INET) {
    sockaddr_in v4;
    if (length < sizeof v4) return -EINVAL;
    std::memcpy(&v4, from, sizeof v4);
    to.address = from_v4(v4.sin_addr);
    to.port = ntohs(v4.sin_port);
    return 0;
  }
  if (own == AF_INET6 && family == AF_INET6) {
    sockaddr_in6 v6;
    if (length < 24) return -EINVAL;  // without the scope, as RFC 2133 had it
    std::memcpy(&v6, from, std::min(length, sizeof v6));
    std::memcpy(to.address.bytes, &v6.sin6_addr, 16);
    to.port = ntohs(v6.sin6_port);
    return 0;
  }
  return own == AF_INET6 ? -EINVAL : -EAFNOSUPPORT;
}

int read_endpoints(const void* from, std::size_t length, int family, std::vector<Endpoint>& to) {
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  if (from == nullptr || length == 0) return -EINVAL;
  while (length > 0) {
    sa_family_t own;
    if (length < sizeof own) return -EINVAL;
    std::memcpy(&own, bytes, sizeof own);
    const std::size_t size = own == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (length < size) return -EINVAL;
    sockaddr_storage storage{};
    std::memcpy(&storage, bytes, size);
    Endpoint endpoint;
    const int status =
        read_endpoint(reinterpret_cast<const sockaddr*>(&storage), size, family, endpoint);
    if (status != 0) return status;
    to.push_back(endpoint);
    bytes += size;
    length -= size;
  }
  return 0;
}

std::size_t write_endpoint(const Endpoint& from, int family, bool maps_v4, sockaddr_storage& to) {
  to = sockaddr_storage{};
  if (is_v4(from.address) && (family == AF_INET || !maps_v4)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(from.port);
    std::memcpy(&v4.sin_addr, from.address.bytes + 12, 4);
    std::memcpy(&to, &v4, sizeof v4);
    return sizeof v4;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(from.port);
  std::memcpy(&v6.sin6_addr, from.address.bytes, 16);
  std::memcpy(&to, &v6, sizeof v6);
  return sizeof v6;
}

}  // namespace millrace::sockets
