#include "engine/main/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <filesystem>

#include "engine/main/log_level.h"

namespace millrace {

bool open_log(const std::string& file, const std::string& level, std::string& error) {
  // The sink would make the directories above it: most often a slip of the pen.
  const auto directory = std::filesystem::path(file).parent_path();
  std::error_code code;
  if (!directory.empty() && !std::filesystem::is_directory(directory, code)) {
    error = file + ": there is no directory " + directory.string();
    return false;
  }
  try {
    spdlog::sink_ptr sink;
    if (file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
    }
    auto logger = std::make_shared<spdlog::logger>("millrace", std::move(sink));
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& fault) {
    error = fault.what();
    return false;
  }
  return set_log_level(level);
}

bool set_log_level(const std::string& level) {
  if (!is_log_level(level)) return false;
  spdlog::set_level(spdlog::level::from_str(level));
  return true;
}

}  // namespace millrace
