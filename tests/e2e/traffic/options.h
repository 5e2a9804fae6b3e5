// The command line that the traffic programs have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::traffic {

struct Options {
  std::string role;                  // server, client, echo or diameter-server
  std::vector<std::string> bind;     // local addresses; none is any
  std::vector<std::string> connect;  // the peer's addresses
  std::uint16_t port = 5001;
  std::uint32_t associations = 1;
  std::uint64_t messages = 0;  // to send, each association
  std::uint64_t expect = 0;    // to receive, each association
  std::size_t size_min = 16;
  std::size_t size_max = 1500;
  std::uint16_t streams = 64;
  std::uint32_t unordered_percent = 20;
  double rate = 0;  // messages per second and association; 0 is as fast as it goes
  std::uint64_t seed = 1;
  double timeout = 60;
  std::uint32_t buffer = std::uint32_t{4} << 20;
  double linger = 0;     // a stack of the process's own answers no longer than that lives
  bool is_fast = false;  // the short timers below instead of the stack's own

  bool is_client() const { return role == "client"; }
};

/// For tests of failover: what carriers set, where the standard would wait for a minute.
inline constexpr std::uint32_t kFastRtoInitialMs = 200;
inline constexpr std::uint32_t kFastRtoMinMs = 100;
inline constexpr std::uint32_t kFastRtoMaxMs = 1000;
inline constexpr std::uint32_t kFastHeartbeatMs = 500;
inline constexpr std::uint16_t kFastPathMaxRetrans = 2;

/// Exits with a message and status 2 when the command line is wrong.
Options parse_options(int argc, char** argv);

}  // namespace millrace::traffic
