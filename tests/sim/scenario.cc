#include "tests/sim/scenario.h"

#include <algorithm>

namespace millrace::sim {
namespace {

Parameters draw_parameters(Dice& dice) {
  Parameters parameters;
  parameters.rto_min = dice.pick({milliseconds(20), milliseconds(100), milliseconds(1000)});
  parameters.rto_initial = std::max(parameters.rto_min, milliseconds(300));
  parameters.rto_max = dice.pick({seconds(1), seconds(3), seconds(10)});
  parameters.sack_delay = dice.pick({Duration{}, milliseconds(10), milliseconds(200)});
  parameters.sack_frequency = static_cast<std::uint8_t>(dice.between(1, 4));
  parameters.heartbeat_interval = dice.pick({Duration{}, milliseconds(300), seconds(2)});
  parameters.cookie_lifetime = dice.pick({milliseconds(500), seconds(60)});
  parameters.receive_buffer = dice.pick({8u << 10, 32u << 10, 128u << 10, 1u << 20});
  parameters.send_buffer = dice.pick({16u << 10, 128u << 10, 1u << 20});
  parameters.partial_delivery_point = parameters.receive_buffer / dice.pick({2u, 4u, 8u});
  parameters.streams_out = dice.pick<std::uint16_t>({1, 3, 17, 200});
  parameters.streams_in = dice.pick<std::uint16_t>({1, 4, 64, 2048});
  parameters.path_mtu = dice.pick<std::uint16_t>({1280, 1500, 1500, 1500});
  parameters.association_max_retrans = static_cast<std::uint8_t>(dice.between(4, 10));
  parameters.path_max_retrans = static_cast<std::uint8_t>(dice.between(1, 5));
  parameters.init_max_retrans = static_cast<std::uint8_t>(dice.between(3, 8));
  parameters.max_burst = dice.pick<std::uint8_t>({0, 1, 4, 16});
  parameters.sender_dry_events = dice.chance(0.3);
  return parameters;
}

Habits draw_habits(Dice& dice, const Parameters& parameters) {
  Habits habits;
  habits.conversations = static_cast<std::uint32_t>(dice.between(1, 6));
  habits.messages = dice.pick({3u, 30u, 100u});
  habits.bytes_max = dice.pick({40u, 1000u, 4000u, 4000u, 20000u, 65536u});
  if (habits.bytes_max < 20000) habits.messages *= 3;
  if (habits.bytes_max == 65536) habits.messages = dice.chance(0.1) ? 3 : 10;
  if (habits.messages == 3) habits.bytes_max = 1u << 20;
  habits.bytes_max = std::min(habits.bytes_max, parameters.send_buffer);
  habits.burst = dice.pick({1u, 8u, 64u});
  habits.unordered = dice.pick({0.0, 0.2, 1.0});
  habits.abort = dice.pick({0.0, 0.2});
  habits.slow_reader = dice.pick({0.0, 0.3});
  habits.dies = dice.pick({0.0, 0.0, 0.1});
  habits.pause = dice.pick({milliseconds(1), milliseconds(20), milliseconds(200)});
  return habits;
}

Faults draw_faults(Dice& dice) {
  Faults faults;
  faults.delay = dice.pick({microseconds(20), milliseconds(1), milliseconds(40)});
  if (dice.chance(0.2)) return faults;
  const auto some = [&] { return dice.pick({0.0, 0.0, 0.01, 0.05, 0.2}); };
  faults.loss = some();
  faults.duplicate = some();
  faults.corrupt = some();
  faults.reorder = some();
  faults.reorder_span = dice.pick({milliseconds(1), milliseconds(30), milliseconds(2000)});
  faults.jitter = dice.chance(0.5) ? faults.delay / 2 : Duration{};
  faults.bytes_per_second = dice.pick<std::uint64_t>({0, 0, 300'000, 10'000'000});
  return faults;
}

Prefix address_of(std::size_t host, std::size_t lan, bool is_v4) {
  const std::string here = std::to_string(lan + 1);
  const std::string number = std::to_string(host + 1);
  return Prefix::parse(is_v4 ? "10.0." + here + "." + number + "/24"
                             : "fd00:0:0:" + here + "::" + number + "/64")
      .value();
}

}  // namespace

Scenario::Scenario(std::uint64_t of) : seed(of) {
  Dice dice(seed, 1);
  parameters = draw_parameters(dice);
  habits = draw_habits(dice, parameters);
  faults = draw_faults(dice);
  lans = dice.pick({1u, 2u, 2u, 3u});
  mishaps_per_second[static_cast<std::size_t>(Mishap::kCut)] = dice.pick({0.0, 0.3, 2.0});
  cut_max = dice.pick({milliseconds(300), seconds(4)});
  break_length = dice.between(seconds(1), seconds(10));
  tick = dice.pick({nanoseconds(1), microseconds(50), microseconds(500)});
  // Sometimes the secret of cookies changes on the way.
  start = Time{} + (dice.chance(0.1) ? seconds(3600) - break_length / 2 : seconds(100));
  gracefully = dice.chance(0.3);
  Dice more(seed, 4);
  // Whole epochs of the cookies' secret, so that what was drawn above stays as it is in them.
  const std::uint64_t hours = more.pick<std::uint64_t>({0, 0, more.below(100'000), 2'000'000});
  start = start + seconds(3600) * static_cast<std::int64_t>(hours);
  memory_share = more.pick({1u, 1u, 16u, 64u});
  hosts.resize(1);
  draw_failover();
  Dice trouble(seed, 6);
  draw_mishaps(trouble);
  if (trouble.chance(0.08)) {
    make_swarm(trouble);
  } else {
    place_hosts(dice);
  }
  if (trouble.chance(0.1)) shrink_windows(trouble);
}

void Scenario::place_hosts(Dice& dice) {
  std::vector<int> versions;  // of each LAN: 4, 6, or 0 for both
  for (std::size_t lan = 0; lan < lans; ++lan) versions.push_back(dice.pick({4, 4, 6, 0}));
  hosts.resize(dice.pick({2u, 2u, 3u}));
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    HostPlan& host = hosts[i];
    host.lcores = dice.pick({1u, 1u, 2u, 3u});
    host.applications = dice.pick({1u, 1u, 2u});
    host.checksum_offload = dice.chance(0.2);
    for (std::size_t lan = 0; lan < lans; ++lan) {
      for (const bool is_v4 : {true, false}) {
        if (versions[lan] == (is_v4 ? 6 : 4)) continue;
        host.addresses.push_back(address_of(i, lan, is_v4));
        host.lans.push_back(lan);
      }
    }
  }
}

// Several hosts with two to four addresses each, not all of them on every LAN, and many
// associations among them.
void Scenario::make_swarm(Dice& dice) {
  lans = dice.between(2, 4);
  std::vector<bool> is_v4;
  for (std::size_t lan = 0; lan < lans; ++lan) is_v4.push_back(dice.chance(0.7));
  hosts.resize(dice.between(4, 6));
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    HostPlan& host = hosts[i];
    host.lcores = dice.pick({1u, 1u, 2u});
    host.applications = dice.pick({1u, 2u});
    const std::size_t left_out = dice.below(lans * 2);
    for (std::size_t lan = 0; lan < lans; ++lan) {
      if (lan == left_out && lans > 2) continue;
      host.addresses.push_back(address_of(i, lan, is_v4[lan]));
      host.lans.push_back(lan);
    }
  }
  habits.conversations = static_cast<std::uint32_t>(dice.between(4, 12));
  habits.messages = std::min(habits.messages, 30u);
  habits.bytes_max = std::min(habits.bytes_max, 4000u);
  memory_share = 1;
}

// Potentially failed paths and primary switchover (RFC 7829), and now and then a carrier's timers.
void Scenario::draw_failover() {
  Dice dice(seed, 7);
  if (dice.chance(0.1)) parameters = carrier_parameters(parameters);
  parameters.potentially_failed_max_retrans = dice.pick<std::uint8_t>({0, 0, 1, 255});
  parameters.primary_switchover_max_retrans =
      dice.pick<std::uint8_t>({Parameters::kNoSwitchover, 0, 2});
}

void Scenario::draw_mishaps(Dice& dice) {
  const auto rate = [&](Mishap mishap) -> double& {
    return mishaps_per_second[static_cast<std::size_t>(mishap)];
  };
  if (dice.chance(0.2)) rate(Mishap::kPartition) = dice.pick({0.2, 1.0});
  if (dice.chance(0.25)) rate(Mishap::kMtu) = dice.pick({0.5, 5.0});
  if (dice.chance(0.2)) rate(Mishap::kRestart) = dice.pick({0.2, 1.0});
  if (dice.chance(0.15)) rate(Mishap::kStall) = dice.pick({0.3, 2.0});
  if (dice.chance(0.15)) rate(Mishap::kJump) = dice.pick({0.3, 1.0});
  mtu_stays = dice.chance(0.5);
  if (Dice stranger(seed, 8); stranger.chance(0.15)) faults.forged = stranger.pick({0.02, 0.5});
  // Who restarts comes back with the ports that the peers know.
  if (rate(Mishap::kRestart) > 0) habits.fixed_port = 0.8;
  // Just before counters of 32 bits of some unit would wrap, or the clock itself a month later.
  if (!dice.chance(0.2)) return;
  const std::int64_t unit = dice.pick<std::int64_t>({1, 1'000, 1'000'000});
  const std::int64_t wrap = dice.pick<std::int64_t>({1ll << 31, 1ll << 32, 1ll << 33});
  start = Time{unit * wrap} - break_length / 2;
  if (start < Time{} + seconds(1)) start = Time{} + seconds(1);
  if (dice.chance(0.3)) start = kNever - seconds(30 * 24 * 3600);
}

// Buffers that hold a packet or two, or a peer that grants hardly anything.
void Scenario::shrink_windows(Dice& dice) {
  if (dice.chance(0.5)) {
    parameters.receive_buffer = dice.pick({1500u, 1501u, 2048u, 4096u});
    parameters.partial_delivery_point = parameters.receive_buffer / dice.pick({1u, 2u, 4u});
  } else {
    faults.window_max = dice.pick({1u, 1u, 100u, 1000u});
  }
  habits.messages = std::min(habits.messages, 30u);
  habits.bytes_max = std::min(habits.bytes_max, dice.pick({1u, 100u, 3000u}));
}

}  // namespace millrace::sim
