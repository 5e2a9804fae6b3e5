#include "drivers/eal.h"

#include <fcntl.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace millrace::drivers {
namespace {

// A CPU that this process may use: the one that is preferred, or the first. DPDK wants one, though
// nobody stays on it, and refuses to start on one that is not there.
unsigned usable_cpu(unsigned preferred) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  if (preferred < CPU_SETSIZE && CPU_ISSET(preferred, &set)) return preferred;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) return cpu;
  }
  return 0;
}

std::vector<std::string> arguments(const EalConfig& config, bool use_huge_pages) {
  std::vector<std::string> all{config.program,
                               "--lcores",
                               "0@" + std::to_string(usable_cpu(config.main_cpu)),
                               "-m",
                               std::to_string(config.memory_mb),
                               "--no-telemetry",
                               "--log-level",
                               config.log_level};
  // Either way nothing is shared with other processes and no file stays behind. The two do not go
  // together.
  if (use_huge_pages) {
    all.push_back("--in-memory");
  } else {
    all.push_back("--no-huge");
    all.push_back("--no-shconf");
  }
  if (!config.file_prefix.empty()) {
    all.push_back("--file-prefix");
    all.push_back(config.file_prefix);
  }
  if (config.pci_devices.empty()) all.push_back("--no-pci");
  for (const std::string& device : config.pci_devices) {
    all.push_back("-a");
    all.push_back(device);
  }
  return all;
}

// rte_eal_init() binds the calling thread to its CPU; whom to bind is the engine's decision.
class AffinityKeeper {
 public:
  AffinityKeeper() { is_known_ = pthread_getaffinity_np(pthread_self(), sizeof set_, &set_) == 0; }
  ~AffinityKeeper() {
    if (is_known_) pthread_setaffinity_np(pthread_self(), sizeof set_, &set_);
  }

 private:
  cpu_set_t set_;
  bool is_known_;
};

// DPDK prints a hundred lines of usage when it does not like an argument, and the operator has
// given none: standard output goes nowhere while it starts.
class OutputSilencer {
 public:
  OutputSilencer() {
    std::fflush(stdout);
    kept_ = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (kept_ >= 0 && nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
    if (nowhere >= 0) close(nowhere);
  }
  ~OutputSilencer() {
    std::fflush(stdout);
    if (kept_ < 0) return;
    dup2(kept_, STDOUT_FILENO);
    close(kept_);
  }

 private:
  int kept_;
};

}  // namespace

std::size_t free_huge_pages_mb() {
  std::ifstream meminfo("/proc/meminfo");
  std::size_t free_pages = 0, page_kb = 0;
  for (std::string word; meminfo >> word;) {
    if (word == "HugePages_Free:") meminfo >> free_pages;
    if (word == "Hugepagesize:") meminfo >> page_kb;
  }
  return free_pages * page_kb / 1024;
}

std::unique_ptr<Eal> Eal::start(const EalConfig& config, std::string& fault) {
  const std::size_t free_mb = free_huge_pages_mb();
  const bool has_enough = free_mb >= config.memory_mb;
  if (config.huge_pages == HugePages::kYes && !has_enough) {
    fault = "huge pages are asked for, but only " + std::to_string(free_mb) + " MB of the " +
            std::to_string(config.memory_mb) + " MB needed are free (see vm.nr_hugepages)";
    return nullptr;
  }
  const bool use_huge_pages = config.huge_pages != HugePages::kNo && has_enough;
  std::vector<std::string> words = arguments(config, use_huge_pages);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  const AffinityKeeper keeper;
  const OutputSilencer silencer;
  auto log = config.log ? std::make_unique<EalLog>(config.log) : nullptr;
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) {
    fault = "DPDK does not start: " + std::string(rte_strerror(rte_errno));
    return nullptr;
  }
  if (log != nullptr) log->take_over_libraries();
  return std::unique_ptr<Eal>(new Eal(use_huge_pages, std::move(log)));
}

Eal::~Eal() {
  rte_eal_cleanup();
}

bool Eal::adopt_thread() {
  return rte_lcore_id() != LCORE_ID_ANY || rte_thread_register() == 0;
}

void Eal::leave_thread() {
  rte_thread_unregister();
}

}  // namespace millrace::drivers
