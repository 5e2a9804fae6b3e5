// An application of a simulation: it does at random what applications do, through millrace.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/context.h"
#include "tests/sim/ledger.h"
#include "tests/sim/scenario.h"
#include "tests/sim/sim_host.h"

namespace millrace::sim {

/// What applications share.
struct World {
  const Scenario& scenario;
  Ledger& ledger;
  Trace& trace;
  std::vector<std::unique_ptr<SimHost>>& hosts;

  /// The host that has this address.
  std::size_t host_of(const IpAddress& address) const;
};

class Application {
 public:
  /// For tests of the simulator itself: an application that gets this wrong.
  enum class Fault : std::uint8_t { kNone, kSwallowsOne, kReadsTwice };

  Application(World& world, std::size_t host, std::size_t number, Dice dice);
  ~Application();
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  /// Reads and writes; returns whether it did anything that the engine should know of.
  bool turn(Time now);
  /// When it wants its turn even if nothing arrives.
  Time next_action() const;

  /// From now on it reads quickly, begins nothing new, ends what it has, and does not die.
  void settle_down() { is_settling_ = true; }
  /// It has settled down and has nothing left.
  bool is_done() const;
  /// Ends for good; the engine is told.
  void leave();
  /// Its host is gone with all that was in it, and back at `until`.
  void lose_host(Time now, Time until);

  void set_fault(Fault fault) { fault_ = fault; }
  std::string describe() const;

 private:
  /// One side of an association.
  struct Conversation {
    mr_association handle = 0;
    FlowId flow = 0;
    Inbox inbox;
    std::uint32_t messages_left = 0;
    std::uint32_t bytes_max = 0;
    std::uint16_t streams = 1;
    Time next_send{};
    bool is_up = false;
    bool is_blocked = false;  // waits for room to send
    bool is_ending = false;   // shutdown or abort asked for
    bool peer_is_ending = false;
    bool ends_by_abort = false;
  };

  void attach(Time now);
  void die(Time now);
  void forget();
  void listen();
  void act(Time now);
  void connect(Time now);
  void meddle();
  bool read(Time now);
  void on_event(Time now, const mr_event& event);
  void on_message(const mr_event& event);
  Conversation& open(Time now, const mr_event& event, std::size_t peer_host);
  void on_up(Time now, const mr_event& event);
  void on_end(const mr_event& event);
  bool write(Time now);
  bool send_burst(Time now, Conversation& conversation);
  int send_one(Conversation& conversation);
  bool is_finished(const Conversation& conversation);
  void end(Conversation& conversation);
  Conversation& find(const mr_event& event);
  bool is_slow() const { return is_slow_ && !is_settling_; }

  World& world_;
  std::size_t host_;
  std::size_t number_;
  Dice dice_;
  Habits habits_;
  std::unique_ptr<mr_context> context_;
  std::uint32_t context_id_ = 0;
  std::map<mr_association, Conversation> conversations_;
  std::map<std::uint64_t, std::size_t> connecting_;  // context of a connect to the peer's host
  std::set<mr_association> ended_;
  std::vector<FlowId> flows_;  // that it has sent, since it attached
  std::uint64_t next_context_ = 1;
  std::uint32_t connects_left_;
  Time next_act_{};
  Time next_read_{};
  Time reborn_at_ = kNever;
  bool is_listening_ = false;
  bool is_slow_;
  bool is_settling_ = false;
  bool is_gone_ = false;
  Fault fault_ = Fault::kNone;
};

/// The port that application `number` of any host listens on.
constexpr std::uint16_t listening_port(std::size_t number) {
  return static_cast<std::uint16_t>(5000 + number);
}

}  // namespace millrace::sim
