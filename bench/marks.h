// What the rows are to reach.
#pragma once

#include <string>

#include "bench/rows.h"

namespace millrace::bench {

/// "mark 20x: met", or "mark 20x: not met"; empty if the row has no mark.
std::string verdict(const Row& row);

}  // namespace millrace::bench
