// Where and when a run was made, and how busy the machine was meanwhile.
#pragma once

#include <string>

namespace millrace::bench {

struct Conditions {
  std::string date;       ///< UTC
  std::string processor;  ///< as the kernel names it
  std::string kernel;
  long cpus = 0;           ///< that are online
  std::string command;     ///< that made it
  double load_before = 0;  ///< the load average over a minute
  double load_after = 0;
};

/// Now; load_after is what it is now too. `command`: the program's arguments.
Conditions conditions_now(int argc, const char* const* argv);
double load_average();

}  // namespace millrace::bench
