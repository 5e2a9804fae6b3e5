// What the rows are to reach.
#pragma once

#include <string>

#include "bench/rows.h"

namespace millrace::bench {

/// "mark 20: met", or "mark 20: not met"; empty if the row has no mark.
std::string verdict(const Row& row);

}  // namespace millrace::bench
