// Reads one table of a TOML file key by key: types, ranges, and keys that nobody asked for.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <toml++/toml.h>

#include "engine/base/time.h"
#include "engine/main/config_error.h"

namespace millrace {

/// Every read leaves `out` alone when the key is missing or wrong; what is wrong becomes an error.
class ConfigReader {
 public:
  /// `path` is the table's own key, empty for the whole file.
  ConfigReader(const toml::table& table, std::string path, ConfigErrors& errors);

  template <std::integral T>
  void integer(std::string_view name, T& out, std::int64_t least, std::int64_t most) {
    std::int64_t value = 0;
    if (read_integer(name, value, least, most)) out = static_cast<T>(value);
  }
  void boolean(std::string_view name, bool& out);
  /// Whether there was one.
  bool text(std::string_view name, std::string& out);
  /// A probability: 0 to 1.
  void probability(std::string_view name, double& out);
  /// An integer count of `unit`s.
  void duration(std::string_view name, Duration& out, Duration unit, std::int64_t least,
                std::int64_t most);
  template <class T>
  void choice(std::string_view name, T& out,
              std::initializer_list<std::pair<std::string_view, T>> choices) {
    std::string word;
    if (!text(name, word)) return;
    std::string allowed;
    for (const auto& [allowed_word, value] : choices) {
      if (word == allowed_word) {
        out = value;
        return;
      }
      allowed += (allowed.empty() ? "\"" : ", \"") + std::string(allowed_word) + "\"";
    }
    fail(name, "\"" + word + "\" is not one of " + allowed);
  }
  /// An array of strings: `each` gets every one with the key of its element; nothing for an element
  /// that is no string, which is an error already.
  void texts(std::string_view name,
             const std::function<void(const std::string& key,
                                      const std::optional<std::string>& text)>& each);
  /// What an element that is no such integer leaves in its place.
  static constexpr unsigned kUnread = ~0u;
  void integers(std::string_view name, std::vector<unsigned>& out, std::int64_t least,
                std::int64_t most);

  /// A table inside this one; nullptr if it is not there.
  const toml::table* table(std::string_view name);
  /// An array of tables: `each` gets every one with its key.
  void tables(std::string_view name,
              const std::function<void(const std::string& key, const toml::table& table)>& each);

  bool has(std::string_view name) const { return table_.contains(name); }
  void require(std::string_view name);
  std::string key_of(std::string_view name) const;
  void fail(std::string_view name, std::string text) { errors_.add(key_of(name), std::move(text)); }
  ConfigErrors& errors() { return errors_; }

  /// Reports every key of the table that was not read. To be called last.
  void finish();

 private:
  const toml::node* find(std::string_view name);
  bool read_integer(std::string_view name, std::int64_t& out, std::int64_t least,
                    std::int64_t most);

  const toml::table& table_;
  std::string path_;
  ConfigErrors& errors_;
  std::vector<std::string> known_;
};

/// "an integer", "a string" and so on: what a node is.
std::string_view kind_of(const toml::node& node);

}  // namespace millrace
