// millraced: the engine as a process of its own.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "engine/main/config_file.h"
#include "engine/main/daemon.h"
#include "engine/main/log.h"
#include "engine/main/log_level.h"

namespace {

using namespace millrace;

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

bool report_errors(const LoadedConfig& loaded) {
  for (const ConfigError& error : loaded.errors)
    std::fprintf(stderr, "%s\n", error.to_string().c_str());
  return !loaded.errors.empty();
}

int check(const std::string& file) {
  const LoadedConfig loaded = load_config(file);
  if (report_errors(loaded)) return kFailed;
  std::printf("%s: ok\n%s", file.c_str(), summarize(loaded.config).c_str());
  return 0;
}

int run(const std::string& file, const std::string& log_level) {
  LoadedConfig loaded = load_config(file);
  if (report_errors(loaded)) return kFailed;
  Config& config = loaded.config;
  if (!log_level.empty()) config.log.level = log_level;
  std::string error;
  if (!open_log(config.log.file, config.log.level, error)) {
    std::fprintf(stderr, "millraced: log: %s\n", error.c_str());
    return kFailed;
  }
  Daemon daemon(config);
  if (!daemon.start(error)) {
    spdlog::error("millraced cannot start: {}", error);
    // Whoever started it does not look into the log's file.
    if (!config.log.file.empty())
      std::fprintf(stderr, "millraced cannot start: %s\n", error.c_str());
    return kFailed;
  }
  daemon.run();
  spdlog::info("millraced ends");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string config_file, checked_file, log_level;
  CLI::App app("The Millrace engine: SCTP endpoints on DPDK ports for applications of this host.");
  app.set_version_flag("--version", MILLRACE_VERSION);
  auto* config = app.add_option("--config", config_file, "runs the engine with this configuration");
  auto* checked = app.add_option("--check", checked_file, "says whether a configuration is right");
  config->excludes(checked);
  app.add_option("--log-level", log_level, "instead of the configuration's")
      ->check(CLI::IsMember(std::vector<std::string>(kLogLevels.begin(), kLogLevels.end())));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& fault) {
    return app.exit(fault) == 0 ? 0 : kBadUsage;
  }
  if (!checked_file.empty()) return check(checked_file);
  if (!config_file.empty()) return run(config_file, log_level);
  std::fprintf(stderr, "%s", app.help().c_str());
  return kBadUsage;
}
