#include "api/sockets/messages.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "api/sockets/ancillary.h"
#include "api/sockets/memory.h"

namespace millrace::sockets {

int gather(const msghdr& message, std::string& data) {
  if (message.msg_iovlen > IOV_MAX) return -EMSGSIZE;
  std::size_t total = 0;
  for (std::size_t i = 0; i < message.msg_iovlen; ++i) total += message.msg_iov[i].iov_len;
  if (total > MR_MESSAGE_BYTES_MAX) return -EMSGSIZE;
  data.reserve(total);
  for (std::size_t i = 0; i < message.msg_iovlen; ++i) {
    const iovec& part = message.msg_iov[i];
    if (!can_read(part.iov_base, part.iov_len)) return -EFAULT;
    data.append(static_cast<const char*>(part.iov_base), part.iov_len);
  }
  return 0;
}

int Outgoing::read(const Socket& socket, const msghdr& message, int flags) {
  has_name = message.msg_name != nullptr && message.msg_namelen > 0;
  if (const int bad = read_control(message, info); bad != 0) return bad;
  info.ends_record = (flags & MSG_EOR) != 0 || (info.values.flags & SCTP_EOR) != 0;
  info.leaves_error = (flags & kLeavesError) != 0;
  if (!has_name) return 0;
  return read_endpoint(static_cast<const sockaddr*>(message.msg_name), message.msg_namelen,
                       socket.family(), to);
}

int write_address(const Socket& socket, const Endpoint& endpoint, sockaddr* address,
                  socklen_t* length) {
  if (address == nullptr) return 0;
  if (length == nullptr) return -EFAULT;
  sockaddr_storage storage;
  const std::size_t size = write_endpoint(endpoint, socket.family(), socket.maps_v4, storage);
  std::memcpy(address, &storage, std::min<std::size_t>(size, *length));
  *length = static_cast<socklen_t>(size);
  return 0;
}

ssize_t try_receive(Socket& socket, msghdr& message, int flags) {
  ReceiveRequest request;
  request.flags = flags;
  request.parts = message.msg_iov;
  request.part_count = message.msg_iovlen;
  const ssize_t status = socket.receive(request);
  if (status < 0) return status;
  if (request.item != nullptr && message.msg_name != nullptr) {
    socklen_t length = message.msg_namelen;
    write_address(socket, request.from, static_cast<sockaddr*>(message.msg_name), &length);
    message.msg_namelen = length;
  } else {
    message.msg_namelen = 0;
  }
  write_control(socket, request, message);
  socket.consume(request, static_cast<std::size_t>(status));
  return status;
}

}  // namespace millrace::sockets
