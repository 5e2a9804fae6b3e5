#include "engine/main/config_reader.h"

#include "engine/main/suggest.h"

namespace millrace {
namespace {

void locate(ConfigErrors& errors, const std::string& key, const toml::source_region& source) {
  errors.locate(key, source.begin.line, source.begin.column);
}

std::string range_text(std::int64_t least, std::int64_t most) {
  return std::to_string(least) + " to " + std::to_string(most);
}

std::string element_key(const std::string& key, std::size_t index) {
  return key + "[" + std::to_string(index) + "]";
}

}  // namespace

std::string_view kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "a boolean";
    default:
      return "a date or time";
  }
}

ConfigReader::ConfigReader(const toml::table& table, std::string path, ConfigErrors& errors)
    : table_(table), path_(std::move(path)), errors_(errors) {
  if (!path_.empty()) locate(errors_, path_, table_.source());
}

std::string ConfigReader::key_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

const toml::node* ConfigReader::find(std::string_view name) {
  known_.emplace_back(name);
  const toml::node* node = table_.get(name);
  if (node != nullptr) locate(errors_, key_of(name), node->source());
  return node;
}

bool ConfigReader::read_integer(std::string_view name, std::int64_t& out, std::int64_t least,
                                std::int64_t most) {
  const toml::node* node = find(name);
  if (node == nullptr) return false;
  const auto* value = node->as_integer();
  if (value == nullptr) {
    fail(name,
         "is " + std::string(kind_of(*node)) + ", must be an integer, " + range_text(least, most));
    return false;
  }
  if (value->get() < least || value->get() > most) {
    fail(name,
         std::to_string(value->get()) + " is out of range, allowed is " + range_text(least, most));
    return false;
  }
  out = value->get();
  return true;
}

bool ConfigReader::text(std::string_view name, std::string& out) {
  const toml::node* node = find(name);
  if (node == nullptr) return false;
  const auto* value = node->as_string();
  if (value == nullptr) {
    fail(name, "is " + std::string(kind_of(*node)) + ", must be a string");
    return false;
  }
  out = value->get();
  return true;
}

void ConfigReader::boolean(std::string_view name, bool& out) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  if (const auto* value = node->as_boolean(); value != nullptr) {
    out = value->get();
  } else {
    fail(name, "is " + std::string(kind_of(*node)) + ", must be true or false");
  }
}

void ConfigReader::probability(std::string_view name, double& out) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  const auto value = node->value<double>();
  if (!node->is_number() || !value) {
    fail(name, "is " + std::string(kind_of(*node)) + ", must be a number, 0 to 1");
  } else if (!(*value >= 0 && *value <= 1)) {
    fail(name, "is out of range, allowed is 0 to 1");
  } else {
    out = *value;
  }
}

void ConfigReader::duration(std::string_view name, Duration& out, Duration unit, std::int64_t least,
                            std::int64_t most) {
  std::int64_t count = 0;
  if (read_integer(name, count, least, most)) out = unit * count;
}

void ConfigReader::texts(std::string_view name,
                         const std::function<void(const std::string& key,
                                                  const std::optional<std::string>& text)>& each) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    fail(name, "is " + std::string(kind_of(*node)) + ", must be an array of strings");
    return;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    const toml::node& element = (*array)[i];
    const std::string key = element_key(key_of(name), i);
    locate(errors_, key, element.source());
    if (const auto* value = element.as_string(); value != nullptr) {
      each(key, value->get());
    } else {
      errors_.add(key, "is " + std::string(kind_of(element)) + ", must be a string");
      each(key, std::nullopt);
    }
  }
}

void ConfigReader::integers(std::string_view name, std::vector<unsigned>& out, std::int64_t least,
                            std::int64_t most) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    fail(name, "is " + std::string(kind_of(*node)) + ", must be an array of integers");
    return;
  }
  out.clear();
  for (std::size_t i = 0; i < array->size(); ++i) {
    const toml::node& element = (*array)[i];
    const std::string key = element_key(key_of(name), i);
    locate(errors_, key, element.source());
    const auto* value = element.as_integer();
    if (value == nullptr || value->get() < least || value->get() > most) {
      errors_.add(key, "must be an integer, " + range_text(least, most));
      out.push_back(kUnread);
    } else {
      out.push_back(static_cast<unsigned>(value->get()));
    }
  }
}

const toml::table* ConfigReader::table(std::string_view name) {
  const toml::node* node = find(name);
  if (node == nullptr) return nullptr;
  if (node->as_table() == nullptr) {
    fail(name, "is " + std::string(kind_of(*node)) + ", must be a table: [" + key_of(name) + "]");
  }
  return node->as_table();
}

void ConfigReader::tables(
    std::string_view name,
    const std::function<void(const std::string& key, const toml::table& table)>& each) {
  const toml::node* node = find(name);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  const std::string header = "[[" + key_of(name) + "]]";
  if (array == nullptr) {
    fail(name, "is " + std::string(kind_of(*node)) + ", must be one or more tables: " + header);
    return;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::string key = element_key(key_of(name), i);
    locate(errors_, key, (*array)[i].source());
    if (const toml::table* element = (*array)[i].as_table(); element != nullptr) {
      each(key, *element);
    } else {
      errors_.add(key, "is " + std::string(kind_of((*array)[i])) + ", must be a table: " + header);
    }
  }
}

void ConfigReader::require(std::string_view name) {
  if (!has(name)) fail(name, "is missing");
}

void ConfigReader::finish() {
  for (const auto& [key, node] : table_) {
    bool is_known = false;
    for (const std::string& name : known_) is_known = is_known || key.str() == name;
    if (is_known) continue;
    const std::string meant = suggest(key.str(), known_);
    const std::string hint = meant.empty() ? "" : ", did you mean \"" + meant + "\"?";
    errors_.add_at(key.source().begin.line, key.source().begin.column, key_of(key.str()),
                   "is not a known key" + hint);
  }
}

}  // namespace millrace
