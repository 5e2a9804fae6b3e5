// Socket options: one table from level and number to what gets and sets it.
#pragma once

#include <functional>

#include "api/sockets/process.h"
#include "api/sockets/socket.h"

namespace millrace::sockets {

/// Reads a value's layout; the value is long enough.
template <class Layout>
Layout read_value(const void* value) {
  Layout layout{};
  std::memcpy(&layout, value, sizeof layout);
  return layout;
}
/// Writes a value's layout, cut to what there is room for.
template <class Layout>
int write_value(const Layout& layout, void* value, socklen_t& length) {
  length = std::min<socklen_t>(length, sizeof layout);
  std::memcpy(value, &layout, length);
  return 0;
}

/// What an association id in an option's value means.
struct Scope {
  Association* association = nullptr;  // one of them
  bool has_socket = false;             // the socket: for associations to come
  bool has_all = false;                // all that there are
};

/// The options' functions; they may look into a Socket. A setter is given a value that is at least
/// as long as the table says; a getter may write `length` bytes and says how many it wrote.
struct Options {
  struct Entry {
    int name;
    socklen_t least;  // bytes of the value
    int (*get)(Socket&, void*, socklen_t&);
    int (*set)(Socket&, const void*, socklen_t);
    bool tells_engine = false;  // set() makes requests
  };

  static const Entry* find(int level, int name);
  static int set_stored(Socket& socket, int level, int name, const void* value, socklen_t length);
  static int get_stored(Socket& socket, int level, int name, void* value, socklen_t& length);

  static int scope_of(Socket& socket, sctp_assoc_t id, Scope& scope);
  static void change(Socket& socket, const Scope& scope, int parameter, std::uint32_t value);
  template <class Visit>
  static void each(Socket& socket, const Scope& scope, Visit&& visit) {
    if (scope.has_socket) visit(socket.options);
    if (scope.association != nullptr) visit(scope.association->options);
    if (!scope.has_all) return;
    for (const auto& entry : socket.associations) visit(entry.second->options);
  }
  /// The same one by one: `visit(options, scope)` with the scope of each alone.
  template <class Visit>
  static void one_by_one(Socket& socket, const Scope& scope, Visit&& visit) {
    if (scope.has_socket) visit(socket.options, Scope{nullptr, true, false});
    if (scope.association != nullptr)
      visit(scope.association->options, Scope{scope.association, false, false});
    if (!scope.has_all) return;
    for (const auto& entry : socket.associations)
      visit(entry.second->options, Scope{entry.second.get(), false, false});
  }
  /// The values that a getter answers with.
  static const AssociationOptions& seen(const Socket& socket, const Scope& scope) {
    return scope.association != nullptr ? scope.association->options : socket.options;
  }
  static void change_sacks(Socket& socket, const Scope& scope,
                           const std::function<void(DelayedSacks&)>& change_one);
  static void tell_who_is_dry(Socket& socket, const Scope& scope);
  static int engine_status(Socket& socket, sctp_assoc_t id, Association*& association,
                           mr_status& status);

  // options_socket.cc: SOL_SOCKET
  static int get_type(Socket&, void*, socklen_t&);
  static int get_protocol(Socket&, void*, socklen_t&);
  static int get_domain(Socket&, void*, socklen_t&);
  static int get_accepts(Socket&, void*, socklen_t&);
  static int get_error(Socket&, void*, socklen_t&);
  static int get_send_buffer(Socket&, void*, socklen_t&);
  static int set_send_buffer(Socket&, const void*, socklen_t);
  static int get_receive_buffer(Socket&, void*, socklen_t&);
  static int set_receive_buffer(Socket&, const void*, socklen_t);
  static int get_linger(Socket&, void*, socklen_t&);
  static int set_linger(Socket&, const void*, socklen_t);
  static int get_receive_timeout(Socket&, void*, socklen_t&);
  static int set_receive_timeout(Socket&, const void*, socklen_t);
  static int get_send_timeout(Socket&, void*, socklen_t&);
  static int set_send_timeout(Socket&, const void*, socklen_t);
  static int get_reuse_address(Socket&, void*, socklen_t&);
  static int set_reuse_address(Socket&, const void*, socklen_t);
  template <int kName>
  static int get_stamps(Socket& socket, void* value, socklen_t& length) {
    return write_value(int{socket.stamps == kName ? 1 : 0}, value, length);
  }
  template <int kName>
  static int set_stamps(Socket& socket, const void* value, socklen_t) {
    socket.stamps = read_value<int>(value) != 0 ? kName : 0;
    return 0;
  }

  // options_ip.cc: IPPROTO_IP and IPPROTO_IPV6
  static int get_tos(Socket&, void*, socklen_t&);
  static int set_tos(Socket&, const void*, socklen_t);
  static int get_tclass(Socket&, void*, socklen_t&);
  static int set_tclass(Socket&, const void*, socklen_t);
  static int get_hops(Socket&, void*, socklen_t&);
  static int set_hops(Socket&, const void*, socklen_t);

  // options_events.cc: what is received, and how
  static int get_events(Socket&, void*, socklen_t&);
  static int set_events(Socket&, const void*, socklen_t);
  static int get_event(Socket&, void*, socklen_t&);
  static int set_event(Socket&, const void*, socklen_t);
  static int get_rcvinfo(Socket&, void*, socklen_t&);
  static int set_rcvinfo(Socket&, const void*, socklen_t);
  static int get_nxtinfo(Socket&, void*, socklen_t&);
  static int set_nxtinfo(Socket&, const void*, socklen_t);
  static int get_mapped(Socket&, void*, socklen_t&);
  static int set_mapped(Socket&, const void*, socklen_t);
  static int get_interleave(Socket&, void*, socklen_t&);
  static int set_interleave(Socket&, const void*, socklen_t);
  static int get_partial_delivery(Socket&, void*, socklen_t&);
  static int set_partial_delivery(Socket&, const void*, socklen_t);
  static int get_extended(Socket&, void*, socklen_t&);
  static int set_extended(Socket&, const void*, socklen_t);
  static int get_context(Socket&, void*, socklen_t&);
  static int set_context(Socket&, const void*, socklen_t);
  static int get_autoclose(Socket&, void*, socklen_t&);
  static int set_autoclose(Socket&, const void*, socklen_t);

  // options_send.cc: what goes with a message
  static int get_default_send(Socket&, void*, socklen_t&);
  static int set_default_send(Socket&, const void*, socklen_t);
  static int get_default_sndinfo(Socket&, void*, socklen_t&);
  static int set_default_sndinfo(Socket&, const void*, socklen_t);
  static int get_explicit_eor(Socket&, void*, socklen_t&);
  static int set_explicit_eor(Socket&, const void*, socklen_t);
  static int get_no_delay(Socket&, void*, socklen_t&);
  static int set_no_delay(Socket&, const void*, socklen_t);
  static int get_no_fragments(Socket&, void*, socklen_t&);
  static int set_no_fragments(Socket&, const void*, socklen_t);
  static int get_reuse_port(Socket&, void*, socklen_t&);
  static int set_reuse_port(Socket&, const void*, socklen_t);
  static int get_maxseg(Socket&, void*, socklen_t&);
  static int set_maxseg(Socket&, const void*, socklen_t);
  static int get_init(Socket&, void*, socklen_t&);
  static int set_init(Socket&, const void*, socklen_t);

  // options_protocol.cc: RFC 9260 section 16
  static int get_rto(Socket&, void*, socklen_t&);
  static int set_rto(Socket&, const void*, socklen_t);
  static int get_association(Socket&, void*, socklen_t&);
  static int set_association(Socket&, const void*, socklen_t);
  static int set_dscp(Socket&, std::uint32_t dscp);
  static int get_path(Socket&, void*, socklen_t&);
  static int set_path(Socket&, const void*, socklen_t);
  static int get_thresholds(Socket&, void*, socklen_t&);
  static int set_thresholds(Socket&, const void*, socklen_t);
  static int get_thresholds_v2(Socket&, void*, socklen_t&);
  static int set_thresholds_v2(Socket&, const void*, socklen_t);
  static int get_expose(Socket&, void*, socklen_t&);
  static int set_expose(Socket&, const void*, socklen_t);
  static int get_adaptation(Socket&, void*, socklen_t&);
  static int set_adaptation(Socket&, const void*, socklen_t);
  static int get_sack(Socket&, void*, socklen_t&);
  static int set_sack(Socket&, const void*, socklen_t);
  static int get_max_burst(Socket&, void*, socklen_t&);
  static int set_max_burst(Socket&, const void*, socklen_t);

  // options_status.cc: what there is
  static int get_status(Socket&, void*, socklen_t&);
  static int get_peer_address(Socket&, void*, socklen_t&);
  static int get_primary(Socket&, void*, socklen_t&);
  static int set_primary(Socket&, const void*, socklen_t);
  static int get_number(Socket&, void*, socklen_t&);
  static int get_ids(Socket&, void*, socklen_t&);
  static int get_peer_addresses(Socket&, void*, socklen_t&);
  static int get_local_addresses(Socket&, void*, socklen_t&);
  static int get_auto_asconf(Socket&, void*, socklen_t&);
  static int set_auto_asconf(Socket&, const void*, socklen_t);
  static int add_bindings(Socket&, const void*, socklen_t);
  static int remove_bindings(Socket&, const void*, socklen_t);
};

}  // namespace millrace::sockets
