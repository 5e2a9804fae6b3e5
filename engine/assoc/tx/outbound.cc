#include "engine/assoc/tx/outbound.h"

#include <algorithm>

namespace millrace {
namespace {

std::uint32_t chunk_bytes(const TxChunk& chunk) {
  return static_cast<std::uint32_t>(padded4(kDataHeaderBytes + chunk.length));
}

}  // namespace

void Outbound::start(Tsn initial, std::uint32_t peer_rwnd, std::uint16_t streams) {
  next_tsn_ = initial;
  cumulative_tsn_ack_ = initial - 1;
  highest_gap_acked_ = cumulative_tsn_ack_;
  peer_rwnd_ = peer_rwnd;
  window_was_closed_ = refused_ = false;
  probe_is_due_ = false;
  probes_ = 0;
  leave_fast_recovery();
  streams_out_ = streams;
}

const TxChunk* Outbound::first_retransmission() const {
  if (to_retransmit_ == 0) return nullptr;
  while (search_from_->state != TxChunk::State::kToRetransmit) {
    search_from_ = search_from_->next;
    ++search_steps_;
  }
  return search_from_;
}

std::size_t Outbound::next_chunk_size() const {
  if (const TxChunk* chunk = first_retransmission()) return chunk_bytes(*chunk);
  if (queue_.empty()) return 0;
  return padded4(kDataHeaderBytes + queue_.front()->length - queue_.front()->cut);
}

//= rfc9260 6.1
bool Outbound::may_send_new(const Path& path, std::uint32_t payload_max) const {
  if (queue_.empty() || path.flight >= path.congestion.cwnd() || path.flight >= path.flight_limit ||
      sent_.size() >= kChunksInFlightMax) {
    return false;
  }
  const TxMessage& message = *queue_.front();
  const std::uint32_t payload = std::min(message.length - message.cut, payload_max);
  // One chunk may go into a window that is too small for it, when nothing else is on its way; into
  // none at all it goes as a probe, when it is time.
  return payload <= peer_rwnd_ || (sent_.empty() && !waits_to_probe());
}

bool Outbound::may_retransmit(const Path& path) const {
  return fast_retransmit_pending_ || path.congestion.may_begin_packet(path.flight);
}

std::size_t Outbound::fill_retransmissions(PacketWriter& writer, Paths& paths, std::uint8_t path,
                                           Time now) {
  if (!may_retransmit(*paths[path])) return 0;
  std::size_t count = 0;
  while (to_retransmit_ > 0) {
    first_retransmission();
    TxChunk* chunk = search_from_;
    if (chunk_bytes(*chunk) > writer.room()) break;
    if (paths[path]->flight >= paths[path]->congestion.cwnd() && !fast_retransmit_pending_) break;
    const bool is_earliest = chunk == sent_.front();
    --to_retransmit_;
    chunk->was_retransmitted = true;
    if (chunk->path != path) chunk->has_moved = true;
    chunk->timed_out = false;
    chunk->miss_indications = 0;
    chunk->begins_packet = count == 0;
    chunk->probes_window = window_was_closed_;
    put(writer, *chunk, 0);
    if (count == 0) open_flight(*paths[path], now);
    enter_flight(*chunk, *paths[path], path);
    //= rfc9260 6.1
    if (is_earliest) paths[path]->t3_deadline = now + paths[path]->rto.value();
    ++count;
  }
  // A SACK may have left no room for it here: then it is the next packet's.
  if (count > 0) fast_retransmit_pending_ = false;
  return count;
}

// New chunks of messages like nearly all: ordered ones that one chunk can hold. What stops it may
// only be the end of such messages, so whoever calls it looks on. What changes with each chunk is
// kept here meanwhile: bytes are written in between, and for all the compiler knows to anywhere.
std::size_t Outbound::fill_whole(OutboundMemory& memory, PacketWriter& writer, Path& destination,
                                 std::uint8_t path, Time now, std::uint32_t payload_max) {
  const std::uint32_t flight_max =
      std::min(destination.congestion.cwnd(), destination.flight_limit);
  const std::size_t most =
      std::min(memory.cuts_left, kChunksInFlightMax - std::min(sent_.size(), kChunksInFlightMax));
  OutboundStream* stream = nullptr;
  std::uint32_t number = UINT32_MAX;  // of the stream
  std::uint32_t flight = destination.flight;
  std::uint32_t window = std::min(peer_rwnd_, payload_max);  // for the next message
  std::uint32_t payload = 0;
  Tsn tsn = next_tsn_;
  std::size_t count = 0;
  Fifo<TxChunk> chunks;
  TxMessage* message = queue_.front();
  for (; count < most && message != nullptr; ++count, message = message->next) {
    const std::uint32_t length = message->length;
    if (flight >= flight_max || length > window ||
        kDataHeaderBytes + padded4(length) > writer.room() || message->cut != 0 ||
        message->flags != 0) {
      break;
    }
    if (message->stream != number) {
      number = message->stream;
      stream = streams_.get(memory.streams, message->stream);
      if (stream == nullptr) break;
    }
    //= rfc9260 6.5
    message->ssn = stream->next;
    message->cut = length;
    stream->next = stream->next.next();
    TxChunk& chunk = message->whole;
    chunk.message = message;
    chunk.length = static_cast<std::uint16_t>(length);
    chunk.tsn = tsn;
    chunk.flags = kDataFlagBegin | kDataFlagEnd;
    chunk.path = path;
    chunks.push_back(&chunk);
    writer.append_data(kDataFlagBegin | kDataFlagEnd, tsn, message->stream, message->ssn,
                       message->ppid, {message->payload, length});
    tsn = tsn.next();
    flight += chunk_bytes(chunk);
    payload += length;
    window = std::min(peer_rwnd_ - payload, payload_max);
  }
  if (count == 0) return 0;
  chunks.front()->begins_packet = true;
  queue_.drop_front(count, message);
  sent_.append(chunks);
  if (!destination.is_measuring()) destination.start_measurement(next_tsn_, now);
  open_flight(destination, now);
  destination.flight = flight;
  next_tsn_ = tsn;
  outstanding_ += payload;
  peer_rwnd_ -= payload;
  memory.cuts_left -= count;
  memory.wholes += count;
  return count;
}

std::size_t Outbound::fill_new(OutboundMemory& memory, PacketWriter& writer, Paths& paths,
                               std::uint8_t path, Time now, std::uint32_t payload_max,
                               bool immediate) {
  if (!paths[path]->congestion.may_begin_packet(paths[path]->flight)) return 0;
  std::size_t count = 0;
  const std::uint8_t chosen = chosen_path();
  if (!immediate && memory.short_ways)
    count = fill_whole(memory, writer, *paths[path], path, now, payload_max);
  while (may_send_new(*paths[path], payload_max) && writer.room() > kDataHeaderBytes) {
    const TxMessage& message = *queue_.front();
    if (message.path != chosen) break;
    const std::uint32_t rest = message.length - message.cut;
    const auto room = static_cast<std::uint32_t>(writer.room() - kDataHeaderBytes) & ~3u;
    //= rfc9260 6.9
    // A message that one chunk can hold is not cut; a longer one fills the packet where that is
    // worth a chunk.
    const bool fits = rest <= std::min(room, payload_max);
    if (!fits && (rest <= payload_max || room < payload_max / 2)) break;
    TxChunk* chunk = cut_chunk(memory, fits ? rest : std::min(room, payload_max));
    if (chunk == nullptr) break;
    if (probe_is_due_) on_probe();
    chunk->begins_packet = count == 0;
    chunk->probes_window = window_was_closed_ && chunk->length > peer_rwnd_;
    put(writer, *chunk, immediate ? kDataFlagImmediate : 0);
    if (!paths[path]->is_measuring()) paths[path]->start_measurement(chunk->tsn, now);
    if (count == 0) open_flight(*paths[path], now);
    enter_flight(*chunk, *paths[path], path);
    ++count;
  }
  return count;
}

void Outbound::on_probe() {
  probe_is_due_ = false;
  if (probes_ < UINT8_MAX) ++probes_;
}

// Cuts `length` bytes off the message at the head of the queue; nullptr if there is no memory.
TxChunk* Outbound::cut_chunk(OutboundMemory& memory, std::uint32_t length) {
  if (memory.cuts_left == 0) return nullptr;
  TxMessage& message = *queue_.front();
  const bool ordered = !(message.flags & kUnordered);
  std::uint8_t flags = ordered ? 0 : kDataFlagUnordered;
  OutboundStream* stream = nullptr;
  if (message.cut == 0) {
    flags |= kDataFlagBegin;
    if (ordered && (stream = streams_.get(memory.streams, message.stream)) == nullptr) {
      return nullptr;
    }
  }
  const bool is_whole = length == message.length;
  TxChunk* chunk = is_whole ? &message.whole : memory.chunks.create();
  if (chunk == nullptr) return nullptr;
  --memory.cuts_left;
  memory.wholes += is_whole;
  if (stream != nullptr) {
    //= rfc9260 6.5
    message.ssn = stream->next;
    stream->next = stream->next.next();
  }
  chunk->message = &message;
  chunk->offset = message.cut;
  chunk->length = static_cast<std::uint16_t>(length);
  chunk->tsn = next_tsn_;
  next_tsn_ = next_tsn_.next();
  message.cut += length;
  if (message.cut == message.length) {
    flags |= kDataFlagEnd;
    if (message.flags & kSackImmediately) flags |= kDataFlagImmediate;
    queue_.pop_front();
  }
  chunk->flags = flags;
  sent_.push_back(chunk);
  return chunk;
}

//= rfc9260 3.3.1
void Outbound::put(PacketWriter& writer, const TxChunk& chunk, std::uint8_t extra_flags) const {
  const TxMessage& message = *chunk.message;
  writer.append_data(static_cast<std::uint8_t>(chunk.flags | extra_flags), chunk.tsn,
                     message.stream, message.ssn, message.ppid,
                     {message.payload + chunk.offset, chunk.length});
}

// Once for the chunks of a packet, before the first of them.
void Outbound::open_flight(Path& destination, Time now) {
  destination.on_data_sent(now);
  //= rfc9260 6.3.2
  if (destination.t3_deadline == kNever) {
    destination.t3_deadline = now + destination.rto.value();
  }
}

void Outbound::enter_flight(TxChunk& chunk, Path& destination, std::uint8_t path) {
  chunk.state = TxChunk::State::kInFlight;
  chunk.path = path;
  destination.flight += chunk_bytes(chunk);
  outstanding_ += chunk.length;
  //= rfc9260 6.2.1
  peer_rwnd_ -= std::min<std::uint32_t>(peer_rwnd_, chunk.length);
}

void Outbound::leave_flight(TxChunk& chunk, Paths& paths) {
  if (chunk.state != TxChunk::State::kInFlight) return;
  paths[chunk.path]->flight -= chunk_bytes(chunk);
  outstanding_ -= chunk.length;
}

void Outbound::mark_lost(TxChunk& chunk, Paths& paths) {
  leave_flight(chunk, paths);
  //= rfc9260 6.2.1
  peer_rwnd_ += chunk.length;
  chunk.state = TxChunk::State::kToRetransmit;
  if (to_retransmit_++ == 0 || chunk.tsn < search_from_->tsn) search_from_ = &chunk;
  //= rfc9260 6.3.1
  paths[chunk.path]->cancel_measurement();
}

void Outbound::on_t3_expired(Paths& paths, std::uint8_t path) {
  for (TxChunk* chunk = sent_.front(); chunk != nullptr; chunk = chunk->next) {
    if (chunk->state != TxChunk::State::kInFlight || chunk->path != path) continue;
    mark_lost(*chunk, paths);
    chunk->timed_out = true;
    chunk->was_fast_retransmitted = false;
  }
  // The next expiration is excused only by another SACK with a closed window.
  refused_ = false;
  leave_fast_recovery();
  paths[path]->t3_deadline = kNever;
}

// What was sent in one packet has TSNs in a row, but for what was sent again: of that it may be
// taken for larger or smaller than it was.
void Outbound::mark_large_lost(Paths& paths, std::uint8_t path) {
  const std::uint32_t most = paths[path]->congestion.pmdcs();
  const auto is_there = [path](const TxChunk& chunk) {
    return chunk.state == TxChunk::State::kInFlight && chunk.path == path;
  };
  TxChunk* first = nullptr;  // of the packet
  std::uint32_t size = 0;
  for (TxChunk* chunk = sent_.front(); chunk != nullptr; chunk = chunk->next) {
    if (!is_there(*chunk)) continue;
    if (first == nullptr || chunk->begins_packet) {
      first = chunk;
      size = 0;
    }
    size += chunk_bytes(*chunk);
    if (size <= most) continue;
    for (; first != chunk->next; first = first->next) {
      if (is_there(*first)) mark_lost(*first, paths);
    }
  }
}

void Outbound::mark_all_lost(Paths& paths) {
  for (TxChunk* chunk = sent_.front(); chunk != nullptr; chunk = chunk->next) {
    if (chunk->state == TxChunk::State::kInFlight) mark_lost(*chunk, paths);
  }
  for (Path* path : paths) {
    if (path != nullptr) path->t3_deadline = kNever;
  }
}

// One that is outstanding no more. Chunks come here in the order of their TSNs: with its last one a
// message is done with.
void Outbound::release(OutboundMemory& memory, TxChunk* chunk, Fifo<TxMessage>& done) {
  TxMessage* message = chunk->message;
  const bool is_whole = chunk == &message->whole;
  if (chunk->flags & kDataFlagEnd) done.push_back(message);
  memory.wholes -= is_whole;
  if (!is_whole) memory.chunks.destroy(chunk);
}

void Outbound::fail_beyond_streams(Fifo<TxMessage>& failed) {
  Fifo<TxMessage> all = queue_.take_all();
  while (TxMessage* message = all.pop_front()) {
    if (message->stream >= streams_out_ && message->cut == 0) {
      buffered_bytes_ -= message->length;
      failed.push_back(message);
    } else {
      queue_.push_back(message);
    }
  }
}

void Outbound::fail_all(OutboundMemory& memory, Paths& paths, Fifo<TxMessage>& failed) {
  while (TxChunk* chunk = sent_.pop_front()) {
    leave_flight(*chunk, paths);
    chunk->message->flags |= kWasSent;
    release(memory, chunk, failed);  // one that is not in chunks as a whole is still in the queue
  }
  while (TxMessage* message = queue_.pop_front()) {
    if (message->cut > 0) message->flags |= kWasSent;
    failed.push_back(message);
  }
  streams_.clear(memory.streams);
  buffered_bytes_ = 0;
  to_retransmit_ = 0;
  for (Path* path : paths) {
    if (path != nullptr) path->t3_deadline = kNever;
  }
}

}  // namespace millrace
