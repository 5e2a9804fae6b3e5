// Binding, accepting, peeling off.
#include <algorithm>
#include <cerrno>

#include "api/sockets/notifications.h"
#include "api/sockets/process.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/socket.h"

namespace millrace::sockets {
namespace {

constexpr std::uint32_t kEphemeralFirst = 32768;
constexpr std::uint32_t kEphemeralCount = 28232;

}  // namespace

Socket::Socket(int family, Model model) : family_(family), model_(model) {
  Process& process = Process::get();
  number = process.next_number();
  const mr_engine& engine = process.engine();
  std::copy(std::begin(engine.parameters), std::end(engine.parameters), options.parameters.begin());
  const ParameterValues& values = options.parameters;
  options.heartbeats.is_off = values[MR_HEARTBEAT_INTERVAL_MS] == 0;
  if (!options.heartbeats.is_off) options.heartbeats.interval_ms = values[MR_HEARTBEAT_INTERVAL_MS];
  options.sacks.is_off = values[MR_SACK_FREQUENCY] <= 1 || values[MR_SACK_DELAY_MS] == 0;
  if (values[MR_SACK_FREQUENCY] > 1) options.sacks.frequency = values[MR_SACK_FREQUENCY];
  if (values[MR_SACK_DELAY_MS] != 0) options.sacks.delay_ms = values[MR_SACK_DELAY_MS];
  options.parameters[MR_SENDER_DRY_EVENTS] = 0;
  options.parameters[MR_REMOTE_ERROR_EVENTS] = 0;
  init_.sinit_num_ostreams = engine.streams_out;
  init_.sinit_max_instreams = engine.streams_in;
  init_.sinit_max_attempts = static_cast<std::uint16_t>(engine.parameters[MR_INIT_MAX_RETRANS]);
  init_.sinit_max_init_timeo =
      static_cast<std::uint16_t>(std::min(engine.parameters[MR_RTO_MAX_MS], 65535u));
  send_buffer_ = static_cast<int>(std::min(engine.send_buffer, 1u << 30));
  receive_buffer_ = static_cast<int>(std::min(engine.parameters[MR_RECEIVE_BUFFER], 1u << 30));
}

Socket::~Socket() {
  forget_internal(kept_);
}

int Socket::open(int flags) {
  const int descriptor = descriptor_.open(flags, {Process::get().owner_name(), number});
  if (descriptor < 0) return descriptor;
  if (descriptor >= kDescriptorsMax) {
    real().close(descriptor);
    return -EMFILE;
  }
  Process::get().enter(descriptor, shared_from_this());
  refresh();
  return descriptor;
}

void Socket::keep_descriptor(int descriptor) {
  if (!descriptors.empty()) descriptor = descriptors.front();
  if (kept_ >= 0 || descriptor < 0) return;
  kept_ = real().dup(descriptor);
  if (kept_ >= 0) kept_ = move_up(kept_);
}

void Socket::drop_kept_descriptor() {
  forget_internal(kept_);
  kept_ = -1;
}

void Socket::become_remote(const std::shared_ptr<Link>& to_owner, std::uint64_t its_number) {
  link = to_owner;
  number = its_number;
  is_listening_ = false;
  listener = 0;
  holders = 0;
  wake_all(waiters);  // their calls go on with the owner
  associations.clear();
  accept_queue_.clear();
  items.clear();
  descriptor_.close();
  drop_kept_descriptor();
}

// ---- binding ----

bool Socket::is_local(const mr_address& address) const {
  const mr_engine& engine = Process::get().engine();
  const mr_address* end = engine.addresses + engine.address_count;
  return is_loopback(address) || std::find(engine.addresses, end, address) != end;
}

int Socket::check_local(const Endpoint& endpoint) const {
  return is_any(endpoint.address) || is_local(endpoint.address) ? 0 : -EADDRNOTAVAIL;
}

int Socket::choose_port() {
  Process& process = Process::get();
  is_port_chosen_ = true;
  for (int i = 0; i < kPortTries; ++i) {
    const auto port =
        static_cast<std::uint16_t>(kEphemeralFirst + process.random() % kEphemeralCount);
    port_ = port;
    if (!process.has_rival(*this)) return 0;
  }
  port_ = 0;
  return -EADDRINUSE;
}

int Socket::bind(const Endpoint& to) {
  if (port_ != 0) return -EINVAL;
  if (is_v4(to.address) && !serves(true)) return -EINVAL;  // of one for IPv6 only
  if (const int status = check_local(to); status != 0) return status;
  locals_.clear();
  if (!is_any(to.address)) locals_ = {to.address};
  if (to.port == 0) return choose_port();
  port_ = to.port;
  is_port_chosen_ = false;
  if (!Process::get().has_rival(*this)) return 0;
  unname();
  return -EADDRINUSE;
}

/// A bind that has failed leaves nothing.
void Socket::unname() {
  port_ = 0;
  locals_.clear();
}

/// sctp_bindx() with SCTP_BINDX_ADD_ADDR: all of them or none.
int Socket::bind_also(const std::vector<Endpoint>& endpoints) {
  if (!associations.empty()) return -EOPNOTSUPP;  // wants dynamic addresses
  std::vector<mr_address> locals = port_ != 0 ? locals_ : std::vector<mr_address>{};
  const bool is_wildcard = port_ != 0 && locals.empty();
  const std::size_t had = locals.size();
  for (const Endpoint& endpoint : endpoints) {
    if (const int status = check_local(endpoint); status != 0) return status;
    if (port_ != 0 && endpoint.port != 0 && endpoint.port != port_) return -EINVAL;
    if (endpoint.port != endpoints.front().port && endpoint.port != 0) return -EINVAL;
    const auto at = std::find(locals.begin(), locals.end(), endpoint.address);
    if (at - locals.begin() < static_cast<std::ptrdiff_t>(had)) return -EINVAL;
    if (at == locals.end()) locals.push_back(endpoint.address);
  }
  const std::vector<mr_address> added(locals.begin() + static_cast<std::ptrdiff_t>(had),
                                      locals.end());
  if (is_wildcard || std::any_of(added.begin(), added.end(), is_any)) locals.clear();
  if (locals.size() > MR_LOCALS_MAX) return -EINVAL;
  if (port_ != 0) return rebind(std::move(locals), added);
  if (const int status = bind(endpoints.front()); status != 0) return status;
  const int status = rebind(std::move(locals), added);
  if (status != 0) unname();
  return status;
}

/// Has other addresses from now on, some of them new, or stays as it was.
int Socket::rebind(std::vector<mr_address> locals, const std::vector<mr_address>& added) {
  std::swap(locals_, locals);
  const std::vector<mr_address> wanted = locals_;
  if (!wanted.empty()) locals_ = added;  // what it has already is no matter
  const bool is_taken = !added.empty() && Process::get().has_rival(*this);
  locals_ = is_taken ? locals : wanted;
  return is_taken ? -EADDRINUSE : listen_anew([&] { locals_ = locals; });
}

/// A listener of which something has changed, for associations to come. What the engine refuses is
/// undone.
int Socket::listen_anew(const std::function<void()>& undo) {
  const int status = is_listening_ ? Process::get().start_listening(*this) : 0;
  if (status != 0) undo();
  return status;
}

/// sctp_bindx() with SCTP_BINDX_REM_ADDR.
int Socket::unbind(const std::vector<Endpoint>& endpoints) {
  if (!associations.empty()) return -EOPNOTSUPP;
  if (port_ == 0) return -EBUSY;  // as of the last address
  std::vector<mr_address> left = local_addresses(nullptr);
  for (const Endpoint& endpoint : endpoints) {
    if (endpoint.port != 0 && endpoint.port != port_) return -EINVAL;
    if (std::erase(left, endpoint.address) == 0) return -EINVAL;
  }
  if (left.empty()) return -EBUSY;  // the last address stays
  return rebind(left, {});
}

// ---- accepting ----

int Socket::accept(int flags, std::shared_ptr<Socket>& accepted) {
  if (!is_one_to_one()) return -EOPNOTSUPP;
  if (!is_listening_) return -EINVAL;
  if (accept_queue_.empty() && listener == 0) return error_ != 0 ? -take_error() : -EINVAL;
  if (accept_queue_.empty()) return -EAGAIN;
  const std::shared_ptr<Association> association = accept_queue_.front();
  const int status = adopt(association, flags, accepted);
  if (status < 0) return status;
  accept_queue_.pop_front();
  refresh();
  return status;
}

int Socket::peel_off(sctp_assoc_t id, int flags, std::shared_ptr<Socket>& peeled) {
  if (is_one_to_one()) return -EINVAL;
  const auto found = associations.find(id);
  if (found == associations.end()) return -EINVAL;
  const std::shared_ptr<Association> association = found->second;
  const int status = adopt(association, flags, peeled);
  if (status < 0) return status;
  associations.erase(id);
  forget_peers(*association);
  std::erase_if(items, [&](Item& item) {
    if (item.association != association) return false;
    peeled->items.push_back(std::move(item));
    return true;
  });
  std::erase_if(held, [&](Item& item) {
    if (item.association != association) return false;
    peeled->held.push_back(std::move(item));
    return true;
  });
  // Neither waits any more for the end of a message that the other reads in pieces.
  release_held();
  peeled->release_held();
  refresh();
  peeled->refresh();
  return status;
}

/// Makes a socket of one association that has none of its own. Returns its descriptor.
int Socket::adopt(const std::shared_ptr<Association>& association, int flags,
                  std::shared_ptr<Socket>& adopted) {
  adopted = std::make_shared<Socket>(family_, Model::one_to_one);
  Socket& to = *adopted;
  to.port_ = association->local_port;
  to.locals_ = locals_;
  to.options = options;
  to.init_ = init_;
  to.wants_rcvinfo = wants_rcvinfo;
  to.wants_nxtinfo = wants_nxtinfo;
  to.wants_extended = wants_extended;
  to.ends_records_ = ends_records_;
  to.interleave_ = interleave_;
  to.maps_v4 = maps_v4;
  to.lingering = lingering;
  to.receive_timeout = receive_timeout;
  to.send_timeout = send_timeout;
  to.no_delay_ = no_delay_;
  to.disables_fragments_ = disables_fragments_;
  to.stamps = stamps;
  to.tos_ = tos_;
  to.traffic_class_ = traffic_class_;
  to.has_so_reuseaddr_ = has_so_reuseaddr_;
  to.send_buffer_ = send_buffer_;
  to.receive_buffer_ = receive_buffer_;
  to.stored_ = stored_;
  to.was_connected_ = true;
  to.peer_ = {association->primary, association->peer_port};
  to.local_ = association->local;
  const bool is_fresh = association->socket == nullptr;
  const int descriptor = to.open(flags);
  if (descriptor < 0) return descriptor;
  const bool is_full = association->is_full, is_in_pieces = association->is_in_pieces;
  set_full(*association, false);
  set_in_pieces(*association, false);
  association->socket = adopted.get();
  set_full(*association, is_full);
  set_in_pieces(*association, is_in_pieces);
  if (is_fresh) to.tell_of_start(association);
  for (Item& item : association->early) {
    item.association = association;
    to.queue(std::move(item));
  }
  association->early.clear();
  if (association->state == Association::State::ended) {
    to.input_ended_ = true;
    to.error_ = association->error;
  } else {
    to.associations[association->id] = association;
    to.input_ended_ = association->peer_shut_down;
  }
  to.refresh();
  return descriptor;
}

}  // namespace millrace::sockets
