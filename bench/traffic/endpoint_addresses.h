// The addresses that an endpoint was told, for sockets.
#pragma once

#include <string>
#include <vector>

#include "bench/contestant.h"
#include "bench/traffic/socket_addresses.h"

namespace millrace::bench {

inline SocketAddresses addresses(const std::vector<std::string>& texts, std::uint16_t port,
                                 bool is_v6 = false) {
  SocketAddresses addresses(texts, port, is_v6);
  if (!addresses.wrong().empty()) fail("'" + addresses.wrong() + "' is no address");
  return addresses;
}

}  // namespace millrace::bench
