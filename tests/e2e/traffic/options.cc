#include "tests/e2e/traffic/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "tests/e2e/traffic/message.h"

namespace millrace::traffic {

namespace {

bool parse_size(const std::string& text, Options& options) {
  char* end = nullptr;
  options.size_min = std::strtoul(text.c_str(), &end, 10);
  options.size_max = options.size_min;
  if (*end == '-') options.size_max = std::strtoul(end + 1, &end, 10);
  return *end == '\0' && options.size_min >= 1 && options.size_min <= options.size_max &&
         options.size_max <= kMessageSizeMax;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  std::string size = "16-1500";
  CLI::App app("Sends and checks SCTP messages; one line of JSON says how it went.");
  app.add_option("role", options.role, "server, client, echo or diameter-server")
      ->required()
      ->check(CLI::IsMember({"server", "client", "echo", "diameter-server"}));
  app.add_option("--bind", options.bind, "local addresses")->delimiter(',');
  app.add_option("--connect", options.connect, "the peer's addresses")->delimiter(',');
  app.add_option("--port", options.port, "SCTP port of the server");
  app.add_option("--associations", options.associations, "how many to open, or to wait for");
  app.add_option("--messages", options.messages, "messages to send on each association");
  app.add_option("--expect", options.expect, "messages to receive on each association");
  app.add_option("--size", size, "bytes of a message, or MIN-MAX");
  app.add_option("--streams", options.streams, "streams")->check(CLI::Range(1, 65535));
  app.add_option("--unordered", options.unordered_percent, "percent of messages sent unordered")
      ->check(CLI::Range(0, 100));
  app.add_option("--rate", options.rate, "messages per second on each association");
  app.add_option("--seed", options.seed, "what sizes and streams are drawn from");
  app.add_option("--timeout", options.timeout, "seconds after which to give up");
  app.add_option("--buffer", options.buffer, "bytes of the socket's buffers");
  app.add_option("--linger", options.linger,
                 "seconds to stay after the end, to answer what is late");
  app.add_flag("--fast", options.is_fast, "short timers, so that a failover takes a second");
  try {
    app.parse(argc, argv);
    if (!parse_size(size, options)) throw CLI::ValidationError("--size", "1 to 1048576, or A-B");
    if (options.is_client() && options.connect.empty()) throw CLI::RequiredError("--connect");
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return options;
}

}  // namespace millrace::traffic
