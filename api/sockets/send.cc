// Sending, and ends.
#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>

#include "api/context.h"
#include "api/sockets/process.h"
#include "api/sockets/socket.h"

namespace millrace::sockets {
namespace {

constexpr std::uint32_t kHeadersV4 = 48;  // IP, common header, DATA chunk
constexpr std::uint32_t kHeadersV6 = 68;
constexpr std::uint32_t kFitsAll = 512 - kHeadersV6;  // of the smallest MTU that a path may have
constexpr std::size_t kReasonMax = 1024;
// Paths change seldom; on one that has just become smaller a message may be fragmented until then.
constexpr std::int64_t kAskAgain_us = 100'000;

}  // namespace

std::uint32_t fragmentation_point(const mr_status& status, std::uint32_t fragment_max) {
  std::uint32_t least = UINT32_MAX;
  for (std::uint32_t i = 0; i < status.path_count && i < MR_PATHS_MAX; ++i) {
    const mr_path_status& path = status.paths[i];
    // Chunks end at a multiple of four bytes.
    least = std::min(least, (path.mtu - (is_v4(path.address) ? kHeadersV4 : kHeadersV6)) & ~3u);
  }
  if (least == UINT32_MAX) return 0;
  return fragment_max != 0 ? std::min(least, fragment_max) : least;
}

ssize_t Socket::send(const std::string& message, const SendInfo& info, const Endpoint* to) {
  const int ends = info.values.flags & (SCTP_EOF | SCTP_ABORT);
  if ((ends & SCTP_EOF) != 0 && !message.empty()) return -EINVAL;
  if (ends == 0 && message.empty()) return -EINVAL;
  if (is_one_to_one() && ends != 0) return -EINVAL;
  if ((info.values.flags & SCTP_ADDR_OVER) != 0 && to == nullptr) return -EINVAL;
  if (is_one_to_one() && is_listening_) return -EPIPE;
  if (shut_write_) return -EPIPE;
  if ((info.values.flags & SCTP_SENDALL) != 0 && !is_one_to_one())
    return send_to_all(message, info);
  Association* through = to != nullptr ? association_soon_to(*to) : association(info.id);
  if (through == nullptr && to != nullptr && is_one_to_one() && !associations.empty())
    return -EADDRNOTAVAIL;
  if (through == nullptr && info.id > SCTP_ALL_ASSOC && !is_one_to_one())
    through = association(info.id);
  if (through == nullptr) {
    if (to == nullptr || was_connected_) {
      return why_not_sent(info);
    }
    if (ends != 0) return -EINVAL;
    std::shared_ptr<Association> started;
    std::vector<Endpoint> peers{*to};
    for (const mr_address& address : info.more_addresses) peers.push_back({address, to->port});
    const int status = start(peers, info.has_init ? &info.init : nullptr, started);
    // A refusal that comes at once is told where a later one would be.
    const bool is_over = status == 0 && started->state == Association::State::ended;
    if (status == -ECONNREFUSED || is_over) return static_cast<ssize_t>(message.size());
    if (status != 0) return status;
    through = started.get();
  }
  return send(*through, message, info, to);
}

ssize_t Socket::send(Association& association, const std::string& message, const SendInfo& info,
                     const Endpoint* to) {
  if ((info.values.flags & (SCTP_EOF | SCTP_ABORT)) != 0) {
    end(association, message, (info.values.flags & SCTP_ABORT) != 0);
    return 0;  // as Linux does: nothing of it is data
  }
  const int status = check_fits(association, message.size(), info);
  return status != 0 ? status : hand_over(association, message, info, to);
}

ssize_t Socket::hand_over(Association& association, const std::string& message,
                          const SendInfo& info, const Endpoint* to) {
  return ends_records_ ? add_to_record(association, message, info, to)
                       : send_data(association, message, info, to);
}

/// Why nothing can be sent: the socket's error, which is told once, or that there is no peer.
int Socket::why_not_sent(const SendInfo& info) {
  const int error = info.leaves_error ? error_ : take_error();
  return error != 0 ? -error : -EPIPE;
}

/// SCTP_EOF and SCTP_ABORT.
void Socket::end(Association& association, const std::string& reason, bool at_once) {
  Process& process = Process::get();
  if (association.is_aborted || (association.is_shut_down && !at_once)) return;
  association.is_shut_down = true;
  association.is_aborted = at_once;
  const std::size_t length = std::min(reason.size(), kReasonMax);
  // Without memory for the reason: better none than no end.
  if (at_once && mr_abort(process.context(), association.handle, reason.data(), length) != -EAGAIN)
    return;
  process.end_association(association, at_once);
}

/// Whether a message goes in one chunk, if it has to: 0 or -EMSGSIZE, or that the association has
/// ended meanwhile. What the paths carry the engine knows: it is asked again once in a while, and
/// waited for where nothing is known, or too little.
//= rfc6458 8.1.11
int Socket::check_fits(Association& association, std::size_t length, const SendInfo& info) {
  if (!disables_fragments_ || (ends_records_ && !info.ends_record)) return 0;
  if (ends_records_) length += association.unfinished.size();
  const std::uint32_t fragment_max = association.options.parameters[MR_FRAGMENT_MAX];
  if (fragment_max != 0 && length > fragment_max) return -EMSGSIZE;
  if (length <= kFitsAll || association.is_shut_down) return 0;
  Process& process = Process::get();
  if (length <= association.chunk_fits) {
    const std::int64_t now = monotonic_us();
    if (now >= association.chunk_fits_until_us && process.request_status(association) == 0)
      association.chunk_fits_until_us = now + kAskAgain_us;
    return 0;
  }
  const auto keeper = association.shared_from_this();
  mr_status status;
  const int failed = process.ask_status(association, status);
  if (failed == -EINVAL) return why_not_sent(info);
  if (failed != 0) return failed;
  association.chunk_fits_until_us = monotonic_us() + kAskAgain_us;
  return length > association.chunk_fits ? -EMSGSIZE : 0;
}

// A message that the application gives in pieces waits until it is whole: what goes with it is said
// with the last of them.
//= rfc6458 8.1.26
ssize_t Socket::add_to_record(Association& association, const std::string& piece,
                              const SendInfo& info, const Endpoint* to) {
  std::string& record = association.unfinished;
  const auto size = static_cast<ssize_t>(piece.size());
  if (record.size() + piece.size() > MR_MESSAGE_BYTES_MAX) return -EMSGSIZE;
  if (!info.ends_record) {
    record += piece;
    return size;
  }
  const ssize_t status = send_data(association, record + piece, info, to);
  if (status < 0) return status;
  record.clear();
  return size;
}

ssize_t Socket::send_data(Association& association, const std::string& message,
                          const SendInfo& info, const Endpoint* to) {
  if (association.is_shut_down || association.peer_shut_down)
    return is_one_to_one() ? -EPIPE : -ESHUTDOWN;
  const SendDefaults& values = info.has_values ? info.values : association.options.defaults;
  std::uint32_t flags = 0;
  if ((values.flags & SCTP_UNORDERED) != 0) flags |= MR_UNORDERED;
  if ((values.flags & SCTP_SACK_IMMEDIATELY) != 0) flags |= MR_SACK_AT_ONCE;
  if (info.more_follow) flags |= MR_MORE;
  mr_context* context = Process::get().context();
  const std::uint32_t ppid = ntohl(values.ppid);
  //= rfc6458 5.3.4
  const bool has_choice = (info.values.flags & SCTP_ADDR_OVER) != 0 && to != nullptr;
  const int status = has_choice
                         ? mr_send_to(context, association.handle, &to->address, message.data(),
                                      message.size(), values.stream, ppid, flags, values.context)
                         : mr_send(context, association.handle, message.data(), message.size(),
                                   values.stream, ppid, flags, values.context);
  if (status == 0) {
    association.last_used_us = monotonic_us();
    return static_cast<ssize_t>(message.size());
  }
  if (status == -EAGAIN) {
    set_full(association, true);
    refresh();
    return status;
  }
  if (status == -ESHUTDOWN || status == -ENOTCONN) return is_one_to_one() ? -EPIPE : -ESHUTDOWN;
  return status;
}

/// SCTP_SENDALL: to every association that is not being shut down, or to none while there is not
/// room for all.
ssize_t Socket::send_to_all(const std::string& message, const SendInfo& info) {
  if (associations.empty()) return -EPIPE;
  Process& process = Process::get();
  const bool is_data = (info.values.flags & (SCTP_EOF | SCTP_ABORT)) == 0;
  std::vector<std::shared_ptr<Association>> takers;
  for (const auto& [id, association] : associations) {
    if (is_data && (association->is_shut_down || association->peer_shut_down)) continue;
    takers.push_back(association);
  }
  if (takers.empty()) return -ESHUTDOWN;
  if (is_data) {
    if (const int status = check_for_all(takers, message.size(), info); status != 0) return status;
  }
  ssize_t failed = 0;
  for (const auto& taker : takers) {
    ssize_t status = 0;
    const auto is_taken = [&] {
      const bool is_over = taker->state == Association::State::ended;
      status = is_over   ? 0
               : is_data ? hand_over(*taker, message, info, nullptr)
                         : send(*taker, message, info);
      return status != -EAGAIN;
    };
    // There is room but for an entry of a ring, of which the engine makes more.
    if (!is_taken() && failed != -ENOBUFS) process.await(is_taken);
    if (status < 0 && failed == 0) failed = status == -EAGAIN ? -ENOBUFS : status;
  }
  return failed != 0 ? failed : static_cast<ssize_t>(message.size());
}

/// Whether all of them take it: it goes in one chunk if it has to, and there is room.
int Socket::check_for_all(const std::vector<std::shared_ptr<Association>>& takers,
                          std::size_t length, const SendInfo& info) {
  for (const auto& taker : takers) {
    const int status = check_fits(*taker, length, info);
    if (status != 0 && taker->state != Association::State::ended) return status;
  }
  return check_room_for(takers, length, info);
}

/// Whether all of them take so many bytes, each behind what it has of the message already.
int Socket::check_room_for(const std::vector<std::shared_ptr<Association>>& takers,
                           std::size_t length, const SendInfo& info) {
  std::vector<api::Context::Intent> intents;
  for (const auto& taker : takers) {
    const std::size_t whole = taker->unfinished.size() + length;
    if (whole > MR_MESSAGE_BYTES_MAX) return -EMSGSIZE;
    intents.push_back({taker->handle, static_cast<std::uint32_t>(whole)});
  }
  if (ends_records_ && !info.ends_record) return 0;  // none of it goes out yet
  mr_association full = 0;
  const int status = Process::get().context()->context.check_room(intents, full);
  if (status != -EAGAIN) return status;
  for (const auto& taker : takers) {
    if (taker->handle == full) set_full(*taker, true);
  }
  refresh();
  return status;
}

int Socket::shut_down(int how) {
  if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
  if (!is_one_to_one()) return 0;  // SCTP_EOF is for its associations
  Association* only = association(0);
  if (is_listening_) {
    if (how == SHUT_WR) return 0;
    listen(0);
    shut_read_ = true;
    refresh();
    return 0;
  }
  if (only == nullptr && !was_connected_) return -ENOTCONN;
  if (how != SHUT_WR) shut_read_ = true;
  if (how != SHUT_RD) {
    shut_write_ = true;
    if (only != nullptr && !only->is_shut_down) {
      only->is_shut_down = true;
      Process::get().end_association(*only, false);
    }
  }
  refresh();
  return 0;
}

// ---- the end ----

void Socket::close() {
  if (is_closed_) return;
  Process& process = Process::get();
  const bool is_abortive = lingering.l_onoff != 0 && lingering.l_linger == 0;
  is_closed_ = true;
  if (is_listening_) process.stop_listening(*this);
  std::vector<std::shared_ptr<Association>> ending(accept_queue_.begin(), accept_queue_.end());
  for (const auto& [id, association] : associations) ending.push_back(association);
  accept_queue_.clear();
  associations.clear();
  for (const auto& association : ending) {
    association->socket = nullptr;
    association->is_orphan = true;
  }
  for (const auto& association : ending) {
    // Data that nobody will read any more is the peer's loss: it is told (as Linux does).
    const bool is_unread = association->queued > 0 || !association->early.empty();
    if (is_abortive || is_unread || !association->is_shut_down)
      process.end_association(*association, is_abortive || is_unread);
  }
  items.clear();
  descriptor_.close();
  drop_kept_descriptor();
  wake_all(waiters);
}

/// Only a one-to-one socket does: the other's close() begins the ends of all, and waits for none.
/// What is unread is the peer's loss at once.
bool Socket::is_lingering() const {
  return is_one_to_one() && lingering.l_onoff != 0 && lingering.l_linger > 0 &&
         !associations.empty() && associations.begin()->second->queued == 0;
}

}  // namespace millrace::sockets
