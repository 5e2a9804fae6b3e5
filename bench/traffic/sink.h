// The server: takes everything, checks it, and sends back what asks for it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "bench/traffic/endpoint.h"
#include "bench/traffic/histogram.h"
#include "bench/traffic/message.h"
#include "bench/traffic/series.h"

namespace millrace::bench {

struct SinkOptions {
  bool echoes = true;          ///< false: takes messages that ask for an echo, and keeps it
  bool has_one_clock = false;  ///< the client runs on this host: latency there can be told
  Duration interval = seconds(1);
};

struct Taken {
  std::uint64_t associations = 0;  ///< that came, ever
  std::uint64_t up = 0;            ///< that are there now
  std::uint64_t broken = 0;        ///< that ended otherwise than by shutdown
  std::uint64_t received = 0;      ///< messages that count: not the client's warm-up
  std::uint64_t received_bytes = 0;
  std::uint64_t warm_up = 0;    ///< messages that do not
  std::uint64_t foreign = 0;    ///< messages that are not the generator's
  std::uint64_t misplaced = 0;  ///< ordered messages that were lost, doubled or out of order
  std::uint64_t echoed = 0;
  double seconds = 0;  ///< from the first message that counts to the last
  Histogram latency;   ///< ns, one way; with one clock only
};

/// An echo that finds no room waits here, and its association is slowed down meanwhile.
class Sink {
 public:
  Sink(const SinkOptions& options, Endpoint& endpoint, std::function<Time()> clock);

  void turn();
  const Taken& taken() const { return taken_; }
  const Series& series() const { return series_; }
  void finish() { series_.finish(clock_()); }

 private:
  struct Reply {
    std::vector<std::uint8_t> bytes;
    std::uint16_t stream = 0;
    bool is_unordered = false;
  };
  struct Link {
    std::deque<Reply> waiting;
    std::vector<std::uint32_t> expected;  // by stream
    bool is_up = false;
  };

  void on_message(Time now, const Arrival& arrival);
  void check_order(Link& link, const Arrival& arrival, const MessageHead& head);
  void answer(Link& link, const Arrival& arrival);
  void drain(std::uint32_t index);

  const SinkOptions options_;
  Endpoint& endpoint_;
  std::function<Time()> clock_;
  std::vector<Link> links_;
  Time first_{}, last_{};
  bool has_begun_ = false;
  Taken taken_;
  Series series_;
};

}  // namespace millrace::bench
