// DPDK, the ports and the packet buffers of millraced, as the configuration says.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "drivers/eal.h"
#include "drivers/ethdev_port.h"
#include "drivers/impairment_port.h"
#include "drivers/mbuf_pool.h"
#include "engine/main/config.h"
#include "engine/main/engine.h"

namespace millrace {

/// Interfaces with the same device share a port. Main thread only, but for the queue pairs, which
/// are their lcores'.
class PortSet {
 public:
  /// nullptr, and `error` says why, when something cannot be had.
  static std::unique_ptr<PortSet> open(const Config& config, std::string& error);
  /// Nobody uses a queue pair any more.
  ~PortSet();
  PortSet(const PortSet&) = delete;
  PortSet& operator=(const PortSet&) = delete;

  /// Ports, pools and queue pairs, as the engine takes them. Once.
  void describe(EngineResources& resources);

  bool has_huge_pages() const { return eal_->uses_huge_pages(); }
  std::vector<PortStatus> statuses() const;
  BufferUse buffer_use() const;

 private:
  struct Port {
    std::string device;
    std::string name;  ///< of the first interface on it
    ImpairmentConfig impairment;
    std::uint16_t mtu = 0;
    std::unique_ptr<drivers::EthdevPort> port;
    std::vector<const drivers::ImpairmentPort*>
        impaired;  ///< its queues, if it is; lcores own them
  };
  struct Lcore {
    std::unique_ptr<BufferPool> stack;
    std::vector<std::unique_ptr<PortQueue>> queues;
  };

  explicit PortSet(const Config& config) : config_(config) {}
  void collect_ports();
  bool start_dpdk(std::string& error);
  bool open_ports(std::string& error);
  void make_queues();

  const Config config_;
  std::unique_ptr<drivers::Eal> eal_;
  std::unique_ptr<drivers::MbufPool> pool_;
  std::vector<Port> ports_;
  std::vector<std::size_t> interface_ports_;
  std::vector<Lcore> lcores_;
};

}  // namespace millrace
