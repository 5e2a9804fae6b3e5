// The log of millraced: everything off the data path that a person should know.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace millrace {

/// Logs to `file`, or to standard error if it is empty. False, and `error` says why, if the file
/// cannot be written. Call again to open the file anew (after it was moved away).
bool open_log(const std::string& file, const std::string& level, std::string& error);

/// False if there is no such level.
bool set_log_level(const std::string& level);

}  // namespace millrace
