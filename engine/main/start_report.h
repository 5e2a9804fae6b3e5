// What an operator should know of an engine that has just started.
#pragma once

#include "engine/main/engine.h"

namespace millrace {

void log_start_report(const Engine& engine);

}  // namespace millrace
