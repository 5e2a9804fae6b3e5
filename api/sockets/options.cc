#include "api/sockets/options.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace millrace::sockets {
namespace {

using O = Options;
constexpr socklen_t kInt = sizeof(int);
constexpr socklen_t kValue = sizeof(sctp_assoc_value);
constexpr std::size_t kRequestsMost = 16;      // about an association, for an option
constexpr socklen_t kOldPathParameters = 152;  // before the flow label and the DSCP came

// SCTP_PEER_ADDR_PARAMS makes most: heartbeats of all and of each path, one on demand, two about
// the MTU, two about SACKs, DSCP and flow label.
static_assert((1 + MR_PATHS_MAX) + 1 + 2 + 2 + 1 + 1 <= kRequestsMost);

constexpr Options::Entry kSocketOptions[] = {
    {SO_TYPE, kInt, O::get_type, nullptr},
    {SO_PROTOCOL, kInt, O::get_protocol, nullptr},
    {SO_DOMAIN, kInt, O::get_domain, nullptr},
    {SO_ACCEPTCONN, kInt, O::get_accepts, nullptr},
    {SO_ERROR, kInt, O::get_error, nullptr},
    {SO_SNDBUF, kInt, O::get_send_buffer, O::set_send_buffer},
    {SO_RCVBUF, kInt, O::get_receive_buffer, O::set_receive_buffer},
    {SO_LINGER, sizeof(linger), O::get_linger, O::set_linger},
    {SO_RCVTIMEO, sizeof(timeval), O::get_receive_timeout, O::set_receive_timeout},
    {SO_SNDTIMEO, sizeof(timeval), O::get_send_timeout, O::set_send_timeout},
    {SO_REUSEADDR, kInt, O::get_reuse_address, O::set_reuse_address},
    {SO_TIMESTAMP, kInt, O::get_stamps<SO_TIMESTAMP>, O::set_stamps<SO_TIMESTAMP>},
    {SO_TIMESTAMPNS, kInt, O::get_stamps<SO_TIMESTAMPNS>, O::set_stamps<SO_TIMESTAMPNS>},
};

constexpr Options::Entry kSctpOptions[] = {
    {SCTP_RTOINFO, sizeof(sctp_rtoinfo), O::get_rto, O::set_rto, true},
    {SCTP_ASSOCINFO, sizeof(sctp_assocparams), O::get_association, O::set_association, true},
    {SCTP_INITMSG, sizeof(sctp_initmsg), O::get_init, O::set_init, true},
    {SCTP_NODELAY, kInt, O::get_no_delay, O::set_no_delay},
    {SCTP_AUTOCLOSE, kInt, O::get_autoclose, O::set_autoclose},
    {SCTP_PRIMARY_ADDR, sizeof(sctp_prim), O::get_primary, O::set_primary, true},
    {SCTP_ADAPTATION_LAYER, sizeof(sctp_setadaptation), O::get_adaptation, O::set_adaptation, true},
    {SCTP_DISABLE_FRAGMENTS, kInt, O::get_no_fragments, O::set_no_fragments},
    {SCTP_PEER_ADDR_PARAMS, kOldPathParameters, O::get_path, O::set_path, true},
    {SCTP_DEFAULT_SEND_PARAM, sizeof(sctp_sndrcvinfo), O::get_default_send, O::set_default_send},
    {SCTP_EVENTS, 1, O::get_events, O::set_events, true},
    {SCTP_I_WANT_MAPPED_V4_ADDR, kInt, O::get_mapped, O::set_mapped},
    {SCTP_MAXSEG, kInt, O::get_maxseg, O::set_maxseg, true},
    {SCTP_STATUS, sizeof(sctp_status), O::get_status, nullptr},
    {SCTP_GET_PEER_ADDR_INFO, sizeof(sctp_paddrinfo), O::get_peer_address, nullptr},
    {SCTP_DELAYED_SACK, kValue, O::get_sack, O::set_sack, true},
    {SCTP_CONTEXT, kValue, O::get_context, O::set_context},
    {SCTP_FRAGMENT_INTERLEAVE, kInt, O::get_interleave, O::set_interleave},
    {SCTP_PARTIAL_DELIVERY_POINT, kInt, O::get_partial_delivery, O::set_partial_delivery, true},
    {SCTP_MAX_BURST, kInt, O::get_max_burst, O::set_max_burst, true},
    {SCTP_GET_ASSOC_NUMBER, kInt, O::get_number, nullptr},
    {SCTP_GET_ASSOC_ID_LIST, kInt, O::get_ids, nullptr},
    {SCTP_AUTO_ASCONF, kInt, O::get_auto_asconf, O::set_auto_asconf},
    {SCTP_PEER_ADDR_THLDS, sizeof(sctp_paddrthlds), O::get_thresholds, O::set_thresholds, true},
    {SCTP_PEER_ADDR_THLDS_V2, sizeof(sctp_paddrthlds_v2), O::get_thresholds_v2,
     O::set_thresholds_v2, true},
    {SCTP_RECVRCVINFO, kInt, O::get_rcvinfo, O::set_rcvinfo},
    {SCTP_RECVNXTINFO, kInt, O::get_nxtinfo, O::set_nxtinfo},
    {SCTP_DEFAULT_SNDINFO, sizeof(sctp_sndinfo), O::get_default_sndinfo, O::set_default_sndinfo},
    {SCTP_REUSE_PORT, kInt, O::get_reuse_port, O::set_reuse_port},
    {SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, kValue, O::get_expose, O::set_expose},
    {SCTP_EXPLICIT_EOR, kInt, O::get_explicit_eor, O::set_explicit_eor},
    {SCTP_USE_EXT_RCVINFO, kInt, O::get_extended, O::set_extended},
    {SCTP_EVENT, sizeof(sctp_event), O::get_event, O::set_event, true},
    {SCTP_SOCKOPT_BINDX_ADD, sizeof(sockaddr_in), nullptr, O::add_bindings, true},
    {SCTP_SOCKOPT_BINDX_REM, sizeof(sockaddr_in), nullptr, O::remove_bindings, true},
    {SCTP_GET_PEER_ADDRS, sizeof(sctp_getaddrs), O::get_peer_addresses, nullptr},
    {SCTP_GET_LOCAL_ADDRS, sizeof(sctp_getaddrs), O::get_local_addresses, nullptr},
};

constexpr Options::Entry kIpOptions[] = {{IP_TOS, 1, O::get_tos, O::set_tos, true},
                                         {IP_TTL, 1, O::get_hops, O::set_hops, true}};
constexpr Options::Entry kIpv6Options[] = {
    {IPV6_TCLASS, kInt, O::get_tclass, O::set_tclass, true},
    {IPV6_UNICAST_HOPS, kInt, O::get_hops, O::set_hops, true}};

// Kept and given back: they say nothing about SCTP, or about what the engine's host decides; but
// for two, at which Socket::is_on() looks.
constexpr int kStoredSocketOptions[] = {SO_KEEPALIVE, SO_BROADCAST, SO_PRIORITY,
                                        SO_DONTROUTE, SO_OOBINLINE, SO_REUSEPORT,
                                        SO_MARK,      SO_RCVLOWAT,  SO_DEBUG};
constexpr int kStoredIpOptions[] = {IP_MTU_DISCOVER, IP_FREEBIND, IP_RECVERR};
constexpr int kStoredIpv6Options[] = {IPV6_V6ONLY, IPV6_MTU_DISCOVER, IPV6_RECVERR};

/// What the kernel says of those that nobody has set.
int stored_default(int level, int name) {
  if (level == SOL_SOCKET) return name == SO_RCVLOWAT ? 1 : 0;
  if (level == IPPROTO_IP && name == IP_MTU_DISCOVER) return IP_PMTUDISC_WANT;
  return level == IPPROTO_IPV6 && name == IPV6_MTU_DISCOVER ? IPV6_PMTUDISC_WANT : 0;
}

bool is_stored(int level, int name) {
  const auto holds = [name](const auto& list) {
    return std::find(std::begin(list), std::end(list), name) != std::end(list);
  };
  return (level == SOL_SOCKET && holds(kStoredSocketOptions)) ||
         (level == IPPROTO_IP && holds(kStoredIpOptions)) ||
         (level == IPPROTO_IPV6 && holds(kStoredIpv6Options));
}

}  // namespace

const Options::Entry* Options::find(int level, int name) {
  const auto search = [name](const auto& table) -> const Entry* {
    for (const Entry& entry : table) {
      if (entry.name == name) return &entry;
    }
    return nullptr;
  };
  if (level == SOL_SOCKET) return search(kSocketOptions);
  if (level == IPPROTO_IP) return search(kIpOptions);
  if (level == IPPROTO_IPV6) return search(kIpv6Options);
  return level == IPPROTO_SCTP ? search(kSctpOptions) : nullptr;
}

int Socket::set_option(int level, int name, const void* value, socklen_t length) {
  if (level == SOL_SOCKET && name == SO_RCVBUFFORCE) name = SO_RCVBUF;
  if (level == SOL_SOCKET && name == SO_SNDBUFFORCE) name = SO_SNDBUF;
  if (level == IPPROTO_IPV6 && family_ == AF_INET) return -ENOPROTOOPT;
  const Options::Entry* entry = Options::find(level, name);
  if (entry == nullptr) return Options::set_stored(*this, level, name, value, length);
  if (entry->set == nullptr) return -ENOPROTOOPT;
  if (length < entry->least) return -EINVAL;
  if (value == nullptr) return -EFAULT;
  if (!entry->tells_engine) return entry->set(*this, value, length);
  // What is told to the engine is told to it all, or is not set.
  const auto requests = [this] { return kRequestsMost * (associations.size() + 1); };
  const int status = Process::get().make_room(requests);
  return status != 0 ? status : entry->set(*this, value, length);
}

int Socket::get_option(int level, int name, void* value, socklen_t& length) {
  if (level == IPPROTO_IPV6 && family_ == AF_INET) return -EOPNOTSUPP;
  const Options::Entry* entry = Options::find(level, name);
  if (entry == nullptr) return Options::get_stored(*this, level, name, value, length);
  if (entry->get == nullptr) return -ENOPROTOOPT;
  if (value == nullptr) return -EFAULT;
  // Plain numbers of the socket layer may be cut, structures may not.
  if (level != SOL_SOCKET && length < entry->least) return -EINVAL;
  return entry->get(*this, value, length);
}

int Options::set_stored(Socket& socket, int level, int name, const void* value, socklen_t length) {
  if (!is_stored(level, name)) return -ENOPROTOOPT;
  if (value == nullptr) return -EFAULT;
  if (length < sizeof(int)) return -EINVAL;
  const int number = read_value<int>(value);
  for (Socket::StoredOption& stored : socket.stored_) {
    if (stored.level != level || stored.name != name) continue;
    stored.value = number;
    return 0;
  }
  socket.stored_.push_back({level, name, number});
  return 0;
}

int Options::get_stored(Socket& socket, int level, int name, void* value, socklen_t& length) {
  if (!is_stored(level, name)) return -ENOPROTOOPT;
  if (value == nullptr) return -EFAULT;
  int number = stored_default(level, name);
  for (const Socket::StoredOption& stored : socket.stored_) {
    if (stored.level == level && stored.name == name) number = stored.value;
  }
  return write_value(number, value, length);
}

//= rfc6458 7
int Options::scope_of(Socket& socket, sctp_assoc_t id, Scope& scope) {
  scope = Scope{};
  scope.association = socket.association(id);
  if (socket.is_one_to_one()) {
    scope.has_socket = scope.association == nullptr;
    return 0;
  }
  if (scope.association != nullptr) return 0;
  if (id < SCTP_FUTURE_ASSOC || id > SCTP_ALL_ASSOC) return -EINVAL;
  scope.has_socket = id != SCTP_CURRENT_ASSOC;
  scope.has_all = id != SCTP_FUTURE_ASSOC;
  return 0;
}

void Options::change(Socket& socket, const Scope& scope, int parameter, std::uint32_t value) {
  const auto bit = std::uint32_t{1} << parameter;
  if (scope.has_socket) socket.changed_parameters_ |= bit;
  each(socket, scope, [&](AssociationOptions& options) { options.parameters[parameter] = value; });
  Process& process = Process::get();
  if (scope.association != nullptr)
    process.tell_parameter(scope.association->handle, parameter, value);
  if (!scope.has_all) return;
  for (const auto& entry : socket.associations)
    process.tell_parameter(entry.second->handle, parameter, value);
}

}  // namespace millrace::sockets
