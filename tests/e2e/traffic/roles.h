// What a traffic program does with its associations, and the summary that it prints.
#pragma once

#include "tests/e2e/traffic/link.h"
#include "tests/e2e/traffic/options.h"

namespace millrace::traffic {

/// Runs the role to its end, prints one line of JSON, gives the exit status.
int run(Transport& transport, const Options& options);

}  // namespace millrace::traffic
