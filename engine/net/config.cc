#include "engine/net/config.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/net/interfaces.h"
#include "engine/net/ipv6.h"
#include "engine/net/routes.h"

namespace millrace::net {
namespace {

using Fault = std::optional<std::string>;

constexpr std::uint16_t kVlanMax = 4094;

Fault fault_of_interface(const InterfaceConfig& interface) {
  const std::string who = "interface \"" + interface.name + "\"";
  if (interface.name.empty()) return "an interface without a name";
  if (interface.vlan > kVlanMax) return who + ": a VLAN identifier is at most 4094";
  const std::uint16_t mtu = interface.mtu == 0 ? interface.traits.mtu : interface.mtu;
  if (mtu < kMtuMin || mtu > kMtuMax) {
    return who + ": the MTU must be from " + std::to_string(kMtuMin) + " to " +
           std::to_string(kMtuMax);
  }
  if (mtu > interface.traits.mtu) {
    return who + ": the MTU is larger than the port's, " + std::to_string(interface.traits.mtu);
  }
  for (const Prefix& prefix : interface.addresses) {
    const std::string text = who + ": address " + prefix.address.to_string();
    if (!prefix.address.is_unicast()) return text + " is not a unicast address";
    if (prefix.address.is_loopback()) return text + ": loopback addresses need no interface";
    if (prefix.address.is_v6() && mtu < kIpv6MtuMin) return text + ": IPv6 needs an MTU of 1280";
  }
  return std::nullopt;
}

Fault fault_between_interfaces(const StackConfig& config) {
  const auto& all = config.interfaces;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (all[i].name == all[j].name) return "two interfaces have the name \"" + all[i].name + "\"";
      if (all[i].port == all[j].port && all[i].vlan == all[j].vlan) {
        return "interfaces \"" + all[j].name + "\" and \"" + all[i].name +
               "\" are the same VLAN of one port";
      }
    }
  }
  std::vector<IpAddress> addresses;
  for (const InterfaceConfig& interface : all) {
    for (const Prefix& prefix : interface.addresses) addresses.push_back(prefix.address);
  }
  if (addresses.size() > kLocalAddressesMax) {
    return "more than " + std::to_string(kLocalAddressesMax) + " addresses";
  }
  std::sort(addresses.begin(), addresses.end());
  const auto twice = std::adjacent_find(addresses.begin(), addresses.end());
  if (twice != addresses.end()) return "address " + twice->to_string() + " is given twice";
  return std::nullopt;
}

Fault fault_of_route(const StackConfig& config, const RouteConfig& route) {
  const std::string who =
      "route to " + route.to.address.to_string() + "/" + std::to_string(route.to.length);
  const bool has_gateway = !route.via.is_unspecified();
  if (!has_gateway && route.interface.empty()) return who + ": neither a gateway nor an interface";
  if (has_gateway && route.to.address.is_v4() != route.via.is_v4()) {
    return who + ": the gateway is of the other IP version";
  }
  if (has_gateway && !route.via.is_unicast()) return who + ": the gateway is not one host";
  if (interface_of_route(config, route) == Interfaces::kNone) {
    return route.interface.empty()
               ? who + ": gateway " + route.via.to_string() + " is in no interface's network"
               : who + ": there is no interface \"" + route.interface + "\"";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> find_fault(const StackConfig& config) {
  if (config.interfaces.size() > kInterfacesMax) {
    return "more than " + std::to_string(kInterfacesMax) + " interfaces";
  }
  if (config.routes.size() > kRoutesMax) {
    return "more than " + std::to_string(kRoutesMax) + " routes";
  }
  for (const InterfaceConfig& interface : config.interfaces) {
    if (Fault fault = fault_of_interface(interface)) return fault;
  }
  if (Fault fault = fault_between_interfaces(config)) return fault;
  for (const RouteConfig& route : config.routes) {
    if (Fault fault = fault_of_route(config, route)) return fault;
  }
  return std::nullopt;
}

}  // namespace millrace::net
