#include "engine/lcore/parameters.h"

#include <algorithm>

#include "engine/assoc/cookie.h"
#include "engine/base/limits.h"

namespace millrace {
namespace {

constexpr std::uint32_t kDayMs = 24 * 3600 * 1000;
constexpr auto kCookieMs = static_cast<std::uint32_t>(kCookieLifetimeMax.milliseconds());
constexpr std::uint32_t kReceiveBufferMin = 4096;
constexpr std::uint32_t kReceiveBufferMax = 16u << 20;
constexpr std::uint16_t kFragmentLeast = 64;

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

bool apply_bytes(std::uint32_t value, std::uint32_t least, std::uint32_t most, std::uint32_t& out) {
  if (value < least || value > most) return false;
  out = value;
  return true;
}

// 0 stands for none.
bool apply_size(std::uint32_t value, std::uint32_t least, std::uint16_t& out) {
  if ((value != 0 && value < least) || value > 65535) return false;
  out = static_cast<std::uint16_t>(value);
  return true;
}

bool apply_flag(std::uint32_t value, bool& out) {
  out = value != 0;
  return value <= 1;
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
    case ipc::Parameter::init_max_retrans:
      return apply_count(value, 0, to.init_max_retrans);
    case ipc::Parameter::cookie_lifetime_ms:
      return apply_duration(value, 1, kCookieMs, to.cookie_lifetime);
    case ipc::Parameter::receive_buffer:
      return apply_bytes(value, kReceiveBufferMin, kReceiveBufferMax, to.receive_buffer);
    case ipc::Parameter::partial_delivery_point:
      return apply_bytes(value, 1, kReceiveBufferMax, to.partial_delivery_point);
    case ipc::Parameter::sender_dry_events:
      return apply_flag(value, to.sender_dry_events);
    case ipc::Parameter::adaptation:
      to.adaptation = value;
      return true;
    case ipc::Parameter::init_rto_max_ms:
      return apply_bytes(value, 0, kDayMs, to.init_rto_ms_max);
    case ipc::Parameter::path_mtu:
      return apply_size(value, kMtuMin, to.fixed_mtu);
    case ipc::Parameter::path_mtu_fixed:
      return apply_flag(value, to.path_mtu_fixed);
    case ipc::Parameter::fragment_max:
      return apply_size(value, kFragmentLeast, to.fragment_max);
    case ipc::Parameter::remote_error_events:
      return apply_flag(value, to.remote_error_events);
    case ipc::Parameter::dscp:
      to.marking.dscp = static_cast<std::uint8_t>(value);
      return value < 64;
    case ipc::Parameter::flow_label:
      to.marking.flow_label = value;
      return value <= Marking::kLabelOfAddresses;
    case ipc::Parameter::hop_limit:
      return apply_count(value, 1, to.marking.hops);
  }
  return false;
}

}  // namespace

bool is_of_path(ipc::Parameter parameter) {
  switch (parameter) {
    case ipc::Parameter::path_max_retrans:
    case ipc::Parameter::heartbeat_interval_ms:
    case ipc::Parameter::potentially_failed_max_retrans:
    case ipc::Parameter::primary_switchover_max_retrans:
    case ipc::Parameter::path_mtu:
    case ipc::Parameter::path_mtu_fixed:
    case ipc::Parameter::dscp:
    case ipc::Parameter::flow_label:
    case ipc::Parameter::hop_limit:
      return true;
    default:
      return false;
  }
}

void apply_streams(const ipc::SubmissionEntry& request, Parameters& parameters) {
  if (request.streams_out != 0) parameters.streams_out = request.streams_out;
  if (request.streams_in != 0) parameters.streams_in = request.streams_in;
}

bool apply_parameter(ipc::Parameter parameter, std::uint32_t value, Parameters& parameters) {
  Parameters changed = parameters;
  if (!apply_one(parameter, value, changed) || changed.rto_min > changed.rto_max) return false;
  // A message that fills the window must begin to be read, or it would never end.
  changed.partial_delivery_point =
      std::min(changed.partial_delivery_point, changed.receive_buffer / 2);
  parameters = changed;
  return true;
}

namespace {

std::uint32_t in_milliseconds(Duration span) {
  return static_cast<std::uint32_t>(span.milliseconds());
}

}  // namespace

void describe(const Parameters& from, std::span<const IpAddress> addresses, ipc::EngineStatus& to) {
  const auto put = [&to](ipc::Parameter parameter, std::uint32_t value) {
    to.parameters[static_cast<std::size_t>(parameter)] = value;
  };
  put(ipc::Parameter::rto_initial_ms, in_milliseconds(from.rto_initial));
  put(ipc::Parameter::rto_min_ms, in_milliseconds(from.rto_min));
  put(ipc::Parameter::rto_max_ms, in_milliseconds(from.rto_max));
  put(ipc::Parameter::sack_delay_ms, in_milliseconds(from.sack_delay));
  put(ipc::Parameter::sack_frequency, from.sack_frequency);
  put(ipc::Parameter::heartbeat_interval_ms, in_milliseconds(from.heartbeat_interval));
  put(ipc::Parameter::association_max_retrans, from.association_max_retrans);
  put(ipc::Parameter::path_max_retrans, from.path_max_retrans);
  put(ipc::Parameter::max_burst, from.max_burst);
  put(ipc::Parameter::potentially_failed_max_retrans, from.potentially_failed_max_retrans);
  put(ipc::Parameter::primary_switchover_max_retrans, from.primary_switchover_max_retrans);
  put(ipc::Parameter::init_max_retrans, from.init_max_retrans);
  put(ipc::Parameter::cookie_lifetime_ms, in_milliseconds(from.cookie_lifetime));
  put(ipc::Parameter::receive_buffer, from.receive_buffer);
  put(ipc::Parameter::partial_delivery_point, from.partial_delivery_point);
  put(ipc::Parameter::sender_dry_events, from.sender_dry_events ? 1 : 0);
  put(ipc::Parameter::adaptation, from.adaptation);
  put(ipc::Parameter::init_rto_max_ms, from.init_rto_ms_max);
  put(ipc::Parameter::path_mtu, from.fixed_mtu);
  put(ipc::Parameter::path_mtu_fixed, from.path_mtu_fixed ? 1 : 0);
  put(ipc::Parameter::fragment_max, from.fragment_max);
  put(ipc::Parameter::remote_error_events, from.remote_error_events ? 1 : 0);
  put(ipc::Parameter::dscp, from.marking.dscp);
  put(ipc::Parameter::flow_label, from.marking.flow_label);
  put(ipc::Parameter::hop_limit, from.marking.hops);
  to.streams_out = from.streams_out;
  to.streams_in = from.streams_in;
  to.send_buffer = from.send_buffer;
  to.path_mtu = from.path_mtu;
  to.address_count = static_cast<std::uint32_t>(addresses.size());
  for (std::size_t i = 0; i < addresses.size(); ++i)
    std::copy(addresses[i].bytes.begin(), addresses[i].bytes.end(), to.addresses[i]);
}

}  // namespace millrace
