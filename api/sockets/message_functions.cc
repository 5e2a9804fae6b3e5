// The functions of millrace/sctp.h that send and receive (RFC 6458 9.7 to 9.13).
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "api/sockets/abi.h"
#include "api/sockets/calls.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/table.h"

#define MR_SHOWN __attribute__((visibility("default")))

namespace millrace::sockets {
namespace {

constexpr std::size_t kControlBytes = 1024;

ssize_t send_message(int socket, const msghdr& message, int flags) {
  return is_ours(socket) ? calls::sendmsg(socket, &message, flags)
                         : real().sendmsg(socket, &message, flags);
}

ssize_t receive_message(int socket, msghdr& message, int flags) {
  return is_ours(socket) ? calls::recvmsg(socket, &message, flags)
                         : real().recvmsg(socket, &message, flags);
}

int fail(int error) {
  errno = error;
  return -1;
}

/// A message's head with room for control messages.
struct Message {
  Message(const iovec* parts, int count, const void* name, socklen_t name_length) {
    head.msg_iov = const_cast<iovec*>(parts);
    head.msg_iovlen = static_cast<std::size_t>(std::max(count, 0));
    head.msg_name = const_cast<void*>(name);
    head.msg_namelen = name != nullptr ? name_length : 0;
  }
  template <class Layout>
  bool put(int type, const Layout& layout) {
    if (head.msg_controllen + CMSG_SPACE(sizeof layout) > control.size()) return false;
    cmsghdr at{};
    at.cmsg_len = CMSG_LEN(sizeof layout);
    at.cmsg_level = IPPROTO_SCTP;
    at.cmsg_type = type;
    std::uint8_t* to = control.data() + head.msg_controllen;
    std::memcpy(to, &at, sizeof at);
    std::memcpy(to + CMSG_LEN(0), &layout, sizeof layout);
    head.msg_control = control.data();
    head.msg_controllen += CMSG_SPACE(sizeof layout);
    return true;
  }
  /// Finds a control message that was received.
  template <class Layout>
  bool get(int type, Layout& layout) {
    for (cmsghdr* at = CMSG_FIRSTHDR(&head); at != nullptr; at = CMSG_NXTHDR(&head, at)) {
      if (at->cmsg_level != IPPROTO_SCTP || at->cmsg_type != type) continue;
      std::memcpy(&layout, CMSG_DATA(at), sizeof layout);
      return true;
    }
    return false;
  }
  void make_room() {
    head.msg_control = control.data();
    head.msg_controllen = control.size();
  }

  msghdr head{};
  alignas(cmsghdr) std::array<std::uint8_t, kControlBytes> control{};
};

template <class Layout>
bool put_info(Message& message, int type, const void* info, std::size_t length) {
  Layout layout;
  if (info == nullptr || length < sizeof layout) return false;
  std::memcpy(&layout, info, sizeof layout);
  return message.put(type, layout);
}

bool put_infos(Message& message, const void* info, std::size_t length, unsigned type) {
  switch (type) {
    case SCTP_SENDV_NOINFO:
      return length == 0;
    case SCTP_SENDV_SNDINFO:
      return put_info<sctp_sndinfo>(message, SCTP_SNDINFO, info, length);
    case SCTP_SENDV_PRINFO:
      return put_info<sctp_prinfo>(message, SCTP_PRINFO, info, length);
    case SCTP_SENDV_AUTHINFO:
      return put_info<sctp_authinfo>(message, SCTP_AUTHINFO, info, length);
    case SCTP_SENDV_SPA: {
      sctp_sendv_spa all;
      if (info == nullptr || length < sizeof all) return false;
      std::memcpy(&all, info, sizeof all);
      const auto has = [&all](std::uint32_t flag) { return (all.sendv_flags & flag) != 0; };
      return (!has(SCTP_SEND_SNDINFO_VALID) || message.put(SCTP_SNDINFO, all.sendv_sndinfo)) &&
             (!has(SCTP_SEND_PRINFO_VALID) || message.put(SCTP_PRINFO, all.sendv_prinfo)) &&
             (!has(SCTP_SEND_AUTHINFO_VALID) || message.put(SCTP_AUTHINFO, all.sendv_authinfo));
    }
    default:
      return false;
  }
}

/// The first address is where the message goes; the others come along.
bool put_addresses(Message& message, const sockaddr* addresses, int count) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(addresses);
  for (int i = 0; i < count; ++i) {
    sa_family_t family;
    std::memcpy(&family, at, sizeof family);
    if (family != AF_INET && family != AF_INET6) return false;
    const std::size_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (i == 0) {
      message.head.msg_name = const_cast<sockaddr*>(addresses);
      message.head.msg_namelen = static_cast<socklen_t>(size);
    } else if (family == AF_INET) {
      sockaddr_in v4;
      std::memcpy(&v4, at, sizeof v4);
      if (!message.put(SCTP_DSTADDRV4, v4.sin_addr)) return false;
    } else {
      sockaddr_in6 v6;
      std::memcpy(&v6, at, sizeof v6);
      if (!message.put(SCTP_DSTADDRV6, v6.sin6_addr)) return false;
    }
    at += size;
  }
  return true;
}

}  // namespace

extern "C" {

MR_SHOWN int mr_sctp_sendmsg(int socket, const void* data, std::size_t length, sockaddr* to,
                             socklen_t to_length, std::uint32_t ppid, std::uint32_t flags,
                             std::uint16_t stream, std::uint32_t time_to_live,
                             std::uint32_t context) {
  const iovec part{const_cast<void*>(data), length};
  Message message(&part, 1, to, to_length);
  sctp_sndrcvinfo info{};
  info.sinfo_ppid = ppid;
  info.sinfo_flags = static_cast<std::uint16_t>(flags);
  info.sinfo_stream = stream;
  info.sinfo_timetolive = time_to_live;
  info.sinfo_context = context;
  message.put(SCTP_SNDRCV, info);
  return static_cast<int>(send_message(socket, message.head, 0));
}

MR_SHOWN int mr_sctp_send(int socket, const void* data, std::size_t length,
                          const sctp_sndrcvinfo* info, int flags) {
  const iovec part{const_cast<void*>(data), length};
  Message message(&part, 1, nullptr, 0);
  if (info != nullptr) message.put(SCTP_SNDRCV, *info);
  return static_cast<int>(send_message(socket, message.head, flags));
}

MR_SHOWN int mr_sctp_sendv(int socket, const iovec* parts, int part_count, sockaddr* addresses,
                           int address_count, void* info, socklen_t info_length, unsigned info_type,
                           int flags) {
  Message message(parts, part_count, nullptr, 0);
  if (address_count < 0 || (addresses == nullptr && address_count > 0)) return fail(EINVAL);
  if (!put_infos(message, info, info_length, info_type)) return fail(EINVAL);
  if (!put_addresses(message, addresses, address_count)) return fail(EINVAL);
  return static_cast<int>(send_message(socket, message.head, flags));
}

MR_SHOWN int mr_sctp_sendx(int socket, const void* data, std::size_t length, sockaddr* addresses,
                           int address_count, sctp_sndrcvinfo* info, int flags) {
  const iovec part{const_cast<void*>(data), length};
  Message message(&part, 1, nullptr, 0);
  if (address_count < 0 || (addresses == nullptr && address_count > 0)) return fail(EINVAL);
  if (info != nullptr) message.put(SCTP_SNDRCV, *info);
  if (!put_addresses(message, addresses, address_count)) return fail(EINVAL);
  return static_cast<int>(send_message(socket, message.head, flags));
}

MR_SHOWN int mr_sctp_recvmsg(int socket, void* data, std::size_t room, sockaddr* from,
                             socklen_t* from_length, sctp_sndrcvinfo* info, int* flags) {
  const iovec part{data, room};
  Message message(&part, 1, from, from_length != nullptr ? *from_length : 0);
  message.make_room();
  const ssize_t received = receive_message(socket, message.head, flags != nullptr ? *flags : 0);
  if (received < 0) return -1;
  if (from_length != nullptr) *from_length = message.head.msg_namelen;
  if (flags != nullptr) *flags = message.head.msg_flags;
  if (info != nullptr) message.get(SCTP_SNDRCV, *info);
  return static_cast<int>(received);
}

MR_SHOWN int mr_sctp_recvv(int socket, const iovec* parts, int part_count, sockaddr* from,
                           socklen_t* from_length, void* info, socklen_t* info_length,
                           unsigned* info_type, int* flags) {
  if (info != nullptr && (info_length == nullptr || info_type == nullptr)) return fail(EINVAL);
  Message message(parts, part_count, from, from_length != nullptr ? *from_length : 0);
  message.make_room();
  const ssize_t received = receive_message(socket, message.head, flags != nullptr ? *flags : 0);
  if (received < 0) return -1;
  if (from_length != nullptr) *from_length = message.head.msg_namelen;
  if (flags != nullptr) *flags = message.head.msg_flags;
  if (info_type != nullptr) *info_type = SCTP_RECVV_NOINFO;
  if (info == nullptr) return static_cast<int>(received);
  sctp_recvv_rn both{};
  const bool has_this = message.get(SCTP_RCVINFO, both.recvv_rcvinfo);
  const bool has_next = message.get(SCTP_NXTINFO, both.recvv_nxtinfo);
  const auto give = [&](const auto& layout, unsigned type) {
    if (*info_length < sizeof layout) return;
    std::memcpy(info, &layout, sizeof layout);
    *info_length = sizeof layout;
    *info_type = type;
  };
  if (has_this && has_next) give(both, SCTP_RECVV_RN);
  if (has_this && *info_type == SCTP_RECVV_NOINFO) give(both.recvv_rcvinfo, SCTP_RECVV_RCVINFO);
  if (!has_this && has_next) give(both.recvv_nxtinfo, SCTP_RECVV_NXTINFO);
  if (*info_type == SCTP_RECVV_NOINFO) *info_length = 0;
  return static_cast<int>(received);
}

MR_SHOWN int mr_sctp_sendmmsg(int socket, mmsghdr* messages, unsigned count, int flags) {
  return is_ours(socket) ? calls::sendmmsg(socket, messages, count, flags)
                         : real().sendmmsg(socket, messages, count, flags);
}

MR_SHOWN int mr_sctp_recvmmsg(int socket, mmsghdr* messages, unsigned count, int flags,
                              timespec* limit) {
  const int one = flags | MSG_WAITFORONE;
  return is_ours(socket) ? calls::recvmmsg(socket, messages, count, one, limit)
                         : real().recvmmsg(socket, messages, count, one, limit);
}

}  // extern "C"

}  // namespace millrace::sockets
