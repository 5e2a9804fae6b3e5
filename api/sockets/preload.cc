// The C library's functions as programs see them under millrace-run: ours for SCTP sockets, and the
// C library's own for everything else.
#undef _FILE_OFFSET_BITS  // both names of each function are defined here
#undef _FORTIFY_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "api/sockets/calls.h"
#include "api/sockets/descriptor.h"
#include "api/sockets/memory.h"
#include "api/sockets/process.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/streams.h"
#include "api/sockets/table.h"

using millrace::sockets::can_read;
using millrace::sockets::can_write;
using millrace::sockets::descriptors_end;
using millrace::sockets::is_internal;
using millrace::sockets::is_ours;
using millrace::sockets::Process;
using millrace::sockets::real;
namespace calls = millrace::sockets::calls;

#define MR_PRELOAD extern "C" __attribute__((visibility("default")))

namespace {

constexpr std::size_t kSizeMost = SSIZE_MAX;
constexpr std::size_t kBytesMost = 0x7ffff000;  // that one call moves, as Linux has it

ssize_t failed(int error) {
  errno = error;
  return -1;
}

ssize_t send_parts(int descriptor, const iovec* parts, int count, int flags, const sockaddr* to,
                   socklen_t length) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = static_cast<std::size_t>(count);
  message.msg_name = const_cast<sockaddr*>(to);
  message.msg_namelen = length;
  return calls::sendmsg(descriptor, &message, flags);
}

ssize_t send_bytes(int descriptor, const void* data, std::size_t size, int flags,
                   const sockaddr* to = nullptr, socklen_t length = 0) {
  const iovec part{const_cast<void*>(data), std::min(size, kBytesMost)};
  return send_parts(descriptor, &part, 1, flags, to, length);
}

ssize_t receive_parts(int descriptor, const iovec* parts, int count, int flags,
                      sockaddr* from = nullptr, socklen_t* length = nullptr) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = static_cast<std::size_t>(count);
  if (from == nullptr) length = nullptr;  // then nobody looks at it
  const bool has_length = length != nullptr && can_write(length, sizeof *length);
  if (from != nullptr && !has_length) return failed(EFAULT);
  message.msg_name = from;
  message.msg_namelen = length != nullptr ? *length : 0;
  const ssize_t received = calls::recvmsg(descriptor, &message, flags);
  if (received >= 0 && length != nullptr) *length = message.msg_namelen;
  return received;
}

ssize_t receive_bytes(int descriptor, void* data, std::size_t size, int flags,
                      sockaddr* from = nullptr, socklen_t* length = nullptr) {
  const iovec part{data, std::min(size, kBytesMost)};
  return receive_parts(descriptor, &part, 1, flags, from, length);
}

}  // namespace

MR_PRELOAD int socket(int family, int type, int protocol) noexcept {
  return calls::is_sctp(family, type, protocol) ? calls::socket(family, type)
                                                : real().socket(family, type, protocol);
}

MR_PRELOAD int bind(int descriptor, const sockaddr* address, socklen_t length) noexcept {
  return is_ours(descriptor) ? calls::bind(descriptor, address, length)
                             : real().bind(descriptor, address, length);
}

MR_PRELOAD int listen(int descriptor, int backlog) noexcept {
  return is_ours(descriptor) ? calls::listen(descriptor, backlog)
                             : real().listen(descriptor, backlog);
}

MR_PRELOAD int accept(int descriptor, sockaddr* address, socklen_t* length) {
  return is_ours(descriptor) ? calls::accept(descriptor, address, length, 0)
                             : real().accept(descriptor, address, length);
}

MR_PRELOAD int accept4(int descriptor, sockaddr* address, socklen_t* length, int flags) {
  return is_ours(descriptor) ? calls::accept(descriptor, address, length, flags)
                             : real().accept4(descriptor, address, length, flags);
}

MR_PRELOAD int connect(int descriptor, const sockaddr* address, socklen_t length) {
  return is_ours(descriptor) ? calls::connect(descriptor, address, length)
                             : real().connect(descriptor, address, length);
}

MR_PRELOAD int shutdown(int descriptor, int how) noexcept {
  return is_ours(descriptor) ? calls::shutdown(descriptor, how) : real().shutdown(descriptor, how);
}

MR_PRELOAD int getsockname(int descriptor, sockaddr* address, socklen_t* length) noexcept {
  return is_ours(descriptor) ? calls::getsockname(descriptor, address, length)
                             : real().getsockname(descriptor, address, length);
}

MR_PRELOAD int getpeername(int descriptor, sockaddr* address, socklen_t* length) noexcept {
  return is_ours(descriptor) ? calls::getpeername(descriptor, address, length)
                             : real().getpeername(descriptor, address, length);
}

MR_PRELOAD int getsockopt(int descriptor, int level, int name, void* value,
                          socklen_t* length) noexcept {
  return is_ours(descriptor) ? calls::getsockopt(descriptor, level, name, value, length)
                             : real().getsockopt(descriptor, level, name, value, length);
}

MR_PRELOAD int setsockopt(int descriptor, int level, int name, const void* value,
                          socklen_t length) noexcept {
  return is_ours(descriptor) ? calls::setsockopt(descriptor, level, name, value, length)
                             : real().setsockopt(descriptor, level, name, value, length);
}

// ---- sending ----

MR_PRELOAD ssize_t send(int descriptor, const void* data, size_t size, int flags) {
  return is_ours(descriptor) ? send_bytes(descriptor, data, size, flags)
                             : real().send(descriptor, data, size, flags);
}

MR_PRELOAD ssize_t sendto(int descriptor, const void* data, size_t size, int flags,
                          const sockaddr* to, socklen_t length) {
  return is_ours(descriptor) ? send_bytes(descriptor, data, size, flags, to, length)
                             : real().sendto(descriptor, data, size, flags, to, length);
}

MR_PRELOAD ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  return is_ours(descriptor) ? calls::sendmsg(descriptor, message, flags)
                             : real().sendmsg(descriptor, message, flags);
}

MR_PRELOAD int sendmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags) {
  return is_ours(descriptor) ? calls::sendmmsg(descriptor, messages, count, flags)
                             : real().sendmmsg(descriptor, messages, count, flags);
}

MR_PRELOAD ssize_t write(int descriptor, const void* data, size_t size) {
  if (size > kSizeMost && is_ours(descriptor)) return failed(EFAULT);  // no buffer is so large
  return is_ours(descriptor) ? send_bytes(descriptor, data, size, 0)
                             : real().write(descriptor, data, size);
}

MR_PRELOAD ssize_t writev(int descriptor, const iovec* parts, int count) {
  if (static_cast<unsigned>(count) > IOV_MAX && is_ours(descriptor)) return failed(EINVAL);
  if (count == 0 && is_ours(descriptor)) return 0;
  return is_ours(descriptor) ? send_parts(descriptor, parts, count, 0, nullptr, 0)
                             : real().writev(descriptor, parts, count);
}

MR_PRELOAD ssize_t sendfile(int to, int from, off_t* offset, size_t size) noexcept {
  if (!is_ours(to)) return real().sendfile(to, from, offset, size);
  const calls::Uncancellable uncancellable;
  char data[65536];
  const size_t most = size < sizeof data ? size : sizeof data;
  if (offset != nullptr && !can_write(offset, sizeof *offset)) return failed(EFAULT);
  // The file's position moves by what was sent, and not by what was read.
  const off_t at = offset != nullptr ? *offset : lseek(from, 0, SEEK_CUR);
  const ssize_t got = pread(from, data, most, at);
  if (got <= 0) return got;
  const ssize_t sent = send_bytes(to, data, static_cast<size_t>(got), 0);
  if (sent > 0 && offset != nullptr) *offset += sent;
  if (sent > 0 && offset == nullptr) lseek(from, at + sent, SEEK_SET);
  return sent;
}

MR_PRELOAD ssize_t sendfile64(int to, int from, off64_t* offset, size_t size) noexcept {
  return sendfile(to, from, offset, size);
}

// ---- receiving ----

MR_PRELOAD ssize_t recv(int descriptor, void* data, size_t size, int flags) {
  return is_ours(descriptor) ? receive_bytes(descriptor, data, size, flags)
                             : real().recv(descriptor, data, size, flags);
}

MR_PRELOAD ssize_t recvfrom(int descriptor, void* data, size_t size, int flags, sockaddr* from,
                            socklen_t* length) {
  return is_ours(descriptor) ? receive_bytes(descriptor, data, size, flags, from, length)
                             : real().recvfrom(descriptor, data, size, flags, from, length);
}

MR_PRELOAD ssize_t recvmsg(int descriptor, msghdr* message, int flags) {
  if (is_ours(descriptor)) return calls::recvmsg(descriptor, message, flags);
  const ssize_t received = real().recvmsg(descriptor, message, flags);
  // A descriptor that another process passes may be a socket of its.
  if (received >= 0 && message->msg_controllen > 0) Process::adopt_passed(*message);
  return received;
}

MR_PRELOAD int recvmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags,
                        timespec* limit) {
  if (is_ours(descriptor)) return calls::recvmmsg(descriptor, messages, count, flags, limit);
  const int received = real().recvmmsg(descriptor, messages, count, flags, limit);
  for (int i = 0; i < received; ++i) {
    if (messages[i].msg_hdr.msg_controllen > 0) Process::adopt_passed(messages[i].msg_hdr);
  }
  return received;
}

MR_PRELOAD ssize_t read(int descriptor, void* data, size_t size) {
  if (size == 0 && is_ours(descriptor)) return 0;
  if (size > kSizeMost && is_ours(descriptor)) return failed(EFAULT);
  return is_ours(descriptor) ? receive_bytes(descriptor, data, size, 0)
                             : real().read(descriptor, data, size);
}

MR_PRELOAD ssize_t readv(int descriptor, const iovec* parts, int count) {
  if (static_cast<unsigned>(count) > IOV_MAX && is_ours(descriptor)) return failed(EINVAL);
  if (count == 0 && is_ours(descriptor)) return 0;
  return is_ours(descriptor) ? receive_parts(descriptor, parts, count, 0)
                             : real().readv(descriptor, parts, count);
}

// What programs that are compiled with _FORTIFY_SOURCE call.
MR_PRELOAD ssize_t __read_chk(int descriptor, void* data, size_t size, size_t room) {
  if (size > room) __builtin_trap();
  return read(descriptor, data, size);
}

MR_PRELOAD ssize_t __recv_chk(int descriptor, void* data, size_t size, size_t room, int flags) {
  if (size > room) __builtin_trap();
  return recv(descriptor, data, size, flags);
}

MR_PRELOAD ssize_t __recvfrom_chk(int descriptor, void* data, size_t size, size_t room, int flags,
                                  sockaddr* from, socklen_t* length) {
  if (size > room) __builtin_trap();
  return recvfrom(descriptor, data, size, flags, from, length);
}

// ---- descriptors ----

MR_PRELOAD int close(int descriptor) {
  if (is_internal(descriptor)) {
    errno = EBADF;  // for programs that close everything they can count to
    return -1;
  }
  return is_ours(descriptor) ? calls::close(descriptor) : real().close(descriptor);
}

MR_PRELOAD int close_range(unsigned first, unsigned last, int flags) noexcept {
  const auto end = static_cast<unsigned>(descriptors_end.load(std::memory_order_relaxed));
  const bool is_plain = (flags & ~int{CLOSE_RANGE_UNSHARE}) != 0 || first > last || first >= end;
  if (is_plain) return real().close_range(first, last, flags);
  const calls::Uncancellable uncancellable;
  unsigned at = first;
  for (unsigned one = first; one <= last && one < end; ++one) {
    const auto descriptor = static_cast<int>(one);
    if (!is_ours(descriptor) && !is_internal(descriptor)) continue;
    if (at < one) real().close_range(at, one - 1, flags);
    if (is_ours(descriptor)) calls::close(descriptor);
    at = one + 1;
  }
  return at <= last ? real().close_range(at, last, flags) : 0;
}

MR_PRELOAD void closefrom(int first) noexcept {
  close_range(static_cast<unsigned>(first < 0 ? 0 : first), ~0u, 0);
}

MR_PRELOAD FILE* fdopen(int descriptor, const char* mode) noexcept {
  return is_ours(descriptor) ? millrace::sockets::open_stream(descriptor, mode)
                             : real().fdopen(descriptor, mode);
}

MR_PRELOAD int dup(int descriptor) noexcept {
  if (!is_ours(descriptor)) return real().dup(descriptor);
  return calls::copy(descriptor, -1, [descriptor] { return real().dup(descriptor); });
}

MR_PRELOAD int dup3(int from, int to, int flags) noexcept {
  if (is_internal(to)) {
    errno = EBUSY;  // it holds up a socket, which would be deaf without it
    return -1;
  }
  const auto make = [=] { return real().dup3(from, to, flags); };
  const bool is_plain = !is_ours(from) && !is_ours(to);
  return is_plain || from == to ? make() : calls::copy(from, to, make);
}

MR_PRELOAD int dup2(int from, int to) noexcept {
  const bool is_plain = !is_ours(from) && !is_ours(to) && !is_internal(to);
  if (is_plain || from == to) return real().dup2(from, to);
  return dup3(from, to, 0);
}

namespace {

int control(int descriptor, int command, void* argument) {
  const auto ask = [=] { return real().fcntl(descriptor, command, argument); };
  const bool copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
  return copies && is_ours(descriptor) ? calls::copy(descriptor, -1, ask) : ask();
}

}  // namespace

MR_PRELOAD int fcntl(int descriptor, int command, ...) {
  va_list list;
  va_start(list, command);
  void* argument = va_arg(list, void*);
  va_end(list);
  return control(descriptor, command, argument);
}

MR_PRELOAD int fcntl64(int descriptor, int command, ...) {
  va_list list;
  va_start(list, command);
  void* argument = va_arg(list, void*);
  va_end(list);
  return control(descriptor, command, argument);
}

// The set is the kernel's; only that it wants edges has to be known.
MR_PRELOAD int epoll_ctl(int set, int operation, int descriptor, epoll_event* event) noexcept {
  if (is_ours(descriptor) && operation != EPOLL_CTL_DEL && can_read(event, sizeof *event) &&
      event != nullptr && (event->events & EPOLLET) != 0)
    calls::watch_edges(descriptor);
  return real().epoll_ctl(set, operation, descriptor, event);
}

MR_PRELOAD int ioctl(int descriptor, unsigned long request, ...) noexcept {
  va_list list;
  va_start(list, request);
  void* argument = va_arg(list, void*);
  va_end(list);
  if (is_ours(descriptor) && request == FIONREAD)
    return calls::bytes_readable(descriptor, static_cast<int*>(argument));
  return real().ioctl(descriptor, request, argument);
}
