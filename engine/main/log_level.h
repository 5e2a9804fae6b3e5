// The levels of the log, as configuration, command line and operator name them.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace millrace {

inline constexpr std::array<std::string_view, 6> kLogLevels{"trace",   "debug", "info",
                                                            "warning", "error", "off"};

inline bool is_log_level(std::string_view word) {
  return std::find(kLogLevels.begin(), kLogLevels.end(), word) != kLogLevels.end();
}

/// "trace, debug, ..."
inline std::string log_levels_text() {
  std::string text;
  for (const std::string_view level : kLogLevels)
    text += (text.empty() ? "" : ", ") + std::string(level);
  return text;
}

}  // namespace millrace
