// What the rows are to reach.
#pragma once

#include <string>
#include <string_view>

#include "bench/rows.h"

namespace millrace::bench {

/// What an engine may have resident at the most with a million idle associations.
inline constexpr double kIdleMebibytesMax = 2048;

/// The ratio that a row is to reach; 0: its mark is none, or it has none.
double least_ratio(std::string_view row);

/// "mark 20x: met", or "mark 20x: not met"; empty if the row has no mark, or a mark that is a ratio
/// and no peer to be held against.
std::string verdict(const Row& row);

}  // namespace millrace::bench
