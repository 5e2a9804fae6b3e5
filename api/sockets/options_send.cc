// Options about what goes with messages and with the INIT.
#include <algorithm>
#include <cerrno>

#include "api/sockets/options.h"

namespace millrace::sockets {
namespace {

constexpr std::uint32_t kHeadersV4 = 48;                   // IPv4, common header, DATA chunk
constexpr std::uint32_t kSegmentLeast = 512 - kHeadersV4;  // as Linux has it
constexpr std::uint32_t kSegmentMost = 65532 - 16;         // what a chunk can be
constexpr int kSendFlags = SCTP_UNORDERED | SCTP_ADDR_OVER | SCTP_ABORT | SCTP_EOF |
                           SCTP_SACK_IMMEDIATELY | SCTP_PR_SCTP_MASK;

}  // namespace

//= rfc6458 8.1.13
int Options::get_default_send(Socket& socket, void* value, socklen_t& length) {
  auto info = read_value<sctp_sndrcvinfo>(value);
  Scope scope;
  if (const int status = scope_of(socket, info.sinfo_assoc_id, scope); status != 0) return status;
  const SendDefaults& values = seen(socket, scope).defaults;
  info.sinfo_stream = values.stream;
  info.sinfo_flags = values.flags;
  info.sinfo_ppid = values.ppid;
  info.sinfo_context = values.context;
  info.sinfo_timetolive = values.time_to_live;
  return write_value(info, value, length);
}

int Options::set_default_send(Socket& socket, const void* value, socklen_t) {
  const auto info = read_value<sctp_sndrcvinfo>(value);
  if ((info.sinfo_flags & ~kSendFlags) != 0) return -EINVAL;
  Scope scope;
  if (const int status = scope_of(socket, info.sinfo_assoc_id, scope); status != 0) return status;
  each(socket, scope, [&](AssociationOptions& options) {
    options.defaults = {info.sinfo_stream, info.sinfo_flags, info.sinfo_ppid, info.sinfo_context,
                        info.sinfo_timetolive};
  });
  return 0;
}

//= rfc6458 8.1.31
int Options::get_default_sndinfo(Socket& socket, void* value, socklen_t& length) {
  auto info = read_value<sctp_sndinfo>(value);
  Scope scope;
  if (const int status = scope_of(socket, info.snd_assoc_id, scope); status != 0) return status;
  const SendDefaults& values = seen(socket, scope).defaults;
  info.snd_sid = values.stream;
  info.snd_flags = values.flags;
  info.snd_ppid = values.ppid;
  info.snd_context = values.context;
  return write_value(info, value, length);
}

int Options::set_default_sndinfo(Socket& socket, const void* value, socklen_t) {
  const auto info = read_value<sctp_sndinfo>(value);
  if ((info.snd_flags & ~kSendFlags) != 0) return -EINVAL;
  Scope scope;
  if (const int status = scope_of(socket, info.snd_assoc_id, scope); status != 0) return status;
  each(socket, scope, [&](AssociationOptions& options) {
    options.defaults.stream = info.snd_sid;
    options.defaults.flags = info.snd_flags;
    options.defaults.ppid = info.snd_ppid;
    options.defaults.context = info.snd_context;
  });
  return 0;
}

// Nothing is ever held back to fill packets, whatever is set here.
int Options::get_no_delay(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.no_delay_ ? 1 : 0}, value, length);
}

int Options::set_no_delay(Socket& socket, const void* value, socklen_t) {
  socket.no_delay_ = read_value<int>(value) != 0;
  return 0;
}

int Options::get_no_fragments(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.disables_fragments_ ? 1 : 0}, value, length);
}

int Options::set_no_fragments(Socket& socket, const void* value, socklen_t) {
  socket.disables_fragments_ = read_value<int>(value) != 0;
  return 0;
}

int Options::get_reuse_port(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.has_sctp_reuse_port_ ? 1 : 0}, value, length);
}

int Options::set_reuse_port(Socket& socket, const void* value, socklen_t) {
  if (!socket.is_one_to_one()) return -EOPNOTSUPP;
  if (socket.port_ != 0) return -EFAULT;  // what Linux says to one that is bound
  socket.has_sctp_reuse_port_ = read_value<int>(value) != 0;
  return 0;
}

// Of user data in one chunk. 0 is what a path of the engine's interface carries.
//= rfc6458 8.1.16
int Options::get_maxseg(Socket& socket, void* value, socklen_t& length) {
  const bool is_number = length < sizeof(sctp_assoc_value);
  sctp_assoc_value wanted{};
  if (!is_number) wanted = read_value<sctp_assoc_value>(value);
  Scope scope;
  if (const int status = scope_of(socket, wanted.assoc_id, scope); status != 0) return status;
  wanted.assoc_value = seen(socket, scope).parameters[MR_FRAGMENT_MAX];
  // A plain number is asked for by those that want to know how large a message may be.
  if (!is_number) return write_value(wanted, value, length);
  const std::uint32_t most = Process::get().engine().path_mtu - kHeadersV4;
  return write_value(wanted.assoc_value != 0 ? wanted.assoc_value : most, value, length);
}

int Options::set_maxseg(Socket& socket, const void* value, socklen_t length) {
  sctp_assoc_value wanted{};
  if (length < sizeof wanted) {
    wanted.assoc_value = read_value<std::uint32_t>(value);
  } else {
    wanted = read_value<sctp_assoc_value>(value);
  }
  if (wanted.assoc_value != 0 &&
      (wanted.assoc_value < kSegmentLeast || wanted.assoc_value > kSegmentMost))
    return -EINVAL;
  Scope scope;
  if (const int status = scope_of(socket, wanted.assoc_id, scope); status != 0) return status;
  change(socket, scope, MR_FRAGMENT_MAX, wanted.assoc_value);
  return 0;
}

//= rfc6458 8.1.26
int Options::get_explicit_eor(Socket& socket, void* value, socklen_t& length) {
  return write_value(int{socket.ends_records_ ? 1 : 0}, value, length);
}

int Options::set_explicit_eor(Socket& socket, const void* value, socklen_t) {
  socket.ends_records_ = read_value<int>(value) != 0;
  return 0;
}

//= rfc6458 8.1.3
int Options::get_init(Socket& socket, void* value, socklen_t& length) {
  return write_value(socket.init_, value, length);
}

int Options::set_init(Socket& socket, const void* value, socklen_t) {
  const auto wanted = read_value<sctp_initmsg>(value);
  sctp_initmsg& init = socket.init_;
  const sctp_initmsg before = init;
  if (wanted.sinit_num_ostreams != 0) init.sinit_num_ostreams = wanted.sinit_num_ostreams;
  if (wanted.sinit_max_instreams != 0) init.sinit_max_instreams = wanted.sinit_max_instreams;
  // A listener says them in its INIT ACKs, and these are the engine's.
  if (init.sinit_num_ostreams != before.sinit_num_ostreams ||
      init.sinit_max_instreams != before.sinit_max_instreams) {
    if (const int status = socket.listen_anew([&] { init = before; }); status != 0) return status;
  }
  Scope future;
  future.has_socket = true;
  if (wanted.sinit_max_init_timeo != 0) {
    init.sinit_max_init_timeo = wanted.sinit_max_init_timeo;
    change(socket, future, MR_INIT_RTO_MAX_MS, init.sinit_max_init_timeo);
  }
  if (wanted.sinit_max_attempts == 0) return 0;
  init.sinit_max_attempts = wanted.sinit_max_attempts;
  change(socket, future, MR_INIT_MAX_RETRANS, attempts_of(init));
  return 0;
}

}  // namespace millrace::sockets
