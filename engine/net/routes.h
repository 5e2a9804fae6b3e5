// Which interface and neighbour lead to a destination.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/address.h"
#include "engine/net/config.h"
#include "engine/net/interfaces.h"

namespace millrace::net {

/// The way to a destination.
struct NextHop {
  int interface_index = Interfaces::kNone;  ///< kNone: there is no route
  IpAddress address;                        ///< the gateway, or the destination itself

  bool is_found() const { return interface_index != Interfaces::kNone; }
};

struct Route {
  Prefix to;
  IpAddress via;  ///< unspecified: the destination is a neighbour
  int interface_index;
};

/// The interfaces' own networks and the static routes; the longest prefix wins, and among equals an
/// interface's own network, then the order of the configuration. Looked through entry by entry:
/// what is sent finds its way through the cache of header templates. Never changes.
class Routes {
 public:
  Routes(const StackConfig& config, const Interfaces& interfaces);

  /// The route of `preferred_interface` if it has any to this destination, otherwise the best one.
  NextHop find(const IpAddress& destination, int preferred_interface = Interfaces::kNone) const;

  /// The longest prefix first.
  std::span<const Route> all() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

/// The interface that a static route leaves by, kNone if its gateway is in no interface's network.
int interface_of_route(const StackConfig& config, const RouteConfig& route);

}  // namespace millrace::net
