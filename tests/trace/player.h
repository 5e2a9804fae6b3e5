// Plays a trace script against a shard, on virtual time and with a fixed seed.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "tests/support/shard_pair.h"
#include "tests/trace/script.h"
#include "tests/trace/values.h"

namespace millrace::trace {

class Player {
 public:
  /// `tell` hears of every packet and event as it happens.
  explicit Player(std::function<void(const std::string&)> tell = {});
  ~Player();

  /// Throws Failure, with the line's number in front, at the first thing that is not as expected.
  void play(const std::vector<Line>& lines);

  /// What was sent and received last, oldest first.
  const std::deque<std::string>& history() const { return history_; }

 private:
  struct Sent {
    Time at;
    IpAddress source, destination;
    std::uint16_t fragment_above;
    Octets bytes;
  };

  void play_line(const Line& line);
  void start();
  void finish();

  // Time and what the shard gives out.
  void run_until(Time until, bool stops_at_packet);
  void run_to(const Line& line);
  void collect();
  void note(const std::string& what);
  void expect_silence() const;
  void expect(const Line& line);
  void inject(const Line& line);
  void play_text(const std::string& text);

  // Commands, in commands.cc and observations.cc.
  void command(const Line& line);
  void command_config(const Line& line);
  void command_limits(const Line& line);
  std::uint64_t context_of(const Line& line);
  void command_listen(const Line& line);
  void command_connect(const Line& line);
  void command_established(const Line& line);
  void command_send(const Line& line);
  void command_call(const Line& line);
  void command_parameter(const Line& line);
  void command_icmp(const Line& line);
  void command_event(const Line& line);
  void command_counter(const Line& line);
  void command_path(const Line& line);
  void command_assoc(const Line& line);
  void command_symbol(const Line& line);
  void expect_status(const Line& line, Status got) const;
  void expect_fields(const Fields& wanted, const Fields& got) const;

  std::function<void(const std::string&)> tell_;
  Shard::Config config_;
  std::vector<IpAddress> locals_;
  std::unique_ptr<test::End> end_;  // made by the first line that is no configuration
  Symbols symbols_;
  AssociationHandle handle_;
  std::optional<std::uint16_t> listening_;
  Time now_ = Time{} + seconds(10);
  Time last_ = Time{} + seconds(10);  // of the line before
  std::deque<Sent> sent_;             // not yet expected
  std::size_t events_seen_ = 0;       // of end_->told
  std::size_t events_noted_ = 0;
  std::map<std::string, std::uint64_t> counted_;
  std::vector<IpAddress> peers_;
  std::deque<std::string> history_;
};

/// Plays one script; returns what failed with `name` and the last packets, or nullopt.
std::optional<std::string> play(const std::string& name, const std::string& text,
                                std::function<void(const std::string&)> tell = {});

}  // namespace millrace::trace
