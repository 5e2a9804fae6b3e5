#include "engine/net/routes.h"

#include <algorithm>

namespace millrace::net {
namespace {

bool is_in_network_of(const InterfaceConfig& interface, const IpAddress& address) {
  return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                     [&](const Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace

int interface_of_route(const StackConfig& config, const RouteConfig& route) {
  for (std::size_t i = 0; i < config.interfaces.size(); ++i) {
    const InterfaceConfig& interface = config.interfaces[i];
    const bool matches = route.interface.empty() ? is_in_network_of(interface, route.via)
                                                 : interface.name == route.interface;
    if (matches) return static_cast<int>(i);
  }
  return Interfaces::kNone;
}

Routes::Routes(const StackConfig& config, const Interfaces& interfaces) {
  for (std::size_t i = 0; i < interfaces.size(); ++i) {
    for (const Prefix& prefix : interfaces.at(i).addresses) {
      routes_.push_back({prefix, IpAddress{}, static_cast<int>(i)});
    }
  }
  for (const RouteConfig& route : config.routes) {
    routes_.push_back({route.to, route.via, interface_of_route(config, route)});
  }
  std::stable_sort(routes_.begin(), routes_.end(),
                   [](const Route& a, const Route& b) { return a.to.length > b.to.length; });
}

NextHop Routes::find(const IpAddress& destination, int preferred_interface) const {
  NextHop best;
  for (const Route& route : routes_) {
    if (!route.to.contains(destination)) continue;
    const NextHop hop{route.interface_index, route.via.is_unspecified() ? destination : route.via};
    if (preferred_interface == Interfaces::kNone) return hop;
    if (route.interface_index == preferred_interface) return hop;
    if (!best.is_found()) best = hop;
  }
  return best;
}

}  // namespace millrace::net
