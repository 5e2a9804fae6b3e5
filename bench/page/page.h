// The report: one HTML page of any number of records, which opens without a network.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace millrace::bench {

/// Records as compare, client, server and scripts/ports write them. Throws nlohmann's exceptions if
/// one is none of these.
std::string page_of(const std::string& title, const std::vector<nlohmann::ordered_json>& records);

}  // namespace millrace::bench
