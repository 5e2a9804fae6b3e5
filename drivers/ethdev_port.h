// A port of DPDK: a network card, or net_tap, net_af_packet, net_af_xdp, net_memif and the like.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "drivers/mbuf_pool.h"
#include "engine/net/port.h"

struct rte_ring;

namespace millrace::drivers {

/// Who computes and checks SCTP's checksum. Ports that offer to are few, and some of them get it
/// wrong; `kAuto` uses those that are not known for that.
enum class ChecksumMode { kAuto, kSoftware };

struct EthdevConfig {
  std::string device;      ///< "net_af_packet0,iface=veth0", or a PCI address
  std::size_t lcores = 1;  ///< threads that will use it; each gets a queue pair if there are enough
  std::uint16_t mtu = 0;   ///< largest IP packet; 0 takes the device's
  ChecksumMode checksum = ChecksumMode::kAuto;
  std::uint16_t descriptors = 512;  ///< of each queue; the device may round
};

/// Counted by the device since it was opened.
struct PortStatistics {
  std::uint64_t frames_received = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t frames_sent = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t missed = 0;  ///< received, but its queue was full
  std::uint64_t receive_errors = 0;
  std::uint64_t send_errors = 0;
  std::uint64_t no_buffer = 0;  ///< received, but there was no packet buffer
};

struct LinkState {
  bool is_up = false;
  std::uint32_t speed_mbps = 0;  ///< 0: not known
  bool is_full_duplex = false;
};

/// Opens and starts a device. An lcore beyond the device's receive queues receives nothing from it;
/// one beyond its transmit queues sends by way of a ring to an lcore that has one, whose queue
/// hands the frames on whenever it is polled. So every lcore can send by every port, and no queue
/// is used by two threads.
class EthdevPort {
 public:
  /// `pool` outlives the port. Nothing and a `fault` in words for the operator if it cannot be had.
  static std::unique_ptr<EthdevPort> open(const EthdevConfig& config, MbufPool& pool,
                                          std::string& fault);
  ~EthdevPort();
  EthdevPort(const EthdevPort&) = delete;
  EthdevPort& operator=(const EthdevPort&) = delete;

  PortTraits traits() const { return traits_; }
  std::size_t receive_queues() const { return receive_queues_; }
  std::size_t transmit_queues() const { return transmit_queues_; }
  const std::string& driver() const { return driver_; }

  /// The queue pair of an lcore, once for each. It works on that lcore's stack of buffers, whose
  /// capacity is pool.count(). It must go before the port.
  std::unique_ptr<PortQueue> queue(std::size_t lcore, BufferPool& stack);

  PortStatistics statistics() const;
  LinkState link() const;

 private:
  EthdevPort(const EthdevConfig& config, MbufPool& pool) : config_(config), pool_(pool) {}
  bool probe(std::string& fault);
  bool configure(std::string& fault);
  bool set_mtu(std::string& fault);
  bool set_up_queues(std::string& fault);
  bool start(std::string& fault);
  bool make_rings(std::string& fault);

  const EthdevConfig config_;
  MbufPool& pool_;
  std::uint16_t port_ = 0;
  bool is_probed_ = false;
  bool is_started_ = false;
  std::string driver_;
  PortTraits traits_;
  std::uint16_t receive_queues_ = 0;
  std::uint16_t transmit_queues_ = 0;
  // Received in pieces that did not fit one buffer. All lcores, rarely.
  std::atomic<std::uint64_t> unusable_{0};  // pairs: EthdevQueue::receive -> statistics
  std::vector<rte_ring*> rings_;  // [i]: from lcore transmit_queues_ + i to lcore i % that
};

}  // namespace millrace::drivers
