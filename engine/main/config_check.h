// What must hold between the values of a configuration.
#pragma once

#include "engine/main/config.h"
#include "engine/main/config_error.h"

namespace millrace {

/// The part of it that is about devices, and the memory that they and the buffers need.
void check_devices(const Config& config, ConfigErrors& errors);

void check_config(const Config& config, ConfigErrors& errors);

}  // namespace millrace
