// What each chunk of a packet does (RFC 9260 3.2, 3.3): the dispatch, and the small ones.
#include <algorithm>

#include "engine/assoc/association.h"
#include "engine/assoc/replies.h"

namespace millrace {
namespace {

// Nothing but that, or that first: it says nothing of data that the peer still has. The SHOULD of
// section 9.2 speaks of any packet, but a peer that asks its paths more often than T2 expires would
// keep a SHUTDOWN that was lost from being sent again.
//= rfc9260 9.2
bool is_heartbeat(const PacketIn& in) {
  const auto type = static_cast<ChunkType>(in.packet[kCommonHeaderBytes]);
  return type == ChunkType::kHeartbeat || type == ChunkType::kHeartbeatAck;
}

}  // namespace

void Association::on_packet(Time now, const PacketIn& in, ChunkReader chunks) {
  flush_answer();  // to an earlier packet
  if (tracker_.is_sack_due() && tracker_.has_gap()) send_sack_ahead();
  const int from = path_of(in.source);
  if (from >= 0 && paths_[from]->reply_source() != in.destination) {
    paths_[from]->on_arrival_at(in.destination);
  }
  bool had_data = false;
  has_walked_ = false;
  reneges_left_ = kRenegesMax;
  if (state_ == State::kShutdownSent && !is_heartbeat(in)) on_packet_while_shutdown_sent(now);
  while (!chunks.is_at_end()) {
    if (take_plain_data(chunks, in)) {
      had_data = true;
      continue;
    }
    const auto chunk = chunks.next();
    if (!chunk) break;
    if (!on_chunk(now, *chunk, in, had_data)) break;
    if (is_closed()) return;
  }
  if (chunks.is_malformed()) resources_.count(Counter::drop_bad_chunk);
  if (had_data) {
    if (from >= 0) last_data_from_ = static_cast<std::uint8_t>(from);
    on_packet_with_data(now);
  }
  advance_shutdown(now);
}

// False: the rest of the packet is not looked at.
bool Association::on_chunk(Time now, ChunkView chunk, const PacketIn& in, bool& had_data) {
  switch (chunk.type()) {
    case ChunkType::kData:
      //= rfc9260 6
      had_data |= takes_data_in() && chunk.bytes.size() > kDataHeaderBytes;
      return on_data(chunk, in);
    case ChunkType::kSack:
      on_sack(now, chunk);
      return true;
    case ChunkType::kInitAck:
      on_init_ack(now, chunk, in);
      return false;
    case ChunkType::kHeartbeat:
      on_heartbeat(chunk, in);
      return true;
    case ChunkType::kHeartbeatAck:
      on_heartbeat_ack(now, chunk);
      return true;
    case ChunkType::kAbort:
      on_abort(chunk, in);
      return false;
    case ChunkType::kShutdown:
      on_shutdown(now, chunk);
      return true;
    case ChunkType::kShutdownAck:
      return on_shutdown_ack(in);
    case ChunkType::kShutdownComplete:
      on_shutdown_complete();
      return false;
    case ChunkType::kError:
      on_error(now, chunk, in);
      return true;
    case ChunkType::kCookieAck:
      on_cookie_ack(now);
      return true;
    case ChunkType::kCookieEcho:  // dealt with before, if it came first
    case ChunkType::kInit:
      resources_.count(Counter::drop_bad_bundling);
      return false;
    case ChunkType::kEcne:
    case ChunkType::kCwr:
    case ChunkType::kPad:
      return true;  // ECN was not negotiated, and padding is just that
  }
  return on_unknown_chunk(chunk, in);
}

//= rfc9260 3.2
bool Association::on_unknown_chunk(ChunkView chunk, const PacketIn& in) {
  resources_.count(Counter::drop_unknown_chunk);
  const unsigned upper_bits = chunk.bytes[0] >> 6;
  if (unknown_type_is_reported(upper_bits)) {
    answer_error(CauseCode::kUnrecognizedChunkType, chunk.bytes, in);
  }
  return unknown_type_is_skipped(upper_bits);
}

//= rfc9260 8.3
void Association::on_heartbeat(ChunkView chunk, const PacketIn& in) {
  if (state_ == State::kCookieWait) return resources_.count(Counter::drop_unexpected_chunk);
  if (state_ == State::kShutdownSent || state_ == State::kShutdownAckSent) {
    return resources_.count(Counter::drop_late_chunk);
  }
  answer_heartbeat(chunk.value(), in);
}

//= rfc9260 8.3
//= rfc9260 5.4
void Association::on_heartbeat_ack(Time now, ChunkView chunk) {
  TlvReader parameters(chunk.value());
  const auto info = parameters.next();
  if (!info || info->type() != static_cast<std::uint16_t>(ParameterType::kHeartbeatInfo) ||
      info->value().size() != kHeartbeatInfoBytes) {
    resources_.count(Counter::drop_bad_heartbeat);
    return;
  }
  const std::uint32_t index = load_be32(info->value().data());
  const std::uint64_t nonce = load_be64(info->value().data() + 4);
  const std::uint32_t sent_at = load_be32(info->value().data() + 12);
  if (index >= kMtuProbe && index - kMtuProbe < path_count_) {
    Path& probed = *paths_[index - kMtuProbe];
    const std::uint16_t carried = probed.mtu_search.on_answer(now, nonce);
    if (carried == 0) return resources_.count(Counter::drop_bad_heartbeat);
    probed.raise_mtu(carried);
    return;
  }
  const auto is_answered = [&](const Path::Heartbeat& heartbeat) {
    return heartbeat.is_unanswered && heartbeat.nonce == nonce &&
           heartbeat_time(heartbeat.sent_at) == sent_at;
  };
  if (index >= path_count_) return resources_.count(Counter::drop_bad_heartbeat);
  Path& path = *paths_[index];
  const bool is_of_last = is_answered(path.heartbeat);
  if (!is_of_last && !is_answered(path.heartbeat_before))
    return resources_.count(Counter::drop_bad_heartbeat);
  Path::Heartbeat& answered = is_of_last ? path.heartbeat : path.heartbeat_before;
  answered.is_unanswered = false;
  path.rto.on_heartbeat(now - answered.sent_at, path.flight > 0, parameters_);
  path.confirm();
  on_path_answer(now, static_cast<std::uint8_t>(index), true);
  if (is_of_last) {
    path.heartbeat_outstanding = false;
    path.arm_heartbeat(now, resources_.random.next_u32());
  }
  if (path.state_changed) notices_ |= kPathNotice;
  resources_.count(Counter::heartbeats_acked);
}

// Believed or not, nothing of its packet is answered.
//= rfc9260 9.1
void Association::on_abort(ChunkView chunk, const PacketIn& in) {
  drop_answer();
  //= rfc9260 8.5.1
  const bool is_reflected = chunk.flags() & kFlagReflectedTag;
  const std::uint32_t tag = is_reflected ? identity_.peer_tag : identity_.local_tag;
  if (CommonHeader::read(in.packet).verification_tag != tag) {
    return resources_.count(Counter::drop_bad_tag);
  }
  //= rfc9260 3.3.7
  TlvReader causes(chunk.value());
  const auto cause = causes.next();
  while (causes.next()) {
  }
  if (causes.is_malformed()) return resources_.count(Counter::drop_bad_chunk);
  resources_.count(Counter::associations_aborted);
  close(was_up_ ? DownReason::kAbortedByPeer : DownReason::kRefused,
        cause ? cause->type() : std::uint16_t{0});
  if (!is_short_of_memory()) keep(chunk, in);
}

// The host is not the peer, or not yet: an address may move from one host to another. It is asked
// on at HB.interval, as one is that does not answer at all.
//= rfc9260 5.4
void Association::on_denial(Time now, const IpAddress& source) {
  Path& path = *paths_[path_of(source)];
  if (path.is_active()) resources_.count(Counter::path_failures);
  path.deny();
  if (was_up_) path.arm_heartbeat(now, resources_.random.next_u32());
  if (path.state_changed) notices_ |= kPathNotice;
}

void Association::on_error(Time now, ChunkView chunk, const PacketIn& in) {
  TlvReader causes(chunk.value());
  while (const auto cause = causes.next()) {
    if (cause->type() == static_cast<std::uint16_t>(CauseCode::kStaleCookie)) {
      on_stale_cookie(now);
    } else {
      keep_error(*cause, in);
    }
  }
  if (causes.is_malformed()) resources_.count(Counter::drop_bad_chunk);
}

// For an application that wants to hear of it. One at a time: those that come before it has are
// left out, as a peer may send as many as it likes.
//= rfc9260 11.2.6
void Association::keep_error(TlvView cause, const PacketIn& in) {
  if (!parameters_.remote_error_events || error_buffer_ != nullptr || !was_up_) return;
  if (is_short_of_memory()) return resources_.count(Counter::drop_no_memory);
  resources_.buffers.hold(*in.buffer);
  error_buffer_ = in.buffer;
  error_cause_ = cause.bytes;
  notices_ |= kErrorNotice;
}

void Association::release_error() {
  if (error_buffer_ != nullptr) resources_.buffers.release(error_buffer_);
  error_buffer_ = nullptr;
}

}  // namespace millrace
