#include "engine/ipc/client_memory.h"

#include <unistd.h>

#include <utility>

namespace millrace::ipc {

ClientMemory::~ClientMemory() {
  for (const int bell : lcore_bells) close_descriptor(bell);
  if (socket >= 0) close_descriptor(socket);
}

void ClientMemory::close_by_default(int descriptor) {
  close(descriptor);
}

ClientMemory::ClientMemory(ClientMemory&& other) noexcept {
  *this = std::move(other);
}

ClientMemory& ClientMemory::operator=(ClientMemory&& other) noexcept {
  std::swap(geometry, other.geometry);
  std::swap(context, other.context);
  std::swap(receive_window, other.receive_window);
  std::swap(send_buffer, other.send_buffer);
  std::swap(message_bytes_max, other.message_bytes_max);
  std::swap(channels, other.channels);
  std::swap(transmit, other.transmit);
  std::swap(socket, other.socket);
  std::swap(lcore_bells, other.lcore_bells);
  std::swap(close_descriptor, other.close_descriptor);
  std::swap(channels_region, other.channels_region);
  std::swap(transmit_region, other.transmit_region);
  return *this;
}

}  // namespace millrace::ipc
