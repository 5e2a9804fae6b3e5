// What an idle association costs in memory.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "bench/contestant.h"

namespace millrace::bench {

/// Bytes of resident memory that an association end adds, everything counted: the growth of a
/// process of its own that is forked here, over `associations` (two ends each) more.
double bytes_per_end(const std::function<std::unique_ptr<Contestant>()>& make,
                     std::size_t associations);

/// What this process has in memory now.
double resident_bytes();
/// `count` figures of a process of its own, which is forked here.
std::vector<double> in_child(std::size_t count, const std::function<std::vector<double>()>& run);

}  // namespace millrace::bench
