// What the engine answers, as a person reads it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace millrace::ctl {

std::string render_status(const nlohmann::json& result);
std::string render_associations(const nlohmann::json& result);
/// Counters that are not zero, or `all` of them: by lcore and in sum.
std::string render_counters(const nlohmann::json& result, bool all);
std::string render_ports(const nlohmann::json& result);
std::string render_interfaces(const nlohmann::json& result);
std::string render_routes(const nlohmann::json& result);
std::string render_neighbours(const nlohmann::json& result);
std::string render_applications(const nlohmann::json& result);
std::string render_listeners(const nlohmann::json& result);
std::string render_limits(const nlohmann::json& result);
std::string render_lcores(const nlohmann::json& result);

}  // namespace millrace::ctl
