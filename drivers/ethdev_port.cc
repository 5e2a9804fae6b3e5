#include "drivers/ethdev_port.h"

#include <net/if.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ring.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "drivers/ethdev_queue.h"
#include "drivers/kernel_link.h"

namespace millrace::drivers {
namespace {

constexpr unsigned kRingFrames = 1024;

// Offer the offload and get it wrong, or refuse what was offered.
constexpr std::array<std::string_view, 2> kDriversWithBadChecksum{"net_virtio", "net_ena"};

std::string device_name(const std::string& device) {
  return device.substr(0, device.find(','));
}

// " (No such device)"; nothing for -1, which drivers return when they mean no error in particular.
std::string in_brackets(int code) {
  const int number = code < 0 ? -code : code;
  return code == -1 ? "" : std::string(" (") + std::strerror(number) + ")";
}

// What drivers do not say of themselves when they cannot open a device.
std::string likely_reason(const std::string& device) {
  const std::string interface = kernel_interface(device);
  if (!interface.empty() && !device.starts_with("net_tap") &&
      if_nametoindex(interface.c_str()) == 0) {
    return ": there is no interface \"" + interface + "\" here";
  }
  return geteuid() == 0 ? "" : ": not being root, it may lack rights (CAP_NET_RAW, CAP_NET_ADMIN)";
}

bool is_checksum_trusted(std::string_view driver) {
  return std::none_of(kDriversWithBadChecksum.begin(), kDriversWithBadChecksum.end(),
                      [&](std::string_view bad) { return driver.substr(0, bad.size()) == bad; });
}

}  // namespace

std::unique_ptr<EthdevPort> EthdevPort::open(const EthdevConfig& config, MbufPool& pool,
                                             std::string& fault) {
  std::unique_ptr<EthdevPort> port(new EthdevPort(config, pool));
  std::string why;
  if (port->probe(why) && port->configure(why) && port->set_mtu(why) && port->set_up_queues(why) &&
      port->start(why) && port->make_rings(why)) {
    return port;
  }
  fault = "device \"" + config.device + "\": " + why;
  return nullptr;
}

EthdevPort::~EthdevPort() {
  if (is_started_) rte_eth_dev_stop(port_);
  if (is_probed_) {
    rte_eth_dev_info info;
    const bool has_device = rte_eth_dev_info_get(port_, &info) == 0 && info.device != nullptr;
    rte_device* device = has_device ? info.device : nullptr;
    rte_eth_dev_close(port_);
    if (device != nullptr) rte_dev_remove(device);
  }
  for (rte_ring* ring : rings_) {
    void* object = nullptr;
    while (rte_ring_sc_dequeue(ring, &object) == 0) {
      rte_pktmbuf_free(MbufPool::mbuf_of(static_cast<Buffer*>(object)));
    }
    rte_ring_free(ring);
  }
}

// Devices on the PCI bus are there since the environment started, others are made now.
bool EthdevPort::probe(std::string& fault) {
  const std::string name = device_name(config_.device);
  if (rte_eth_dev_get_port_by_name(name.c_str(), &port_) == 0) {
    is_probed_ = true;
    return true;
  }
  const int result = rte_dev_probe(config_.device.c_str());
  if (result != 0 || rte_eth_dev_get_port_by_name(name.c_str(), &port_) != 0) {
    fault = "there is no such device, or its driver does not take it";
    fault += in_brackets(result) + likely_reason(config_.device);
    return false;
  }
  is_probed_ = true;
  return true;
}

bool EthdevPort::configure(std::string& fault) {
  rte_eth_dev_info info;
  int result = rte_eth_dev_info_get(port_, &info);
  if (result != 0) {
    fault = "it does not say what it is" + in_brackets(result);
    return false;
  }
  driver_ = info.driver_name;
  const std::size_t lcores = config_.lcores;
  // The kernel spreads frames over all of the sockets that the device has opened.
  if (driver_ == "net_af_packet" && info.max_rx_queues > lcores) {
    fault = "it has " + std::to_string(info.max_rx_queues) + " queue pairs for " +
            std::to_string(lcores) + " lcores: set qpairs=" + std::to_string(lcores);
    return false;
  }
  receive_queues_ = static_cast<std::uint16_t>(std::min<std::size_t>(lcores, info.max_rx_queues));
  transmit_queues_ = static_cast<std::uint16_t>(std::min<std::size_t>(lcores, info.max_tx_queues));
  if (receive_queues_ == 0 || transmit_queues_ == 0) {
    fault = "it has no queues";
    return false;
  }
  rte_eth_conf conf;
  std::memset(&conf, 0, sizeof conf);
  if (config_.checksum == ChecksumMode::kAuto && is_checksum_trusted(driver_)) {
    conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCTP_CKSUM;
    conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_SCTP_CKSUM;
  }
  traits_.sctp_checksum_on_receive = conf.rxmode.offloads != 0;
  traits_.sctp_checksum_on_send = conf.txmode.offloads != 0;
  constexpr std::uint64_t kHashes = RTE_ETH_RSS_IP | RTE_ETH_RSS_SCTP;
  if (receive_queues_ > 1 && (info.flow_type_rss_offloads & kHashes) != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & kHashes;
  }
  result = rte_eth_dev_configure(port_, receive_queues_, transmit_queues_, &conf);
  if (result != 0) fault = "it cannot be configured" + in_brackets(result);
  return result == 0;
}

bool EthdevPort::set_mtu(std::string& fault) {
  std::uint16_t current = 0;
  int result = rte_eth_dev_get_mtu(port_, &current);
  if (result == 0 && config_.mtu != 0 && config_.mtu != current) {
    result = rte_eth_dev_set_mtu(port_, config_.mtu);
    // A device that cannot change it serves a smaller one all the same.
    if (result == 0 || config_.mtu < current) {
      current = config_.mtu;
      result = 0;
    }
  }
  if (result != 0) {
    fault = "its MTU cannot be set to " + std::to_string(config_.mtu) + in_brackets(result);
    return false;
  }
  traits_.mtu = static_cast<std::uint16_t>(std::min<std::size_t>(current, kMtuMax));
  rte_ether_addr mac;
  if (rte_eth_macaddr_get(port_, &mac) != 0) {
    fault = "it has no Ethernet address";
    return false;
  }
  std::copy_n(mac.addr_bytes, traits_.mac.size(), traits_.mac.begin());
  return true;
}

bool EthdevPort::set_up_queues(std::string& fault) {
  std::uint16_t receive_descriptors = config_.descriptors;
  std::uint16_t transmit_descriptors = config_.descriptors;
  // Not every driver has an opinion.
  rte_eth_dev_adjust_nb_rx_tx_desc(port_, &receive_descriptors, &transmit_descriptors);
  const auto node = static_cast<unsigned>(rte_eth_dev_socket_id(port_));
  int result = 0;
  for (std::uint16_t i = 0; i < receive_queues_ && result == 0; ++i) {
    result = rte_eth_rx_queue_setup(port_, i, receive_descriptors, node, nullptr, pool_.handle());
  }
  for (std::uint16_t i = 0; i < transmit_queues_ && result == 0; ++i) {
    result = rte_eth_tx_queue_setup(port_, i, transmit_descriptors, node, nullptr);
  }
  if (result != 0) {
    fault = "its queues cannot be set up" + in_brackets(result);
    if (result == -ENOMEM) fault += ": more packet buffers may help (engine.buffers)";
  }
  return result == 0;
}

bool EthdevPort::start(std::string& fault) {
  const int result = rte_eth_dev_start(port_);
  if (result != 0) {
    fault = "it does not start" + in_brackets(result);
    return false;
  }
  is_started_ = true;
  // Neighbour solicitations are multicast; a port that cannot choose has to take everything.
  if (rte_eth_allmulticast_enable(port_) != 0) rte_eth_promiscuous_enable(port_);
  return true;
}

bool EthdevPort::make_rings(std::string& fault) {
  for (std::size_t lcore = transmit_queues_; lcore < config_.lcores; ++lcore) {
    const std::string name = "send_" + std::to_string(port_) + "_" + std::to_string(lcore);
    rte_ring* ring =
        rte_ring_create(name.c_str(), kRingFrames, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
    if (ring == nullptr) {
      fault = std::string("no memory for a ring: ") + rte_strerror(rte_errno);
      return false;
    }
    rings_.push_back(ring);
  }
  return true;
}

std::unique_ptr<PortQueue> EthdevPort::queue(std::size_t lcore, BufferPool& stack) {
  MR_ASSERT(lcore < config_.lcores);
  EthdevQueue::Config config;
  config.port = port_;
  config.unusable = &unusable_;
  config.trusts_checksum = traits_.sctp_checksum_on_receive;
  if (lcore < receive_queues_) config.receive_queue = static_cast<int>(lcore);
  if (lcore < transmit_queues_) {
    config.transmit_queue = static_cast<int>(lcore);
    for (std::size_t i = lcore; i < rings_.size(); i += transmit_queues_) {
      config.sends_for.push_back(rings_[i]);
    }
  } else {
    config.sends_to = rings_[lcore - transmit_queues_];
  }
  return std::make_unique<EthdevQueue>(config, pool_, stack);
}

PortStatistics EthdevPort::statistics() const {
  rte_eth_stats from;
  if (rte_eth_stats_get(port_, &from) != 0) return {};
  PortStatistics to;
  to.frames_received = from.ipackets;
  to.bytes_received = from.ibytes;
  to.frames_sent = from.opackets;
  to.bytes_sent = from.obytes;
  to.missed = from.imissed;
  to.receive_errors = from.ierrors + unusable_.load(std::memory_order_relaxed);  // pairs: receive
  to.send_errors = from.oerrors;
  to.no_buffer = from.rx_nombuf;
  return to;
}

LinkState EthdevPort::link() const {
  // Drivers on a kernel's interface say "up" whatever it is.
  if (driver_ == "net_af_packet" || driver_ == "net_af_xdp")
    return kernel_link(kernel_interface(config_.device));
  rte_eth_link from;
  if (rte_eth_link_get_nowait(port_, &from) != 0) return {};
  LinkState to;
  to.is_up = from.link_status == RTE_ETH_LINK_UP;
  const bool is_speed_known =
      from.link_speed != RTE_ETH_SPEED_NUM_NONE && from.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
  to.speed_mbps = is_speed_known ? from.link_speed : 0;
  to.is_full_duplex = from.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
  return to;
}

}  // namespace millrace::drivers
