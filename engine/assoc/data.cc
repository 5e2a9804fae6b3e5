// DATA and SACK as the association sees them (RFC 9260 6.1, 6.2): which part of it they concern.
#include <algorithm>

#include "engine/assoc/association.h"
#include "engine/assoc/replies.h"

namespace millrace {

// Takes the next chunks together if they are like nearly all DATA. False: there are none, and what
// comes next is to be looked at on its own.
//= rfc9260 6.2
bool Association::take_plain_data(ChunkReader& chunks, const PacketIn& in) {
  if (!takes_data_in() || tracker_.has_gap() || is_short_of_memory()) return false;
  if (!resources_.short_ways) return false;
  if (holds_most_chunks() || unread_bytes_ >= parameters_.receive_buffer) return false;
  const Reassembly::Run run = reassembly_.add_run(resources_.reassembly, in.buffer, chunks.rest(),
                                                  tracker_.cumulative().next(), streams_in_,
                                                  parameters_.receive_buffer - unread_bytes_);
  if (run.chunks == 0) return false;
  tracker_.record_run(run.chunks);
  resources_.count(Counter::data_chunks_received, run.chunks);
  chunks.skip(run.bytes);
  return true;
}

// False: the association is gone.
//= rfc9260 6.2
bool Association::on_data(ChunkView chunk, const PacketIn& in) {
  resources_.count(Counter::data_chunks_received);
  const auto data = DataView::parse(chunk);
  if (!data) {
    resources_.count(Counter::drop_bad_chunk);
    return true;
  }
  if (!takes_data_in()) {
    resources_.count(Counter::drop_unexpected_chunk);
    return true;
  }
  if (data->payload.empty()) {
    //= rfc9260 6.2
    resources_.count(Counter::drop_no_user_data);
    std::uint8_t tsn[4];
    store_be32(tsn, data->tsn.value);
    abort(CauseCode::kNoUserData, tsn, DownReason::kProtocolError);
    return false;
  }
  if (data->flags & kDataFlagImmediate) tracker_.acknowledge_now();
  const auto arrival = tracker_.classify(data->tsn);
  if (arrival == TsnTracker::Arrival::kDuplicate) {
    resources_.count(Counter::data_chunks_duplicate);
    tracker_.record_duplicate(data->tsn);
    return true;
  }
  if (!has_room_for(*data, arrival)) return true;
  if (data->stream >= streams_in_) return on_bad_stream(*data, in);
  return hold(*data, in);
}

bool Association::takes_data_in() const {
  return state_ == State::kEstablished || state_ == State::kShutdownPending ||
         state_ == State::kShutdownSent;
}

// The window is full when it is reached: the chunk that reaches it may go beyond by its own length.
// From there on only what lets held data move on is taken: what fills a hole, for which the last
// chunks that wait for it give way, and what comes next when otherwise nothing could ever be read.
// (A window probe is neither while there is something to read, however often it comes.) Where
// nothing can give way, since what came later can be read or has been, it goes beyond the window,
// up to twice of it.
//= rfc9260 6.2
bool Association::has_room_for(const DataView& data, TsnTracker::Arrival arrival) {
  if (arrival == TsnTracker::Arrival::kTooFar) {
    resources_.count(Counter::drop_tsn_range);
    return false;
  }
  const std::uint32_t held = held_bytes();
  const bool fills_hole = data.tsn < tracker_.highest();
  // Who has its share of what the shard has for all gets on only by reading as it comes: by one
  // chunk more than that, if it holds none. What its application has and has not read yet is not of
  // what is there for all.
  const bool is_next = arrival == TsnTracker::Arrival::kNext;
  if (is_short_of_memory() && (reassembly_.held_chunks() > 0 || !is_next)) {
    if (fills_hole && renege_for(data)) return true;
    if (is_next && begin_to_read()) return true;
    resources_.count(Counter::drop_receive_share);
    return false;
  }
  if (holds_most_chunks()) {
    if (fills_hole && renege_for(data)) return true;
    resources_.count(Counter::drop_chunks_held);
    tracker_.acknowledge_now();  // and the window is closed
    return false;
  }
  if (held < parameters_.receive_buffer) return true;
  if (fills_hole && renege_for(data)) return true;
  const bool is_stuck = reassembly_.front() == nullptr && unread_bytes_ == 0;
  const bool moves_on = fills_hole || (is_stuck && is_next);
  if (moves_on && held / 2 < parameters_.receive_buffer) return true;
  resources_.count(Counter::drop_window_full);
  tracker_.acknowledge_now();
  return false;
}

// Whether chunks that came after this one, and cannot be delivered yet, have made room for it. The
// peer is told by the SACK that does not speak of them any more, and sends them again.
//= rfc9260 6.2
bool Association::renege_for(const DataView& data) {
  while (reneges_left_ > 0) {
    --reneges_left_;
    const auto dropped = reassembly_.renege(resources_.reassembly, data.tsn);
    if (!dropped) return false;
    tracker_.forget(resources_.bitmaps, *dropped);
    resources_.count(Counter::data_chunks_reneged);
    if (held_bytes() < parameters_.receive_buffer && !holds_most_chunks()) return true;
  }
  return false;
}

// Whether a message that is not complete can be read from now on, when nothing could be: it has all
// that may be held, and would wait for ever for what does not fit beside it.
//= rfc6458 8.1.21
bool Association::begin_to_read() {
  return reassembly_.front() == nullptr &&
         reassembly_.deliver_unfinished(resources_.reassembly, tracker_.cumulative());
}

bool Association::holds_most_chunks() const {
  return reassembly_.held_chunks() >= resources_.chunks_held_max;
}

bool Association::is_short_of_memory() const {
  return !resources_.may_hold || resources_.buffers.held_count() >= resources_.buffers_held_max;
}

//= rfc9260 6.5
// The TSN is acknowledged, the data is not delivered.
bool Association::on_bad_stream(const DataView& data, const PacketIn& in) {
  resources_.count(Counter::drop_bad_stream);
  tracker_.record(resources_.bitmaps, data.tsn);
  std::uint8_t value[4] = {};
  store_be16(value, data.stream);
  answer_error(CauseCode::kInvalidStreamIdentifier, value, in);
  return true;
}

bool Association::hold(const DataView& data, const PacketIn& in) {
  const bool ordered = !(data.flags & kDataFlagUnordered);
  if (!reassembly_.has_memory(resources_.reassembly, data.stream, ordered) ||
      !tracker_.record(resources_.bitmaps, data.tsn)) {
    resources_.count(Counter::drop_no_memory);
    return true;
  }
  const auto describe = [&](RxChunk& chunk) {
    chunk.buffer = in.buffer;
    chunk.payload = data.payload.data();
    chunk.length = static_cast<std::uint16_t>(data.payload.size());
    chunk.stream = data.stream;
    chunk.ssn = data.ssn;
    chunk.flags = data.flags;
    chunk.tsn = data.tsn;
    chunk.ppid = data.ppid;
  };
  switch (reassembly_.add(resources_.reassembly, describe, parameters_.partial_delivery_point)) {
    case Reassembly::Result::kOk:
      if (holds_most_chunks()) begin_to_read();
      return true;
    case Reassembly::Result::kContradiction:
      resources_.count(Counter::drop_bad_fragment);
      abort(CauseCode::kProtocolViolation, {}, DownReason::kProtocolError);
      return false;
    case Reassembly::Result::kNoMemory:
      // The TSN is recorded and cannot be taken back: going on would lose the message.
      resources_.count(Counter::drop_no_memory);
      abort(CauseCode::kOutOfResource, {}, DownReason::kResources);
      return false;
  }
  return true;
}

void Association::on_packet_with_data(Time now) {
  if (state_ == State::kShutdownAckSent) return;
  tracker_.on_packet_end(now, parameters_);
  //= rfc9260 9.2
  if (state_ == State::kShutdownSent) {
    pending_ |= kShutdown;
    arm_t2(now);
  }
}

//= rfc9260 6.2.1
void Association::on_sack(Time now, ChunkView chunk) {
  resources_.count(Counter::sacks_received);
  const auto sack = SackView::parse(chunk);
  if (!sack) return resources_.count(Counter::drop_bad_sack);
  if (state_ == State::kCookieWait || state_ == State::kCookieEchoed) {
    return resources_.count(Counter::drop_unexpected_chunk);
  }
  if (state_ == State::kShutdownAckSent) return resources_.count(Counter::drop_late_chunk);
  // A SACK says all that the one before it said. Of those that would have every chunk in flight
  // looked at, a packet gets one: more are not the peer's way to be understood sooner.
  if (outbound_.asks_for_walk(*sack)) {
    if (has_walked_) return resources_.count(Counter::drop_repeated_sack);
    has_walked_ = true;
  }
  begin_acknowledging(now);
  const SackOutcome outcome =
      outbound_.on_sack(resources_.outbound, paths_, *sack, now, parameters_);
  on_acknowledged(now, outcome);
}

// What was acknowledged in an earlier poll counts no more, unless that had no turn for it: what it
// made room for was sent then.
void Association::begin_acknowledging(Time now) {
  if (acked_at_ == now || awaits_round_) return;
  acked_at_ = now;
  for (std::uint8_t i = 0; i < path_count_; ++i) paths_[i]->acked_in_round = 0;
}

void Association::on_acknowledged(Time now, const SackOutcome& outcome) {
  switch (outcome.verdict) {
    case SackOutcome::Verdict::kOld:
      return resources_.count(Counter::drop_old_sack);
    case SackOutcome::Verdict::kBad:
      return resources_.count(Counter::drop_bad_sack);
    case SackOutcome::Verdict::kUnsent:
      //= rfc9260 12.4
      resources_.count(Counter::drop_bad_sack);
      return abort(CauseCode::kProtocolViolation, {}, DownReason::kProtocolError);
    case SackOutcome::Verdict::kOk:
      break;
  }
  if (outcome.looks > 0) resources_.count(Counter::sack_looks, outcome.looks);
  if (outcome.fast_retransmit) resources_.count(Counter::fast_retransmits);
  if (outcome.answered_paths != 0) error_count_ = 0;
  // What went to two paths before it was acknowledged does not say which of them carried it: one
  // that is not trusted is not trusted again for that.
  //= rfc7829 3.2
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    if ((outcome.answered_paths >> i & 1) == 0) continue;
    const bool is_sure = outcome.proved_paths >> i & 1;
    if (is_sure || paths_[i]->is_preferable()) on_path_answer(now, i);
  }
  wait_to_probe(now);
  if (parameters_.sender_dry_events && outcome.advanced && outbound_.is_drained()) {
    notices_ |= kDryNotice;
  }
}

// A window that has closed is probed after an RTO, and then ever more seldom.
//= rfc9260 6.1
void Association::wait_to_probe(Time now) {
  constexpr std::uint32_t kDoublingsMax = 16;
  if (!outbound_.waits_to_probe()) {
    probe_deadline_ = kNever;
  } else if (probe_deadline_ == kNever) {
    const std::uint32_t doublings = std::min(outbound_.probes(), kDoublingsMax);
    const Duration interval = paths_[data_path()]->rto.value() * (std::int64_t{1} << doublings);
    probe_deadline_ = now + std::min(interval, parameters_.rto_max);
  }
}

}  // namespace millrace
