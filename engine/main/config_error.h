// What is wrong with a configuration file, and where.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace millrace {

struct ConfigError {
  std::string file;
  std::uint32_t line = 0, column = 0;  ///< 0: nowhere in particular
  std::string key;                     ///< e.g. "interface[0].addresses[1]"; empty: the file
  std::string text;

  /// "FILE:LINE:COLUMN: KEY: TEXT"
  std::string to_string() const;
};

/// Collects all errors of a file. Remembers where each key was read, so that checks between values
/// that come later can point at them.
class ConfigErrors {
 public:
  explicit ConfigErrors(std::string file) : file_(std::move(file)) {}

  bool is_located(const std::string& key) const { return places_.contains(key); }
  void locate(const std::string& key, std::uint32_t line, std::uint32_t column);
  /// An error at `key`; one that was not in the file is reported at the nearest key around it.
  void add(const std::string& key, std::string text);
  void add_at(std::uint32_t line, std::uint32_t column, std::string key, std::string text);

  bool empty() const { return errors_.empty(); }
  std::size_t size() const { return errors_.size(); }
  /// All errors in the order of the file.
  std::vector<ConfigError> take();

 private:
  std::string file_;
  std::map<std::string, std::pair<std::uint32_t, std::uint32_t>> places_;
  std::vector<ConfigError> errors_;
};

}  // namespace millrace
