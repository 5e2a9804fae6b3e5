// Plays trace scripts: all below a folder, or those that are named.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/trace/player.h"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> scripts_below(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> scripts;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.path().extension() == ".trace") scripts.push_back(entry.path());
  }
  std::sort(scripts.begin(), scripts.end());
  return scripts;
}

bool passes(const fs::path& script, bool verbose) {
  std::ifstream file(script);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    std::printf("%s: cannot be read\n", script.c_str());
    return false;
  }
  const auto tell = [](const std::string& what) { std::printf("%s\n", what.c_str()); };
  const auto failure = millrace::trace::play(
      script.string(), text.str(), verbose ? tell : std::function<void(const std::string&)>());
  if (failure) std::printf("%s\n\n", failure->c_str());
  return !failure;
}

}  // namespace

int main(int argc, char** argv) {
  bool verbose = false;
  std::vector<fs::path> scripts;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "-v") == 0) {
      verbose = true;
      continue;
    }
    for (const fs::path& script : scripts_below(argv[i])) scripts.push_back(script);
  }
  if (scripts.empty()) {
    std::fprintf(stderr, "usage: traces [-v] FILE_OR_FOLDER...\n");
    return 2;
  }
  std::size_t failed = 0;
  for (const fs::path& script : scripts) failed += passes(script, verbose) ? 0 : 1;
  std::printf("%zu passed, %zu failed\n", scripts.size() - failed, failed);
  return failed == 0 ? 0 : 1;
}
