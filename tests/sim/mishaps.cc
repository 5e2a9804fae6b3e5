#include "tests/sim/mishaps.h"

#include <algorithm>

namespace millrace::sim {

void Mishaps::begin(Time now) {
  for (Network::PortId from = 0; from < network_.ports(); ++from) {
    for (Network::PortId to = 0; to < network_.ports(); ++to) {
      Faults faults = scenario_.faults;
      const double severity = dice_.pick({0.0, 1.0, 1.0, 2.0});
      faults.loss *= severity;
      faults.reorder *= severity;
      faults.delay = dice_.between(faults.delay / 2, faults.delay * 2);
      network_.faults(from, to) = faults;
    }
  }
  for (std::size_t i = 0; i < kMishaps; ++i) schedule(static_cast<Mishap>(i), now);
}

void Mishaps::end() {
  next_.fill(kNever);
  cuts_.clear();
  for (Network::PortId from = 0; from < network_.ports(); ++from) {
    for (Network::PortId to = 0; to < network_.ports(); ++to) {
      Faults healed;
      if (scenario_.mtu_stays) {
        healed.mtu = faults(from, to).mtu;
        healed.tells_mtu = faults(from, to).tells_mtu;
      }
      faults(from, to) = healed;
    }
  }
}

Time Mishaps::next() const {
  Time next = kNever;
  for (const Time time : next_) next = earlier(next, time);
  for (const auto& cut : cuts_) next = earlier(next, cut.first);
  return next;
}

void Mishaps::schedule(Mishap mishap, Time now) {
  const auto index = static_cast<std::size_t>(mishap);
  const double rate = scenario_.mishaps_per_second[index];
  if (rate == 0) return;
  next_[index] =
      now + dice_.between(Duration{}, nanoseconds(static_cast<std::int64_t>(2e9 / rate)));
}

Duration Mishaps::on_time(Time now) {
  std::erase_if(cuts_, [now](const auto& cut) {
    if (cut.first > now) return false;
    cut.second->is_cut = false;
    return true;
  });
  Duration jumped{};
  for (std::size_t i = 0; i < kMishaps; ++i) {
    if (now < next_[i]) continue;
    const auto mishap = static_cast<Mishap>(i);
    schedule(mishap, now);
    switch (mishap) {
      case Mishap::kCut:
        cut_something(now);
        break;
      case Mishap::kPartition:
        divide_lan(now);
        break;
      case Mishap::kMtu:
        change_mtu(now);
        break;
      case Mishap::kRestart:
      case Mishap::kStall:
        stop_host(now, mishap == Mishap::kRestart);
        break;
      case Mishap::kJump:
        jumped = jump(now);
        break;
    }
  }
  return jumped;
}

void Mishaps::cut(Time until, Network::PortId from, Network::PortId to) {
  if (faults(from, to).is_cut) return;
  faults(from, to).is_cut = true;
  cuts_.push_back({until, &faults(from, to)});
}

// One direction of a link, both, or all that a host sends and receives on a LAN.
void Mishaps::cut_something(Time now) {
  const Time mended = now + dice_.between(milliseconds(1), scenario_.cut_max);
  const Network::PortId port = dice_.below(network_.ports());
  const bool is_whole_port = dice_.chance(0.4);
  const Network::PortId other = dice_.below(network_.ports());
  for (Network::PortId to = 0; to < network_.ports(); ++to) {
    if (!is_whole_port && to != other) continue;
    cut(mended, port, to);
    if (is_whole_port || dice_.chance(0.5)) cut(mended, to, port);
  }
  trace_.note(now, "port " + std::to_string(port) + (is_whole_port ? " is cut off" : " is cut"));
}

// A part of a LAN's ports is heard by the others no longer, but hears them: or for a while neither.
void Mishaps::divide_lan(Time now) {
  const std::size_t lan = dice_.below(scenario_.lans);
  const Time mended = now + dice_.between(scenario_.cut_max, scenario_.cut_max * 3);
  const bool is_one_way = dice_.chance(scenario_.partitions_one_way);
  std::vector<bool> is_mute;
  for (Network::PortId port = 0; port < network_.ports(); ++port) {
    is_mute.push_back(network_.lan_of(port) == lan && dice_.chance(0.5));
  }
  for (Network::PortId from = 0; from < network_.ports(); ++from) {
    for (Network::PortId to = 0; to < network_.ports(); ++to) {
      if (!is_mute[from] || is_mute[to] || network_.lan_of(to) != lan) continue;
      cut(mended, from, to);
      if (!is_one_way) cut(mended, to, from);
    }
  }
  trace_.note(now, "LAN " + std::to_string(lan) +
                       (is_one_way ? " is divided in one direction" : " is divided"));
}

// Down or up, in both directions or in one, told of or not.
void Mishaps::change_mtu(Time now) {
  const Network::PortId from = dice_.below(network_.ports());
  const Network::PortId to = dice_.below(network_.ports());
  const auto mtu = dice_.pick<std::uint16_t>({600, 1000, 1280, 1296, 1400, 1492, 0});
  const bool drawn = dice_.chance(0.5);
  const bool tells = scenario_.mtu_is_told.value_or(drawn);
  const auto set = [&](Faults& faults) {
    faults.mtu = mtu;
    faults.tells_mtu = tells;
  };
  set(faults(from, to));
  if (dice_.chance(0.5)) set(faults(to, from));
  trace_.note(now, "the MTU from port " + std::to_string(from) + " to port " + std::to_string(to) +
                       " becomes " + std::to_string(mtu) + (tells ? "" : ", untold"));
}

void Mishaps::stop_host(Time now, bool restarts) {
  const std::size_t host = dice_.below(scenario_.hosts.size());
  const Time until =
      now + dice_.pick({Duration{}, dice_.between(milliseconds(1), milliseconds(100)),
                        dice_.between(milliseconds(100), scenario_.cut_max)});
  trace_.note(now,
              "host " + std::to_string(host) + (restarts ? " restarts" : " stops for a while"));
  stop_host_(now, host, until, restarts);
}

// As when a machine sleeps, or the clock behind the engine was wrong.
Duration Mishaps::jump(Time now) {
  const Duration jumped = dice_.pick({dice_.between(milliseconds(1), seconds(1)),
                                      dice_.between(seconds(1), seconds(100)),
                                      dice_.between(seconds(100), seconds(20 * 3600))});
  trace_.note(now, "the clock jumps by " + std::to_string(jumped.milliseconds()) + " ms");
  return jumped;
}

}  // namespace millrace::sim
