// The functions of millrace/sctp.h (RFC 6458 9), made of the calls on descriptors. On a descriptor
// that is not ours they do what libsctp's would.
#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "api/sockets/abi.h"
#include "api/sockets/calls.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/table.h"

#define MR_SHOWN __attribute__((visibility("default")))

namespace millrace::sockets {
namespace {

constexpr int kAddressesMax = 64;

int get_option(int socket, int option, void* value, socklen_t* length) {
  return is_ours(socket) ? calls::getsockopt(socket, IPPROTO_SCTP, option, value, length)
                         : real().getsockopt(socket, IPPROTO_SCTP, option, value, length);
}

int set_option(int socket, int option, const void* value, std::size_t length) {
  const auto size = static_cast<socklen_t>(length);
  return is_ours(socket) ? calls::setsockopt(socket, IPPROTO_SCTP, option, value, size)
                         : real().setsockopt(socket, IPPROTO_SCTP, option, value, size);
}

int fail(int error) {
  errno = error;
  return -1;
}

std::size_t size_of(sa_family_t family) {
  if (family == AF_INET) return sizeof(sockaddr_in);
  return family == AF_INET6 ? sizeof(sockaddr_in6) : 0;
}

/// Bytes of `count` addresses that lie one behind the other; 0 if they cannot be.
std::size_t size_of_all(const sockaddr* addresses, int count) {
  if (addresses == nullptr || count <= 0 || count > kAddressesMax) return 0;
  std::size_t total = 0;
  for (int i = 0; i < count; ++i) {
    sa_family_t family;
    std::memcpy(&family, reinterpret_cast<const char*>(addresses) + total, sizeof family);
    const std::size_t size = size_of(family);
    if (size == 0) return 0;
    total += size;
  }
  return total;
}

/// Where a value says which association it is about; -1 if it says it nowhere.
int place_of_id(int option) {
  switch (option) {
    case SCTP_INITMSG:
    case SCTP_NODELAY:
    case SCTP_AUTOCLOSE:
    case SCTP_ADAPTATION_LAYER:
    case SCTP_DISABLE_FRAGMENTS:
    case SCTP_EVENTS:
    case SCTP_I_WANT_MAPPED_V4_ADDR:
    case SCTP_FRAGMENT_INTERLEAVE:
    case SCTP_PARTIAL_DELIVERY_POINT:
    case SCTP_GET_ASSOC_NUMBER:
    case SCTP_GET_ASSOC_ID_LIST:
    case SCTP_AUTO_ASCONF:
    case SCTP_RECVRCVINFO:
    case SCTP_RECVNXTINFO:
    case SCTP_REUSE_PORT:
    case SCTP_EXPLICIT_EOR:
    case SCTP_USE_EXT_RCVINFO:
      return -1;
    case SCTP_DEFAULT_SEND_PARAM:
      return offsetof(sctp_sndrcvinfo, sinfo_assoc_id);
    case SCTP_DEFAULT_SNDINFO:
      return offsetof(sctp_sndinfo, snd_assoc_id);
    default:
      return 0;
  }
}

int addresses_of(int socket, sctp_assoc_t id, int option, sockaddr** addresses) {
  // The most that there can be, of the longer kind.
  constexpr socklen_t kRoom = offsetof(sctp_getaddrs, addrs) + kAddressesMax * sizeof(sockaddr_in6);
  if (addresses == nullptr) return fail(EFAULT);
  auto* bytes = static_cast<char*>(std::calloc(1, kRoom));
  if (bytes == nullptr) return fail(ENOMEM);
  std::memcpy(bytes, &id, sizeof id);
  socklen_t length = kRoom;
  if (get_option(socket, option, bytes, &length) != 0) {
    std::free(bytes);
    return -1;
  }
  std::uint32_t count;
  std::memcpy(&count, bytes + offsetof(sctp_getaddrs, addr_num), sizeof count);
  *addresses = reinterpret_cast<sockaddr*>(bytes + offsetof(sctp_getaddrs, addrs));
  return static_cast<int>(count);
}

int free_addresses(sockaddr* addresses) {
  if (addresses != nullptr)
    std::free(reinterpret_cast<char*>(addresses) - offsetof(sctp_getaddrs, addrs));
  return 0;
}

}  // namespace

extern "C" {

MR_SHOWN int mr_sctp_bindx(int socket, sockaddr* addresses, int count, int flags) {
  const std::size_t size = size_of_all(addresses, count);
  if (size == 0) return fail(EINVAL);
  if (flags == SCTP_BINDX_ADD_ADDR)
    return set_option(socket, SCTP_SOCKOPT_BINDX_ADD, addresses, size);
  if (flags == SCTP_BINDX_REM_ADDR)
    return set_option(socket, SCTP_SOCKOPT_BINDX_REM, addresses, size);
  return fail(EINVAL);
}

MR_SHOWN int mr_sctp_connectx(int socket, sockaddr* addresses, int count, sctp_assoc_t* id) {
  const std::size_t size = size_of_all(addresses, count);
  if (size == 0) return fail(EINVAL);
  sctp_getaddrs_old wanted{};
  wanted.addr_num = static_cast<int>(size);
  wanted.addrs = addresses;
  socklen_t length = sizeof wanted;
  const int status = get_option(socket, SCTP_SOCKOPT_CONNECTX3, &wanted, &length);
  if (id != nullptr && (status == 0 || errno == EINPROGRESS)) *id = wanted.assoc_id;
  return status;
}

MR_SHOWN int mr_sctp_peeloff(int socket, sctp_assoc_t id) {
  sctp_peeloff_arg_t wanted{id, 0};
  socklen_t length = sizeof wanted;
  return get_option(socket, SCTP_SOCKOPT_PEELOFF, &wanted, &length) < 0 ? -1 : wanted.sd;
}

MR_SHOWN int mr_sctp_peeloff_flags(int socket, sctp_assoc_t id, unsigned flags) {
  sctp_peeloff_flags_arg_t wanted{{id, 0}, flags};
  socklen_t length = sizeof wanted;
  const int status = get_option(socket, SCTP_SOCKOPT_PEELOFF_FLAGS, &wanted, &length);
  return status < 0 ? -1 : wanted.p_arg.sd;
}

MR_SHOWN int mr_sctp_getpaddrs(int socket, sctp_assoc_t id, sockaddr** addresses) {
  return addresses_of(socket, id, SCTP_GET_PEER_ADDRS, addresses);
}

MR_SHOWN int mr_sctp_freepaddrs(sockaddr* addresses) {
  return free_addresses(addresses);
}

MR_SHOWN int mr_sctp_getladdrs(int socket, sctp_assoc_t id, sockaddr** addresses) {
  return addresses_of(socket, id, SCTP_GET_LOCAL_ADDRS, addresses);
}

MR_SHOWN int mr_sctp_freeladdrs(sockaddr* addresses) {
  return free_addresses(addresses);
}

MR_SHOWN int mr_sctp_getaddrlen(sa_family_t family) {
  const std::size_t size = size_of(family);
  return size != 0 ? static_cast<int>(size) : fail(EINVAL);
}

MR_SHOWN int mr_sctp_opt_info(int socket, sctp_assoc_t id, int option, void* value,
                              socklen_t* length) {
  if (const int place = place_of_id(option); place >= 0) {
    if (value == nullptr || length == nullptr) return fail(EFAULT);
    if (*length < static_cast<std::size_t>(place) + sizeof id) return fail(EINVAL);
    std::memcpy(static_cast<char*>(value) + place, &id, sizeof id);
  }
  return get_option(socket, option, value, length);
}

}  // extern "C"

}  // namespace millrace::sockets
