#include "engine/ipc/attach_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/ipc/attach_protocol.h"

namespace millrace::ipc {
namespace {

/// Descriptors that came with a message; closes those that nobody took.
struct Descriptors {
  std::vector<int> list;
  std::size_t taken = 0;

  ~Descriptors() {
    for (std::size_t i = taken; i < list.size(); ++i) close(list[i]);
  }
  int take() { return list[taken++]; }
  std::size_t left() const { return list.size() - taken; }
};

AttachResult failure(int status, std::string error) {
  AttachResult result;
  result.status = status;
  result.error = std::move(error);
  return result;
}

int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return -ENAMETOOLONG;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int socket = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return -errno;
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  const int status = -errno;
  close(socket);
  return status;
}

bool say_hello(int socket, std::string_view name) {
  AttachHello hello{};
  hello.magic = kAttachMagic;
  hello.version = kLayoutVersion;
  std::memcpy(hello.name, name.data(), std::min(name.size(), sizeof hello.name - 1));
  return send_with_descriptors(socket, &hello, sizeof hello, {});
}

/// Waits for the answer; -errno or its length.
std::ptrdiff_t await(int socket, AttachWelcome& welcome, Descriptors& descriptors,
                     Duration patience) {
  pollfd entry{socket, POLLIN, 0};
  int ready;
  do {
    ready = poll(&entry, 1, static_cast<int>(patience.milliseconds()));
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return -errno;
  if (ready == 0) return -ETIMEDOUT;
  const std::ptrdiff_t length =
      receive_with_descriptors(socket, &welcome, sizeof welcome, descriptors.list);
  return length < 0 ? -errno : length;
}

AttachResult adopt(int socket, const AttachWelcome& welcome, Descriptors& descriptors) {
  AttachResult result;
  ClientMemory& memory = result.memory;
  memory.geometry = welcome.geometry;
  memory.context = welcome.context;
  memory.receive_window = welcome.receive_window;
  memory.send_buffer = welcome.send_buffer;
  memory.message_bytes_max = welcome.message_bytes_max;
  const std::size_t bells = welcome.has_bells != 0 ? welcome.geometry.lcores : 0;
  if (welcome.geometry.problem() != nullptr || descriptors.left() != 2 + bells)
    return failure(-EPROTO, "the engine's answer makes no sense");
  memory.channels_region =
      Region::open(descriptors.take(), memory.geometry.channels_bytes(), true, result.error);
  memory.transmit_region =
      Region::open(descriptors.take(), memory.geometry.transmit_arena_bytes, true, result.error);
  if (!memory.channels_region.is_valid() || !memory.transmit_region.is_valid())
    return failure(-ENOMEM, result.error);
  memory.channels = memory.channels_region.memory();
  memory.transmit = memory.transmit_region.memory();
  while (descriptors.left() > 0) memory.lcore_bells.push_back(descriptors.take());
  memory.socket = socket;
  return result;
}

}  // namespace

AttachResult attach(const std::string& path, std::string_view name, Duration patience) {
  const int socket = connect_to(path);
  if (socket < 0) return failure(socket, "cannot reach " + path + ": " + std::strerror(-socket));
  AttachWelcome welcome{};
  Descriptors descriptors;
  AttachResult result;
  if (!say_hello(socket, name)) {
    result = failure(-errno, "cannot say hello to the engine: " + std::string(strerror(errno)));
  } else if (const auto length = await(socket, welcome, descriptors, patience); length < 0) {
    const int status = static_cast<int>(length);
    result = failure(status, "no answer from the engine: " + std::string(strerror(-status)));
  } else if (length == 0) {
    result = failure(-ECONNRESET, "the engine closed the connection");
  } else if (static_cast<std::size_t>(length) != sizeof welcome || welcome.magic != kAttachMagic) {
    result = failure(-EPROTO, path + " is not the socket of an engine");
  } else if (welcome.status != 0 || welcome.version != kLayoutVersion) {
    result =
        welcome.version != kLayoutVersion
            ? failure(-EPROTO, "the engine speaks version " + std::to_string(welcome.version) +
                                   ", this library " + std::to_string(kLayoutVersion))
        : welcome.status == -EDQUOT
            ? failure(welcome.status, "the engine refused: this user has his share of contexts")
            : failure(welcome.status,
                      "the engine refused: " + std::string(strerror(-welcome.status)));
  } else {
    result = adopt(socket, welcome, descriptors);
  }
  if (result.memory.socket < 0) close(socket);
  return result;
}

}  // namespace millrace::ipc
