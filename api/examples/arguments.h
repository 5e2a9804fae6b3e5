// Command lines of the examples: --name value pairs and --flags, and addresses separated by commas.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "millrace.h"

class Arguments {
 public:
  /// `usage` lists the names; anything that is not in it ends the program.
  Arguments(int argc, char** argv, const char* usage) : usage_(usage) {
    for (int i = 1; i < argc; ++i) {
      const std::string name = argv[i];
      if (name == "--help") {
        std::printf("usage: %s\n", usage_);
        std::exit(0);
      }
      if (name.rfind("--", 0) != 0 || !is_known(name)) fail();
      const bool has_value = i + 1 < argc && std::strncmp(argv[i + 1], "--", 2) != 0;
      values_[name] = has_value ? argv[++i] : "";
    }
  }
  bool has(const char* name) const { return values_.count(name) != 0; }
  std::string text(const char* name, const char* otherwise) const {
    const auto found = values_.find(name);
    return found != values_.end() ? found->second : otherwise;
  }
  double number(const char* name, double otherwise) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    char* end = nullptr;
    const double value = std::strtod(found->second.c_str(), &end);
    if (end == found->second.c_str() || *end != '\0' || value < 0) fail();
    return value;
  }
  std::uint16_t port(double otherwise) const {
    const double value = number("--port", otherwise);
    if (value < 1 || value > 65535) fail();
    return static_cast<std::uint16_t>(value);
  }
  std::vector<mr_address> addresses(const char* name) const {
    std::vector<mr_address> list;
    std::string rest = text(name, "");
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      mr_address address;
      if (mr_address_parse(rest.substr(0, comma).c_str(), &address) != 0) fail();
      list.push_back(address);
      rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    }
    return list;
  }
  /// Attaches to the engine behind --socket, or ends the program.
  mr_context* attach() const {
    const std::string socket = text("--socket", MR_DEFAULT_SOCKET);
    mr_attach_options options{};
    options.socket = socket.c_str();
    mr_context* context = nullptr;
    if (mr_attach(&options, &context) != 0) {
      std::fprintf(stderr, "%s\n", mr_last_error());
      std::exit(1);
    }
    return context;
  }
  [[noreturn]] void fail() const {
    std::fprintf(stderr, "usage: %s\n", usage_);
    std::exit(2);
  }

 private:
  bool is_known(const std::string& name) const {
    const char* at = std::strstr(usage_, name.c_str());
    return at != nullptr && std::strchr(" ]|", at[name.size()]) != nullptr;
  }
  const char* usage_;
  std::map<std::string, std::string> values_;
};
