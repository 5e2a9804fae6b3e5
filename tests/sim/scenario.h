// What a seed means: who is there, how well they are connected, and what they will try to do.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/assoc/parameters.h"
#include "engine/base/address.h"
#include "engine/base/time.h"
#include "tests/sim/dice.h"
#include "tests/sim/network.h"

namespace millrace::sim {

/// How an application behaves.
struct Habits {
  std::uint32_t conversations = 4;  ///< associations that it sets up, over all
  std::uint32_t messages = 50;      ///< that it sends on each association, at the most
  std::uint32_t bytes_max = 3000;   ///< of a message
  std::uint32_t burst = 8;          ///< messages that it sends at a time, at the most
  double unordered = 0.2;
  double abort = 0.1;        ///< of conversations, they end by an abort
  double slow_reader = 0.2;  ///< of the application's life, it reads slowly
  double dies = 0.1;         ///< at each thing it does
  double relistens = 0.05;   ///< at each thing it does, it stops to listen, or begins again
  double fixed_port = 0.3;   ///< it connects from the port that it listens on
  bool patient = false;  ///< it ends no conversation before the peer has said all that it has to
  Duration pause = milliseconds(50);  ///< between the things it does, on average
};

/// What happens from time to time while everything breaks.
enum class Mishap : std::uint8_t {
  kCut,        ///< of links, for up to Scenario::cut_max
  kPartition,  ///< of a LAN, mostly in one direction
  kMtu,        ///< of a link changes
  kRestart,    ///< of a host, which forgets everything
  kStall,      ///< of a host, which goes on afterwards as if nothing had been
  kJump,       ///< of the clock, forward
};
inline constexpr std::size_t kMishaps = 6;

struct HostPlan {
  std::size_t lcores = 1;
  std::size_t applications = 1;
  bool checksum_offload = false;
  std::vector<Prefix> addresses;  ///< by LAN, and both versions of a LAN in a row
  std::vector<std::size_t> lans;  ///< of each address
};

struct Scenario {
  explicit Scenario(std::uint64_t seed);

  std::uint64_t seed;
  Parameters parameters;
  std::vector<HostPlan> hosts;
  std::size_t lans = 1;
  Habits habits;
  Faults faults;  ///< of every link while it breaks; each draws a little around it
  std::array<double, kMishaps> mishaps_per_second{};
  bool mtu_stays = false;           ///< links keep their MTU after they have healed
  std::optional<bool> mtu_is_told;  ///< whether ICMP tells of a smaller one; else drawn each time
  double partitions_one_way = 0.8;
  Duration cut_max = seconds(3);
  Duration break_length = seconds(5);
  Duration tick = microseconds(50);  ///< engines are polled at multiples of this
  Time start{};                      ///< a host may have been up for long
  std::size_t memory_share = 1;  ///< engines have one in so many of the usual chunks and messages
  bool gracefully = false;  ///< what an engine does with the associations of a dead application
  std::uint32_t receive_arena = 4u << 20;

 private:
  void place_hosts(Dice& dice);
  void make_swarm(Dice& dice);
  void draw_failover();
  void draw_mishaps(Dice& dice);
  void shrink_windows(Dice& dice);
};

}  // namespace millrace::sim
