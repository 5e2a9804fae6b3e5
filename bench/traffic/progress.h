// How a run goes, on a terminal: one line that is written over and over.
#pragma once

#include <string>

#include "bench/traffic/series.h"

namespace millrace::bench {

/// "123.4 k" and the like: at most four digits that mean something.
std::string human(double value);
/// "812 ns", "12.4 us", "3.10 ms".
std::string human_time(double ns);

class Progress {
 public:
  /// On a terminal the line is written over; with `is_wanted` and no terminal, each is a line of
  /// its own. All on standard error.
  explicit Progress(bool is_wanted);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& text);
  void show(const Interval& interval);

 private:
  bool is_terminal_;
  bool is_wanted_;
  bool has_line_ = false;
};

}  // namespace millrace::bench
