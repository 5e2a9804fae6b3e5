#include "engine/ipc/attach_protocol.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstring>

#include "engine/base/assert.h"

namespace millrace::ipc {
namespace {

constexpr std::size_t kControlBytes = CMSG_SPACE(kAttachDescriptorsMax * sizeof(int));

struct alignas(cmsghdr) Control {
  std::array<char, kControlBytes> bytes{};
};

}  // namespace

bool send_with_descriptors(int socket, const void* bytes, std::size_t length,
                           std::span<const int> descriptors) {
  MR_ASSERT(descriptors.size() <= kAttachDescriptorsMax);
  iovec part{const_cast<void*>(bytes), length};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(length);
}

std::ptrdiff_t receive_with_descriptors(int socket, void* bytes, std::size_t length,
                                        std::vector<int>& descriptors) {
  iovec part{bytes, length};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  const ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (received < 0) return received;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      descriptors.push_back(descriptor);
    }
  }
  return received;
}

}  // namespace millrace::ipc
