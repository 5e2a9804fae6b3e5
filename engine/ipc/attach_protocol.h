// What is said on the attach socket, and how descriptors go with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/ipc/layout.h"

namespace millrace::ipc {

inline constexpr std::uint32_t kAttachMagic = 0x4d524154;  // "MRAT"

/// Application -> engine, the first and only message.
struct AttachHello {
  std::uint32_t magic;
  std::uint32_t version;  ///< kLayoutVersion
  char name[32];          ///< what the operator shall see; any bytes
};
static_assert(sizeof(AttachHello) == 40);

/// Engine -> application. With status 0 the descriptors come along: the channels' region, the
/// transmit arena, then one eventfd per lcore if `has_bells`.
struct AttachWelcome {
  std::uint32_t magic;
  std::uint32_t version;  ///< the engine's, also when it refuses
  std::int32_t status;    ///< 0 or a negative errno; -EPROTO: another version
  std::uint32_t context;
  Geometry geometry;
  std::uint32_t receive_window;
  std::uint32_t send_buffer;
  std::uint32_t message_bytes_max;
  std::uint32_t has_bells;
};
static_assert(sizeof(AttachWelcome) == 16 + 24 + 16);

inline constexpr std::size_t kAttachDescriptorsMax = 2 + kLcoresMax;

/// Sends one message with descriptors; never blocks. Whether all of it went.
bool send_with_descriptors(int socket, const void* bytes, std::size_t length,
                           std::span<const int> descriptors);
/// Receives one message; returns its length, 0 at the end of file, -1 with errno set. Descriptors
/// are appended, close-on-exec, and belong to the caller.
std::ptrdiff_t receive_with_descriptors(int socket, void* bytes, std::size_t length,
                                        std::vector<int>& descriptors);

}  // namespace millrace::ipc
