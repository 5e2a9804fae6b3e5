// Which messages one association sends: drawn from a seed before the first one leaves.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/e2e/traffic/message.h"
#include "tests/e2e/traffic/options.h"

namespace millrace::traffic {

struct Planned {
  Header header;
  bool is_unordered = false;
};

std::vector<Planned> make_plan(const Options& options, std::uint64_t association);

}  // namespace millrace::traffic
