// Rows that are not beside usrsctp: Millrace with much to do beside Millrace with little.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/crowd.h"
#include "bench/rows.h"

namespace millrace::bench {

struct ExtraPlan {
  int trials = 5;
  Duration span = milliseconds(400);  ///< of a trial
  std::size_t active = 10'000;        ///< associations of the rows of active ones
  std::size_t idle = 1'000'000;       ///< and of those of idle ones
};

class ExtraRows {
 public:
  explicit ExtraRows(const ExtraPlan& plan) : plan_(plan) {}

  static std::vector<std::string> names();
  /// `name` is one of them.
  Row measure(const std::string& name);

 private:
  Row active(const std::string& name, const Turn& turn);
  Row idle(const std::string& name);
  Row hand_off();
  Row lcores();

  const ExtraPlan& plan_;
  std::map<std::string, Row> idle_;  // made by one run
};

/// From a request of an application to the engine's answer, in ns.
Row ring_row(const ExtraPlan& plan, bool sleeps);
/// From application to application and back, through one engine.
Row echo_row(const ExtraPlan& plan);

}  // namespace millrace::bench
