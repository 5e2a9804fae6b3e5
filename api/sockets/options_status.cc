// Options that tell what there is: states, addresses, associations.
#include <algorithm>
#include <cerrno>

#include "api/sockets/options.h"

namespace millrace::sockets {
namespace {

constexpr std::size_t kGetAddressesHead = offsetof(sctp_getaddrs, addrs);

int state_number(const char* name) {
  static constexpr const char* kNames[] = {"EMPTY",
                                           "CLOSED",
                                           "COOKIE-WAIT",
                                           "COOKIE-ECHOED",
                                           "ESTABLISHED",
                                           "SHUTDOWN-PENDING",
                                           "SHUTDOWN-SENT",
                                           "SHUTDOWN-RECEIVED",
                                           "SHUTDOWN-ACK-SENT"};
  for (int i = 0; i < static_cast<int>(std::size(kNames)); ++i) {
    if (std::strcmp(name, kNames[i]) == 0) return i;
  }
  return SCTP_EMPTY;
}

sctp_paddrinfo path_info(const Socket& socket, const Association& association,
                         const mr_path_status& path) {
  sctp_paddrinfo info{};
  info.spinfo_assoc_id = association.id;
  sockaddr_storage address;
  write_endpoint({path.address, association.peer_port}, socket.family(), socket.maps_v4, address);
  std::memcpy(&info.spinfo_address, &address, sizeof address);
  info.spinfo_state = path.is_confirmed == 0            ? int{SCTP_UNCONFIRMED}
                      : path.is_active == 0             ? int{SCTP_INACTIVE}
                      : path.is_potentially_failed != 0 ? int{SCTP_PF}
                                                        : int{SCTP_ACTIVE};
  info.spinfo_cwnd = path.cwnd;
  info.spinfo_srtt = path.srtt_us / 1000;
  info.spinfo_rto = path.rto_us / 1000;
  info.spinfo_mtu = path.mtu;
  return info;
}

int write_addresses(const Socket& socket, const std::vector<mr_address>& addresses,
                    std::uint16_t port, void* value, socklen_t& length) {
  std::size_t at = kGetAddressesHead;
  for (const mr_address& one : addresses) {
    sockaddr_storage address;
    const std::size_t size = write_endpoint({one, port}, socket.family(), socket.maps_v4, address);
    if (at + size > length) return -ENOMEM;
    std::memcpy(static_cast<std::uint8_t*>(value) + at, &address, size);
    at += size;
  }
  const auto count = static_cast<std::uint32_t>(addresses.size());
  std::memcpy(static_cast<std::uint8_t*>(value) + offsetof(sctp_getaddrs, addr_num), &count,
              sizeof count);
  length = static_cast<socklen_t>(at);
  return 0;
}

}  // namespace

/// Asks the engine. The association is looked for again, as it may end meanwhile.
int Options::engine_status(Socket& socket, sctp_assoc_t id, Association*& association,
                           mr_status& status) {
  association = socket.association(id);
  if (association == nullptr) return -EINVAL;
  const int failed = Process::get().ask_status(*association, status);
  association = socket.association(id);
  if (failed != 0) return failed;
  return association == nullptr ? -EINVAL : 0;
}

//= rfc6458 8.2.1
int Options::get_status(Socket& socket, void* value, socklen_t& length) {
  auto info = read_value<sctp_status>(value);
  Association* association = nullptr;
  mr_status status;
  if (const int failed = engine_status(socket, info.sstat_assoc_id, association, status);
      failed != 0)
    return failed;
  info = sctp_status{};
  info.sstat_assoc_id = association->id;
  info.sstat_state = state_number(status.state);
  info.sstat_rwnd = status.peer_rwnd;
  info.sstat_unackdata =
      static_cast<std::uint16_t>(std::min(status.unacked_chunks, std::uint32_t{65535}));
  // What is still to be read here.
  const auto is_pending = [association](const Item& item) {
    return !item.is_notification && item.association.get() == association;
  };
  const auto pending = std::count_if(socket.items.begin(), socket.items.end(), is_pending) +
                       std::count_if(socket.held.begin(), socket.held.end(), is_pending);
  info.sstat_penddata = static_cast<std::uint16_t>(std::min<std::ptrdiff_t>(pending, 65535));
  info.sstat_instrms = status.streams_in;
  info.sstat_outstrms = status.streams_out;
  for (std::uint32_t i = 0; i < status.path_count && i < MR_PATHS_MAX; ++i) {
    if (status.paths[i].is_primary == 0) continue;
    info.sstat_primary = path_info(socket, *association, status.paths[i]);
  }
  info.sstat_fragmentation_point =
      fragmentation_point(status, association->options.parameters[MR_FRAGMENT_MAX]);
  return write_value(info, value, length);
}

//= rfc6458 8.2.2
int Options::get_peer_address(Socket& socket, void* value, socklen_t& length) {
  auto info = read_value<sctp_paddrinfo>(value);
  Endpoint wanted;
  sockaddr_storage address;
  std::memcpy(&address, &info.spinfo_address, sizeof address);
  const auto* from = reinterpret_cast<const sockaddr*>(&address);
  if (const int bad = read_endpoint(from, sizeof address, AF_INET6, wanted); bad != 0) return bad;
  sctp_assoc_t id = info.spinfo_assoc_id;
  if (!socket.is_one_to_one() && id == 0) {
    if (const Association* named = socket.association_to(wanted); named != nullptr) id = named->id;
  }
  Association* association = nullptr;
  mr_status status;
  if (const int failed = engine_status(socket, id, association, status); failed != 0) return failed;
  for (std::uint32_t i = 0; i < status.path_count && i < MR_PATHS_MAX; ++i) {
    if (!(status.paths[i].address == wanted.address)) continue;
    const sctp_paddrinfo found = path_info(socket, *association, status.paths[i]);
    //= rfc7829 7.3
    if (found.spinfo_state == SCTP_PF &&
        association->options.exposes_doubtful == SCTP_PF_EXPOSE_DISABLE)
      return -EACCES;
    return write_value(found, value, length);
  }
  return -EINVAL;
}

//= rfc6458 8.1.9
int Options::get_primary(Socket& socket, void* value, socklen_t& length) {
  auto info = read_value<sctp_prim>(value);
  const Association* association = socket.association(info.ssp_assoc_id);
  if (association == nullptr) return -EINVAL;
  sockaddr_storage address;
  write_endpoint({association->primary, association->peer_port}, socket.family(), socket.maps_v4,
                 address);
  std::memcpy(&info.ssp_addr, &address, sizeof address);
  return write_value(info, value, length);
}

int Options::set_primary(Socket& socket, const void* value, socklen_t) {
  const auto info = read_value<sctp_prim>(value);
  Association* association = socket.association(info.ssp_assoc_id);
  if (association == nullptr) return -EINVAL;
  sockaddr_storage address;
  std::memcpy(&address, &info.ssp_addr, sizeof address);
  Endpoint wanted;
  const auto* from = reinterpret_cast<const sockaddr*>(&address);
  if (const int bad = read_endpoint(from, sizeof address, AF_INET6, wanted); bad != 0) return bad;
  Process& process = Process::get();
  const mr_association handle = association->handle;
  const int status = process.ask(MR_REQUEST_SET_PRIMARY, handle, [&] {
    return mr_set_primary(process.context(), handle, &wanted.address);
  });
  association = socket.association(info.ssp_assoc_id);
  if (status == 0 && association != nullptr)
    socket.on_made_primary(association->shared_from_this(), wanted.address);
  return status == 0 ? 0 : -EINVAL;
}

//= rfc6458 8.2.5
int Options::get_number(Socket& socket, void* value, socklen_t& length) {
  if (socket.is_one_to_one()) return -EOPNOTSUPP;
  return write_value(static_cast<std::uint32_t>(socket.associations.size()), value, length);
}

//= rfc6458 8.2.6
int Options::get_ids(Socket& socket, void* value, socklen_t& length) {
  if (socket.is_one_to_one()) return -EOPNOTSUPP;
  const auto count = static_cast<std::uint32_t>(socket.associations.size());
  const std::size_t size = sizeof count + count * sizeof(sctp_assoc_t);
  if (length < size) return -EINVAL;
  auto* bytes = static_cast<std::uint8_t*>(value);
  std::memcpy(bytes, &count, sizeof count);
  std::size_t at = sizeof count;
  for (const auto& entry : socket.associations) {
    std::memcpy(bytes + at, &entry.first, sizeof(sctp_assoc_t));
    at += sizeof(sctp_assoc_t);
  }
  length = static_cast<socklen_t>(size);
  return 0;
}

// What sctp_getpaddrs() is made of.
int Options::get_peer_addresses(Socket& socket, void* value, socklen_t& length) {
  const sctp_assoc_t id = read_value<sctp_assoc_t>(value);
  Association* association = nullptr;
  mr_status status;
  if (const int failed = engine_status(socket, id, association, status); failed != 0) return failed;
  return write_addresses(socket, association->peers, association->peer_port, value, length);
}

// What sctp_getladdrs() is made of.
int Options::get_local_addresses(Socket& socket, void* value, socklen_t& length) {
  const sctp_assoc_t id = read_value<sctp_assoc_t>(value);
  const Association* association = id != 0 ? socket.association(id) : nullptr;
  if (id != 0 && association == nullptr) return -EINVAL;
  return write_addresses(socket, socket.local_addresses(association), socket.name().port, value,
                         length);
}

// The engine's addresses stay as they are while it runs: there never is a change to announce.
int Options::get_auto_asconf(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.follows_addresses_ ? 1 : 0}, value, length);
}

int Options::set_auto_asconf(Socket& socket, const void* value, socklen_t) {
  const bool wanted = read_value<int>(value) != 0;
  if (wanted && !socket.locals_.empty()) return -EINVAL;  // only a wildcard follows them
  socket.follows_addresses_ = wanted;
  return 0;
}

int Options::add_bindings(Socket& socket, const void* value, socklen_t length) {
  std::vector<Endpoint> endpoints;
  const int status = read_endpoints(value, length, socket.family_, endpoints);
  return status != 0 ? status : socket.bind_also(endpoints);
}

int Options::remove_bindings(Socket& socket, const void* value, socklen_t length) {
  std::vector<Endpoint> endpoints;
  const int status = read_endpoints(value, length, socket.family_, endpoints);
  return status != 0 ? status : socket.unbind(endpoints);
}

}  // namespace millrace::sockets
