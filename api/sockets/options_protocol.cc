// Options that are protocol parameters of an association (RFC 9260 section 16).
#include <algorithm>
#include <cerrno>

#include "api/sockets/options.h"

namespace millrace::sockets {
namespace {

constexpr std::uint32_t kDayMs = 24 * 3600 * 1000;
constexpr std::uint32_t kHourMs = 3600 * 1000;
constexpr std::uint32_t kSackDelayMax = 500;  // RFC 9260 6.2
constexpr std::uint32_t kMaxBurstMost = 255;  // packets, the most that the engine knows

std::uint32_t max_burst_of(const AssociationOptions& options) {
  return options.has_unbounded_bursts ? 0 : options.parameters[MR_MAX_BURST];
}

}  // namespace

//= rfc6458 8.1.1
int Options::get_rto(Socket& socket, void* value, socklen_t& length) {
  auto info = read_value<sctp_rtoinfo>(value);
  Scope scope;
  if (const int status = scope_of(socket, info.srto_assoc_id, scope); status != 0) return status;
  const ParameterValues& values = seen(socket, scope).parameters;
  info.srto_initial = values[MR_RTO_INITIAL_MS];
  info.srto_max = values[MR_RTO_MAX_MS];
  info.srto_min = values[MR_RTO_MIN_MS];
  return write_value(info, value, length);
}

int Options::set_rto(Socket& socket, const void* value, socklen_t) {
  const auto info = read_value<sctp_rtoinfo>(value);
  Scope scope;
  if (const int status = scope_of(socket, info.srto_assoc_id, scope); status != 0) return status;
  const ParameterValues& values = seen(socket, scope).parameters;
  const auto or_else = [](std::uint32_t wanted, std::uint32_t now) {
    return wanted != 0 ? wanted : now;
  };
  const std::uint32_t initial = or_else(info.srto_initial, values[MR_RTO_INITIAL_MS]);
  const std::uint32_t most = or_else(info.srto_max, values[MR_RTO_MAX_MS]);
  const std::uint32_t least = or_else(info.srto_min, values[MR_RTO_MIN_MS]);
  if (least > most || std::max(initial, most) > kDayMs) return -EINVAL;
  // In an order in which the least is never above the most.
  change(socket, scope, MR_RTO_MIN_MS, std::min(least, values[MR_RTO_MAX_MS]));
  change(socket, scope, MR_RTO_MAX_MS, most);
  change(socket, scope, MR_RTO_MIN_MS, least);
  change(socket, scope, MR_RTO_INITIAL_MS, initial);
  return 0;
}

//= rfc6458 8.1.10
int Options::get_adaptation(Socket& socket, void* value, socklen_t& length) {
  return write_value(sctp_setadaptation{socket.options.parameters[MR_ADAPTATION]}, value, length);
}

int Options::set_adaptation(Socket& socket, const void* value, socklen_t) {
  Scope future;
  future.has_socket = true;
  const std::uint32_t before = socket.options.parameters[MR_ADAPTATION];
  change(socket, future, MR_ADAPTATION, read_value<sctp_setadaptation>(value).ssb_adaptation_ind);
  // A listener says it in its INIT ACKs, and these are the engine's.
  return socket.listen_anew([&] { change(socket, future, MR_ADAPTATION, before); });
}

//= rfc6458 8.1.2
int Options::get_association(Socket& socket, void* value, socklen_t& length) {
  auto info = read_value<sctp_assocparams>(value);
  Scope scope;
  if (const int status = scope_of(socket, info.sasoc_assoc_id, scope); status != 0) return status;
  const ParameterValues& values = seen(socket, scope).parameters;
  info.sasoc_asocmaxrxt = static_cast<std::uint16_t>(values[MR_ASSOCIATION_MAX_RETRANS]);
  info.sasoc_cookie_life = values[MR_COOKIE_LIFETIME_MS];
  info.sasoc_local_rwnd = values[MR_RECEIVE_BUFFER];
  info.sasoc_number_peer_destinations = 0;
  info.sasoc_peer_rwnd = 0;
  if (scope.association != nullptr) {
    Association* association = nullptr;
    mr_status status;
    if (engine_status(socket, info.sasoc_assoc_id, association, status) == 0) {
      info.sasoc_peer_rwnd = status.peer_rwnd;
      info.sasoc_local_rwnd = status.a_rwnd;
      info.sasoc_number_peer_destinations = static_cast<std::uint16_t>(status.path_count);
    }
  }
  return write_value(info, value, length);
}

int Options::set_association(Socket& socket, const void* value, socklen_t) {
  const auto info = read_value<sctp_assocparams>(value);
  Scope scope;
  if (const int status = scope_of(socket, info.sasoc_assoc_id, scope); status != 0) return status;
  if (info.sasoc_asocmaxrxt > 255 || info.sasoc_cookie_life > kHourMs) return -EINVAL;
  const std::uint32_t before = socket.options.parameters[MR_COOKIE_LIFETIME_MS];
  const std::uint32_t life = info.sasoc_cookie_life != 0 ? info.sasoc_cookie_life : before;
  if (scope.has_socket && life != before) {
    // A listener's cookies are made by the engine, which may refuse: before anything else changes.
    Scope future;
    future.has_socket = true;
    change(socket, future, MR_COOKIE_LIFETIME_MS, life);
    const int status =
        socket.listen_anew([&] { change(socket, future, MR_COOKIE_LIFETIME_MS, before); });
    if (status != 0) return status;
  }
  if (info.sasoc_cookie_life != 0) change(socket, scope, MR_COOKIE_LIFETIME_MS, life);
  if (info.sasoc_asocmaxrxt != 0)
    change(socket, scope, MR_ASSOCIATION_MAX_RETRANS, info.sasoc_asocmaxrxt);
  return 0;
}

// The value is a sctp_sack_info, or the older sctp_assoc_value with the delay alone.
//= rfc6458 8.1.19
int Options::get_sack(Socket& socket, void* value, socklen_t& length) {
  const bool is_old = length < sizeof(sctp_sack_info);
  Scope scope;
  sctp_sack_info info{};
  info.sack_assoc_id = read_value<sctp_assoc_value>(value).assoc_id;
  if (const int status = scope_of(socket, info.sack_assoc_id, scope); status != 0) return status;
  const DelayedSacks& sacks = seen(socket, scope).sacks;
  info.sack_freq = sacks.frequency_parameter();
  info.sack_delay = sacks.is_off ? 0 : sacks.delay_ms;
  if (!is_old) return write_value(info, value, length);
  return write_value(sctp_assoc_value{info.sack_assoc_id, info.sack_delay}, value, length);
}

int Options::set_sack(Socket& socket, const void* value, socklen_t length) {
  sctp_sack_info info{};
  if (length >= sizeof info) {
    info = read_value<sctp_sack_info>(value);
  } else {
    const auto old = read_value<sctp_assoc_value>(value);
    info = {old.assoc_id, old.assoc_value, old.assoc_value != 0 ? 0u : 1u};
  }
  if (info.sack_delay > kSackDelayMax || info.sack_freq > 255) return -EINVAL;
  Scope scope;
  if (const int status = scope_of(socket, info.sack_assoc_id, scope); status != 0) return status;
  if (info.sack_delay == 0 && info.sack_freq == 0) return 0;
  change_sacks(socket, scope, [&info](DelayedSacks& sacks) {
    sacks.is_off = info.sack_freq == 1;
    if (info.sack_delay != 0) sacks.delay_ms = info.sack_delay;
    if (info.sack_freq > 1) sacks.frequency = info.sack_freq;
  });
  return 0;
}

void Options::change_sacks(Socket& socket, const Scope& scope,
                           const std::function<void(DelayedSacks&)>& change_one) {
  one_by_one(socket, scope, [&](AssociationOptions& options, const Scope& one) {
    change_one(options.sacks);
    change(socket, one, MR_SACK_DELAY_MS, options.sacks.delay_ms);
    change(socket, one, MR_SACK_FREQUENCY, options.sacks.frequency_parameter());
  });
}

//= rfc6458 8.1.24
int Options::get_max_burst(Socket& socket, void* value, socklen_t& length) {
  if (length < sizeof(sctp_assoc_value))
    return write_value(max_burst_of(socket.options), value, length);
  auto wanted = read_value<sctp_assoc_value>(value);
  Scope scope;
  if (const int status = scope_of(socket, wanted.assoc_id, scope); status != 0) return status;
  wanted.assoc_value = max_burst_of(seen(socket, scope));
  return write_value(wanted, value, length);
}

int Options::set_max_burst(Socket& socket, const void* value, socklen_t length) {
  sctp_assoc_value wanted{};
  if (length >= sizeof wanted) {
    wanted = read_value<sctp_assoc_value>(value);
  } else {
    wanted.assoc_value = read_value<std::uint32_t>(value);
  }
  if (wanted.assoc_value > kMaxBurstMost) return -EINVAL;
  Scope scope;
  if (const int status = scope_of(socket, wanted.assoc_id, scope); status != 0) return status;
  const bool is_unbounded = wanted.assoc_value == 0;
  each(socket, scope, [is_unbounded](AssociationOptions& options) {
    options.has_unbounded_bursts = is_unbounded;
  });
  change(socket, scope, MR_MAX_BURST, is_unbounded ? kMaxBurstMost : wanted.assoc_value);
  return 0;
}

}  // namespace millrace::sockets
