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

/// {"rows": [{"name", "ours", "peer", "unit", "ratio", "quartiles"}, ...]} and what all records
/// begin with; a ratio above 1 means that ours is better. There are no quartiles where no trials
/// stood beside each other.
std::string json_of(const std::vector<Row>& rows, const Conditions& conditions);
/// The same, a line for each row.
std::string csv_of(const std::vector<Row>& rows);

}  // namespace millrace::bench
