// The client: sets associations up and sends messages as it was told.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/traffic/dice.h"
#include "bench/traffic/endpoint.h"
#include "bench/traffic/histogram.h"
#include "bench/traffic/message.h"
#include "bench/traffic/schedule.h"
#include "bench/traffic/series.h"
#include "bench/traffic/sizes.h"

namespace millrace::bench {

struct Load {
  std::uint32_t associations = 1;
  std::uint16_t streams = 1;
  std::uint32_t unordered_percent = 0;
  SizeMix sizes;
  double rate = 0;                ///< messages a second in all; 0: as fast as possible
  std::uint32_t outstanding = 1;  ///< echoes that an association waits for at once, without a rate
  bool is_echo = true;
  Duration ramp{};
  Duration warm_up = seconds(1);
  Duration duration = seconds(10);
  Duration patience = seconds(10);  ///< for what is under way at the end, and for set-up
  Duration interval = seconds(1);
  std::uint64_t seed = 1;
};

/// What counts is what was sent, or was meant to be sent, between ramp and warm-up and the end.
struct Measured {
  std::uint64_t sent = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received = 0;  ///< echoes
  std::uint64_t received_bytes = 0;
  std::uint64_t unsent = 0;     ///< meant to be sent, and not sent even when the patience was over
  std::uint64_t missing = 0;    ///< echoes that did not come
  std::uint64_t misplaced = 0;  ///< echoes out of order, or of something else
  std::uint64_t associations = 0;
  std::uint64_t failed = 0;  ///< associations that did not come, or broke
  double seconds = 0;        ///< from the first moment that counts to the last that is sent in
  double set_up_seconds = 0;
  Histogram latency;   ///< ns, from when the message was meant to be sent
  Histogram lateness;  ///< ns, of sending: what the stack or this program kept it back
};

/// With a rate the loop is open: messages have their times whatever happens to others, and latency
/// counts from there. So a stack that stands still for a second is seen in all the messages that a
/// second has, and not in one (coordinated omission). Without a rate it sends what fits, or waits
/// for echoes.
///
/// Driven by turn(); reads time from `clock` alone.
class Generator {
 public:
  Generator(const Load& load, Endpoint& endpoint, std::function<Time()> clock);

  /// Does what is due. False: it is over.
  bool turn();
  /// How long there is nothing to do unless something arrives.
  Duration idle_for() const;
  /// Ends sending now, and the run in good order.
  void stop();

  const Measured& measured() const { return measured_; }
  const Series& series() const { return series_; }

 private:
  enum class Phase : std::uint8_t { kSetUp, kRun, kDrain, kShutDown, kOver };
  static constexpr std::uint32_t kConnectsAtOnce = 64;
  static constexpr std::uint32_t kTurnMax = 256;  // messages between two looks at what came

  struct Link {
    bool is_up = false;
    bool is_gone = false;
    bool is_blocked = false;
    std::uint32_t outstanding = 0;
    std::uint32_t kept_size = 0;  // of the message that found no room
    std::uint64_t next = 0;       // its number on the link
  };

  void take_arrivals(Time now);
  void on_message(Time now, const Arrival& arrival);
  void on_end(const Arrival& arrival);
  void set_up(Time now);
  void start(Time now);
  void send(Time now);
  void send_scheduled(Time now);
  void send_what_fits(Time now);
  void send_late(Time now);
  bool owes_messages() const;
  void catch_up(Time now, std::uint32_t index);
  bool send_one(Time now, std::uint32_t index, Time intended);
  void shut_down();
  bool is_measured(Time intended) const { return intended >= measured_from_ && intended < end_; }
  Time intended_of(std::uint32_t index) const {
    return schedule_.time_of(links_[index].next * links_.size() + index);
  }

  const Load load_;
  Endpoint& endpoint_;
  std::function<Time()> clock_;
  Phase phase_ = Phase::kSetUp;
  Time began_{}, measured_from_{}, end_{}, phase_end_{};
  Schedule schedule_{Time{}, 1, Duration{}};
  Dice dice_;
  std::vector<Link> links_;
  std::uint32_t asked_ = 0, up_ = 0, ended_ = 0;
  std::uint64_t due_ = 0;                // messages of the schedule whose time has come
  std::uint32_t next_link_ = 0;          // to be looked at without a schedule
  std::uint64_t under_way_ = 0;          // echoes waited for
  std::vector<std::uint32_t> written_;   // by link and stream: numbers of messages
  std::vector<std::uint32_t> expected_;  // the same, of echoes
  std::vector<std::uint8_t> bytes_;
  Measured measured_;
  Series series_;
};

}  // namespace millrace::bench
