// Options that a destination address may have of its own, or all of an association together.
#include <algorithm>
#include <cerrno>

#include "api/sockets/options.h"

namespace millrace::sockets {
namespace {

constexpr std::uint32_t kDayMs = 24 * 3600 * 1000;
constexpr std::uint32_t kSackDelayMax = 500;  // RFC 9260 6.2
constexpr std::uint32_t kPathMtuLeast = 512;
constexpr std::uint32_t kNever = 255;  // primaries stay, as the engine has it
constexpr std::uint16_t kNeverInLinux = 65535;

/// Which associations, and which address of one of them, an option is about.
struct PathScope {
  Scope scope;
  mr_address address{};
  bool has_address = false;
};

int read_scope(Socket& socket, sctp_assoc_t id, const sockaddr_storage& address, PathScope& to) {
  if (const int status = Options::scope_of(socket, id, to.scope); status != 0) return status;
  if (address.ss_family == AF_UNSPEC) return 0;
  Endpoint peer;
  const auto* from = reinterpret_cast<const sockaddr*>(&address);
  if (const int status = read_endpoint(from, sizeof address, AF_INET6, peer); status != 0)
    return status;
  if (is_any(peer.address)) return 0;
  // Of a one-to-many socket the address may name the association.
  if (to.scope.association == nullptr) to.scope.association = socket.association_to(peer);
  if (to.scope.association == nullptr) return -EINVAL;
  const auto& peers = to.scope.association->peers;
  if (std::find(peers.begin(), peers.end(), peer.address) == peers.end()) return -EINVAL;
  to.scope.has_socket = to.scope.has_all = false;
  to.address = peer.address;
  to.has_address = true;
  return 0;
}

/// What an address has of its own, if anything.
PathOptions* own_options(Association& association, const mr_address& address) {
  for (PathOptions& own : association.path_options) {
    if (own.address == address) return &own;
  }
  return nullptr;
}

/// The same, which it has from now on.
PathOptions& options_on(const PathScope& at) {
  Association& association = *at.scope.association;
  if (PathOptions* own = own_options(association, at.address)) return *own;
  const AssociationOptions& of_all = association.options;
  association.path_options.push_back({at.address, of_all.parameters, of_all.heartbeats});
  return association.path_options.back();
}

const ParameterValues& seen_on(const Socket& socket, const PathScope& at) {
  if (at.has_address) {
    const PathOptions* own = own_options(*at.scope.association, at.address);
    if (own != nullptr) return own->parameters;
  }
  return Options::seen(socket, at.scope).parameters;
}

Heartbeats heartbeats_on(const Socket& socket, const PathScope& at) {
  const PathOptions* own =
      at.has_address ? own_options(*at.scope.association, at.address) : nullptr;
  return own != nullptr ? own->heartbeats : Options::seen(socket, at.scope).heartbeats;
}

/// From now on the address has this of its own.
void set_own(const Association& association, PathOptions& own, int parameter, std::uint32_t value) {
  own.parameters[parameter] = value;
  mr_set_path_parameter(Process::get().context(), association.handle, &own.address, parameter,
                        value);
}

void change_on(Socket& socket, const PathScope& at, int parameter, std::uint32_t value) {
  if (!at.has_address) {
    Options::change(socket, at.scope, parameter, value);
    const auto forget = [&](Association& association) {
      for (PathOptions& own : association.path_options) own.parameters[parameter] = value;
    };
    if (at.scope.association != nullptr) forget(*at.scope.association);
    if (!at.scope.has_all) return;
    for (const auto& entry : socket.associations) forget(*entry.second);
    return;
  }
  set_own(*at.scope.association, options_on(at), parameter, value);
}

/// What SPP_DSCP has set; IP_TOS and the engine's configuration do not count.
bool has_own_dscp(const Socket& socket, const PathScope& at) {
  if (Options::seen(socket, at.scope).has_own_dscp) return true;
  const PathOptions* own =
      at.has_address ? own_options(*at.scope.association, at.address) : nullptr;
  return own != nullptr && own->has_own_dscp;
}

/// Waits for the engine, and the association may end meanwhile: `at` is of no use afterwards.
std::uint32_t mtu_of(Socket& socket, const PathScope& at) {
  const std::uint32_t fixed = seen_on(socket, at)[MR_PATH_MTU];
  Association* association = nullptr;
  mr_status status;
  if (at.scope.association != nullptr &&
      Options::engine_status(socket, at.scope.association->id, association, status) == 0) {
    for (std::uint32_t i = 0; i < status.path_count && i < MR_PATHS_MAX; ++i) {
      const mr_path_status& path = status.paths[i];
      if (at.has_address ? path.address == at.address : path.is_primary != 0) return path.mtu;
    }
  }
  return fixed != 0 ? fixed : Process::get().engine().path_mtu;
}

void change_heartbeats(Heartbeats& heartbeats, const sctp_paddrparams& info) {
  heartbeats.is_off = (info.spp_flags & SPP_HB_DISABLE) != 0;
  if (heartbeats.is_off) return;
  if ((info.spp_flags & SPP_HB_TIME_IS_ZERO) != 0)
    heartbeats.interval_ms = 0;
  else if (info.spp_hbinterval != 0)
    heartbeats.interval_ms = info.spp_hbinterval;
}

void set_own_heartbeats(const Association& association, PathOptions& own,
                        const sctp_paddrparams& info) {
  change_heartbeats(own.heartbeats, info);
  set_own(association, own, MR_HEARTBEAT_INTERVAL_MS, own.heartbeats.parameter());
}

void set_heartbeats(Socket& socket, const PathScope& at, const sctp_paddrparams& info) {
  if ((info.spp_flags & SPP_HB_DEMAND) != 0)
    mr_heartbeat(Process::get().context(), at.scope.association->handle, &at.address);
  if ((info.spp_flags & SPP_HB) == 0) return;
  if (at.has_address) {
    set_own_heartbeats(*at.scope.association, options_on(at), info);
    return;
  }
  // Each keeps the interval that it has, if none is given.
  Options::one_by_one(socket, at.scope, [&](AssociationOptions& options, const Scope& one) {
    change_heartbeats(options.heartbeats, info);
    Options::change(socket, one, MR_HEARTBEAT_INTERVAL_MS, options.heartbeats.parameter());
    if (one.association == nullptr) return;
    for (PathOptions& own : one.association->path_options)
      set_own_heartbeats(*one.association, own, info);
  });
}

void set_mtu(Socket& socket, const PathScope& at, const sctp_paddrparams& info) {
  for (const auto& [id, association] : socket.associations) {
    association->chunk_fits = 0;
    association->outdated_statuses = association->statuses;
  }
  if ((info.spp_flags & SPP_PMTUD_DISABLE) != 0) {
    if (info.spp_pathmtu != 0) change_on(socket, at, MR_PATH_MTU, info.spp_pathmtu);
    change_on(socket, at, MR_PATH_MTU_FIXED, 1);
  } else if ((info.spp_flags & SPP_PMTUD_ENABLE) != 0) {
    change_on(socket, at, MR_PATH_MTU_FIXED, 0);
  }
}

// A SACK is of the association: its delay is no path's own.
void set_sack_delay(Socket& socket, const PathScope& at, const sctp_paddrparams& info) {
  if ((info.spp_flags & SPP_SACKDELAY) == 0) return;
  Options::change_sacks(socket, at.scope, [&info](DelayedSacks& sacks) {
    sacks.is_off = (info.spp_flags & SPP_SACKDELAY_DISABLE) != 0;
    if (!sacks.is_off && info.spp_sackdelay != 0) sacks.delay_ms = info.spp_sackdelay;
  });
}

int check(const sctp_paddrparams& info) {
  const auto both = [&info](std::uint32_t pair) { return (info.spp_flags & pair) == pair; };
  if (both(SPP_HB) || both(SPP_PMTUD) || both(SPP_SACKDELAY)) return -EINVAL;
  if (info.spp_sackdelay > kSackDelayMax || info.spp_hbinterval > kDayMs) return -EINVAL;
  if (info.spp_pathmaxrxt > 255) return -EINVAL;
  if (info.spp_pathmtu != 0 && (info.spp_pathmtu < kPathMtuLeast || info.spp_pathmtu > 65535))
    return -EINVAL;
  return 0;
}

void set_marking(Socket& socket, const PathScope& at, const sctp_paddrparams& info) {
  if ((info.spp_flags & SPP_IPV6_FLOWLABEL) != 0)
    change_on(socket, at, MR_FLOW_LABEL, info.spp_ipv6_flowlabel & (MR_FLOW_LABEL_AUTO - 1));
  if ((info.spp_flags & SPP_DSCP) == 0) return;
  change_on(socket, at, MR_DSCP, info.spp_dscp >> 2);
  if (at.has_address) {
    own_options(*at.scope.association, at.address)->has_own_dscp = true;
  } else {
    Options::each(socket, at.scope,
                  [](AssociationOptions& options) { options.has_own_dscp = true; });
  }
}

template <class Layout>
int get_limits(Socket& socket, Layout& info, const ParameterValues*& values) {
  PathScope at;
  sockaddr_storage address;
  std::memcpy(&address, &info.spt_address, sizeof address);
  if (const int status = read_scope(socket, info.spt_assoc_id, address, at); status != 0)
    return status;
  values = &seen_on(socket, at);
  info.spt_pathmaxrxt = static_cast<std::uint16_t>((*values)[MR_PATH_MAX_RETRANS]);
  info.spt_pathpfthld = static_cast<std::uint16_t>((*values)[MR_POTENTIALLY_FAILED_MAX_RETRANS]);
  return 0;
}

template <class Layout>
int set_limits(Socket& socket, const Layout& info, PathScope& at) {
  sockaddr_storage address;
  std::memcpy(&address, &info.spt_address, sizeof address);
  if (const int status = read_scope(socket, info.spt_assoc_id, address, at); status != 0)
    return status;
  if (info.spt_pathmaxrxt > 255) return -EINVAL;
  if (info.spt_pathmaxrxt != 0) change_on(socket, at, MR_PATH_MAX_RETRANS, info.spt_pathmaxrxt);
  // From the threshold of the failure itself on, there is no state between.
  change_on(socket, at, MR_POTENTIALLY_FAILED_MAX_RETRANS,
            std::min<std::uint32_t>(info.spt_pathpfthld, 255));
  return 0;
}

}  // namespace

//= rfc6458 8.1.12
int Options::get_path(Socket& socket, void* value, socklen_t& length) {
  sctp_paddrparams info{};
  std::memcpy(&info, value, std::min<std::size_t>(length, sizeof info));
  PathScope at;
  sockaddr_storage address;
  std::memcpy(&address, &info.spp_address, sizeof address);
  if (const int status = read_scope(socket, info.spp_assoc_id, address, at); status != 0)
    return status;
  const ParameterValues& values = seen_on(socket, at);
  const Heartbeats heartbeats = heartbeats_on(socket, at);
  const DelayedSacks sacks = seen(socket, at.scope).sacks;
  info.spp_hbinterval = heartbeats.interval_ms;
  info.spp_pathmaxrxt = static_cast<std::uint16_t>(values[MR_PATH_MAX_RETRANS]);
  info.spp_sackdelay = sacks.delay_ms;
  info.spp_flags = values[MR_PATH_MTU_FIXED] != 0 ? SPP_PMTUD_DISABLE : SPP_PMTUD_ENABLE;
  info.spp_flags |= heartbeats.is_off ? SPP_HB_DISABLE : SPP_HB_ENABLE;
  info.spp_flags |= sacks.is_off ? SPP_SACKDELAY_DISABLE : SPP_SACKDELAY_ENABLE;
  const bool has_label = values[MR_FLOW_LABEL] != MR_FLOW_LABEL_AUTO;
  if (has_label) info.spp_flags |= SPP_IPV6_FLOWLABEL;
  info.spp_ipv6_flowlabel = has_label ? values[MR_FLOW_LABEL] : 0;
  const bool has_dscp = has_own_dscp(socket, at);
  if (has_dscp) info.spp_flags |= SPP_DSCP;
  info.spp_dscp = static_cast<std::uint8_t>(has_dscp ? values[MR_DSCP] << 2 : 0);
  info.spp_pathmtu = mtu_of(socket, at);
  return write_value(info, value, length);
}

int Options::set_path(Socket& socket, const void* value, socklen_t length) {
  sctp_paddrparams info{};
  std::memcpy(&info, value, std::min<std::size_t>(length, sizeof info));
  const bool is_marking = (info.spp_flags & (SPP_IPV6_FLOWLABEL | SPP_DSCP)) != 0;
  if (is_marking && length < sizeof info) return -EINVAL;  // of before these came
  PathScope at;
  sockaddr_storage address;
  std::memcpy(&address, &info.spp_address, sizeof address);
  int status = check(info);
  if (status == 0) status = read_scope(socket, info.spp_assoc_id, address, at);
  if (status == 0 && (info.spp_flags & SPP_HB_DEMAND) != 0 && !at.has_address) status = -EINVAL;
  if (status != 0) return status;
  set_heartbeats(socket, at, info);
  if (info.spp_pathmaxrxt != 0) change_on(socket, at, MR_PATH_MAX_RETRANS, info.spp_pathmaxrxt);
  set_mtu(socket, at, info);
  set_sack_delay(socket, at, info);
  set_marking(socket, at, info);
  return 0;
}

// Of packets of either version of IP. What SPP_DSCP has set stays.
int Options::set_dscp(Socket& socket, std::uint32_t dscp) {
  Scope scope;
  scope.has_socket = true;
  if (!socket.options.has_own_dscp) change(socket, scope, MR_DSCP, dscp);
  for (const auto& entry : socket.associations) {
    Association& association = *entry.second;
    if (association.options.has_own_dscp) continue;
    scope = Scope{};
    scope.association = &association;
    change(socket, scope, MR_DSCP, dscp);
    for (PathOptions& own : association.path_options) {
      set_own(association, own, MR_DSCP, own.has_own_dscp ? own.parameters[MR_DSCP] : dscp);
    }
  }
  return 0;
}

//= rfc7829 7.2
int Options::get_thresholds(Socket& socket, void* value, socklen_t& length) {
  auto info = read_value<sctp_paddrthlds>(value);
  const ParameterValues* values;
  if (const int status = get_limits(socket, info, values); status != 0) return status;
  return write_value(info, value, length);
}

int Options::set_thresholds(Socket& socket, const void* value, socklen_t) {
  PathScope at;
  return set_limits(socket, read_value<sctp_paddrthlds>(value), at);
}

int Options::get_thresholds_v2(Socket& socket, void* value, socklen_t& length) {
  auto info = read_value<sctp_paddrthlds_v2>(value);
  const ParameterValues* values;
  if (const int status = get_limits(socket, info, values); status != 0) return status;
  const std::uint32_t most = (*values)[MR_PRIMARY_SWITCHOVER_MAX_RETRANS];
  info.spt_pathcpthld = most == kNever ? kNeverInLinux : static_cast<std::uint16_t>(most);
  return write_value(info, value, length);
}

int Options::set_thresholds_v2(Socket& socket, const void* value, socklen_t) {
  const auto info = read_value<sctp_paddrthlds_v2>(value);
  if (info.spt_pathpfthld > info.spt_pathcpthld) return -EINVAL;
  PathScope at;
  if (const int status = set_limits(socket, info, at); status != 0) return status;
  change_on(socket, at, MR_PRIMARY_SWITCHOVER_MAX_RETRANS,
            std::min<std::uint32_t>(info.spt_pathcpthld, kNever));
  return 0;
}

// Values as Linux has them: unset is off, but does not keep the state itself secret.
//= rfc7829 7.3
int Options::get_expose(Socket& socket, void* value, socklen_t& length) {
  auto wanted = read_value<sctp_assoc_value>(value);
  Scope scope;
  if (const int status = scope_of(socket, wanted.assoc_id, scope); status != 0) return status;
  wanted.assoc_value = seen(socket, scope).exposes_doubtful;
  return write_value(wanted, value, length);
}

int Options::set_expose(Socket& socket, const void* value, socklen_t) {
  const auto wanted = read_value<sctp_assoc_value>(value);
  if (wanted.assoc_value > SCTP_PF_EXPOSE_ENABLE) return -EINVAL;
  Scope scope;
  if (const int status = scope_of(socket, wanted.assoc_id, scope); status != 0) return status;
  each(socket, scope, [&](AssociationOptions& options) {
    options.exposes_doubtful = static_cast<std::uint8_t>(wanted.assoc_value);
  });
  return 0;
}

}  // namespace millrace::sockets
