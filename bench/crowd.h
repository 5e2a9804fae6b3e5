// Two engines joined by a wire in memory, with as many associations between them as wanted, which
// are spread over a thousand pairs of addresses.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "api/millrace.h"
#include "bench/clocks.h"
#include "bench/contestant.h"
#include "drivers/memory_port.h"
#include "engine/lcore/host.h"

namespace millrace::bench {

struct CrowdConfig {
  std::size_t associations = 1;
  Parameters parameters;
};

/// What one turn of traffic is: so many messages to each of so many associations, which are others
/// in the next turn.
struct Turn {
  std::size_t size = 1400;
  std::size_t burst = 1;     ///< messages to one association
  std::size_t at_once = 32;  ///< associations
  std::size_t among = 0;     ///< that traffic goes round; 0: all
};

/// Turns of rows: two packets to each, which are acknowledged at once. What waits for SACKs holds
/// an application's slots, of which it has 16,384.
inline constexpr Turn kActive64{.size = 64, .burst = 36, .at_once = 2};
inline constexpr Turn kActive1400{.size = 1400, .burst = 2, .at_once = 16};

struct CrowdWork : Work {
  std::uint64_t packets = 0;     ///< SCTP packets that were received, at both ends
  std::uint64_t heartbeats = 0;  ///< that were sent, at both ends
  double clock_seconds = 0;      ///< that passed for the engines meanwhile

  double ns_per_packet() const { return 1e9 * cpu_seconds / static_cast<double>(packets); }
};

/// All on the caller's thread. Every message is checked for whose it is and for order.
class Crowd {
 public:
  explicit Crowd(const CrowdConfig& config, Clock clock = Clock::on_core());
  ~Crowd();

  /// `span` of messages, all of which arrive.
  CrowdWork transfer(const Turn& turn, Duration span);
  /// As transfer(), but so many messages or a few more: what is done depends on nothing else.
  void carry(const Turn& turn, std::uint64_t messages);
  /// `span` of nothing but what timers do: time in which nothing is due is left out.
  CrowdWork idle(Duration span);

 private:
  struct End {
    std::vector<std::string> addresses;
    std::unique_ptr<Host> host;
    mr_context* context = nullptr;
    std::uint64_t up = 0;
  };
  struct Counts {
    std::uint64_t packets = 0, heartbeats = 0;
    Time at;
  };

  void make_host(End& end, std::size_t index, const CrowdConfig& config);
  void listen();
  void connect(std::size_t index);
  void set_up(std::size_t associations, Duration heartbeat_interval);
  void turn();
  void send(const Turn& turn);
  void drain();
  void receive();
  void take(const mr_event& event, End& end);
  Counts counts();
  CrowdWork work(const Counts& before, double cpu_seconds);

  Clock clock_;
  BufferPool pool_;
  BufferSlab memory_;
  drivers::MemoryWire wire_;
  std::array<End, 2> ends_;
  std::vector<mr_association> names_;    // by index, at the client
  std::vector<std::uint32_t> written_;   // by index: messages
  std::vector<std::uint32_t> expected_;  // the same, at the server
  std::vector<std::uint8_t> bytes_;
  std::size_t next_ = 0;
  std::uint64_t sent_ = 0, received_ = 0;
};

}  // namespace millrace::bench
