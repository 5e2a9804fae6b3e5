// The rows of the benchmark, and how they are measured.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/contestant.h"
#include "bench/usrsctp_pair.h"

namespace millrace::bench {

struct Row {
  std::string name;
  double ours = 0;
  double peer = 0;
  std::string unit;
  double ratio = 0;                ///< above 1: ours is better
  std::string note;                ///< for people
  std::string beside = "usrsctp";  ///< what `peer` is of
};

double median(std::vector<double> values);

struct Plan {
  int trials = 9;  ///< of each contestant; the median counts
  Duration span = milliseconds(500);
  std::size_t ours_held = 20000;  ///< associations of the memory row
  std::size_t peer_held = 2000;
  UsrsctpOptions peer;
  bool alone = false;  ///< without the peer: for profiling
};

/// Trials are short and the contestants take turns, so that whatever else the machine does meets
/// all of them. The peer runs as it is best: its rows are the better of NODELAY on and off.
class Field {
 public:
  explicit Field(const Plan& plan);
  ~Field();

  static std::vector<std::string> names();
  Row measure(const std::string& name);

 private:
  Row transfer(const std::string& name, std::size_t size);
  Row set_up();
  Row memory();
  std::unique_ptr<Contestant> make_peer(bool nodelay) const;
  void enter();

  const Plan& plan_;
  std::unique_ptr<Contestant> ours_;
  std::unique_ptr<Contestant> nodelay_;
  std::unique_ptr<Contestant> nagle_;
};

}  // namespace millrace::bench
