#include "api/sockets/streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "api/sockets/calls.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/table.h"

namespace millrace::sockets {
namespace {

std::atomic<bool> has_streams{false};

int descriptor_of(const void* cookie) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(cookie));
}

// By then the descriptor may be something else: streams are not told of dup2().
ssize_t read_stream(void* cookie, char* data, std::size_t size) {
  const int descriptor = descriptor_of(cookie);
  if (!is_ours(descriptor)) return real().read(descriptor, data, size);
  iovec part{data, size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return calls::recvmsg(descriptor, &message, 0);
}

// A stream that fails says that nothing was written.
ssize_t write_stream(void* cookie, const char* data, std::size_t size) {
  const int descriptor = descriptor_of(cookie);
  ssize_t written;
  if (is_ours(descriptor)) {
    iovec part{const_cast<char*>(data), size};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    written = calls::sendmsg(descriptor, &message, 0);
  } else {
    written = real().write(descriptor, data, size);
  }
  return written < 0 ? 0 : written;
}

int close_stream(void* cookie) {
  const int descriptor = descriptor_of(cookie);
  return is_ours(descriptor) ? calls::close(descriptor) : real().close(descriptor);
}

void replace(FILE*& stream, int descriptor, const char* mode, int buffering) {
  if (!is_ours(descriptor)) return;
  FILE* made = open_stream(descriptor, mode);
  if (made == nullptr) return;
  std::setvbuf(made, nullptr, buffering, BUFSIZ);
  stream = made;
}

}  // namespace

FILE* open_stream(int descriptor, const char* mode) {
  auto* cookie = reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor));
  FILE* stream = fopencookie(cookie, mode, {read_stream, write_stream, nullptr, close_stream});
  if (stream == nullptr) return nullptr;
  stream->_fileno = descriptor;  // for fileno()
  has_streams = true;
  return stream;
}

void replace_standard_streams() {
  replace(stdin, STDIN_FILENO, "r", _IOFBF);
  replace(stdout, STDOUT_FILENO, "w", _IOFBF);
  replace(stderr, STDERR_FILENO, "w", _IONBF);
}

void flush_streams() {
  if (has_streams) std::fflush(nullptr);
}

}  // namespace millrace::sockets
