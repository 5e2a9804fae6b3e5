#include "engine/lcore/crew.h"

#include <algorithm>

#include "engine/base/derived_key.h"

namespace millrace {
namespace {

constexpr std::uint64_t kSteeringUse = 0;
constexpr std::uint64_t kShardUse = 1 << 8;  // and the lcore's number
constexpr std::uint64_t kStackUse = 2 << 8;

// A path begins with what every interface takes; what lies beyond, ICMP says.
Parameters with_path_mtu(Parameters parameters, const net::StackConfig& stack) {
  for (const net::InterfaceConfig& interface : stack.interfaces) {
    const std::uint16_t port_mtu = interface.traits.mtu;
    const std::uint16_t mtu = interface.mtu != 0 ? std::min(interface.mtu, port_mtu) : port_mtu;
    parameters.path_mtu = std::min(parameters.path_mtu, mtu);
  }
  return parameters;
}

}  // namespace

Crew::Crew(const CrewConfig& config, std::span<const LcoreResources> lcores)
    : steering_(lcores.size(), config.limits.associations * lcores.size(),
                derived_key(config.seed, kSteeringUse)),
      exchange_(lcores.size()) {
  for (std::size_t number = 0; number < lcores.size(); ++number) {
    const LcoreResources& lcore = lcores[number];
    exchange_.set_bell(number, lcore.bell);
    WorkerConfig worker;
    worker.number = number;
    worker.contexts_max = config.contexts_max;
    worker.parameters = with_path_mtu(config.parameters, config.stack);
    worker.limits = config.limits;
    worker.seed = derived_key(config.seed, kShardUse + number);
    worker.stack = config.stack;
    worker.stack.seed = derived_key(config.seed, kStackUse + number);
    worker.stack.share_neighbours = lcores.size() > 1;
    workers_.push_back(std::make_unique<Worker>(worker, steering_, exchange_, *lcore.pool,
                                                *lcore.counters, lcore.queues));
  }
}

}  // namespace millrace
