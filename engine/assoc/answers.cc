// What chunks of a packet are answered with: one packet, which a SACK and data may join (RFC
// 9260 12.4).
#include <algorithm>
#include <cstring>

#include "engine/assoc/association.h"
#include "engine/assoc/replies.h"

namespace millrace {
namespace {

// The bytes of chunks that fit one packet to a path.
std::size_t chunk_bytes_max(const Path& path) {
  return std::min<std::size_t>(kReplyBytesMax - kCommonHeaderBytes, path.congestion.pmdcs());
}

// Of the chunks of an answer.
std::size_t size_without_errors(Bytes answer) {
  std::size_t size = 0;
  ChunkReader chunks(answer);
  while (const auto chunk = chunks.next()) {
    if (chunk->type() != ChunkType::kError) size += padded4(chunk->bytes.size());
  }
  return size;
}

}  // namespace

// Where a packet came from, if that is known to be the peer's own address.
//= rfc9260 5.4
//= rfc9260 6.4
std::uint8_t Association::reply_path(const PacketIn& in) const {
  const int from = path_of(in.source);
  if (from < 0 || !paths_[from]->is_confirmed()) return data_path();
  return static_cast<std::uint8_t>(from);
}

// Room for a chunk of `size` bytes in the answer; false if it is to be left out. Only a HEARTBEAT
// ACK may go to an address that is not confirmed. Before the INIT ACK there is no tag to answer
// with.
//= rfc9260 8.5
//= rfc9260 12.4
bool Association::begin_answer(const PacketIn& in, std::size_t size, bool is_heartbeat_ack) {
  if (identity_.peer_tag == 0) {
    resources_.count(Counter::drop_answer);
    return false;
  }
  const int from = path_of(in.source);
  const std::uint8_t path =
      is_heartbeat_ack && from >= 0 ? static_cast<std::uint8_t>(from) : reply_path(in);
  const auto has_room = [&] {
    return answer_path_ == path && answer_size() + size <= chunk_bytes_max(*paths_[path]);
  };
  if (is_heartbeat_ack && answer_ != nullptr && !has_room()) drop_errors_for(size);
  if (answer_ == nullptr) {
    answer_ = resources_.buffers.acquire();
    if (answer_ == nullptr) {
      resources_.count(Counter::drop_no_buffer);
      return false;
    }
    PacketWriter(*answer_, header(), kCommonHeaderBytes);
    answer_path_ = path;
    return true;
  }
  //= rfc9260 6.10#1
  if (has_room()) return true;
  resources_.count(Counter::drop_answer);
  return false;
}

// A path is not to fail for the peer because something else is wrong in the same packet: what must
// be answered takes the place of what need not be, if it fits then.
void Association::drop_errors_for(std::size_t needed) {
  const std::size_t others = size_without_errors({answer_->data, answer_->length});
  if (others > 0 && others + needed > chunk_bytes_max(*paths_[answer_path_])) return;
  std::size_t kept = kCommonHeaderBytes;
  ChunkReader chunks({answer_->data, answer_->length});
  while (const auto chunk = chunks.next()) {
    if (chunk->type() == ChunkType::kError) {
      resources_.count(Counter::drop_answer);
      continue;
    }
    const std::size_t size = padded4(chunk->bytes.size());
    std::memmove(answer_->data + kept, chunk->bytes.data(), size);
    kept += size;
  }
  answer_->length = static_cast<std::uint32_t>(kept);
  if (answer_size() == 0) drop_answer();
}

void Association::answer_error(CauseCode cause, Bytes value, const PacketIn& in) {
  constexpr std::size_t kHeads = kChunkHeaderBytes + kTlvHeaderBytes;
  const std::size_t room = chunk_bytes_max(*paths_[reply_path(in)]) - kHeads;
  value = value.first(std::min(value.size(), room));
  if (!begin_answer(in, padded4(kHeads + value.size()), false)) return;
  PacketWriter writer(*answer_, kReplyBytesMax);
  writer.begin_chunk(ChunkType::kError, 0);
  writer.append_cause(cause, value);
  writer.end_chunk();
}

//= rfc9260 3.3.6
void Association::answer_heartbeat(Bytes value, const PacketIn& in) {
  const std::size_t size = padded4(kChunkHeaderBytes + value.size());
  if (!begin_answer(in, size, true)) return;
  PacketWriter writer(*answer_, answer_->length + size);
  writer.begin_chunk(ChunkType::kHeartbeatAck, 0);
  writer.append(value);
  writer.end_chunk();
}

// The answer goes on its own. A HEARTBEAT ACK is as long as its HEARTBEAT, and IP may fragment it.
void Association::flush_answer() {
  if (answer_ == nullptr) return;
  const Path& path = *paths_[answer_path_];
  const bool is_large = answer_size() > path.congestion.pmdcs();
  const auto fragment_above = static_cast<std::uint16_t>(is_large ? path.mtu() : 0);
  if (!resources_.outbox.push(
          {path.reply_source(), path.destination(), answer_, fragment_above, path.marking()})) {
    resources_.count(Counter::drop_no_memory);
    resources_.buffers.release(answer_);
  }
  answer_ = nullptr;
}

void Association::drop_answer() {
  if (answer_ != nullptr) resources_.buffers.release(answer_);
  answer_ = nullptr;
}

}  // namespace millrace
