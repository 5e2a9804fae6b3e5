// How an association begins: our INIT and COOKIE ECHO, and the collisions and restarts of an
// existing one (RFC 9260 5). What a listener answers without state is in the shard.
#include <algorithm>

#include "engine/assoc/association.h"
#include "engine/assoc/init_parameters.h"
#include "engine/assoc/replies.h"

namespace millrace {

//= rfc9260 3.3.2
void Association::write_init(PacketWriter& writer) {
  const InitFields fields{identity_.local_tag, a_rwnd(), parameters_.streams_out,
                          parameters_.streams_in, initial_tsn_};
  write_init_fields(writer, ChunkType::kInit, fields);
  const IpAddress& peer = paths_[primary_]->destination();
  write_local_addresses(writer, resources_.local_addresses, locals_, peer);
  write_supported_address_types(writer, resources_.reaches(locals_, true, peer.is_loopback()),
                                resources_.reaches(locals_, false, peer.is_loopback()));
  write_adaptation(writer, parameters_.adaptation);
  writer.end_chunk();
}

std::size_t Association::cookie_echo_size() const {
  const auto init = InitView::parse(kept_chunk_);
  MR_ASSERT(init);
  return padded4(kChunkHeaderBytes + read_init(*init, {}).cookie.size());
}

//= rfc9260 5.1
//= rfc9260 3.3.11
void Association::write_cookie_echo(PacketWriter& writer) {
  const auto init = InitView::parse(kept_chunk_);
  MR_ASSERT(init);
  const InitContents contents = read_init(*init, paths_[primary_]->destination());
  writer.begin_chunk(ChunkType::kCookieEcho, 0);
  writer.append(contents.cookie);
  writer.end_chunk();
  report_unrecognized(writer, contents);
}

// In the packet of the COOKIE ECHO and behind it: before it the peer knows no association.
//= rfc9260 3.2.2
void Association::report_unrecognized(PacketWriter& writer, const InitContents& contents) {
  for (std::size_t i = 0; i < contents.unrecognized_count; ++i) {
    const Bytes parameter = contents.unrecognized[i];
    if (padded4(kChunkHeaderBytes + kTlvHeaderBytes + parameter.size()) > writer.room()) return;
    writer.begin_chunk(ChunkType::kError, 0);
    writer.append_cause(CauseCode::kUnrecognizedParameters, parameter);
    writer.end_chunk();
  }
}

//= rfc9260 5.1
//= rfc9260 5.1.4
void Association::on_init_ack(Time now, ChunkView chunk, const PacketIn& in) {
  //= rfc9260 5.2.3
  if (state_ != State::kCookieWait) return resources_.count(Counter::drop_unexpected_chunk);
  if (is_short_of_memory()) return resources_.count(Counter::drop_no_memory);
  const auto init = InitView::parse(chunk);
  if (!init) return resources_.count(Counter::drop_bad_chunk);
  if (init->initiate_tag == 0) return on_nameless_init_ack(in);
  //= rfc9260 3.3.3
  if (init->a_rwnd < kRwndMin) {  // refused, but not the end of the attempt: T1-init goes on
    CommonHeader reply = header();
    reply.verification_tag = init->initiate_tag;
    send_cause(resources_, reply, ChunkType::kAbort, 0, CauseCode::kInvalidMandatoryParameter, {},
               in.destination, in.source, parameters_.marking);
    return resources_.count(Counter::drop_bad_init);
  }
  const InitContents contents = read_init(*init, in.source);
  if (!is_acceptable(*init, contents)) return resources_.count(Counter::drop_bad_init);
  identity_.peer_tag = init->initiate_tag;
  //= rfc9260 5.1.1
  streams_out_ = std::min(parameters_.streams_out, init->streams_in);
  streams_in_ = std::min(parameters_.streams_in, init->streams_out);
  peer_adaptation_ = contents.adaptation;
  learn_paths(contents.addresses());
  doubt_paths_beside(contents.addresses());
  tracker_.start(init->initial_tsn);
  outbound_.set_peer(init->a_rwnd, streams_out_);
  outbound_.fail_beyond_streams(failed_);
  keep(chunk, in);
  if (attempts_ == 0) {
    paths_[primary_]->rto.on_measurement(now - t1_started_, parameters_);
  }
  on_path_answer(now, control_path());
  enter_state(State::kCookieEchoed);
  attempts_ = 0;
  pending_ = kCookieEcho;
  answer_to(in);
  arm_t1(now);
}

// Its sender has no tag: all that can be said is said with the tag that it has used.
//= rfc9260 3.3.3
void Association::on_nameless_init_ack(const PacketIn& in) {
  resources_.count(Counter::drop_bad_init);
  resources_.count(Counter::associations_aborted);
  CommonHeader reflected = header();
  reflected.verification_tag = CommonHeader::read(in.packet).verification_tag;
  constexpr CauseCode kCause = CauseCode::kInvalidMandatoryParameter;
  send_cause(resources_, reflected, ChunkType::kAbort, kFlagReflectedTag, kCause, {},
             in.destination, in.source, parameters_.marking);
  close(DownReason::kProtocolError, static_cast<std::uint16_t>(kCause));
}

// An INIT ACK that cannot be used ends the attempt, and the peer is told why if it has a tag.
//= rfc9260 3.3.3
bool Association::is_acceptable(const InitView& init, const InitContents& contents) {
  const auto refuse = [&](CauseCode cause, Bytes value) {
    identity_.peer_tag = init.initiate_tag;
    abort(cause, value, DownReason::kProtocolError);
    return false;
  };
  if (init.streams_out == 0 || init.streams_in == 0 || contents.is_malformed) {
    return refuse(CauseCode::kInvalidMandatoryParameter, {});
  }
  //= rfc9260 5.1.2
  //= rfc9260 3.3.2.1.4
  //= rfc9260 3.3.3.1
  if (contents.has_host_name) return refuse(CauseCode::kUnresolvableAddress, contents.host_name);
  if (contents.cookie.empty()) return refuse(CauseCode::kMissingMandatoryParameter, kMissingCookie);
  // A cookie that fills no packet could never be sent back. (Where the path's MTU has shrunk, IP
  // fragments it.)
  const std::uint32_t pmdcs = pmdcs_of(parameters_.path_mtu, paths_[primary_]->destination());
  if (kChunkHeaderBytes + contents.cookie.size() > pmdcs) {
    return refuse(CauseCode::kProtocolViolation, {});
  }
  return true;
}

void Association::on_cookie_ack(Time now) {
  //= rfc9260 5.2.5
  if (state_ != State::kCookieEchoed) return resources_.count(Counter::drop_unexpected_chunk);
  on_path_answer(now, primary_);
  enter_established(now);
  resources_.count(Counter::associations_active_established);
}

// An INIT or COOKIE ECHO is out to one address at a time, and that address's own RTO is its timer:
// what one has not answered makes nobody wait longer at another.
//= rfc9260 5.1
void Association::arm_t1(Time now) {
  t1_started_ = now;
  Duration timeout = paths_[control_path()]->rto.value();
  if (parameters_.init_rto_ms_max != 0)
    timeout = std::min(timeout, milliseconds(parameters_.init_rto_ms_max));
  t1_deadline_ = now + timeout;
}

//= rfc9260 4
//= rfc9260 5.1.4
//= rfc9260 5.1.6
void Association::on_t1_expired(Time now) {
  t1_deadline_ = kNever;
  resources_.count(Counter::t1_expirations);
  paths_[control_path()]->rto.back_off(parameters_);
  if (attempts_++ >= parameters_.init_max_retrans) {
    resources_.count(Counter::associations_lost);
    return close(DownReason::kInitFailed, 0);
  }
  if (state_ == State::kCookieWait) {
    pending_ |= kInit;
  } else {
    outbound_.mark_all_lost(paths_);
    pending_ |= kCookieEcho;
  }
  arm_t1(now);
}

// A cookie that is always too old by the time it arrives must not be asked for without end.
//= rfc9260 5.2.6
void Association::on_stale_cookie(Time now) {
  if (state_ != State::kCookieEchoed) return resources_.count(Counter::drop_unexpected_chunk);
  if (stale_cookies_++ >= parameters_.init_max_retrans) {
    resources_.count(Counter::associations_lost);
    return close(DownReason::kInitFailed, static_cast<std::uint16_t>(CauseCode::kStaleCookie));
  }
  release_kept();
  outbound_.mark_all_lost(paths_);
  enter_state(State::kCookieWait);
  identity_.peer_tag = 0;
  pending_ = kInit;
  arm_t1(now);
}

// Whether an INIT with this address adds it. What would not be learnt, of a version of IP that we
// are not bound to, is no addition: a peer with both lists it each time. Where the INIT came from
// is never such.
//= rfc9260 5.1.2#8,9
bool Association::is_new(const IpAddress& peer, const PacketIn& in) const {
  return path_of(peer) < 0 && (peer == in.source || resources_.reaches(locals_, peer));
}

// The peer is told which addresses are too many.
//= rfc9260 5.2.1
//= rfc9260 5.2.2
//= rfc9260 3.3.10.11
void Association::refuse_new_addresses(const InitView& init, std::span<const IpAddress> peers,
                                       const PacketIn& in) {
  CommonHeader reply = header();
  reply.verification_tag = init.initiate_tag;
  const auto write = [&](PacketWriter& writer) {
    std::uint8_t* cause = writer.begin_chunk(ChunkType::kAbort, 0, kTlvHeaderBytes);
    for (const IpAddress& peer : peers) {
      if (is_new(peer, in)) writer.append_address(peer);
    }
    const std::size_t size = writer.size() - kCommonHeaderBytes - kChunkHeaderBytes;
    store_be16(cause, static_cast<std::uint16_t>(CauseCode::kRestartWithNewAddresses));
    store_be16(cause + 2, static_cast<std::uint16_t>(size));
    writer.end_chunk();
  };
  send_reply(resources_, reply, in.destination, in.source, parameters_.marking, write);
}

bool Association::on_init(const InitView& init, std::span<const IpAddress> peers,
                          const PacketIn& in, std::uint32_t fresh_tag, Cookie& cookie) {
  if (state_ == State::kShutdownAckSent) {
    //= rfc9260 9.2
    pending_ |= kShutdownAck;
    return false;
  }
  const auto is_added = [&](const IpAddress& peer) { return is_new(peer, in); };
  if (state_ != State::kCookieWait && std::any_of(peers.begin(), peers.end(), is_added)) {
    refuse_new_addresses(init, peers, in);
    return false;
  }
  const bool is_collision = state_ == State::kCookieWait || state_ == State::kCookieEchoed;
  //= rfc9260 5.2.1
  cookie.local_tag = is_collision ? identity_.local_tag : fresh_tag;
  cookie.local_tsn = is_collision ? initial_tsn_ : Tsn{resources_.random.next_u32()};
  if (state_ != State::kCookieWait && local_tie_tag_ == 0) {
    local_tie_tag_ = resources_.random.next_u32() | 1;
    peer_tie_tag_ = resources_.random.next_u32() | 1;
  }
  cookie.local_tie_tag = state_ == State::kCookieWait ? 0 : local_tie_tag_;
  cookie.peer_tie_tag = state_ == State::kCookieWait ? 0 : peer_tie_tag_;
  return true;
}

//= rfc9260 5.2.4
Association::CookieVerdict Association::on_cookie_echo(Time now, const Cookie& cookie,
                                                       const PacketIn& in) {
  const bool local_matches = cookie.local_tag == identity_.local_tag;
  const bool peer_matches = cookie.peer_tag == identity_.peer_tag;
  const bool both_match = local_matches && peer_matches;
  CommonHeader reply = header();  // to whom the cookie was made for
  reply.verification_tag = cookie.peer_tag;
  if (!both_match && now > cookie.created + cookie.lifetime) {
    resources_.count(Counter::drop_stale_cookie);
    send_stale_cookie(resources_, reply, now - cookie.created - cookie.lifetime, in.destination,
                      in.source, parameters_.marking);
    return CookieVerdict::kDiscard;
  }
  if (local_matches && !peer_matches && is_of_a_life_before(cookie)) {
    resources_.count(Counter::drop_stale_cookie);
    send_cause(resources_, reply, ChunkType::kAbort, 0, CauseCode::kNone, {}, in.destination,
               in.source, parameters_.marking);
    return CookieVerdict::kDiscard;
  }
  if (local_matches && (peer_matches || !was_up_)) {
    if (!peer_matches) take_new_peer_tag(cookie);  // action B
    return answer_cookie(now, in, cookie);         // actions B and D
  }
  // Action B of an association that is up: whom it has been up with is gone, and this one knows
  // none of the TSNs since. It goes on as after action A.
  const bool is_late_collision = local_matches && path_of(cookie.peers[0]) >= 0;
  const bool ties_match = !peer_matches && cookie.local_tie_tag == local_tie_tag_ &&
                          cookie.peer_tie_tag == peer_tie_tag_ && local_tie_tag_ != 0;
  if (!ties_match && !is_late_collision) {  // action C, and what the table does not list
    resources_.count(Counter::drop_unexpected_chunk);
    return CookieVerdict::kDiscard;
  }
  if (state_ == State::kShutdownAckSent) {  // action A, last paragraph
    pending_ |= kShutdownAck;
    send_cause(resources_, reply, ChunkType::kError, 0, CauseCode::kCookieReceivedWhileShuttingDown,
               {}, in.destination, in.source, parameters_.marking);
    return CookieVerdict::kDiscard;
  }
  restart(now, cookie, in);  // action A
  return CookieVerdict::kRestarted;
}

// Whether a peer that began when our INIT was on its way has begun anew since: with the tag of this
// cookie it has been left for another already, or a cookie that was made later has been taken. It
// was sent TSNs that stand for something else by now, and nobody may be there who sent it.
//= rfc9260 5.2.4
bool Association::is_of_a_life_before(const Cookie& cookie) const {
  return cookie.peer_tag == left_peer_tag_ || cookie.created < cookie_created_;
}

Association::CookieVerdict Association::answer_cookie(Time now, const PacketIn& in,
                                                      const Cookie& cookie) {
  cookie_created_ = std::max(cookie_created_, cookie.created);
  if (state_ == State::kCookieWait || state_ == State::kCookieEchoed) {
    enter_established(now);
    resources_.count(Counter::associations_passive_established);
  }
  pending_ |= kCookieAck;
  answer_to(in);
  return CookieVerdict::kGoOn;
}

void Association::answer_to(const PacketIn& in) {
  control_from_ = reply_path(in);
}

// The peer's INIT crossed ours and it has chosen another tag since it answered us, or it has not
// answered yet.
void Association::take_new_peer_tag(const Cookie& cookie) {
  take_peer(cookie);
  learn_paths(cookie.addresses());
  doubt_paths_beside(cookie.addresses());
  tracker_.start(cookie.peer_tsn);
  outbound_.mark_all_lost(paths_);
  outbound_.set_peer(cookie.peer_rwnd, streams_out_);
  outbound_.fail_beyond_streams(failed_);
}

void Association::take_peer(const Cookie& cookie) {
  left_peer_tag_ = identity_.peer_tag;
  cookie_created_ = cookie.created;
  identity_.peer_tag = cookie.peer_tag;
  streams_out_ = cookie.streams_out;
  streams_in_ = cookie.streams_in;
  peer_adaptation_ = cookie.peer_adaptation;
}

// The peer has lost its state and begins anew; the application keeps its handle.
void Association::restart(Time now, const Cookie& cookie, const PacketIn& in) {
  resources_.count(Counter::associations_restarted);
  identity_.local_tag = cookie.local_tag;
  take_peer(cookie);
  initial_tsn_ = cookie.local_tsn;
  outbound_.fail_all(resources_.outbound, paths_, failed_);
  outbound_.start(initial_tsn_, cookie.peer_rwnd, streams_out_);
  // Who has not been told of the last restart hears of it now, as of this one, and nothing of what
  // came between the two: its numbers would be taken for those of before or after.
  const bool is_untold = notices_ & kRestartNotice;
  if (is_untold) {
    resources_.count(Counter::drop_unexpected_chunk,
                     reassembly_.drop_ready_after(resources_.reassembly, restart_after_));
  }
  reassembly_.restart(resources_.reassembly);
  release_error();
  tracker_.clear(resources_.bitmaps);
  tracker_.start(cookie.peer_tsn);
  t2_deadline_ = t5_deadline_ = probe_deadline_ = kNever;
  const std::uint8_t revived = restart_paths(cookie);
  pending_ = kCookieAck;
  const bool up_is_untold = notices_ & kUpNotice;
  enter_established(now);  // and goes on with a shutdown that was asked for
  restart_after_ = static_cast<std::uint32_t>(reassembly_.ready_count());
  // Who has heard and will hear nothing of the association as it was need not hear that it ended.
  const bool is_unheard_of = up_is_untold && restart_after_ == 0;
  notices_ = static_cast<std::uint8_t>((up_is_untold ? kUpNotice : 0) |
                                       (is_unheard_of ? 0 : kRestartNotice) |
                                       (revived != 0 ? kPathNotice : 0));
  for (std::uint8_t i = 0; i < path_count_; ++i) paths_[i]->state_changed |= revived >> i & 1;
  answer_to(in);
}

// Whoever has begun anew is where its INIT came from. What it does not name any more may be another
// host's by now and has to prove itself. Returns bit i for a path i that was inactive: it is asked
// like the others.
//= rfc9260 5.1.2
//= rfc9260 5.4
std::uint8_t Association::restart_paths(const Cookie& cookie) {
  std::uint8_t revived = 0;
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    if (!paths_[i]->is_active()) revived |= static_cast<std::uint8_t>(1u << i);
    paths_[i]->restart(parameters_);
  }
  doubt_paths_beside(cookie.addresses());
  const int first = path_of(cookie.peers[0]);
  MR_ASSERT(first >= 0);
  paths_[first]->confirm();
  if (!paths_[primary_]->is_confirmed()) primary_ = static_cast<std::uint8_t>(first);
  return revived;
}

}  // namespace millrace
