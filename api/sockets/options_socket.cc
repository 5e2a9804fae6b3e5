// Options of SOL_SOCKET.
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>

#include "api/sockets/options.h"

namespace millrace::sockets {
namespace {

constexpr int kSmallestBuffer = 4096;
constexpr int kLargestBuffer = 16 << 20;

int read_timeout(const void* value, timeval& to) {
  const auto wanted = read_value<timeval>(value);
  if (wanted.tv_usec < 0 || wanted.tv_usec >= 1'000'000) return -EDOM;
  to = wanted;
  return 0;
}

/// What was set; less than no time reads as none, as on Linux.
timeval shown(const timeval& limit) {
  return limit.tv_sec < 0 ? timeval{} : limit;
}

}  // namespace

int Options::get_type(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.is_one_to_one() ? SOCK_STREAM : SOCK_SEQPACKET}, value, length);
}

int Options::get_protocol(Socket&, void* value, socklen_t& length) {
  return write_value(int{IPPROTO_SCTP}, value, length);
}

int Options::get_domain(Socket& socket, void* value, socklen_t& length) {
  return write_value(socket.family_, value, length);
}

int Options::get_accepts(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.is_listening_ ? 1 : 0}, value, length);
}

int Options::get_error(Socket& socket, void* value, socklen_t& length) {
  return write_value(socket.take_error(), value, length);
}

// Bytes of an association that may lie unacknowledged, up to the engine's send buffer.
int Options::get_send_buffer(Socket& socket, void* value, socklen_t& length) {
  return write_value(socket.send_buffer_, value, length);
}

int Options::set_send_buffer(Socket& socket, const void* value, socklen_t) {
  const int wanted = std::clamp(read_value<int>(value), kSmallestBuffer, kLargestBuffer);
  socket.send_buffer_ = 2 * wanted;  // as Linux does, and programs expect
  const auto bytes = static_cast<std::uint32_t>(socket.send_buffer_);
  socket.options.send_buffer = bytes;
  for (const auto& entry : socket.associations) {
    entry.second->options.send_buffer = bytes;
    mr_set_send_buffer(Process::get().context(), entry.second->handle, bytes);
  }
  return 0;
}

int Options::get_receive_buffer(Socket& socket, void* value, socklen_t& length) {
  return write_value(socket.receive_buffer_, value, length);
}

/// What the receive windows of associations to come start from.
int Options::set_receive_buffer(Socket& socket, const void* value, socklen_t) {
  const int wanted = std::clamp(read_value<int>(value), kSmallestBuffer, kLargestBuffer);
  socket.receive_buffer_ = 2 * wanted;
  Scope future;
  future.has_socket = true;
  change(socket, future, MR_RECEIVE_BUFFER, static_cast<std::uint32_t>(wanted));
  return 0;
}

int Options::get_linger(Socket& socket, void* value, socklen_t& length) {
  return write_value(socket.lingering, value, length);
}

int Options::set_linger(Socket& socket, const void* value, socklen_t) {
  socket.lingering = read_value<linger>(value);
  return 0;
}

int Options::get_receive_timeout(Socket& socket, void* value, socklen_t& length) {
  return write_value(shown(socket.receive_timeout), value, length);
}

int Options::set_receive_timeout(Socket& socket, const void* value, socklen_t) {
  return read_timeout(value, socket.receive_timeout);
}

int Options::get_send_timeout(Socket& socket, void* value, socklen_t& length) {
  return write_value(shown(socket.send_timeout), value, length);
}

int Options::set_send_timeout(Socket& socket, const void* value, socklen_t) {
  return read_timeout(value, socket.send_timeout);
}

int Options::get_reuse_address(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.has_so_reuseaddr_ ? 1 : 0}, value, length);
}

int Options::set_reuse_address(Socket& socket, const void* value, socklen_t) {
  socket.has_so_reuseaddr_ = read_value<int>(value) != 0;
  return 0;
}

}  // namespace millrace::sockets
