// What the network layer is told at start. Filled in by engine main from the configuration file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/address.h"
#include "engine/base/hash.h"
#include "engine/base/time.h"
#include "engine/net/port.h"

namespace millrace::net {

/// One IP interface: a port, or one VLAN of a port.
struct InterfaceConfig {
  std::string name;
  std::uint8_t port = 0;          ///< index into the ports that the Stack is made with
  PortTraits traits;              ///< of that port; its MTU bounds this interface's
  std::uint16_t mtu = 0;          ///< largest IP packet, bytes; 0 takes the port's
  std::uint16_t vlan = 0;         ///< 802.1Q VLAN identifier 1 to 4094; 0: untagged frames
  std::vector<Prefix> addresses;  ///< our addresses, each with its network's prefix length
};

/// A static route. Networks that interfaces are in need none.
struct RouteConfig {
  Prefix to;
  IpAddress via;          ///< gateway, an address in a network of an interface
  std::string interface;  ///< leave by this one; empty: the interface whose network `via` is in
};

struct StackConfig {
  std::vector<InterfaceConfig> interfaces;
  std::vector<RouteConfig> routes;
  HashKey seed{};                ///< unpredictable; hash tables and identifiers are keyed with it
  bool share_neighbours = false; /**< other lcores have stacks too: hand out what is learnt here,
                                      see Stack::next_learnt() */
  std::size_t neighbours_max = 512;
  std::size_t reassemblies_max = 32;           ///< IP packets that are put together at once
  Duration neighbour_reachable = seconds(30);  ///< a confirmed neighbour is asked again after this
  Duration neighbour_retry = milliseconds(500);  ///< between solicitations
  Duration reassembly_timeout = seconds(15);
};

/// What is wrong with `config`, in words for the operator, or nothing. A Stack takes only a
/// configuration that passes.
std::optional<std::string> find_fault(const StackConfig& config);

}  // namespace millrace::net
