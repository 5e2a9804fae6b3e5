// Two engines joined by wires in memory, with as many associations between them as wanted, and as
// many lcores.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "api/millrace.h"
#include "bench/clocks.h"
#include "bench/contestant.h"
#include "drivers/memory_port.h"
#include "engine/lcore/host.h"

namespace millrace::bench {

struct CrowdConfig {
  std::size_t associations = 1;
  std::size_t lcores = 1;
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

struct CrowdWork : Work {
  std::uint64_t packets = 0;  ///< SCTP packets that were received, at both ends
  std::uint64_t handed_over = 0;
  std::uint64_t heartbeats = 0;  ///< that were sent, at both ends

  double ns_per_packet() const { return 1e9 * cpu_seconds / static_cast<double>(packets); }
};

/// All on the caller's thread. Every message is checked for whose it is and for order.
class Crowd {
 public:
  explicit Crowd(const CrowdConfig& config);
  ~Crowd();

  /// `span` of messages, all of which arrive.
  CrowdWork transfer(const Turn& turn, Duration span);
  /// `span` of nothing but what timers do.
  CrowdWork idle(Duration span);

  /// From now on what is sent by one lcore arrives at another one than before.
  void cross_wires();

 private:
  /// A queue pair that can be put to another wire.
  class Plug final : public PortQueue {
   public:
    PortQueue* wire = nullptr;
    std::size_t receive(std::span<Buffer*> frames) override { return wire->receive(frames); }
    std::size_t send(std::span<Buffer* const> frames) override { return wire->send(frames); }
  };
  struct End {
    std::vector<Plug> plugs;  // by lcore
    std::unique_ptr<Host> host;
    mr_context* context = nullptr;
    std::uint64_t up = 0;
  };
  struct Counts {
    std::uint64_t packets = 0, handed_over = 0, heartbeats = 0;
  };

  void make_host(End& end, const char* address, std::size_t index, const CrowdConfig& config);
  void listen();
  void connect(std::size_t index);
  void set_up(std::size_t associations, Duration heartbeat_interval);
  void turn();
  void send(const Turn& turn);
  void drain();
  void receive();
  void take(const mr_event& event, End& end);
  Counts counts() const;
  CrowdWork work(const Counts& before, double cpu_seconds) const;

  Clock clock_ = Clock::on_core();
  BufferPool pool_;
  BufferSlab memory_;
  std::vector<std::unique_ptr<drivers::MemoryWire>> wires_;
  std::array<End, 2> ends_;
  std::vector<mr_association> names_;    // by index, at the client
  std::vector<std::uint32_t> written_;   // by index: messages
  std::vector<std::uint32_t> expected_;  // the same, at the server
  std::vector<std::uint8_t> bytes_;
  std::size_t next_ = 0;
  std::size_t crossed_ = 0;
  std::uint64_t sent_ = 0, received_ = 0;
};

}  // namespace millrace::bench
