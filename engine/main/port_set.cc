#include "engine/main/port_set.h"

#include <algorithm>
#include <array>

#include "drivers/impairment_port.h"
#include "engine/main/config_file.h"
#include "engine/main/lcore_thread.h"
#include "engine/main/log.h"

namespace millrace {
namespace {

constexpr std::size_t kMegabytesBeside = 64;  // queues, rings, devices

drivers::HugePages huge_pages_of(HugePages wanted) {
  switch (wanted) {
    case HugePages::kYes:
      return drivers::HugePages::kYes;
    case HugePages::kNo:
      return drivers::HugePages::kNo;
    case HugePages::kAuto:
      break;
  }
  return drivers::HugePages::kAuto;
}

drivers::ImpairmentConfig impairment_of(const ImpairmentConfig& from, std::size_t lcore) {
  drivers::ImpairmentConfig to;
  to.loss = from.loss;
  to.duplicate = from.duplicate;
  to.reorder = from.reorder;
  to.corrupt = from.corrupt;
  to.delay = from.delay;
  to.seed = from.seed + lcore;
  return to;
}

void log_line(drivers::LogLevel level, std::string_view line) {
  static constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info,
                                      spdlog::level::warn, spdlog::level::err};
  spdlog::log(kLevels[static_cast<std::size_t>(level)], "DPDK: {}", line);
}

}  // namespace

std::unique_ptr<PortSet> PortSet::open(const Config& config, std::string& error) {
  std::unique_ptr<PortSet> set(new PortSet(config));
  set->collect_ports();
  if (!set->start_dpdk(error) || !set->open_ports(error)) return nullptr;
  set->make_queues();
  return set;
}

PortSet::~PortSet() {
  for (Lcore& lcore : lcores_) {
    lcore.queues.clear();
    if (lcore.stack != nullptr) pool_->empty(*lcore.stack);
  }
  ports_.clear();
}

void PortSet::collect_ports() {
  for (const InterfaceSettings& interface : config_.interfaces) {
    auto port = std::find_if(ports_.begin(), ports_.end(),
                             [&](const Port& known) { return known.device == interface.device; });
    if (port == ports_.end()) {
      port = ports_.insert(port, Port{});
      port->device = interface.device;
      port->name = interface.name;
      port->impairment = interface.impairment;
    }
    port->mtu = std::max(port->mtu, interface.mtu);
    interface_ports_.push_back(static_cast<std::size_t>(port - ports_.begin()));
  }
}

bool PortSet::start_dpdk(std::string& error) {
  const std::size_t buffers = config_.engine.buffers * config_.engine.lcores.size();
  drivers::EalConfig eal;
  eal.main_cpu = config_.engine.lcores.front();
  eal.huge_pages = huge_pages_of(config_.engine.huge_pages);
  eal.memory_mb = config_.engine.memory_mb != 0
                      ? config_.engine.memory_mb
                      : memory_mb_of_buffers(config_.engine) + kMegabytesBeside;
  eal.log = log_line;
  for (const Port& port : ports_) {
    if (is_pci_address(port.device)) eal.pci_devices.push_back(port.device);
  }
  eal_ = drivers::Eal::start(eal, error);
  if (eal_ == nullptr) return false;
  pool_ = drivers::MbufPool::create("packets", buffers, !eal.pci_devices.empty(), error);
  return pool_ != nullptr;
}

bool PortSet::open_ports(std::string& error) {
  for (Port& port : ports_) {
    drivers::EthdevConfig config;
    config.device = port.device;
    config.lcores = config_.engine.lcores.size();
    config.mtu = port.mtu;
    port.port = drivers::EthdevPort::open(config, *pool_, error);
    if (port.port == nullptr) {
      error = "interface " + port.name + ": " + error;
      return false;
    }
  }
  return true;
}

void PortSet::make_queues() {
  for (std::size_t number = 0; number < config_.engine.lcores.size(); ++number) {
    Lcore& lcore = lcores_.emplace_back();
    lcore.stack = std::make_unique<BufferPool>(pool_->count());
    pool_->balance(*lcore.stack);
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      Port& port = ports_[i];
      // A device with fewer queues than there are lcores serves the first of them: ports begin at
      // different lcores, so that not all of them are the first one's.
      const std::size_t lcores = config_.engine.lcores.size();
      const std::size_t place = (number + lcores - i % lcores) % lcores;
      std::unique_ptr<PortQueue> queue = port.port->queue(place, *lcore.stack);
      if (!port.impairment.is_none()) {
        auto impaired = std::make_unique<drivers::ImpairmentPort>(
            std::move(queue), impairment_of(port.impairment, number), *lcore.stack, monotonic_now);
        port.impaired.push_back(impaired.get());
        queue = std::move(impaired);
      }
      lcore.queues.push_back(std::move(queue));
    }
  }
}

void PortSet::describe(EngineResources& resources) {
  for (const Port& port : ports_) {
    const PortTraits traits = port.port->traits();
    resources.ports.push_back(port.impairment.is_none() ? traits
                                                        : drivers::ImpairmentPort::traits(traits));
  }
  resources.interface_ports = interface_ports_;
  for (std::size_t i = 0; i < lcores_.size(); ++i) {
    EngineResources::Lcore lcore;
    lcore.pool = lcores_[i].stack.get();
    lcore.cpu = config_.engine.lcores[i];
    for (const auto& queue : lcores_[i].queues) lcore.queues.push_back(queue.get());
    resources.lcores.push_back(std::move(lcore));
  }
  resources.has_huge_pages = has_huge_pages();
  resources.port_statuses = [this] { return statuses(); };
  resources.buffer_use = [this] { return buffer_use(); };
}

std::vector<PortStatus> PortSet::statuses() const {
  std::vector<PortStatus> statuses;
  for (const Port& port : ports_) {
    const drivers::PortStatistics from = port.port->statistics();
    const drivers::LinkState link = port.port->link();
    PortStatus& to = statuses.emplace_back();
    to.name = port.device.substr(0, port.device.find(','));
    to.driver = port.port->driver();
    to.traits = port.port->traits();
    to.is_up = link.is_up;
    to.speed_mbps = link.speed_mbps;
    to.received_packets = from.frames_received;
    to.received_bytes = from.bytes_received;
    to.missed = from.missed + from.no_buffer;
    to.receive_errors = from.receive_errors;
    to.sent_packets = from.frames_sent;
    to.sent_bytes = from.bytes_sent;
    to.send_errors = from.send_errors;
    for (const drivers::ImpairmentPort* queue : port.impaired) to.lost_on_purpose += queue->lost();
  }
  return statuses;
}

BufferUse PortSet::buffer_use() const {
  return {pool_->count(), pool_->free_count()};
}

}  // namespace millrace
