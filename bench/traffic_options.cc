#include "bench/traffic_options.h"

#include <csignal>

namespace millrace::bench {
namespace {

volatile std::sig_atomic_t signals = 0;

void on_signal(int) {
  signals = signals + 1;
}

}  // namespace

void add_traffic_options(CLI::App& app, TrafficOptions& options) {
  EndpointOptions& endpoint = options.endpoint;
  app.add_option("--stack", options.stack,
                 "Whose SCTP: millrace (millraced and millrace.h), sockets (the kernel's, or those "
                 "of millrace-run) or usrsctp (raw sockets, as root)")
      ->check(CLI::IsMember({"millrace", "sockets", "usrsctp"}));
  app.add_option("--socket", endpoint.socket, "millraced's socket for applications");
  app.add_option("--port", endpoint.port, "The server's port")->check(CLI::Range(1, 65535));
  app.add_option("--streams", endpoint.streams, "Streams in each direction")
      ->check(CLI::Range(1, 65535));
  app.add_option("--buffer", endpoint.buffer_bytes,
                 "Send and receive buffers of sockets and usrsctp, in bytes")
      ->check(CLI::Range(1 << 12, 1 << 28));
  app.add_flag("!--nagle", endpoint.nodelay, "Sockets and usrsctp may hold small messages back");
  app.add_flag("--spin", endpoint.spins, "Never sleep: a whole CPU for shorter latency");
  app.add_option("--interval", options.interval, "Seconds between two lines and two points")
      ->check(CLI::Range(0.01, 3600.0));
  app.add_option("--title", options.title, "What the report calls this run");
  app.add_option("--json", options.json, "Write all figures to this file (-: standard output)");
  app.add_option("--csv", options.csv, "Write a line for each interval to this file");
  app.add_flag("--quiet", options.is_quiet, "No figures on standard output");
  app.add_flag("--progress", options.shows_progress,
               "A line for each interval even without a terminal");
}

std::unique_ptr<Endpoint> make_endpoint(const TrafficOptions& options) {
  if (options.stack == "sockets") return make_socket_endpoint(options.endpoint);
  if (options.stack == "usrsctp") return make_usrsctp_endpoint(options.endpoint);
  return make_native_endpoint(options.endpoint);
}

Duration seconds_of(double seconds) {
  return {static_cast<std::int64_t>(seconds * 1e9)};
}

int signals_seen() {
  return signals;
}

void arm_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;  // without SA_RESTART: a sleeper wakes up
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace millrace::bench
