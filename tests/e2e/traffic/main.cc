#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/e2e/traffic/link.h"
#include "tests/e2e/traffic/roles.h"

namespace millrace::traffic {

void die(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
  std::fflush(nullptr);
  std::_Exit(1);
}

}  // namespace millrace::traffic

int main(int argc, char** argv) {
  using namespace millrace::traffic;
  std::signal(SIGPIPE, SIG_IGN);
  const Options options = parse_options(argc, argv);
  const auto transport = make_transport(options);
  return run(*transport, options);
}
