#include "engine/lcore/parameters.h"

namespace millrace {
namespace {

constexpr std::uint32_t kDayMs = 24 * 3600 * 1000;

bool apply_duration(std::uint32_t value_ms, std::uint32_t least_ms, std::uint32_t most_ms,
                    Duration& out) {
  if (value_ms < least_ms || value_ms > most_ms) return false;
  out = milliseconds(value_ms);
  return true;
}

bool apply_count(std::uint32_t value, std::uint32_t least, std::uint8_t& out) {
  if (value < least || value > 255) return false;
  out = static_cast<std::uint8_t>(value);
  return true;
}

bool apply_one(ipc::Parameter parameter, std::uint32_t value, Parameters& to) {
  switch (parameter) {
    case ipc::Parameter::rto_initial_ms:
      return apply_duration(value, 1, kDayMs, to.rto_initial);
    case ipc::Parameter::rto_min_ms:
      return apply_duration(value, 1, kDayMs, to.rto_min);
    case ipc::Parameter::rto_max_ms:
      return apply_duration(value, 1, kDayMs, to.rto_max);
    case ipc::Parameter::sack_delay_ms:
      return apply_duration(value, 0, 500, to.sack_delay);  // RFC 9260 6.2
    case ipc::Parameter::sack_frequency:
      return apply_count(value, 1, to.sack_frequency);
    case ipc::Parameter::association_max_retrans:
      return apply_count(value, 1, to.association_max_retrans);
    case ipc::Parameter::path_max_retrans:
      return apply_count(value, 0, to.path_max_retrans);
    case ipc::Parameter::heartbeat_interval_ms:
      return apply_duration(value, 0, kDayMs, to.heartbeat_interval);
    case ipc::Parameter::max_burst:
      return apply_count(value, 1, to.max_burst);
    case ipc::Parameter::potentially_failed_max_retrans:
      return apply_count(value, 0, to.potentially_failed_max_retrans);
    case ipc::Parameter::primary_switchover_max_retrans:
      return apply_count(value, 0, to.primary_switchover_max_retrans);
  }
  return false;
}

}  // namespace

void apply_streams(const ipc::SubmissionEntry& request, Parameters& parameters) {
  if (request.streams_out != 0) parameters.streams_out = request.streams_out;
  if (request.streams_in != 0) parameters.streams_in = request.streams_in;
}

bool apply_parameter(ipc::Parameter parameter, std::uint32_t value, Parameters& parameters) {
  Parameters changed = parameters;
  if (!apply_one(parameter, value, changed) || changed.rto_min > changed.rto_max) return false;
  parameters = changed;
  return true;
}

}  // namespace millrace
