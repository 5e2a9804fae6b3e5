#include "tests/sim/sim_host.h"

#include "tests/sim/violation.h"

namespace millrace::sim {
namespace {

ShardLimits small_limits(std::size_t share) {
  ShardLimits limits;
  limits.associations = 256;
  limits.messages_queued = (1 << 14) / share;
  limits.chunks_sent = (1 << 14) / share;
  limits.chunks_held = (1 << 14) / share;
  limits.listeners = 16;
  limits.owners = 64;
  return limits;
}

PortTraits traits_of(std::size_t host, std::size_t lan, const Scenario& scenario) {
  PortTraits traits;
  traits.mac = {
      2, 0, 0, 0, static_cast<std::uint8_t>(lan + 1), static_cast<std::uint8_t>(host + 1)};
  traits.mtu = scenario.parameters.path_mtu;
  traits.sctp_checksum_on_send = scenario.hosts[host].checksum_offload;
  traits.sctp_checksum_on_receive = scenario.hosts[host].checksum_offload;
  return traits;
}

}  // namespace

SimHost::SimHost(const Scenario& scenario, std::size_t number, Network& network)
    : number_(number),
      network_(network),
      plan_(scenario.hosts[number]),
      parameters_(scenario.parameters),
      memory_(std::make_unique<Memory>()) {
  HostConfig& config = config_;
  config.parameters = parameters_;
  config.limits = small_limits(scenario.memory_share);
  config.lcores = plan_.lcores;
  config.contexts_max = 64;
  config.seed = {scenario.seed, number};
  config.geometry.submission_capacity = 128;
  config.geometry.completion_capacity = 128;
  config.geometry.returns_capacity = 512;
  config.geometry.receive_arena_bytes = scenario.receive_arena;
  config.geometry.transmit_arena_bytes = 8u << 20;
  std::vector<Network::PortId> ports;
  for (std::size_t lan = 0; lan < scenario.lans; ++lan) {
    const PortTraits traits = traits_of(number, lan, scenario);
    ports.push_back(network.add_port(lan, number, traits, plan_.lcores, memory_->pool));
    net::InterfaceConfig interface;
    interface.name = "lan" + std::to_string(lan);
    interface.port = static_cast<std::uint8_t>(lan);
    interface.traits = traits;
    for (std::size_t i = 0; i < plan_.addresses.size(); ++i) {
      if (plan_.lans[i] == lan) interface.addresses.push_back(plan_.addresses[i]);
    }
    config.interfaces.push_back(interface);
  }
  for (std::size_t lcore = 0; lcore < plan_.lcores; ++lcore) {
    for (const Network::PortId port : ports) queues_.push_back(&network.queue(port, lcore));
  }
  engine_ = std::make_unique<Host>(config_, memory_->pool, queues_);
}

void SimHost::restart() {
  engine_.reset();
  memory_ = std::make_unique<Memory>();
  network_.on_restart(number_, memory_->pool);
  // What it draws is not what it drew in its former life.
  config_.seed[1] = ++restarts_ << 32 | number_;
  engine_ = std::make_unique<Host>(config_, memory_->pool, queues_);
}

std::vector<IpAddress> SimHost::addresses() const {
  std::vector<IpAddress> addresses;
  for (const Prefix& prefix : plan_.addresses) addresses.push_back(prefix.address);
  return addresses;
}

void SimHost::check_windows() {
  std::array<AssociationStatus, 16> statuses;
  for (std::size_t lcore = 0; lcore < plan_.lcores; ++lcore) {
    std::uint32_t first = 0;
    while (const std::size_t count = engine_->worker(lcore).shard().snapshot(first, statuses)) {
      for (std::size_t i = 0; i < count; ++i) {
        // A probe of a closed window is taken, and what fills a hole, which the sender was granted.
        const std::uint32_t most = parameters_.receive_buffer + 2u * parameters_.path_mtu;
        require(statuses[i].held_bytes <= most,
                "an association holds " + std::to_string(statuses[i].held_bytes) +
                    " bytes, its window is " + std::to_string(parameters_.receive_buffer));
      }
    }
  }
}

bool SimHost::is_at_rest() {
  for (std::size_t lcore = 0; lcore < plan_.lcores; ++lcore) {
    if (engine_->worker(lcore).shard().associations() > 0) return false;
  }
  return engine_->is_settled() && memory_->pool.free_count() == memory_->pool.capacity();
}

std::string SimHost::describe() {
  std::array<AssociationStatus, 16> statuses;
  std::string text = std::to_string(memory_->pool.capacity() - memory_->pool.free_count()) +
                     " buffers in use" +
                     (engine_->is_settled() ? "\n" : ", a context is leaving\n");
  for (std::size_t lcore = 0; lcore < plan_.lcores; ++lcore) {
    std::uint32_t first = 0;
    while (const std::size_t count = engine_->worker(lcore).shard().snapshot(first, statuses)) {
      for (std::size_t i = 0; i < count; ++i) {
        const AssociationStatus& status = statuses[i];
        text += "  lcore " + std::to_string(lcore) + " " + std::to_string(status.local_port) + ">" +
                std::to_string(status.peer_port) + " " + status.state + " unacked " +
                std::to_string(status.unacked_chunks) + " queued " +
                std::to_string(status.queued_messages) + " held " +
                std::to_string(status.held_bytes) + " peer_rwnd " +
                std::to_string(status.peer_rwnd) + "\n";
        for (std::size_t path = 0; path < status.path_count; ++path) {
          const PathStatus& at = status.paths[path];
          text += "    " + at.address.to_string() + (at.primary ? " primary" : "") +
                  (at.active ? " active" : " inactive") +
                  (at.confirmed ? " confirmed" : " unconfirmed") + " cwnd " +
                  std::to_string(at.cwnd) + " outstanding " + std::to_string(at.outstanding) +
                  " rto ms " + std::to_string(at.rto.milliseconds()) + "\n";
        }
      }
    }
  }
  return text;
}

}  // namespace millrace::sim
