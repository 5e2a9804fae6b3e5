// Runs a fuzz target over files, for builds without libFuzzer: all files of the folders named on
// the command line, and each prefix of those that were written by hand, which is where parsers read
// too far. What the fuzzers have learned (learned-*) is many and runs as it is.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// Prefixes of larger files are left out: a target would take quadratic time over them.
constexpr std::size_t kPrefixesBelow = 4096;

std::size_t replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  const bool is_learned = path.filename().string().starts_with("learned-");
  const bool has_prefixes = !is_learned && bytes.size() < kPrefixesBelow;
  const std::size_t shortest = has_prefixes ? 0 : bytes.size();
  for (std::size_t length = shortest; length <= bytes.size(); ++length) {
    // A copy of its own size, so that AddressSanitizer sees a read past the end.
    const std::vector<std::uint8_t> input(bytes.begin(),
                                          bytes.begin() + static_cast<std::ptrdiff_t>(length));
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  return bytes.size() - shortest + 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t inputs = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) continue;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      inputs += replay(entry.path());
    }
  }
  std::printf("%zu inputs\n", inputs);
  return inputs > 0 ? 0 : 1;
}
