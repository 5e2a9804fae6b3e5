// The rows of the benchmark, and how they are measured.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/contestant.h"
#include "bench/limits.h"
#include "bench/millrace_pair.h"
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
  /// Quartiles of the ratios of the trials, each against what stood beside it in the same turn, of
  /// which `ratio` is the median. 0: it was no trial's.
  double ratio_low = 0, ratio_high = 0;
  Parts parts;  ///< what `peer` is made of, if of several
  /// What else was measured in the same turns, for who explains the row.
  std::vector<std::pair<std::string, double>> figures;
};

double median(std::vector<double> values);
/// What a part of `share` (0 to 1) of them lies below, between two by their distances.
double quantile(std::vector<double> values, double share);
/// Fills in the figures and the ratio of a row from its trials, which took turns. Less is better,
/// or more.
void fill(Row& row, const std::vector<double>& ours, const std::vector<double>& peer,
          bool is_less_better = false);

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

  /// Beside usrsctp.
  static std::vector<std::string> names();
  /// Beside what the bytes, the rings and the port alone would take; usrsctp is in the note.
  static std::vector<std::string> limit_names();
  /// `name` is one of either.
  Row measure(const std::string& name);

 private:
  Row transfer(const std::string& name, const Traffic& traffic);
  Row limit(const std::string& name);
  Row limit_of_messages(const std::string& name, const Traffic& traffic);
  Row limit_of_set_up(const std::string& name);
  Row set_up();
  Row memory();
  std::unique_ptr<Contestant> make_peer(bool nodelay) const;
  void enter();

  const Plan& plan_;
  std::unique_ptr<MillracePair> ours_;
  std::unique_ptr<Contestant> nodelay_;
  std::unique_ptr<Contestant> nagle_;
};

}  // namespace millrace::bench
