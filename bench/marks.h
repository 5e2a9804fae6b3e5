// What the rows are to reach.
#pragma once

#include <string>

#include "bench/rows.h"

namespace millrace::bench {

/// What an engine may have resident at the most with a million idle associations.
inline constexpr double kIdleMebibytesMax = 2048;

/// "mark 20x: met", or "mark 20x: not met"; empty if the row has no mark, or a mark that is a ratio
/// and no peer to be held against.
std::string verdict(const Row& row);

}  // namespace millrace::bench
