// What the benchmark says: a table for people, JSON for programs.
#pragma once

#include <string>
#include <vector>

#include "bench/conditions.h"
#include "bench/rows.h"

namespace millrace::bench {

std::string table_head();
std::string table_line(const Row& row);
/// For rows that have no peer, or another one.
std::string extra_line(const Row& row);

/// {"rows": [{"name", "ours", "peer", "unit", "ratio"}, ...]} and what all records begin with; a
/// ratio above 1 means that ours is better.
std::string json_of(const std::vector<Row>& rows, const Conditions& conditions);

}  // namespace millrace::bench
