// What goes into the next packet, and where it goes (RFC 9260 6.1, 6.10).
#include <algorithm>

#include "engine/assoc/association.h"
#include "engine/assoc/replies.h"

namespace millrace {

bool Association::next_packet(Time now, PacketOut& out) {
  if (is_closed()) return false;
  if (now != round_at_) open_round(now);
  if (has_but_new_data()) return next_data_packet(now, out);
  if (answer_ != nullptr && !answer_may_be_joined()) flush_answer();
  const std::uint8_t path = next_destination();
  if (answer_ != nullptr && answer_path_ != path) flush_answer();
  return path != kNoPath && build_packet(now, path, out);
}

// A round is everything that is sent in one poll, which is known by its time. Max.Burst bounds by
// how much it may raise what is in flight beyond what was acknowledged in that poll (RFC 9260
// 6.1, D).
void Association::open_round(Time now) {
  round_at_ = now;
  begin_acknowledging(now);
  awaits_round_ = false;
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    Path& path = *paths_[i];
    path.flight_limit =
        parameters_.max_burst == 0
            ? UINT32_MAX
            : path.flight + path.acked_in_round + parameters_.max_burst * path.congestion.pmdcs();
    path.acked_in_round = 0;
  }
}

bool Association::may_send_data() const {
  return state_ == State::kEstablished || state_ == State::kShutdownPending ||
         state_ == State::kShutdownReceived;
}

std::uint8_t Association::next_destination() const {
  if (pending_ != 0) return control_path();
  if (answer_ != nullptr) return answer_path_;
  if (may_send_data()) {
    //= rfc9260 6.1
    if (outbound_.has_retransmissions()) {
      const std::uint8_t path = retransmission_path();
      if (outbound_.may_retransmit(*paths_[path])) return path;
    }
    const std::uint8_t path = new_data_path();
    const bool may_begin = paths_[path]->congestion.may_begin_packet(paths_[path]->flight);
    if (may_begin && outbound_.may_send_new(*paths_[path], payload_max())) return path;
  }
  return tracker_.is_sack_due() ? sack_path() : kNoPath;
}

// Whether nothing is to be said but what is in new DATA chunks, if anything: nearly always.
bool Association::has_but_new_data() const {
  return pending_ == 0 && state_ == State::kEstablished && answer_ == nullptr &&
         !tracker_.is_sack_pending() && !outbound_.has_retransmissions() && resources_.short_ways;
}

// What build_packet() would build.
bool Association::next_data_packet(Time now, PacketOut& out) {
  const std::uint8_t index = new_data_path();
  const Path& path = *paths_[index];
  const std::uint32_t most = payload_max();
  if (!path.congestion.may_begin_packet(path.flight) || !outbound_.may_send_new(path, most)) {
    return false;
  }
  Buffer* buffer = acquire_packet();
  if (buffer == nullptr) return false;
  PacketWriter writer(*buffer, header(), kCommonHeaderBytes + path.congestion.pmdcs());
  const std::size_t fresh =
      outbound_.fill_new(resources_.outbound, writer, paths_, index, now, most, false);
  resources_.count(Counter::data_chunks_sent, fresh);
  if (fresh == 0) {
    resources_.buffers.release(buffer);
    return false;
  }
  out.buffer = buffer;
  out.source = path.source();
  out.destination = path.destination();
  out.marking = path.marking();
  out.fragment_above = 0;
  return true;
}

Buffer* Association::acquire_packet() {
  Buffer* buffer = resources_.buffers.acquire();
  if (buffer == nullptr) {
    resources_.count(Counter::drop_no_buffer);
  } else if (resources_.sums_ahead) {
    buffer->flags |= kSumsAhead;
  }
  return buffer;
}

//= rfc9260 6.10
bool Association::build_packet(Time now, std::uint8_t path, PacketOut& out) {
  Buffer* buffer = acquire_packet();
  if (buffer == nullptr) return false;
  const bool is_init = pending_ & kInit;
  CommonHeader common = header();
  //= rfc9260 8.5.1
  if (is_init) common.verification_tag = 0;
  // A chunk that was cut before the path's MTU shrank, and the peer's cookie, go as they are, and
  // IP may fragment them.
  const std::size_t pmdcs = paths_[path]->congestion.pmdcs();
  const std::size_t again = outbound_.has_retransmissions() ? outbound_.next_chunk_size() : 0;
  const std::size_t cookie = pending_ & kCookieEcho ? cookie_echo_size() : 0;
  PacketWriter writer(*buffer, common, kCommonHeaderBytes + std::max({pmdcs, again, cookie}));
  //= rfc9260 5
  const bool with_data = may_send_data() || (pending_ & kCookieEcho);
  write_control(writer);
  if (!is_init && was_up_) {
    write_sack(writer);
    sacks_ahead_ = 0;
  }
  if (answer_ != nullptr) write_answer(writer);
  const std::size_t before_data = writer.size();
  if (with_data && !is_init) write_data(now, writer, path);
  if (writer.is_empty()) {
    resources_.buffers.release(buffer);
    return false;
  }
  const Path& way = *paths_[path];
  out.source = writer.size() > before_data ? way.source() : way.reply_source();
  out.destination = way.destination();
  out.marking = way.marking();
  out.buffer = buffer;
  const bool is_large = buffer->length > kCommonHeaderBytes + pmdcs;
  out.fragment_above = is_large ? static_cast<std::uint16_t>(way.mtu()) : std::uint16_t{0};
  return true;
}

void Association::write_control(PacketWriter& writer) {
  if (pending_ & kInit) write_init(writer);
  if (pending_ & kCookieEcho) write_cookie_echo(writer);
  //= rfc9260 3.3.12
  if (pending_ & kCookieAck) {
    writer.begin_chunk(ChunkType::kCookieAck, 0);
    writer.end_chunk();
  }
  if (pending_ & kShutdown) {
    store_be32(writer.begin_chunk(ChunkType::kShutdown, 0, 4), tracker_.cumulative().value);
    writer.end_chunk();
    //= rfc9260 9.2
    if (tracker_.has_gap() || tracker_.has_duplicates()) tracker_.acknowledge_now();
  }
  //= rfc9260 3.3.9
  if (pending_ & kShutdownAck) {
    writer.begin_chunk(ChunkType::kShutdownAck, 0);
    writer.end_chunk();
  }
  pending_ = 0;
  control_from_ = kNoPath;
}

// Nothing but a HEARTBEAT ACK goes to an address that is not confirmed, a SACK goes where the data
// came from, and data may leave from another address of ours than what carries none.
bool Association::answer_may_be_joined() const {
  const Path& path = *paths_[answer_path_];
  if (!was_up_ || !path.is_confirmed() || path.source() != path.reply_source()) return false;
  return !tracker_.is_sack_due() || sack_path() == answer_path_;
}

void Association::write_answer(PacketWriter& writer) {
  if (answer_size() > writer.room()) return flush_answer();
  writer.append({answer_->data + kCommonHeaderBytes, answer_size()});
  drop_answer();
}

// A SACK that is due goes first; one that may wait comes along where it costs no data its place.
void Association::write_sack(PacketWriter& writer) {
  if (!tracker_.is_sack_pending()) return;
  //= rfc9260 6.7
  const std::size_t size =
      tracker_.is_sack_due() ? writer.room() : std::min(tracker_.sack_size(), writer.room());
  if (size < SackView::kFixedBytes) return;
  if (!tracker_.is_sack_due() && size + outbound_.next_chunk_size() > writer.room()) return;
  advertised_rwnd_ = offered_rwnd();
  writer.advance(tracker_.write_sack(writer.tail().first(size), advertised_rwnd_));
  resources_.count(Counter::sacks_sent);
}

// Several packets may be taken in before any is sent. With something missing before them the peer
// is told as often as it takes for a fast retransmission: twice on its own, and with what is sent
// then.
//= rfc9260 6.7
void Association::send_sack_ahead() {
  constexpr std::uint8_t kMost = 2;
  if (sacks_ahead_ == kMost) return;
  ++sacks_ahead_;
  const Path& path = *paths_[sack_path()];
  send_reply(
      resources_, header(), path.reply_source(), path.destination(), path.marking(),
      [&](PacketWriter& writer) { write_sack(writer); },
      kCommonHeaderBytes + path.congestion.pmdcs());
}

// A window that no full packet fits into is no window: it would invite the peer to send in small
// pieces for as long as it is that full.
//= rfc9260 6.2
std::uint32_t Association::offered_rwnd() const {
  const std::uint32_t least =
      std::min<std::uint32_t>(parameters_.receive_buffer / 2, parameters_.path_mtu);
  const std::uint32_t window = a_rwnd();
  return window < least || holds_most_chunks() ? 0 : window;
}

void Association::write_data(Time now, PacketWriter& writer, std::uint8_t path) {
  if (outbound_.has_retransmissions() && retransmission_path() == path) {
    const std::size_t again = outbound_.fill_retransmissions(writer, paths_, path, now);
    retransmissions_ += again;
    resources_.count(Counter::data_chunks_retransmitted, again);
  }
  if (path != new_data_path() || outbound_.has_retransmissions()) return;
  //= rfc9260 6.1
  const bool immediate = state_ == State::kShutdownPending;
  const std::size_t fresh =
      outbound_.fill_new(resources_.outbound, writer, paths_, path, now, payload_max(), immediate);
  resources_.count(Counter::data_chunks_sent, fresh);
}

// A chunk must fit every path that it may have to be sent again on.
//= rfc9260 6.9
std::uint32_t Association::payload_max() const {
  std::uint32_t pmdcs = UINT32_MAX;
  for (std::uint8_t i = 0; i < path_count_; ++i) {
    pmdcs = std::min(pmdcs, paths_[i]->congestion.pmdcs());
  }
  const std::uint32_t most = pmdcs - static_cast<std::uint32_t>(kDataHeaderBytes);
  return parameters_.fragment_max == 0 ? most
                                       : std::min<std::uint32_t>(most, parameters_.fragment_max);
}

}  // namespace millrace
