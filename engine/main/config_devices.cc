#include <algorithm>
#include <array>

#include "engine/main/config_check.h"
#include "engine/main/config_file.h"
#include "engine/main/suggest.h"

namespace millrace {
namespace {

// Of DPDK's drivers those that make a device of its arguments.
constexpr std::array<std::string_view, 14> kDrivers{
    "net_af_packet", "net_af_xdp",      "net_bonding", "net_failsafe",   "net_memif",
    "net_null",      "net_octeontx",    "net_pcap",    "net_ring",       "net_softnic",
    "net_tap",       "net_vdev_netvsc", "net_vhost",   "net_virtio_user"};

// What a socket of AF_XDP takes to fill its rings.
constexpr std::size_t kXdpBuffers = 4096;

std::string device_key(std::size_t index) {
  return "interface[" + std::to_string(index) + "].device";
}

std::string_view name_of(std::string_view device) {
  return device.substr(0, device.find(','));
}

std::string_view driver_of(std::string_view device) {
  const std::string_view name = name_of(device);
  return name.substr(0, name.find_last_not_of("0123456789") + 1);
}

/// The kernel's interface among a virtual device's arguments; empty if there is none.
std::string_view kernel_interface(std::string_view device) {
  static constexpr std::string_view kArgument = ",iface=";
  const std::size_t found = device.find(kArgument);
  if (found == std::string_view::npos) return {};
  return name_of(device.substr(found + kArgument.size()));
}

void check_driver(const Config& config, std::size_t index, ConfigErrors& errors) {
  const std::string& device = config.interfaces[index].device;
  if (is_pci_address(device)) return;
  if (!device.starts_with("net_")) {
    errors.add(device_key(index),
               "\"" + device +
                   "\" is neither a virtual device of DPDK, e.g. "
                   "\"net_af_packet0,iface=eth1\", nor a PCI address, e.g. \"0000:03:00.0\"");
    return;
  }
  const std::string driver(driver_of(device));
  if (std::find(kDrivers.begin(), kDrivers.end(), driver) != kDrivers.end()) return;
  const std::vector<std::string> known(kDrivers.begin(), kDrivers.end());
  const std::string meant = suggest(driver, known);
  errors.add(device_key(index), "DPDK has no driver \"" + driver + "\"" +
                                    (meant.empty() ? "" : ", did you mean \"" + meant + "\"?"));
}

void check_against(const Config& config, std::size_t index, std::size_t before,
                   ConfigErrors& errors) {
  const InterfaceSettings& interface = config.interfaces[index];
  const InterfaceSettings& other = config.interfaces[before];
  const std::string there = "interface[" + std::to_string(before) + "]";
  const std::string_view name = name_of(interface.device);
  const std::string_view kernels = kernel_interface(interface.device);
  if (other.device == interface.device) {
    if (other.vlan == interface.vlan) {
      errors.add(device_key(index), "is the device of " + there +
                                        " already: interfaces that share a device differ in their "
                                        "vlan");
    }
    if (!interface.impairment.is_none()) {
      errors.add("interface[" + std::to_string(index) + "].impairment",
                 "belongs to the first interface of the device, " + there);
    }
  } else if (name_of(other.device) == name) {
    errors.add(device_key(index), "\"" + std::string(name) + "\" is the device of " + there +
                                      " already, with other arguments: number them, e.g. " +
                                      std::string(driver_of(name)) + "0 and " +
                                      std::string(driver_of(name)) + "1");
  } else if (!kernels.empty() && kernel_interface(other.device) == kernels) {
    errors.add(device_key(index), "opens \"" + std::string(kernels) + "\" like " + there +
                                      ": interfaces that share a port name the same device");
  }
}

void check_device(const Config& config, std::size_t index, ConfigErrors& errors) {
  const std::string& device = config.interfaces[index].device;
  if (device.empty()) return;  // which is an error already
  check_driver(config, index, errors);
  const unsigned queues = queues_in_arguments(device);
  if (queues > config.engine.lcores.size()) {
    errors.add(device_key(index), "asks for " + std::to_string(queues) +
                                      " queue pairs, engine.lcores names " +
                                      std::to_string(config.engine.lcores.size()) +
                                      " CPU(s): nobody would serve the rest");
  }
  const std::size_t errors_before = errors.size();
  for (std::size_t i = 0; i < index && errors.size() == errors_before; ++i)
    check_against(config, index, i, errors);
}

void check_memory(const Config& config, ConfigErrors& errors) {
  const EngineConfig& engine = config.engine;
  const std::size_t least = memory_mb_of_buffers(engine);
  if (engine.memory_mb != 0 && engine.memory_mb < least) {
    errors.add("engine.memory_mb", std::to_string(engine.memory_mb) + " is too little for " +
                                       std::to_string(engine.lcores.size()) + " times " +
                                       std::to_string(engine.buffers) + " buffers: " +
                                       std::to_string(least) + " or more, or 0 for what they need");
  }
  const auto xdp = std::count_if(
      config.interfaces.begin(), config.interfaces.end(),
      [](const InterfaceSettings& from) { return driver_of(from.device) == "net_af_xdp"; });
  const std::size_t needed = static_cast<std::size_t>(xdp) * kXdpBuffers;
  if (engine.buffers * engine.lcores.size() < needed) {
    errors.add("engine.buffers", std::to_string(engine.buffers) + " is too little for " +
                                     std::to_string(xdp) + " device(s) of net_af_xdp, which take " +
                                     std::to_string(needed) + " in all");
  }
}

}  // namespace

void check_devices(const Config& config, ConfigErrors& errors) {
  for (std::size_t i = 0; i < config.interfaces.size(); ++i) check_device(config, i, errors);
  check_memory(config, errors);
}

}  // namespace millrace
