// Any text as a configuration file: either a configuration that can be summarized, or errors that
// each say something.
#include <cstdlib>
#include <string_view>

#include "engine/main/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  const LoadedConfig loaded =
      parse_config({reinterpret_cast<const char*>(data), size}, "millraced.toml");
  for (const ConfigError& error : loaded.errors) {
    if (error.to_string().empty()) std::abort();
  }
  if (loaded.errors.empty() && summarize(loaded.config).empty()) std::abort();
  return 0;
}
