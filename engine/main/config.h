// What the operator may configure, as plain values with their defaults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/assoc/parameters.h"
#include "engine/base/address.h"
#include "engine/base/time.h"
#include "engine/shard/shard.h"

namespace millrace {

enum class HugePages : std::uint8_t { kAuto, kYes, kNo };

/// What becomes of associations when the engine stops or their application is gone.
enum class OnExit : std::uint8_t { kAbort, kShutdown };

struct EngineConfig {
  std::string name = "millrace";
  std::vector<unsigned> lcores{0};  ///< CPUs; one worker each
  HugePages huge_pages = HugePages::kAuto;
  std::uint32_t memory_mb = 0;  ///< for DPDK; 0: what the buffers need
  bool busy_polling = false;
  Duration idle_sleep = microseconds(200);  ///< the longest sleep of an idle worker
  std::string run_directory = "/run/millrace";
  std::uint32_t buffers = 16384;  ///< packet buffers of each lcore
  OnExit stop = OnExit::kAbort;
  Duration stop_grace = seconds(5);
};

/// What an element of an array that could not be read leaves in its place, so that those behind it
/// keep their numbers. A configuration with one of these has an error and is never used.
inline constexpr unsigned kUnreadCpu = ~0u;  // as ConfigReader::kUnread
inline constexpr std::uint8_t kUnreadPrefixLength = 255;

/// CPUs are numbered below this (DPDK's limit).
inline constexpr unsigned kCpusMax = 128;

/// Faults that a port makes on purpose, in both directions.
struct ImpairmentConfig {
  double loss = 0, duplicate = 0, reorder = 0, corrupt = 0;  ///< probabilities
  Duration delay;
  std::uint64_t seed = 1;
  bool is_none() const {
    return loss == 0 && duplicate == 0 && reorder == 0 && corrupt == 0 && delay.ns == 0;
  }
};

struct InterfaceSettings {
  std::string name;
  std::string device;  ///< EAL virtual device with its arguments, or a PCI address
  std::uint16_t vlan = 0;
  std::uint16_t mtu = 1500;
  std::vector<Prefix> addresses;
  bool has_addresses = true;  ///< the file has the key, though perhaps nothing in it
  ImpairmentConfig impairment;
};

struct RouteSettings {
  Prefix to;
  IpAddress via;
  std::string interface;
};

struct ApplicationsConfig {
  OnExit on_exit = OnExit::kAbort;
  std::uint32_t contexts_max = 64;
  std::uint32_t contexts_per_user_max = 0;   ///< 0: as many as there are
  std::uint32_t ring_entries = 1024;         ///< of each ring of a context, a power of two
  std::uint32_t transmit_arena = 16u << 20;  ///< bytes, of each context
  std::uint32_t receive_arena = 4u << 20;    ///< bytes, of each context and lcore
  std::uint32_t socket_mode = 0660;          ///< permissions of applications.sock
};

struct LogConfig {
  std::string level = "info";
  std::string file;  ///< empty: standard error
};

struct Config {
  EngineConfig engine;
  std::vector<InterfaceSettings> interfaces;
  std::vector<RouteSettings> routes;
  Parameters sctp;
  ShardLimits limits;  ///< of each lcore
  ApplicationsConfig applications;
  LogConfig log;
};

}  // namespace millrace
