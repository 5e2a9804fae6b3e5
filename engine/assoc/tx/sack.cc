// What a SACK does to the chunks that are outstanding (RFC 9260 6.2.1, 7.2.4).
#include <algorithm>

#include "engine/assoc/tx/outbound.h"

namespace millrace {
namespace {

constexpr std::uint8_t kMissIndications = 3;

constexpr std::uint8_t bit_of(std::uint8_t path) {
  return static_cast<std::uint8_t>(1u << path);
}

}  // namespace

SackOutcome Outbound::on_sack(OutboundMemory& memory, Paths& paths, const SackView& sack, Time now,
                              const Parameters& parameters) {
  SackOutcome outcome;
  const Tsn cumulative = sack.cumulative_tsn_ack;
  outcome.verdict = judge_cumulative(cumulative);
  if (outcome.verdict == SackOutcome::Verdict::kOk) outcome.verdict = judge_gaps(sack);
  if (outcome.verdict != SackOutcome::Verdict::kOk) return outcome;
  Acked acked;
  const bool was_recovering = in_fast_recovery_;
  outcome.advanced = take_cumulative(memory, paths, cumulative, acked, now, parameters);
  if (asks_for_walk(sack)) {
    take_gaps(paths, sack, acked, now, parameters);
  }
  // The window opens. The one chunk that found it closed was not taken, and would wait for a T3-rtx
  // that has backed off for as long as the window was closed.
  const bool was_closed = window_was_closed_ && sent_.size() == 1;
  if (was_closed && sack.a_rwnd >= parameters.path_mtu && !acked.any) mark_all_lost(paths);
  take_window(sack.a_rwnd);
  refused_ = sack.a_rwnd < parameters.path_mtu && !acked.any;
  window_was_closed_ = sack.a_rwnd == 0 || refused_;
  finish_sack(paths, acked, now, outcome);
  Tsn end = cumulative;
  if (sack.gap_count > 0) {
    //= rfc9260 7.2.4
    const Tsn reported = cumulative + sack.gap(sack.gap_count - 1u).end;
    const bool all = was_recovering && in_fast_recovery_ && outcome.advanced;
    if (all || acked.any) end = all ? reported : std::min(acked.highest, reported);
  }
  if (end > cumulative || acked.reneged > 0) count_misses(paths, end, acked.reneged, outcome);
  outcome.looks += acked.looks;
  return outcome;
}

// A SHUTDOWN says nothing of the window: it is what it was, less what has not arrived. To a peer
// that acknowledges with SHUTDOWNs alone it would else be closed when as much has been sent.
//= rfc9260 6.2
SackOutcome Outbound::on_cumulative_ack(OutboundMemory& memory, Paths& paths, Tsn cumulative,
                                        Time now, const Parameters& parameters) {
  SackOutcome outcome;
  outcome.verdict = judge_cumulative(cumulative);
  if (outcome.verdict != SackOutcome::Verdict::kOk) return outcome;
  Acked acked;
  const std::uint32_t window = peer_rwnd_ + outstanding_;
  outcome.advanced = take_cumulative(memory, paths, cumulative, acked, now, parameters);
  take_window(window);
  finish_sack(paths, acked, now, outcome);
  return outcome;
}

SackOutcome::Verdict Outbound::judge_cumulative(Tsn cumulative) const {
  if (cumulative < cumulative_tsn_ack_) return SackOutcome::Verdict::kOld;
  return cumulative >= next_tsn_ ? SackOutcome::Verdict::kUnsent : SackOutcome::Verdict::kOk;
}

// What the peer can take is what it had room for, less what is on its way.
//= rfc9260 6.2.1
void Outbound::take_window(std::uint32_t a_rwnd) {
  peer_rwnd_ = a_rwnd > outstanding_ ? a_rwnd - outstanding_ : 0;
  if (a_rwnd == 0) return;
  probe_is_due_ = false;
  probes_ = 0;
}

// Ascending, not touching the cumulative TSN, and of nothing that was not sent. By definition the
// TSN behind the cumulative one has not arrived: with a block that says so it would be in flight no
// more, and the cumulative one would not move.
//= rfc9260 3.3.4
//= rfc9260 12.4
SackOutcome::Verdict Outbound::judge_gaps(const SackView& sack) const {
  const auto outstanding = static_cast<std::uint32_t>(next_tsn_ - sack.cumulative_tsn_ack - 1);
  std::uint32_t previous_end = 1;
  for (std::size_t i = 0; i < sack.gap_count; ++i) {
    const SackView::Gap gap = sack.gap(i);
    if (gap.start <= previous_end || gap.end < gap.start) return SackOutcome::Verdict::kBad;
    if (gap.end > outstanding) return SackOutcome::Verdict::kUnsent;
    previous_end = gap.end;
  }
  return SackOutcome::Verdict::kOk;
}

void Outbound::on_acked(TxChunk& chunk, Paths& paths, Acked& acked, Time now,
                        const Parameters& parameters) {
  if (chunk.state == TxChunk::State::kGapAcked) return;
  if (chunk.state == TxChunk::State::kToRetransmit && --to_retransmit_ == 0) {
    fast_retransmit_pending_ = false;
  }
  leave_flight(chunk, paths);
  const auto size = static_cast<std::uint32_t>(padded4(kDataHeaderBytes + chunk.length));
  acked.bytes[chunk.path] += size;
  if (chunk.was_counted) acked.bytes_again[chunk.path] += size;
  if (!chunk.has_moved) acked.proved |= bit_of(chunk.path);
  acked.highest = acked.any ? std::max(acked.highest, chunk.tsn) : chunk.tsn;
  acked.any = true;
  if (!chunk.was_retransmitted) paths[chunk.path]->on_acked(chunk.tsn, chunk.tsn, now, parameters);
}

// Everything up to `cumulative` has arrived. True if that is news.
bool Outbound::take_cumulative(OutboundMemory& memory, Paths& paths, Tsn cumulative, Acked& acked,
                               Time now, const Parameters& parameters) {
  for (std::size_t i = 0; i < kPathsMax; ++i) {
    if (paths[i] != nullptr) acked.flight_before[i] = paths[i]->flight;
  }
  const bool passes_search = to_retransmit_ > 0 && search_from_->tsn <= cumulative;
  while (TxChunk* chunk = take_plain_run(memory, paths, cumulative, acked, now, parameters)) {
    if (chunk->state != TxChunk::State::kGapAcked) acked.earliest |= bit_of(chunk->path);
    on_acked(*chunk, paths, acked, now, parameters);
    buffered_bytes_ -= chunk->length;
    sent_.pop_front();
    release(memory, chunk, memory.returned);
  }
  if (passes_search) search_from_ = sent_.front();
  //= rfc9260 7.2.4
  if (in_fast_recovery_ && cumulative >= fast_recovery_exit_) leave_fast_recovery();
  const bool advanced = cumulative != cumulative_tsn_ack_;
  cumulative_tsn_ack_ = cumulative;
  return advanced;
}

// Takes the chunks that were sent once, to the same path, and are in flight: nearly all, so they
// are added up, and their messages strung together, before anything is told. Returns the first that
// is to be looked at on its own.
TxChunk* Outbound::take_plain_run(OutboundMemory& memory, Paths& paths, Tsn cumulative,
                                  Acked& acked, Time now, const Parameters& parameters) {
  TxChunk* chunk = sent_.front();
  if (chunk == nullptr || chunk->tsn > cumulative) return nullptr;
  if (!memory.short_ways) return chunk;
  const std::uint8_t index = chunk->path;
  Path& path = *paths[index];
  const Tsn first = chunk->tsn;
  Tsn last = first - 1;
  std::uint32_t bytes = 0;
  std::uint32_t payload = 0;
  std::size_t count = 0;
  Fifo<TxMessage> done;
  for (TxChunk* next = nullptr; chunk != nullptr && chunk->tsn <= cumulative; chunk = next) {
    if (chunk->state != TxChunk::State::kInFlight || chunk->was_retransmitted ||
        chunk->was_counted || chunk->path != index) {
      break;
    }
    last = chunk->tsn;
    bytes += static_cast<std::uint32_t>(padded4(kDataHeaderBytes + chunk->length));
    payload += chunk->length;
    ++count;
    next = chunk->next;
    release(memory, chunk, done);
  }
  if (count > 0) {
    sent_.drop_front(count, chunk);
    memory.returned.append(done);
    buffered_bytes_ -= payload;
    path.flight -= bytes;
    outstanding_ -= payload;
    acked.bytes[index] += bytes;
    acked.earliest |= bit_of(index);
    acked.proved |= bit_of(index);
    acked.highest = acked.any ? std::max(acked.highest, last) : last;
    acked.any = true;
    path.on_acked(first, last, now, parameters);
  }
  return chunk != nullptr && chunk->tsn <= cumulative ? chunk : nullptr;
}

// One walk over the outstanding chunks beside the gap blocks. What an earlier SACK acknowledged and
// this one does not has been reneged on: it is in flight again.
void Outbound::take_gaps(Paths& paths, const SackView& sack, Acked& acked, Time now,
                         const Parameters& parameters) {
  std::size_t index = 0;
  std::uint8_t passed = 0;  // bit i: a chunk that was sent to path i is missing
  Tsn highest = cumulative_tsn_ack_;
  const Tsn previous_highest = highest_gap_acked_;
  for (TxChunk* chunk = sent_.front(); chunk != nullptr; chunk = chunk->next) {
    ++acked.looks;
    const auto offset = static_cast<std::uint32_t>(chunk->tsn - cumulative_tsn_ack_);
    while (index < sack.gap_count && sack.gap(index).end < offset) ++index;
    if (index == sack.gap_count && chunk->tsn > previous_highest) break;
    const bool covered = index < sack.gap_count && sack.gap(index).start <= offset;
    const std::uint8_t bit = bit_of(chunk->path);
    if (covered) {
      const bool is_news = chunk->state != TxChunk::State::kGapAcked;
      //= rfc9260 6.3.2
      if (is_news) acked.earliest |= static_cast<std::uint8_t>(bit & ~passed);
      on_acked(*chunk, paths, acked, now, parameters);
      chunk->state = TxChunk::State::kGapAcked;
      highest = chunk->tsn;
      continue;
    }
    passed |= bit;
    if (chunk->state == TxChunk::State::kGapAcked) {
      //= rfc9260 6.2.1
      chunk->state = TxChunk::State::kInFlight;
      paths[chunk->path]->flight +=
          static_cast<std::uint32_t>(padded4(kDataHeaderBytes + chunk->length));
      outstanding_ += chunk->length;
      chunk->reneged = chunk->was_counted = true;
      ++acked.reneged;
      Path& path = *paths[chunk->path];
      if (path.t3_deadline == kNever) path.t3_deadline = now + path.rto.value();
    }
  }
  highest_gap_acked_ = highest;
}

// Congestion windows and T3-rtx after all acknowledgements of a SACK are known.
//= rfc9260 7.2
void Outbound::finish_sack(Paths& paths, const Acked& acked, Time now, SackOutcome& outcome) {
  outcome.proved_paths = acked.proved;
  for (std::uint8_t i = 0; i < kPathsMax; ++i) {
    Path* path = paths[i];
    if (path == nullptr || acked.bytes[i] == 0) continue;
    outcome.answered_paths |= bit_of(i);
    path->acked_in_round += acked.bytes[i];
    path->congestion.on_sack(acked.bytes[i], acked.flight_before[i], outcome.advanced,
                             in_fast_recovery_, acked.bytes_again[i]);
    path->rto.on_data_acked();
    //= rfc9260 6.3.2
    if (path->flight == 0) {
      path->t3_deadline = kNever;
    } else if (acked.earliest & bit_of(i)) {
      path->t3_deadline = now + path->rto.value();
    }
  }
  if (!sent_.empty()) return;
  for (Path* path : paths) {
    if (path != nullptr) path->congestion.on_all_acked();
  }
}

// Counts a miss for every chunk below `end` that the SACK does not cover, and for each that was
// reneged on; the third one makes it a fast retransmission.
bool Outbound::count_misses(Paths& paths, Tsn end, std::uint32_t reneged, SackOutcome& outcome) {
  std::uint8_t hit_paths = 0;
  for (TxChunk* chunk = sent_.front(); chunk != nullptr; chunk = chunk->next) {
    if (chunk->tsn >= end && reneged == 0) break;
    ++outcome.looks;
    //= rfc9260 6.2.1
    const bool was_reneged = chunk->reneged;
    chunk->reneged = false;
    if (was_reneged) --reneged;
    if (chunk->tsn >= end && !was_reneged) continue;
    if (chunk->state != TxChunk::State::kInFlight || chunk->was_fast_retransmitted) continue;
    if (++chunk->miss_indications < kMissIndications) continue;
    hit_paths |= bit_of(chunk->path);
    mark_lost(*chunk, paths);
    chunk->was_fast_retransmitted = true;
  }
  if (hit_paths == 0 || in_fast_recovery_) return hit_paths != 0;
  for (std::uint8_t i = 0; i < kPathsMax; ++i) {
    if (hit_paths & bit_of(i)) paths[i]->congestion.on_fast_retransmit();
  }
  in_fast_recovery_ = true;
  fast_retransmit_pending_ = true;
  fast_recovery_exit_ = next_tsn_ - 1;
  outcome.fast_retransmit = true;
  return true;
}

}  // namespace millrace
