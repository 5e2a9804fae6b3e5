// DPDK's environment of this process.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "drivers/eal_log.h"

namespace millrace::drivers {

enum class HugePages { kAuto, kYes, kNo };

struct EalConfig {
  std::string program = "millraced";
  /// The CPU whose memory node is preferred, another if it is not there; nobody is pinned to it.
  unsigned main_cpu = 0;
  HugePages huge_pages = HugePages::kAuto;
  std::size_t memory_mb = 256;
  std::vector<std::string> pci_devices;  ///< PCI addresses; no others are touched
  std::string file_prefix;               ///< empty: none. Apart from it, nothing is left on disk
  std::string log_level = "warning";     ///< of DPDK itself
  LogLine log;                           ///< gets DPDK's lines; empty: to standard error
};

/// There is one in a process, and after it has gone there is no second one: DPDK does not start
/// twice. It makes no threads for lcores: the engine has its own and tells them to adopt_thread().
class Eal {
 public:
  /// Nothing and a `fault` in words for the operator if it cannot start.
  static std::unique_ptr<Eal> start(const EalConfig& config, std::string& fault);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  bool uses_huge_pages() const { return uses_huge_pages_; }

  /// To be called by each thread that polls ports, before it does. The thread gets an identity that
  /// DPDK's per-thread caches go by; false if DPDK has none left (slower, still right).
  static bool adopt_thread();
  /// And by the same thread after the last use.
  static void leave_thread();

 private:
  Eal(bool uses_huge_pages, std::unique_ptr<EalLog> log)
      : log_(std::move(log)), uses_huge_pages_(uses_huge_pages) {}

  std::unique_ptr<EalLog> log_;
  bool uses_huge_pages_;
};

/// Megabytes of free huge pages of the default size.
std::size_t free_huge_pages_mb();

}  // namespace millrace::drivers
