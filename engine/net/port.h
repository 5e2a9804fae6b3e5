// What a network port is to the engine: a queue pair that moves bursts of Ethernet frames.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/base/buffer.h"

namespace millrace {

using MacAddress = std::array<std::uint8_t, 6>;

/// One lcore's queue pair of a port. Implemented in drivers/. Calls cost one virtual call per
/// burst.
class PortQueue {
 public:
  virtual ~PortQueue() = default;

  /// Receives up to `frames.size()` frames; returns how many. Each has one reference, which the
  /// caller owns, and is released into the pool that this queue was made with.
  virtual std::size_t receive(std::span<Buffer*> frames) = 0;

  /// Sends frames. Takes over the references of the first N, where N is what it returns; the caller
  /// keeps the rest (the port was full).
  virtual std::size_t send(std::span<Buffer* const> frames) = 0;

  /// Called once a poll: keeps the pool's stack between its marks.
  virtual void balance_pool() {}
};

/// What a port can do, and who it is.
struct PortTraits {
  MacAddress mac{};
  std::uint16_t mtu = 1500;               ///< largest IP packet, bytes
  bool sctp_checksum_on_send = false;     ///< honours kChecksumByPort
  bool sctp_checksum_on_receive = false;  ///< sets kChecksumVerified or kChecksumBad
};

}  // namespace millrace
