#include "api/sockets/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>

namespace millrace::sockets {
namespace {

constexpr std::uintptr_t kPage = 4096;
constexpr std::size_t kSeen = 64;
constexpr std::size_t kControlMost = 65536;

/// Pages that were good, by the low bits of their number. Entries have bit 0 set: none is no page.
thread_local std::uintptr_t seen[2][kSeen];

bool ask(std::uintptr_t first, std::uintptr_t last, int advice) {
  const int before = errno;
  const bool is_good = madvise(reinterpret_cast<void*>(first), last - first + kPage, advice) == 0;
  errno = before;
  return is_good;
}

bool can_ask() {
  alignas(kPage) static char page[kPage];
  static const bool can = ask(reinterpret_cast<std::uintptr_t>(page),
                              reinterpret_cast<std::uintptr_t>(page), MADV_POPULATE_WRITE);
  return can;
}

bool is_good(const void* at, std::size_t length, bool to_write) {
  if (length == 0) return true;
  const auto begin = reinterpret_cast<std::uintptr_t>(at);
  if (begin + (length - 1) < begin) return false;
  const std::uintptr_t first = begin & ~(kPage - 1);
  const std::uintptr_t last = (begin + length - 1) & ~(kPage - 1);
  auto& known = seen[to_write ? 1 : 0];
  bool is_known = (last - first) / kPage < kSeen;
  for (std::uintptr_t page = first; is_known && page <= last; page += kPage)
    is_known = known[page / kPage % kSeen] == (page | 1);
  if (is_known || !can_ask()) return true;
  if (!ask(first, last, to_write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ)) return false;
  const std::uintptr_t count = std::min<std::uintptr_t>((last - first) / kPage + 1, kSeen);
  for (std::uintptr_t i = 0; i < count; ++i)
    known[(first / kPage + i) % kSeen] = (first + i * kPage) | 1;
  return true;
}

}  // namespace

bool can_read(const void* from, std::size_t length) {
  return is_good(from, length, false);
}

bool can_write(void* to, std::size_t length) {
  return is_good(to, length, true);
}

int check_name(const sockaddr* name, socklen_t length) {
  if (length > sizeof(sockaddr_storage)) return -EINVAL;
  return can_read(name, length) ? 0 : -EFAULT;
}

int check_room(void* to, const socklen_t* length) {
  if (length == nullptr || !can_read(length, sizeof *length)) return -EFAULT;
  if (*length > INT_MAX) return -EINVAL;
  return can_write(to, std::min<std::size_t>(*length, sizeof(sockaddr_storage))) ? 0 : -EFAULT;
}

int check_message(const msghdr* message) {
  if (!can_read(message, sizeof *message)) return -EFAULT;
  if (message->msg_iovlen > IOV_MAX) return -EMSGSIZE;
  if (!can_read(message->msg_iov, message->msg_iovlen * sizeof(iovec))) return -EFAULT;
  for (std::size_t i = 0; i < message->msg_iovlen; ++i) {
    if (message->msg_iov[i].iov_len > SSIZE_MAX) return -EINVAL;
  }
  if (message->msg_name != nullptr) {
    if (message->msg_namelen > INT_MAX) return -EINVAL;
    const std::size_t length =
        std::min<std::size_t>(message->msg_namelen, sizeof(sockaddr_storage));
    if (!can_read(message->msg_name, length)) return -EFAULT;
  }
  return 0;
}

bool has_own_control(const msghdr& message) {
  return message.msg_control == nullptr ||
         can_read(message.msg_control, std::min(message.msg_controllen, kControlMost));
}

}  // namespace millrace::sockets
