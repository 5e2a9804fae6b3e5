#include "engine/main/config_error.h"

#include <algorithm>
#include <tuple>

namespace millrace {

std::string ConfigError::to_string() const {
  std::string place = file;
  if (line != 0) place += ":" + std::to_string(line) + ":" + std::to_string(column);
  return place + ": " + (key.empty() ? "" : key + ": ") + text;
}

void ConfigErrors::locate(const std::string& key, std::uint32_t line, std::uint32_t column) {
  places_[key] = {line, column};
}

void ConfigErrors::add(const std::string& key, std::string text) {
  for (std::string around = key; !around.empty();) {
    const auto place = places_.find(around);
    if (place != places_.end()) {
      add_at(place->second.first, place->second.second, key, std::move(text));
      return;
    }
    const std::size_t cut = around.find_last_of(".[");
    around.resize(cut == std::string::npos ? 0 : cut);
  }
  add_at(0, 0, key, std::move(text));
}

void ConfigErrors::add_at(std::uint32_t line, std::uint32_t column, std::string key,
                          std::string text) {
  errors_.push_back({file_, line, column, std::move(key), std::move(text)});
}

std::vector<ConfigError> ConfigErrors::take() {
  std::stable_sort(errors_.begin(), errors_.end(), [](const ConfigError& a, const ConfigError& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return std::move(errors_);
}

}  // namespace millrace
