#include "tests/drivers/environment.h"

#include <sched.h>

#include <cstdlib>

#include <catch2/catch.hpp>

namespace millrace::drivers {

std::vector<std::string>& environment_lines() {
  static std::vector<std::string> lines;
  return lines;
}

namespace {

Environment start() {
  Environment made;
  // What is in the namespace goes with the process.
  made.has_namespace = unshare(CLONE_NEWNET) == 0 && std::system("ip link set lo up") == 0;
  EalConfig config;
  config.program = "test_drivers";
  config.huge_pages = HugePages::kNo;
  config.memory_mb = 128;
  config.log_level = "error";
  config.log = [](LogLevel, std::string_view line) { environment_lines().emplace_back(line); };
  std::string fault;
  made.eal = Eal::start(config, fault);
  INFO(fault);
  REQUIRE(made.eal != nullptr);
  made.pool = MbufPool::create("test_buffers", 8192, false, fault);
  REQUIRE(made.pool != nullptr);
  return made;
}

}  // namespace

Environment& environment() {
  static Environment the_one = start();
  return the_one;
}

}  // namespace millrace::drivers
