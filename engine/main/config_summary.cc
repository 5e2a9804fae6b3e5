#include <algorithm>
#include <cctype>
#include <charconv>

#include "engine/main/config_file.h"

namespace millrace {
namespace {

std::string join(const std::vector<unsigned>& values) {
  std::string text;
  for (const unsigned value : values) {
    text += (text.empty() ? "" : ", ") + std::to_string(value);
  }
  return text;
}

std::string interface_line(const InterfaceSettings& interface) {
  std::string line = "interface " + interface.name + ": " + interface.device;
  if (interface.vlan != 0) line += ", VLAN " + std::to_string(interface.vlan);
  line += ", MTU " + std::to_string(interface.mtu);
  for (const Prefix& prefix : interface.addresses) {
    line += ", " + prefix.address.to_string() + "/" + std::to_string(prefix.length);
  }
  if (!interface.impairment.is_none()) line += ", IMPAIRED ON PURPOSE";
  return line + "\n";
}

bool is_hex(std::string_view digits) {
  return std::all_of(digits.begin(), digits.end(),
                     [](unsigned char digit) { return std::isxdigit(digit) != 0; });
}

}  // namespace

std::string summarize(const Config& config) {
  const EngineConfig& engine = config.engine;
  std::string text =
      "engine " + engine.name + ": " + std::to_string(engine.lcores.size()) + " lcore(s) on CPU " +
      join(engine.lcores) + ", " + (engine.busy_polling ? "busy" : "adaptive") + " polling, " +
      std::to_string(engine.buffers) + " packet buffers each, in " + engine.run_directory + "\n";
  for (const InterfaceSettings& interface : config.interfaces) text += interface_line(interface);
  for (const RouteSettings& route : config.routes) {
    text += "route to " + route.to.address.to_string() + "/" + std::to_string(route.to.length) +
            " via " + route.via.to_string() + "\n";
  }
  text += "sctp: up to " + std::to_string(config.limits.associations) +
          " associations on each lcore, RTO " + std::to_string(config.sctp.rto_min.milliseconds()) +
          " to " + std::to_string(config.sctp.rto_max.milliseconds()) + " ms, heartbeats every " +
          std::to_string(config.sctp.heartbeat_interval.milliseconds()) + " ms\n";
  text += "applications: up to " + std::to_string(config.applications.contexts_max) +
          " contexts; when one dies its associations are " +
          (config.applications.on_exit == OnExit::kAbort ? "aborted" : "shut down") + "\n";
  return text;
}

bool is_pci_address(std::string_view device) {
  const std::string_view name = device.substr(0, device.find(','));
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot + 2 != name.size()) return false;
  if (name[dot + 1] < '0' || name[dot + 1] > '7') return false;
  std::string_view rest = name.substr(0, dot);
  if (rest.size() == 10 && rest[4] == ':' && is_hex(rest.substr(0, 4))) rest.remove_prefix(5);
  return rest.size() == 5 && rest[2] == ':' && is_hex(rest.substr(0, 2)) &&
         is_hex(rest.substr(3, 2));
}

std::size_t memory_mb_of_buffers(const EngineConfig& engine) {
  // An mbuf with its headers and what a pool adds, rounded up.
  constexpr std::size_t kBytesPerBuffer = 2688;
  return engine.buffers * engine.lcores.size() * kBytesPerBuffer / (1 << 20) + 1;
}

unsigned queues_in_arguments(std::string_view device) {
  for (const std::string_view argument : {",qpairs=", ",queues=", ",queue_count="}) {
    const std::size_t found = device.find(argument);
    if (found == std::string_view::npos) continue;
    const char* first = device.data() + found + argument.size();
    unsigned value = 0;
    std::from_chars(first, device.data() + device.size(), value);
    return value;
  }
  return 0;
}

}  // namespace millrace
