// The subcommands of millrace-bench. Each adds its options, and gives what is to be run if it is
// the one that was named: the exit status comes from there.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "bench/conditions.h"

namespace millrace::bench {

using Command = std::function<int()>;

/// The rows against usrsctp; `app` may be the program itself, which does this when nothing is
/// named.
Command add_compare(CLI::App& app, const Conditions& conditions);
Command add_client(CLI::App& app, const Conditions& conditions);
Command add_server(CLI::App& app, const Conditions& conditions);
Command add_report(CLI::App& app, const Conditions& conditions);
Command add_flood(CLI::App& app, const Conditions& conditions);

}  // namespace millrace::bench
