// What could be better about this machine for the engine, and how to change it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace millrace::ctl {

struct Finding {
  enum class Level : std::uint8_t { kGood, kAdvice };
  Level level = Level::kGood;
  std::string topic;
  std::string what;
  std::string how;  ///< commands or settings; empty if nothing is to be done
};

/// Looks at /proc and /sys under `root` (empty: of this machine). Changes nothing.
std::vector<Finding> examine(const std::string& root);

std::string render_findings(const std::vector<Finding>& findings);
nlohmann::json findings_json(const std::vector<Finding>& findings);

}  // namespace millrace::ctl
