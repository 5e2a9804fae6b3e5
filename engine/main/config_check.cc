#include "engine/main/config_check.h"

#include <algorithm>
#include <filesystem>

#include "engine/base/limits.h"
#include "engine/main/config_file.h"

namespace millrace {
namespace {

constexpr std::uint16_t kIpv6MtuMin = 1280;  // RFC 8200 5

std::string element(const std::string& array, std::size_t index) {
  return array + "[" + std::to_string(index) + "]";
}

bool is_unread(const Prefix& prefix) {
  return prefix.length == kUnreadPrefixLength;
}

std::string to_text(const Prefix& prefix) {
  return prefix.address.to_string() + "/" + std::to_string(prefix.length);
}

bool is_power_of_two(std::uint32_t value) {
  return (value & (value - 1)) == 0;
}

// The first or the last address of an IPv4 network is no host's (but for /31 and /32).
bool is_network_or_broadcast(const Prefix& prefix) {
  if (!prefix.address.is_v4() || prefix.length >= 31) return false;
  const std::uint32_t host_mask = 0xffffffffu >> prefix.length;
  const std::uint32_t host = load_be32(prefix.address.v4_bytes()) & host_mask;
  return host == 0 || host == host_mask;
}

void check_engine(const EngineConfig& engine, ConfigErrors& errors) {
  if (engine.run_directory.empty() || engine.run_directory.front() != '/') {
    errors.add("engine.run_directory", "must be an absolute path");
  }
  // A Unix socket's path is at most 107 bytes long; the longest name in there is 19.
  if (engine.run_directory.size() > 88) {
    errors.add("engine.run_directory", "is too long for sockets in it, allowed are 88 bytes");
  }
  if (engine.lcores.empty() || engine.lcores.size() > kLcoresMax) {
    errors.add("engine.lcores", "must name 1 to " + std::to_string(kLcoresMax) + " CPUs");
  }
  for (std::size_t i = 0; i < engine.lcores.size(); ++i) {
    if (engine.lcores[i] == kUnreadCpu) continue;
    const auto end = engine.lcores.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(engine.lcores.begin(), end, engine.lcores[i]) != end) {
      errors.add(element("engine.lcores", i),
                 "CPU " + std::to_string(engine.lcores[i]) + " is named twice");
    }
  }
}

void check_address(const Config& config, std::size_t index, std::size_t which,
                   ConfigErrors& errors) {
  const InterfaceSettings& interface = config.interfaces[index];
  const Prefix& prefix = interface.addresses[which];
  if (is_unread(prefix)) return;
  const std::string key = element(element("interface", index) + ".addresses", which);
  if (!prefix.address.is_unicast() || prefix.address.is_loopback() ||
      is_network_or_broadcast(prefix) || prefix.length == 0) {
    errors.add(key, "\"" + to_text(prefix) + "\" is not the address of a host");
  }
  if (prefix.address.is_v6() && interface.mtu < kIpv6MtuMin) {
    errors.add(element("interface", index) + ".mtu", "is " + std::to_string(interface.mtu) +
                                                         ", IPv6 needs 1280 or more (" +
                                                         prefix.address.to_string() + ")");
  }
  for (std::size_t i = 0; i <= index; ++i) {
    const auto& others = config.interfaces[i].addresses;
    for (std::size_t j = 0; j < others.size() && (i < index || j < which); ++j) {
      if (others[j].address != prefix.address) continue;
      errors.add(key, prefix.address.to_string() + " is an address of " + element("interface", i) +
                          " already");
    }
  }
}

void check_interfaces(const Config& config, ConfigErrors& errors) {
  const auto& interfaces = config.interfaces;
  if (interfaces.empty()) errors.add("interface", "is missing: there must be one [[interface]]");
  if (interfaces.size() > kInterfacesMax) {
    errors.add(element("interface", kInterfacesMax),
               "is one too many, allowed are " + std::to_string(kInterfacesMax));
  }
  std::size_t addresses = 0;
  for (std::size_t i = 0; i < interfaces.size(); ++i) {
    for (std::size_t j = 0; j < i && !interfaces[i].name.empty(); ++j) {
      if (interfaces[j].name == interfaces[i].name) {
        errors.add(element("interface", i) + ".name", "\"" + interfaces[i].name +
                                                          "\" is the name of " +
                                                          element("interface", j) + " already");
      }
    }
    if (interfaces[i].addresses.empty() && interfaces[i].has_addresses) {
      errors.add(element("interface", i) + ".addresses", "is empty: there must be one");
    }
    for (std::size_t j = 0; j < interfaces[i].addresses.size(); ++j) {
      check_address(config, i, j, errors);
      if (++addresses == kLocalAddressesMax + 1) {
        errors.add(element("interface", i) + ".addresses",
                   "too many addresses in all, allowed are " + std::to_string(kLocalAddressesMax));
      }
    }
  }
}

bool is_on_link(const InterfaceSettings& interface, const IpAddress& address) {
  return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                     [&](const Prefix& prefix) {
                       // One that was mistyped may have been the one.
                       return is_unread(prefix) || prefix.contains(address);
                     });
}

bool is_own(const Config& config, const IpAddress& address) {
  return std::any_of(
      config.interfaces.begin(), config.interfaces.end(), [&](const auto& interface) {
        return std::any_of(
            interface.addresses.begin(), interface.addresses.end(),
            [&](const Prefix& prefix) { return !is_unread(prefix) && prefix.address == address; });
      });
}

void check_route(const Config& config, std::size_t index, ConfigErrors& errors) {
  const RouteSettings& route = config.routes[index];
  const std::string key = element("route", index);
  const auto named = [&](const auto& interface) { return interface.name == route.interface; };
  const bool is_known = std::any_of(config.interfaces.begin(), config.interfaces.end(), named);
  if (!route.interface.empty() && !is_known) {
    errors.add(key + ".interface", "no interface has the name \"" + route.interface + "\"");
    return;
  }
  if (route.via.is_unspecified()) return;
  if (route.via.is_v4() != route.to.address.is_v4()) {
    errors.add(key + ".via",
               route.via.to_string() + " is not of the IP version of " + to_text(route.to));
    return;
  }
  if (is_own(config, route.via)) {
    errors.add(key + ".via", "gateway " + route.via.to_string() + " is an address of the engine");
    return;
  }
  for (const InterfaceSettings& interface : config.interfaces) {
    if (!route.interface.empty() && interface.name != route.interface) continue;
    if (is_on_link(interface, route.via) || (route.via.is_link_local() && is_known)) return;
  }
  errors.add(key + ".via", "gateway " + route.via.to_string() + " is not in a network of " +
                               (is_known ? "interface \"" + route.interface + "\""
                                         : std::string("any interface")));
}

void check_routes(const Config& config, ConfigErrors& errors) {
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    check_route(config, i, errors);
    for (std::size_t j = 0; j < i && !config.routes[i].via.is_unspecified(); ++j) {
      if (config.routes[j].to.address == config.routes[i].to.address &&
          config.routes[j].to.length == config.routes[i].to.length) {
        errors.add(element("route", i) + ".to",
                   to_text(config.routes[i].to) + " has a route already, " + element("route", j));
      }
    }
  }
  if (config.routes.size() > kRoutesMax) {
    errors.add(element("route", kRoutesMax),
               "is one too many, allowed are " + std::to_string(kRoutesMax));
  }
}

// A limit of one that is above the limit of all would never be met.
void check_limits(const ShardLimits& limits, ConfigErrors& errors) {
  if (limits.associations_per_peer > limits.associations) {
    errors.add("sctp.associations_per_peer_max", std::to_string(limits.associations_per_peer) +
                                                     " is above associations_max, " +
                                                     std::to_string(limits.associations));
  }
  if (limits.chunks_held_per_association > limits.chunks_held) {
    errors.add("sctp.chunks_held_per_association_max",
               std::to_string(limits.chunks_held_per_association) + " is above chunks_held_max, " +
                   std::to_string(limits.chunks_held));
  }
  const auto check_rate = [&](const char* key, std::uint32_t rate) {
    if (limits.inits.in_all == 0 || rate <= limits.inits.in_all) return;
    errors.add(key, std::to_string(rate) + " is above init_rate_max, " +
                        std::to_string(limits.inits.in_all));
  };
  check_rate("sctp.init_rate_per_listener_max", limits.inits.to_one_listener);
  check_rate("sctp.init_rate_per_source_max", limits.inits.from_one_source);
}

void check_sctp(const Config& config, ConfigErrors& errors) {
  const Parameters& sctp = config.sctp;
  const auto ms = [](Duration span) { return std::to_string(span.milliseconds()); };
  if (sctp.rto_min > sctp.rto_max) {
    errors.add("sctp.rto_min_ms", ms(sctp.rto_min) + " is above rto_max_ms, " + ms(sctp.rto_max));
  } else if (sctp.rto_initial < sctp.rto_min || sctp.rto_initial > sctp.rto_max) {
    errors.add("sctp.rto_initial_ms", ms(sctp.rto_initial) + " is not between rto_min_ms and " +
                                          "rto_max_ms, " + ms(sctp.rto_min) + " to " +
                                          ms(sctp.rto_max));
  }
  if (sctp.partial_delivery_point > sctp.receive_buffer) {
    errors.add("sctp.partial_delivery_point",
               "is above receive_buffer, " + std::to_string(sctp.receive_buffer));
  }
  check_limits(config.limits, errors);
  // Whatever an association may hold, its application must be able to take at once.
  if (config.applications.receive_arena < sctp.receive_buffer) {
    // At the one of the two that the file has.
    const bool is_arena = errors.is_located("applications.receive_arena");
    const std::string buffer = std::to_string(sctp.receive_buffer);
    const std::string arena = std::to_string(config.applications.receive_arena);
    errors.add(is_arena ? "applications.receive_arena" : "sctp.receive_buffer",
               is_arena ? arena + " is below sctp.receive_buffer, " + buffer
                        : buffer + " is above applications.receive_arena, " + arena);
  }
  if (!is_power_of_two(config.applications.ring_entries)) {
    errors.add("applications.ring_entries",
               std::to_string(config.applications.ring_entries) + " is not a power of two");
  }
}

// The log's sink would make the directories above the file: most often a slip of the pen.
void check_log(const LogConfig& log, ConfigErrors& errors) {
  const auto directory = std::filesystem::path(log.file).parent_path();
  std::error_code code;
  if (std::filesystem::is_directory(log.file, code))
    errors.add("log.file", "\"" + log.file + "\" is a directory");
  if (directory.empty() || std::filesystem::is_directory(directory, code)) return;
  errors.add("log.file", "there is no directory \"" + directory.string() + "\"");
}

}  // namespace

void check_config(const Config& config, ConfigErrors& errors) {
  check_engine(config.engine, errors);
  check_interfaces(config, errors);
  check_devices(config, errors);
  check_routes(config, errors);
  check_sctp(config, errors);
  check_log(config.log, errors);
}

}  // namespace millrace
