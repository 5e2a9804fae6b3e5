#include "bench/conditions.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace millrace::bench {
namespace {

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

}  // namespace

double load_average() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : 0;
}

Conditions conditions_now(int argc, const char* const* argv) {
  Conditions conditions;
  const std::time_t now = std::time(nullptr);
  char date[32];
  std::tm parts;
  gmtime_r(&now, &parts);
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
  conditions.date = date;
  conditions.processor = processor();
  utsname system;
  if (uname(&system) == 0) conditions.kernel = system.release;
  conditions.cpus = sysconf(_SC_NPROCESSORS_ONLN);
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    conditions.command += i == 0 ? std::filesystem::path(word).filename().string() : " " + word;
  }
  conditions.load_before = conditions.load_after = load_average();
  return conditions;
}

}  // namespace millrace::bench
