// Options about what goes with messages and with the INIT.
#include <algorithm>
#include <cerrno>

#include "api/sockets/options.h"

namespace millrace::sockets {
namespace {

constexpr std::uint32_t kHeadersV4 = 48;  // IPv4, common header, DATA chunk
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
  return write_value(int{socket.reuses_port_ ? 1 : 0}, value, length);
}

int Options::set_reuse_port(Socket& socket, const void* value, socklen_t) {
  if (!socket.is_one_to_one()) return -EOPNOTSUPP;
  if (socket.port_ != 0) return -EFAULT;  // what Linux says to one that is bound
  socket.reuses_port_ = read_value<int>(value) != 0;
  return 0;
}

// The engine cuts messages as the path's MTU has it.
int Options::get_maxseg(Socket& socket, void* value, socklen_t& length) {
  const std::uint32_t point = Process::get().engine().path_mtu - kHeadersV4;
  if (length < sizeof(sctp_assoc_value)) return write_value(point, value, length);
  auto wanted = read_value<sctp_assoc_value>(value);
  Scope scope;
  if (const int status = scope_of(socket, wanted.assoc_id, scope); status != 0) return status;
  wanted.assoc_value = point;
  return write_value(wanted, value, length);
}

int Options::set_maxseg(Socket&, const void* value, socklen_t length) {
  const std::uint32_t wanted = length < sizeof(sctp_assoc_value)
                                   ? read_value<std::uint32_t>(value)
                                   : read_value<sctp_assoc_value>(value).assoc_value;
  return wanted == 0 ? 0 : -EOPNOTSUPP;
}

//= rfc6458 8.1.3
int Options::get_init(Socket& socket, void* value, socklen_t& length) {
  return write_value(socket.init_, value, length);
}

int Options::set_init(Socket& socket, const void* value, socklen_t) {
  const auto wanted = read_value<sctp_initmsg>(value);
  sctp_initmsg& init = socket.init_;
  if (wanted.sinit_num_ostreams != 0) init.sinit_num_ostreams = wanted.sinit_num_ostreams;
  if (wanted.sinit_max_instreams != 0) init.sinit_max_instreams = wanted.sinit_max_instreams;
  if (wanted.sinit_max_init_timeo != 0) init.sinit_max_init_timeo = wanted.sinit_max_init_timeo;
  if (wanted.sinit_max_attempts == 0) return 0;
  init.sinit_max_attempts = wanted.sinit_max_attempts;
  Scope future;
  future.has_socket = true;
  change(socket, future, MR_INIT_MAX_RETRANS,
         std::min<std::uint32_t>(init.sinit_max_attempts, 255));
  return 0;
}

}  // namespace millrace::sockets
