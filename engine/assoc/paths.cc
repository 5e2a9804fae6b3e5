// Which destination is used for what, and when one is given up (RFC 9260 6.4, 8).
#include <algorithm>
#include <array>

#include "engine/assoc/association.h"
#include "engine/assoc/replies.h"

namespace millrace {

// Where new data goes: what the application has chosen for the message, while that is usable.
//= rfc6458 5.3.4
std::uint8_t Association::new_data_path() const {
  const std::uint8_t chosen = outbound_.chosen_path();
  const bool is_good = chosen < path_count_ && paths_[chosen]->is_usable();
  return is_good ? chosen : data_path();
}

//= rfc9260 6.4
// `first` while nothing speaks against it, else another; if none is usable, `first`. For data it is
// the primary path (RFC 9260 6.4.1 leaves that open: staying with it is what brings a single-homed
// peer back); but not one that may be another host's while any is known to be the peer's.
std::uint8_t Association::best_path(std::uint8_t first) const {
  if (paths_[first]->is_preferable()) return first;
  const std::uint8_t other = alternate_path(first);
  if (paths_[first]->is_usable()) return is_better(other, first) ? other : first;
  if (other != first || paths_[first]->is_confirmed()) return other;
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    if (paths_[i]->is_confirmed()) return i;
  }
  return first;
}

// The first path behind `avoid` that nothing speaks against, else the usable one with the fewest
// errors; `avoid` if there is none.
//= rfc7829 3.2
std::uint8_t Association::alternate_path(std::uint8_t avoid) const {
  std::uint8_t best = avoid;
  for (std::uint8_t step = 1; step < path_count_; ++step) {
    const auto candidate = static_cast<std::uint8_t>((avoid + step) % path_count_);
    if (!paths_[candidate]->is_usable()) continue;
    if (best == avoid || is_better(candidate, best)) best = candidate;
  }
  return best;
}

// Of two usable paths.
bool Association::is_better(std::uint8_t path, std::uint8_t than) const {
  const Path &left = *paths_[path], &right = *paths_[than];
  if (left.is_preferable() != right.is_preferable()) return left.is_preferable();
  return !left.is_preferable() && left.error_count() < right.error_count();
}

// SACKs go where the data came from, unless that does not answer us; when it came twice, somewhere
// else, for the last SACK may have been lost on that way.
//= rfc9260 6.4
std::uint8_t Association::sack_path() const {
  const std::uint8_t from = last_data_from_;
  if (!paths_[from]->is_confirmed()) return data_path();
  if (tracker_.has_duplicates()) {
    const std::uint8_t other = alternate_path(from);
    if (paths_[other]->is_preferable()) return other;
  }
  return best_path(from);
}

// Answers go where the question came from; other control chunks where data goes, and to one usable
// address after the other while that is not answered.
//= rfc9260 5.1
std::uint8_t Association::control_path() const {
  if (control_from_ != kNoPath) return control_from_;
  std::uint8_t path = data_path();
  for (std::uint8_t attempt = 0; attempt < attempts_; ++attempt) path = alternate_path(path);
  return path;
}

//= rfc9260 6.4
//= rfc9260 6.4.1
// What timed out goes to another path than before; a fast retransmission stays on its own.
std::uint8_t Association::retransmission_path() const {
  const TxChunk& chunk = *outbound_.first_retransmission();
  if (!chunk.timed_out && paths_[chunk.path]->is_preferable()) return chunk.path;
  return alternate_path(chunk.path);
}

//= rfc9260 8.1
void Association::on_path_error(Time now, std::uint8_t path, bool counts_for_association) {
  const Path::Judgement judgement = paths_[path]->on_error(path_count_ > 1);
  if (judgement == Path::Judgement::kInactive) resources_.count(Counter::path_failures);
  if (judgement == Path::Judgement::kPotentiallyFailed) {
    resources_.count(Counter::path_potential_failures);
    if (!paths_[path]->heartbeat_outstanding) paths_[path]->heartbeat_deadline = now;
  }
  if (paths_[path]->state_changed) notices_ |= kPathNotice;
  if (path == primary_) switch_primary_over();
  if (counts_for_association) on_association_error();
}

void Association::on_association_error() {
  if (error_count_++ < parameters_.association_max_retrans) return;
  resources_.count(Counter::associations_lost);
  close(DownReason::kUnreachable, 0);
}

// A peer whose heartbeats pass while its data never does is not to be tried for ever: the answer to
// a heartbeat says nothing of data that is outstanding.
//= rfc9260 8.1
void Association::on_path_answer(Time now, std::uint8_t path, bool is_of_heartbeat) {
  if (!is_of_heartbeat || !outbound_.has_outstanding()) error_count_ = 0;
  if (!is_of_heartbeat) paths_[path]->on_data_acked();
  if (paths_[path]->on_answer(now)) resources_.count(Counter::path_recoveries);
  if (paths_[path]->state_changed) notices_ |= kPathNotice;
}

// A primary that has failed this often does not become it again by answering.
//= rfc7829 5
void Association::switch_primary_over() {
  const std::uint8_t most = paths_[primary_]->settings().primary_switchover_max_retrans;
  if (most == Parameters::kNoSwitchover || paths_[primary_]->error_count() <= most) return;
  const std::uint8_t other = alternate_path(primary_);
  if (paths_[other]->is_preferable()) primary_ = other;
}

//= rfc9260 6.3.3
void Association::on_t3_expired(Time now, std::uint8_t path) {
  if (paths_[path]->flight == 0) {
    // What was there waits to be sent again: no one failed to answer.
    paths_[path]->t3_deadline = kNever;
    return;
  }
  resources_.count(Counter::t3_expirations);
  const bool is_refused = outbound_.is_refused();
  if (!outbound_.is_window_probe()) paths_[path]->congestion.on_timeout();
  paths_[path]->rto.back_off(parameters_);
  outbound_.on_t3_expired(paths_, path);
  //= rfc9260 6.1
  if (is_refused) return;
  paths_[path]->on_data_timeout(now);
  on_path_error(now, path, true);
}

//= rfc9260 8.3
void Association::on_heartbeat_deadline(Time now, std::uint8_t index) {
  Path& path = *paths_[index];
  // A peer that is through with the shutdown knows nothing of us, and would abort what is all but
  // over.
  if (state_ == State::kShutdownSent || state_ == State::kShutdownAckSent) {
    path.heartbeat_deadline = kNever;
    return;
  }
  if (path.heartbeat_outstanding) {
    path.heartbeat_outstanding = false;
    path.rto.back_off(parameters_);
    const bool counts_for_association = index == data_path() && path.is_confirmed();
    if (path.is_active()) {
      on_path_error(now, index, counts_for_association);
    } else if (counts_for_association) {
      on_association_error();
    }
    if (is_closed()) return;
    path.arm_heartbeat(now, resources_.random.next_u32(), unconfirmed_paths());
    return;
  }
  if (path.is_confirmed() && !path.is_potentially_failed() && !path.is_idle()) {
    path.arm_heartbeat(now, resources_.random.next_u32());
    return;
  }
  path.heartbeat_deadline = turn_to_ask(now, path);
  if (path.heartbeat_deadline <= now) send_heartbeat(now, index);
}

// HB.Max.Burst is 1: the addresses that the peer may have made up are asked in turn, each an RTO of
// the one before it after that.
//= rfc9260 5.4
Time Association::turn_to_ask(Time now, const Path& path) const {
  Time turn = now;
  if (path.is_confirmed() || !path.is_active()) return turn;
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    const Path& other = *paths_[i];
    const bool is_asked = other.heartbeat_outstanding && !other.is_confirmed() && other.is_active();
    if (is_asked) turn = std::max(turn, other.heartbeat_deadline);
  }
  return turn;
}

std::int64_t Association::unconfirmed_paths() const {
  return std::count_if(paths_.begin(), paths_.begin() + path_count_,
                       [](const Path* path) { return !path->is_confirmed() && path->is_active(); });
}

// Microseconds, of a clock of our own, and no more of them than tell two heartbeats apart.
std::uint32_t Association::heartbeat_time(Time at) {
  return static_cast<std::uint32_t>(at.ns / 1000);
}

// The nonce proves to us that the answer is to this heartbeat; when it was sent is remembered, too,
// so that an answer with another time is none of ours.
//= rfc9260 3.3.5
void Association::send_heartbeat(Time now, std::uint8_t index) {
  Path& path = *paths_[index];
  path.heartbeat_before = path.heartbeat;
  path.heartbeat = {resources_.random.next_u64(), now, false};
  path.heartbeat_deadline = now + path.rto.value();
  std::uint8_t info[kHeartbeatInfoBytes];
  store_be32(info, index);
  store_be64(info + 4, path.heartbeat.nonce);
  store_be32(info + 12, heartbeat_time(now));
  // What could not be sent for a shortage of ours is not held against the path.
  path.heartbeat_outstanding =
      send_reply(resources_, header(), path.source(), path.destination(), path.marking(),
                 [&](PacketWriter& writer) {
                   writer.begin_chunk(ChunkType::kHeartbeat, 0);
                   writer.append_parameter(ParameterType::kHeartbeatInfo, info);
                   writer.end_chunk();
                 });
  path.heartbeat.is_unanswered = path.heartbeat_outstanding;
  if (path.heartbeat_outstanding) resources_.count(Counter::heartbeats_sent);
}

// Not while the path leaves other things unanswered: on_answer() starts the search again.
//= rfc8899 5.2
void Association::on_mtu_search_deadline(Time now, std::uint8_t index) {
  Path& path = *paths_[index];
  const bool is_up = was_up_ && t2_deadline_ == kNever;
  const bool may_probe =
      parameters_.path_mtu_probing && is_up && path.is_preferable() && path.error_count() == 0;
  if (!may_probe) return path.mtu_search.stop();
  const std::uint16_t size = path.mtu_search.on_deadline(now, path.mtu(), path.rto.value());
  if (size != 0) send_mtu_probe(now, index, size);
}

// A heartbeat that is padded to the size in question (RFC 4820). Its loss says nothing of the path
// and nothing of congestion.
//= rfc8899 6.2
void Association::send_mtu_probe(Time now, std::uint8_t index, std::uint16_t size) {
  static constexpr std::array<std::uint8_t, kMtuMax> kPadding{};
  Path& path = *paths_[index];
  if (path.mtu_search.is_first_of_its_size())
    path.mtu_search.set_nonce(resources_.random.next_u64());
  std::uint8_t info[kHeartbeatInfoBytes];
  store_be32(info, kMtuProbe + index);
  store_be64(info + 4, path.mtu_search.nonce());
  store_be32(info + 12, heartbeat_time(now));
  const auto write = [&](PacketWriter& writer) {
    writer.begin_chunk(ChunkType::kHeartbeat, 0);
    writer.append_parameter(ParameterType::kHeartbeatInfo, info);
    writer.end_chunk();
    writer.begin_chunk(ChunkType::kPad, 0);
    writer.append(Bytes(kPadding).first(writer.room()));
    writer.end_chunk();
  };
  const std::size_t packet = kCommonHeaderBytes + pmdcs_of(size, path.destination());
  if (send_reply(resources_, header(), path.source(), path.destination(), path.marking(), write,
                 packet)) {
    resources_.count(Counter::mtu_probes_sent);
  }
}

// What is on its way there in packets that are too large has not arrived: it goes again at once, a
// chunk that is too large by itself as IP fragments.
//= rfc9260 7.3
void Association::on_packet_too_big(Time now, const IpAddress& destination, std::uint16_t mtu) {
  const int path = path_of(destination);
  if (path < 0 || mtu == 0 || !paths_[path]->lower_mtu(now, mtu)) return;
  outbound_.mark_large_lost(paths_, static_cast<std::uint8_t>(path));
}

// A host without SCTP that the peer has named is a trick of the peer's, or an error: as an ABORT.
//= rfc9260 10
void Association::on_protocol_unreachable() {
  resources_.count(Counter::associations_lost);
  close(DownReason::kUnreachable, 0);
}

}  // namespace millrace
