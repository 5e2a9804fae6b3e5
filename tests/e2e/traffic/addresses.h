// Socket addresses as bindx and connectx want them.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/traffic/socket_addresses.h"
#include "tests/e2e/traffic/link.h"

namespace millrace::traffic {

/// No text at all means any IPv4 address.
class Addresses : public SocketAddresses {
 public:
  Addresses(const std::vector<std::string>& texts, std::uint16_t port)
      : SocketAddresses(texts, port) {
    errno = EINVAL;
    if (!wrong().empty()) die("address " + wrong());
  }
};

}  // namespace millrace::traffic
