#include "engine/main/config_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include "engine/main/config_check.h"
#include "engine/main/config_sections.h"

namespace millrace {
namespace {

void read_sections(const toml::table& root, Config& config, ConfigErrors& errors) {
  ConfigReader reader(root, "", errors);
  if (const auto* table = reader.table("engine"); table != nullptr) {
    read_engine({*table, "engine", errors}, config.engine);
  }
  reader.tables("interface", [&](const std::string& key, const toml::table& table) {
    read_interface({table, key, errors}, config.interfaces.emplace_back());
  });
  reader.tables("route", [&](const std::string& key, const toml::table& table) {
    read_route({table, key, errors}, config.routes.emplace_back());
  });
  if (const auto* table = reader.table("sctp"); table != nullptr) {
    read_sctp({*table, "sctp", errors}, config.sctp, config.limits);
  }
  if (const auto* table = reader.table("applications"); table != nullptr) {
    read_applications({*table, "applications", errors}, config.applications);
  }
  if (const auto* table = reader.table("log"); table != nullptr) {
    read_log({*table, "log", errors}, config.log);
  }
  reader.finish();
}

}  // namespace

LoadedConfig parse_config(std::string_view text, const std::string& file) {
  LoadedConfig loaded;
  ConfigErrors errors(file);
  try {
    const toml::table root = toml::parse(text, file);
    read_sections(root, loaded.config, errors);
    check_config(loaded.config, errors);
  } catch (const toml::parse_error& fault) {
    const auto& place = fault.source().begin;
    errors.add_at(place.line, place.column, "", std::string(fault.description()));
  }
  loaded.errors = errors.take();
  return loaded;
}

LoadedConfig load_config(const std::string& file) {
  std::ifstream stream(file);
  std::string text;
  char bytes[4096];
  while (stream.read(bytes, sizeof bytes) || stream.gcount() > 0)
    text.append(bytes, static_cast<std::size_t>(stream.gcount()));
  if (!stream.eof()) {
    LoadedConfig loaded;
    loaded.errors.push_back({file, 0, 0, "", std::string("cannot be read: ") + strerror(errno)});
    return loaded;
  }
  return parse_config(text, file);
}

}  // namespace millrace
