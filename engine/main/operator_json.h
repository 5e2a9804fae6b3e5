// Associations, ports and contexts as JSON objects.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/lcore/association_name.h"
#include "engine/main/engine.h"

namespace millrace {

/// "0x0000000100000003", as applications print it too.
std::string association_text(AssociationName name);
/// False if `text` is no such name.
bool parse_association(const std::string& text, AssociationName& name);

std::string mac_text(const MacAddress& mac);

nlohmann::json to_json(std::size_t lcore, const AssociationStatus& status,
                       const std::string& application);
nlohmann::json to_json(const PortStatus& port);
nlohmann::json to_json(const ipc::ApplicationInfo& application);

}  // namespace millrace
