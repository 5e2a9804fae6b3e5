// One association that sends as fast as it may over a wire that loses packets: how much arrives,
// and whether all of it is right. Two engines on one thread and a virtual clock.
#pragma once

#include <memory>
#include <vector>

#include "api/context.h"
#include "tests/sim/ledger.h"
#include "tests/sim/sim_host.h"

namespace millrace::sim {

struct Wire {
  double loss = 0;  ///< in each direction
  Duration round_trip{};
  std::uint64_t bytes_per_second = 0;  ///< 0: as fast as you like
};

class Transfer {
 public:
  Transfer(const Wire& wire, std::uint32_t message_bytes);

  /// Sends until `count` messages have arrived, or until the time is over.
  void run(std::uint64_t count, Duration most);

  Time now() const { return now_; }
  const Ledger& ledger() const { return ledger_; }
  std::uint64_t retransmissions() {
    return hosts_[0]->engine().count(Counter::data_chunks_retransmitted);
  }

 private:
  static Scenario scenario_of();
  void connect();
  void turn();
  void send();
  void receive();
  void advance();

  Scenario scenario_;
  Trace trace_;
  Network network_;
  Ledger ledger_;
  std::vector<std::unique_ptr<SimHost>> hosts_;
  std::unique_ptr<mr_context> client_, server_;
  std::uint32_t message_bytes_;
  Time now_;
  mr_association association_ = 0;
  FlowId flow_ = 0;
  Inbox inbox_;
  std::uint64_t goal_ = 0;
};

}  // namespace millrace::sim
