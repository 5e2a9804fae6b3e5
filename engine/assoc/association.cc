#include "engine/assoc/association.h"

#include <algorithm>
#include <array>

#include "engine/assoc/replies.h"
#include "engine/assoc/source.h"

namespace millrace {

const char* state_name(State state) {
  switch (state) {
    case State::kClosed:
      return "CLOSED";
    case State::kCookieWait:
      return "COOKIE-WAIT";
    case State::kCookieEchoed:
      return "COOKIE-ECHOED";
    case State::kEstablished:
      return "ESTABLISHED";
    case State::kShutdownPending:
      return "SHUTDOWN-PENDING";
    case State::kShutdownSent:
      return "SHUTDOWN-SENT";
    case State::kShutdownReceived:
      return "SHUTDOWN-RECEIVED";
    case State::kShutdownAckSent:
      return "SHUTDOWN-ACK-SENT";
  }
  return "?";
}

Association::Association(Resources& resources, const Identity& identity,
                         const Parameters& parameters, std::uint64_t locals)
    : resources_(resources), identity_(identity), parameters_(parameters), locals_(locals) {}

bool Association::connect(Time now, std::span<const IpAddress> peers) {
  //= rfc9260 5.4
  for (const IpAddress& peer : peers) {
    if (!add_path(peer, /*confirmed=*/true)) return false;
  }
  initial_tsn_ = Tsn{resources_.random.next_u32()};
  streams_out_ = parameters_.streams_out;
  streams_in_ = parameters_.streams_in;
  outbound_.start(initial_tsn_, 0, streams_out_);
  enter_state(State::kCookieWait);
  pending_ |= kInit;
  arm_t1(now);
  return true;
}

bool Association::establish(Time now, const Cookie& cookie) {
  if (!add_path(cookie.peers[0], /*confirmed=*/true)) return false;
  paths_[0]->set_source(cookie.local_address);
  learn_paths({cookie.peers.data() + 1, cookie.peer_count - 1});
  initial_tsn_ = cookie.local_tsn;
  streams_out_ = cookie.streams_out;
  streams_in_ = cookie.streams_in;
  peer_adaptation_ = cookie.peer_adaptation;
  outbound_.start(initial_tsn_, cookie.peer_rwnd, streams_out_);
  tracker_.start(cookie.peer_tsn);
  pending_ |= kCookieAck;
  control_from_ = 0;
  enter_established(now);
  return true;
}

void Association::enter_state(State state) {
  state_ = state;
  // The peer has said that it has everything, and is sent a SHUTDOWN ACK: no SACK any more.
  if (state == State::kShutdownAckSent) tracker_.forget_sack();
}

void Association::enter_established(Time now) {
  enter_state(State::kEstablished);
  t1_deadline_ = kNever;
  attempts_ = 0;
  error_count_ = 0;
  pending_ &= static_cast<std::uint8_t>(~(kInit | kCookieEcho));
  release_kept();
  local_tie_tag_ = peer_tie_tag_ = 0;  // drawn when an INIT asks for them
  advertised_rwnd_ = a_rwnd();
  std::int64_t unconfirmed = 0;
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    Path& path = *paths_[i];
    //= rfc9260 5.4
    if (path.is_confirmed()) {
      path.arm_heartbeat(now, resources_.random.next_u32());
    } else {
      // HB.Max.Burst is 1: an address that the peer has made up gets no more for one packet.
      path.heartbeat_deadline = now + path.rto.value() * unconfirmed++;
    }
    path.on_state_told();
  }
  was_up_ = true;
  notices_ = static_cast<std::uint8_t>((notices_ & ~kPathNotice) | kUpNotice);
  if (shutdown_requested_) shutdown(now);
}

// Everything ends: what was not acknowledged has failed, what has arrived is still delivered.
void Association::close(DownReason reason, std::uint16_t error) {
  if (state_ == State::kClosed) return;
  enter_state(State::kClosed);
  pending_ = 0;
  drop_answer();
  t1_deadline_ = t2_deadline_ = t5_deadline_ = kNever;
  outbound_.fail_all(resources_.outbound, paths_, failed_);
  tracker_.clear(resources_.bitmaps);
  release_kept();
  down_reason_ = reason;
  down_error_ = error;
  release_error();
  notices_ = static_cast<std::uint8_t>((notices_ & (kUpNotice | kRestartNotice)) | kDownNotice);
}

// A chunk that is needed later.
void Association::keep(ChunkView chunk, const PacketIn& in) {
  release_kept();
  resources_.buffers.hold(*in.buffer);
  kept_buffer_ = in.buffer;
  kept_chunk_ = chunk;
}

void Association::release_kept() {
  if (kept_buffer_ != nullptr) resources_.buffers.release(kept_buffer_);
  kept_buffer_ = nullptr;
}

void Association::clear() {
  MR_ASSERT(state_ == State::kClosed);
  release_kept();
  while (TxMessage* message = failed_.pop_front()) resources_.outbound.returned.push_back(message);
  reassembly_.clear(resources_.reassembly);
  for (std::uint8_t i = 0; i < path_count_; ++i) resources_.paths.destroy(paths_[i]);
  path_count_ = 0;
}

bool Association::add_path(const IpAddress& destination, bool confirmed) {
  if (path_count_ == kPathsMax) return false;
  Path* path = resources_.paths.create(destination, parameters_);
  if (path == nullptr) return false;
  path->set_source(source_for(destination));
  if (confirmed) path->confirm();
  paths_[path_count_++] = path;
  return true;
}

// The peer's further addresses; what is known already, does not fit, or cannot be reached from an
// address that we may use is left out.
void Association::learn_paths(std::span<const IpAddress> destinations) {
  for (const IpAddress& destination : destinations) {
    const bool is_reachable = resources_.reaches(locals_, destination);
    if (destination.is_unicast() && is_reachable && path_of(destination) < 0)
      add_path(destination, false);
  }
}

// An address that the application named and the peer does not may be another host's: it must prove
// itself by a heartbeat like any other.
//= rfc9260 5.1.2
void Association::doubt_paths_beside(std::span<const IpAddress> destinations) {
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    const auto listed =
        std::find(destinations.begin(), destinations.end(), paths_[i]->destination());
    if (listed == destinations.end()) paths_[i]->doubt();
  }
}

int Association::path_of(const IpAddress& address) const {
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    if (paths_[i]->destination() == address) return i;
  }
  return -1;
}

// An association that may use all addresses leaves it to the route. Of some, each path has one of
// its own if it can: what left from an address of another path would be answered over that, and one
// that failed would take both with it.
IpAddress Association::source_for(const IpAddress& destination) const {
  if (locals_ == 0) return {};
  const LocalSet all = locals_of(resources_.local_addresses, destination.is_v4());
  const LocalSet wanted = destination.is_loopback() ? all : all & ~kLoopbackBits;
  const bool is_near = destination.is_loopback() && has_local(destination);
  if (is_near || (locals_ & wanted) == wanted) return {};
  const LocalSet usable = (locals_ & wanted) != 0 ? locals_ & wanted : locals_ & all;
  std::array<IpAddress, kPathsMax> others;
  for (std::uint8_t i = 0; i < path_count_; ++i) others[i] = paths_[i]->source();
  return choose_source(resources_.local_addresses, resources_.source_routes, usable, destination,
                       std::span(others).first(path_count_));
}

std::uint32_t Association::a_rwnd() const {
  const std::uint32_t used = held_bytes();
  return used < parameters_.receive_buffer ? parameters_.receive_buffer - used : 0;
}

// ---- requests ----

//= rfc9260 9.2
bool Association::accepts_data() const {
  return !shutdown_requested_ && (state_ == State::kCookieWait || state_ == State::kCookieEchoed ||
                                  state_ == State::kEstablished);
}

// Opens the window again. The peer is told when it matters: it was told of less than half, and a
// quarter has become free, or it could hardly send at all.
bool Association::on_consumed(std::uint32_t bytes) {
  unread_bytes_ -= std::min(bytes, unread_bytes_);
  const std::uint32_t window = a_rwnd();
  if (window <= advertised_rwnd_) return false;
  const std::uint32_t grown = window - advertised_rwnd_;
  const std::uint32_t two_packets = 2u * parameters_.path_mtu;
  const bool matters = (advertised_rwnd_ < parameters_.receive_buffer / 2 &&
                        grown >= parameters_.receive_buffer / 4) ||
                       (advertised_rwnd_ < two_packets && grown >= two_packets);
  if (!matters || !was_up_ || is_closed()) return false;
  tracker_.acknowledge_now();
  return true;
}

void Association::abort(CauseCode cause, Bytes reason, DownReason down) {
  if (is_closed()) return;
  //= rfc9260 9.1
  if (identity_.peer_tag != 0) {
    const Path& path = *paths_[control_path()];
    // What is too long for the path would never arrive, and neither would the ABORT.
    const std::size_t room = path.congestion.pmdcs() - kChunkHeaderBytes - kTlvHeaderBytes;
    send_cause(resources_, header(), ChunkType::kAbort, 0, cause,
               reason.first(std::min(reason.size(), room)), path.reply_source(), path.destination(),
               path.marking());
  }
  resources_.count(Counter::associations_aborted);
  close(down, static_cast<std::uint16_t>(cause));
}

bool Association::set_primary(const IpAddress& destination) {
  const int path = path_of(destination);
  if (path < 0) return false;
  primary_ = static_cast<std::uint8_t>(path);
  return true;
}

void Association::set_parameters(Time now, const Parameters& parameters) {
  const Parameters before = parameters_;
  parameters_ = parameters;
  parameters_.path_mtu = before.path_mtu;
  // A path keeps what it has of its own, but for what is changed for all.
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    PathSettings settings = paths_[i]->settings();
    const auto take = [](auto& to, auto old_value, auto value) {
      if (old_value != value) to = value;
    };
    take(settings.heartbeat_interval, before.heartbeat_interval, parameters.heartbeat_interval);
    take(settings.max_retrans, before.path_max_retrans, parameters.path_max_retrans);
    take(settings.potentially_failed_max_retrans, before.potentially_failed_max_retrans,
         parameters.potentially_failed_max_retrans);
    take(settings.primary_switchover_max_retrans, before.primary_switchover_max_retrans,
         parameters.primary_switchover_max_retrans);
    take(settings.fixed_mtu, before.fixed_mtu, parameters.fixed_mtu);
    take(settings.marking.dscp, before.marking.dscp, parameters.marking.dscp);
    take(settings.marking.hops, before.marking.hops, parameters.marking.hops);
    take(settings.marking.flow_label, before.marking.flow_label, parameters.marking.flow_label);
    take(settings.mtu_fixed, before.path_mtu_fixed, parameters.path_mtu_fixed);
    paths_[i]->set_settings(now, settings, parameters_.path_mtu);
  }
}

bool Association::set_path_parameters(Time now, const IpAddress& destination,
                                      const Parameters& parameters) {
  const int path = path_of(destination);
  if (path < 0) return false;
  paths_[path]->set_settings(now, PathSettings(parameters), parameters_.path_mtu);
  return true;
}

//= rfc6458 8.1.12
bool Association::heartbeat(Time now, const IpAddress& destination) {
  const int path = path_of(destination);
  if (path < 0) return false;
  const bool may_ask = was_up_ && t2_deadline_ == kNever;  // no SHUTDOWN of ours is under way
  if (may_ask && !paths_[path]->heartbeat_outstanding)
    send_heartbeat(now, static_cast<std::uint8_t>(path));
  return true;
}

// ---- events ----

bool Association::next_event(Event& event) {
  if (notices_ & (kUpNotice | (restart_after_ == 0 ? kRestartNotice : 0))) {
    event = Event{};
    event.type = notices_ & kUpNotice ? EventType::kUp : EventType::kRestart;
    event.streams_out = streams_out_;
    event.streams_in = streams_in_;
    event.peer = {paths_[primary_]->destination(), identity_.peer_port};
    event.local_port = identity_.local_port;
    event.local = paths_[primary_]->reply_source();
    event.adaptation = peer_adaptation_;
    return true;
  }
  if (const RxChunk* head = reassembly_.front()) {
    // The fields of a message and no others: this is the only event that comes by the million.
    event.type = EventType::kMessage;
    event.flags = Reassembly::flags_of(*head);
    event.stream = head->stream;
    event.ssn = head->ssn;
    event.tsn = head->tsn;
    event.ppid = head->ppid;
    event.length = head->run_length;
    event.chunks = head;
    return true;
  }
  if (const TxMessage* message = failed_.front()) {
    event = Event{};
    event.type = EventType::kSendFailed;
    event.flags = message->flags;
    event.stream = message->stream;
    event.ppid = message->ppid;
    event.length = message->length;
    event.context = message->context;
    event.token = message->token;
    event.error = down_error_;
    return true;
  }
  event = Event{};
  return next_notice(event);
}

bool Association::next_notice(Event& event) {
  if (notices_ & kPathNotice) {
    for (std::uint8_t i = 0; i < path_count_; ++i) {
      if (!paths_[i]->state_changed) continue;
      event.type = EventType::kPathState;
      event.path_state = paths_[i]->state();
      event.peer = {paths_[i]->destination(), identity_.peer_port};
      return true;
    }
  }
  if (notices_ & kErrorNotice) {
    event.type = EventType::kRemoteError;
    event.cause = error_cause_;
    return true;
  }
  if (notices_ & kPeerShutdownNotice) {
    event.type = EventType::kPeerShutdown;
    return true;
  }
  if (notices_ & kDryNotice) {
    event.type = EventType::kSenderDry;
    return true;
  }
  if (notices_ & kDownNotice) {
    event.type = EventType::kDown;
    event.reason = down_reason_;
    event.error = down_error_;
    if (kept_buffer_ != nullptr) event.abort_chunk = kept_chunk_.bytes;
    return true;
  }
  return false;
}

// Takes off what next_event() gave.
void Association::pop_event() {
  const auto take = [this](Notice notice) { notices_ &= static_cast<std::uint8_t>(~notice); };
  if (notices_ & kUpNotice) return take(kUpNotice);
  if ((notices_ & kRestartNotice) && restart_after_ == 0) return take(kRestartNotice);
  if (const RxChunk* head = reassembly_.front()) {
    if (restart_after_ > 0) --restart_after_;
    unread_bytes_ += head->run_length;
    if (Reassembly::flags_of(*head) & kLastPiece) ++messages_received_;
    return reassembly_.pop(resources_.reassembly);
  }
  if (TxMessage* message = failed_.pop_front()) {
    return resources_.outbound.messages.destroy(message);
  }
  if (notices_ & kPathNotice) return pop_path_notice();
  if (notices_ & kErrorNotice) {
    release_error();
    return take(kErrorNotice);
  }
  if (notices_ & kPeerShutdownNotice) return take(kPeerShutdownNotice);
  if (notices_ & kDryNotice) return take(kDryNotice);
  take(kDownNotice);
}

void Association::pop_path_notice() {
  bool told = false;
  bool more = false;
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    if (!paths_[i]->state_changed) continue;
    more |= told;
    if (!told) paths_[i]->on_state_told();
    told = true;
  }
  if (!more) notices_ &= static_cast<std::uint8_t>(~kPathNotice);
}

// ---- deadlines ----

Time Association::next_deadline() const {
  if (is_closed()) return kNever;
  Time deadline =
      earlier(earlier(t1_deadline_, t2_deadline_), earlier(t5_deadline_, tracker_.deadline()));
  deadline = earlier(deadline, probe_deadline_);
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    const Path& path = *paths_[i];
    deadline = earlier(deadline, earlier(path.t3_deadline, path.heartbeat_deadline));
    deadline = earlier(deadline, path.mtu_search.deadline());
  }
  return deadline;
}

void Association::on_deadline(Time now) {
  tracker_.on_deadline(now);
  if (now >= t1_deadline_) on_t1_expired(now);
  if (now >= t2_deadline_) on_t2_expired(now);
  //= rfc9260 9.2#11
  if (now >= t5_deadline_) abort(CauseCode::kNone, {}, DownReason::kUnreachable);
  if (now >= probe_deadline_) {
    probe_deadline_ = kNever;
    outbound_.let_probe();
  }
  for (std::uint8_t i = 0; i < path_count_ && !is_closed(); ++i) {
    if (now >= paths_[i]->t3_deadline) on_t3_expired(now, i);
    if (!is_closed() && now >= paths_[i]->heartbeat_deadline) on_heartbeat_deadline(now, i);
    if (!is_closed() && now >= paths_[i]->mtu_search.deadline()) on_mtu_search_deadline(now, i);
  }
}

}  // namespace millrace
