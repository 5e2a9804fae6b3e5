// The outcome of a request to a shard.
#pragma once

#include <cstdint>

namespace millrace {

enum class Status : std::uint8_t {
  kOk,
  kNoAssociation,   ///< no such association, or not the caller's (ENOENT)
  kBadArgument,     ///< out of range (EINVAL)
  kBadStream,       ///< stream not negotiated (EINVAL)
  kMessageTooLong,  ///< larger than the send buffer or the engine's limit (EMSGSIZE)
  kShuttingDown,    ///< no more data is accepted (ESHUTDOWN)
  kBufferFull,      ///< the send buffer is full (EAGAIN)
  kPortInUse,       ///< another context listens on the port (EADDRINUSE)
  kNoPort,          ///< no ephemeral port is free (EADDRNOTAVAIL)
  kNoMemory,        ///< a limit of the engine is reached (ENOBUFS)
  kNoRoute,         ///< to none of the peer's addresses (EHOSTUNREACH)
  kOverShare,       ///< the caller's share of such a limit is (ENOBUFS)
  kDuplicate,       ///< an association with this peer exists (EISCONN)
  kNoAddress,       ///< a local address that the engine does not have (EADDRNOTAVAIL)
};

}  // namespace millrace
