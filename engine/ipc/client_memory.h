// What a library holds of a context: its mappings and descriptors. Plain pieces, no policy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/ipc/layout.h"
#include "engine/ipc/region.h"

namespace millrace::ipc {

/// Movable; closes what it owns at its end, by `close_descriptor`.
struct ClientMemory {
  using Close = void (*)(int descriptor);

  ClientMemory() = default;
  ~ClientMemory();
  ClientMemory(ClientMemory&& other) noexcept;
  ClientMemory& operator=(ClientMemory&& other) noexcept;

  Geometry geometry;
  std::uint32_t context = 0;         ///< the engine's number for it
  std::uint32_t receive_window = 0;  ///< bytes an association may hold for the application
  std::uint32_t send_buffer = 0;     ///< bytes an association may have under way; advice
  std::uint32_t message_bytes_max = 0;
  std::byte* channels = nullptr;  ///< geometry.channels_bytes()
  std::byte* transmit = nullptr;  ///< geometry.transmit_arena_bytes
  int socket = -1;                ///< readable: the bell rang; end of file: the engine is gone
  std::vector<int> lcore_bells;   ///< eventfd per lcore; empty: the engine never sleeps
  Close close_descriptor = close_by_default;

  Region channels_region;  ///< invalid when the memory belongs to somebody else
  Region transmit_region;

  static void close_by_default(int descriptor);

  ChannelHeader& header(std::uint32_t lcore) const {
    return *reinterpret_cast<ChannelHeader*>(channels + lcore * geometry.channel_bytes());
  }
};

}  // namespace millrace::ipc
