// From a configuration file to a Config, or to everything that is wrong with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/main/config.h"
#include "engine/main/config_error.h"

namespace millrace {

struct LoadedConfig {
  Config config;  ///< to be used only if there are no errors
  std::vector<ConfigError> errors;
};

/// `file` is only what errors call it.
LoadedConfig parse_config(std::string_view text, const std::string& file);
LoadedConfig load_config(const std::string& file);

/// What the configuration comes to, a few lines for people.
std::string summarize(const Config& config);

/// Whether `device` looks like a PCI address ("0000:03:00.0", the domain may be left out).
bool is_pci_address(std::string_view device);
/// Megabytes of DPDK's memory that the packet buffers alone take, and the pool around them.
std::size_t memory_mb_of_buffers(const EngineConfig& engine);
/// The number of queue pairs that a virtual device's arguments ask for; 0 if they say nothing.
unsigned queues_in_arguments(std::string_view device);

}  // namespace millrace
