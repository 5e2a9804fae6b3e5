// Options that the client and the server share.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "bench/traffic/endpoint.h"

namespace millrace::bench {

struct TrafficOptions {
  EndpointOptions endpoint;
  std::string stack = "millrace";
  std::string title;
  std::string json;
  std::string csv;
  double interval = 1;  ///< seconds
  bool is_quiet = false;
  bool shows_progress = false;
};

void add_traffic_options(CLI::App& app, TrafficOptions& options);
std::unique_ptr<Endpoint> make_endpoint(const TrafficOptions& options);
Duration seconds_of(double seconds);

/// SIGINT and SIGTERM have been counted here since arm_signals().
int signals_seen();
void arm_signals();

}  // namespace millrace::bench
