// What must hold between the values of a configuration.
#pragma once

#include "engine/main/config.h"
#include "engine/main/config_error.h"

namespace millrace {

void check_config(const Config& config, ConfigErrors& errors);

}  // namespace millrace
