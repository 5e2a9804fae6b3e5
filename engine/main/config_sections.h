// One function for each section of the configuration file.
#pragma once

#include "engine/main/config.h"
#include "engine/main/config_reader.h"

namespace millrace {

void read_engine(ConfigReader reader, EngineConfig& engine);
void read_interface(ConfigReader reader, InterfaceSettings& interface);
void read_route(ConfigReader reader, RouteSettings& route);
void read_sctp(ConfigReader reader, Parameters& sctp, ShardLimits& limits);
void read_applications(ConfigReader reader, ApplicationsConfig& applications);
void read_log(ConfigReader reader, LogConfig& log);

}  // namespace millrace
