// What a simulation throws when something does not hold.
#pragma once

#include <stdexcept>
#include <string>

namespace millrace::sim {

struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, const std::string& what) {
  if (!holds) throw Violation(what);
}

}  // namespace millrace::sim
