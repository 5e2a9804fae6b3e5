// The graceful end of an association (RFC 9260 9.2).
#include "engine/assoc/association.h"
#include "engine/assoc/replies.h"

namespace millrace {

void Association::shutdown(Time now) {
  shutdown_requested_ = true;
  if (state_ != State::kEstablished) return;  // the handshake is finished first
  enter_state(State::kShutdownPending);
  advance_shutdown(now);
}

// Goes on as soon as everything outstanding has been acknowledged.
void Association::advance_shutdown(Time now) {
  if (!outbound_.is_drained()) return;
  if (state_ == State::kShutdownPending) {
    enter_state(State::kShutdownSent);
    pending_ |= kShutdown;
    t5_deadline_ = now + parameters_.rto_max * 5;
  } else if (state_ == State::kShutdownReceived) {
    enter_state(State::kShutdownAckSent);
    pending_ |= kShutdownAck;
  } else {
    return;
  }
  attempts_ = 0;
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    //= rfc9260 8.3
    paths_[i]->heartbeat_deadline = kNever;
  }
  arm_t2(now);
}

void Association::arm_t2(Time now) {
  t2_deadline_ = now + paths_[control_path()]->rto.value();
}

void Association::on_shutdown(Time now, ChunkView chunk) {
  const auto cumulative = parse_shutdown(chunk);
  if (!cumulative) return resources_.count(Counter::drop_bad_chunk);
  switch (state_) {
    case State::kClosed:
    case State::kCookieWait:
    case State::kCookieEchoed:
      return resources_.count(Counter::drop_unexpected_chunk);
    case State::kShutdownSent:
      enter_state(State::kShutdownAckSent);
      pending_ = static_cast<std::uint8_t>((pending_ & ~kShutdown) | kShutdownAck);
      return arm_t2(now);
    case State::kShutdownAckSent:
      pending_ |= kShutdownAck;
      return;
    case State::kEstablished:
    case State::kShutdownPending:
      enter_state(State::kShutdownReceived);
      notices_ |= kPeerShutdownNotice;
      break;
    case State::kShutdownReceived:
      break;
  }
  begin_acknowledging(now);
  on_acknowledged(
      now, outbound_.on_cumulative_ack(resources_.outbound, paths_, *cumulative, now, parameters_));
}

// False: the rest of the packet is not looked at. One answer is all that a packet gets.
//= rfc9260 3.3.13
bool Association::on_shutdown_ack(const PacketIn& in) {
  if (state_ == State::kShutdownSent || state_ == State::kShutdownAckSent) {
    const Path& path = *paths_[reply_path(in)];
    send_empty_chunk(resources_, header(), ChunkType::kShutdownComplete, 0, path.reply_source(),
                     path.destination(), path.marking());
    resources_.count(Counter::associations_shut_down);
    close(DownReason::kShutdown, 0);
    return false;
  }
  resources_.count(Counter::drop_unexpected_chunk);
  if (state_ != State::kCookieWait && state_ != State::kCookieEchoed) return true;
  //= rfc9260 8.5.1
  CommonHeader reflected = header();
  reflected.verification_tag = CommonHeader::read(in.packet).verification_tag;
  send_empty_chunk(resources_, reflected, ChunkType::kShutdownComplete, kFlagReflectedTag,
                   in.destination, in.source, parameters_.marking);
  return false;
}

void Association::on_shutdown_complete() {
  if (state_ != State::kShutdownAckSent) return resources_.count(Counter::drop_unexpected_chunk);
  resources_.count(Counter::associations_shut_down);
  close(DownReason::kShutdown, 0);
}

// A peer that still sends what it has is alive and gets the time for it, within T5.
//= rfc9260 9.2
void Association::on_packet_while_shutdown_sent(Time now) {
  attempts_ = 0;
  error_count_ = 0;
  arm_t2(now);
}

void Association::on_t2_expired(Time now) {
  t2_deadline_ = kNever;
  resources_.count(Counter::t2_expirations);
  const std::uint8_t path = control_path();
  ++attempts_;
  paths_[path]->rto.back_off(parameters_);
  on_path_error(now, path, true);
  if (is_closed()) return;
  pending_ |= state_ == State::kShutdownSent ? kShutdown : kShutdownAck;
  arm_t2(now);
}

}  // namespace millrace
