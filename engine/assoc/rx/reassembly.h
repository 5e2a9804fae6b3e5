// From DATA chunks to user messages in order (RFC 9260 6.5, 6.6, 6.9).
//
// It decides which messages are complete and whose turn it is. It knows no SACKs and no windows; it
// says how many bytes it holds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "engine/assoc/event.h"
#include "engine/assoc/rx/rx_chunk.h"
#include "engine/assoc/rx/rx_index.h"
#include "engine/assoc/stream_table.h"
#include "engine/base/list.h"
#include "engine/wire/chunk.h"

namespace millrace {

/// A stream as its receiver sees it.
struct InboundStream {
  Ssn next;                   ///< the sequence number whose turn it is
  std::uint32_t waiting = 0;  ///< complete messages with later ones
};

/// What reassembly takes its memory from.
struct ReassemblyMemory {
  Slab<RxChunk>& chunks;
  StreamTable<InboundStream>::Slabs& streams;
  BufferPool& buffers;
  RxIndex& index;
};

class Reassembly {
 public:
  enum class Result : std::uint8_t { kOk, kContradiction, kNoMemory };

  /// Whether there is memory to take in a chunk of this stream.
  bool has_memory(ReassemblyMemory& memory, std::uint16_t stream, bool ordered) {
    return memory.chunks.used() < memory.chunks.capacity() &&
           (!ordered || streams_.get(memory.streams, stream) != nullptr);
  }
  /// Takes in a chunk whose TSN was not there before and that `fill(RxChunk&)` describes where it
  /// is to lie. Holds a reference of its buffer on kOk, and only then. `partial_delivery_point`: a
  /// message that is longer than this is delivered in pieces.
  template <class Fill>
  Result add(ReassemblyMemory& memory, Fill&& fill, std::uint32_t partial_delivery_point) {
    RxChunk* added = memory.chunks.create();
    if (added == nullptr) return Result::kNoMemory;
    fill(*added);
    added->run_end = added;
    added->run_length = added->length;
    if (delivering_partly_ && contradicts_partial_delivery(*added)) {
      memory.chunks.destroy(added);
      return Result::kContradiction;
    }
    if (memory.buffers.hold(*added->buffer)) ++held_buffers_;
    held_bytes_ += added->length;
    ++held_chunks_;
    constexpr std::uint8_t kWhole = kDataFlagBegin | kDataFlagEnd;
    if ((added->flags & kWhole) != kWhole) {
      return on_fragment(memory, added, partial_delivery_point);
    }
    return on_complete(memory, added);
  }

  /// What add_run() has taken in.
  struct Run {
    std::uint32_t chunks = 0;
    std::size_t bytes = 0;  ///< of the packet, padding included
  };
  /// Takes in the DATA chunks that `rest` of a packet begins with, as far as they are like nearly
  /// all: whole ordered messages whose turn it is, with the TSNs from `first` on. Holds no more
  /// than the message that reaches `held_max` bytes.
  Run add_run(ReassemblyMemory& memory, Buffer* buffer, Bytes rest, Tsn first,
              std::uint16_t streams, std::uint32_t held_max);

  /// The message (or piece of one) that is next for the application, or nullptr.
  const RxChunk* front() const { return ready_.front(); }
  std::size_t ready_count() const { return ready_.size() + followers_; }
  /// kFirstPiece, kLastPiece and kUnordered of the front message.
  static std::uint8_t flags_of(const RxChunk& head) {
    static_assert(kDataFlagBegin == kFirstPiece && kDataFlagUnordered >> 2 == kUnordered &&
                  kDataFlagEnd << 2 == kLastPiece);
    return static_cast<std::uint8_t>((head.flags & kDataFlagBegin) |
                                     (head.flags & kDataFlagUnordered) >> 2 |
                                     (head.run_end->flags & kDataFlagEnd) << 2);
  }
  /// The front message was delivered.
  void pop(ReassemblyMemory& memory) {
    RxChunk* head = ready_.front();
    if (head->run_next != nullptr) return release_run(memory, ready_.pop_front());
    held_bytes_ -= head->length;
    if (head->followers == 0) return release_front(memory);
    --followers_;
    become_follower(*head);
  }
  /// Takes off up to `most` messages of those that the front one stands for, itself included, as
  /// long as `post(const RxChunk&)` says true of each: all are whole and ordered. Returns how many,
  /// and adds their payload to `bytes`.
  template <class Post>
  std::uint32_t take_run(ReassemblyMemory& memory, std::size_t most, std::uint32_t& bytes,
                         Post&& post) {
    RxChunk& head = *ready_.front();
    const std::uint32_t count = 1u + head.followers;
    RxChunk message = head;  // here, what it becomes need not be written for each
    std::uint32_t taken = 0, taken_bytes = 0;
    while (taken < std::min<std::size_t>(count, most) && post(std::as_const(message))) {
      taken_bytes += message.length;
      if (++taken < count) become_follower(message);
    }
    followers_ -= std::min<std::uint32_t>(taken, head.followers);
    held_bytes_ -= taken_bytes;
    bytes += taken_bytes;
    if (taken < count) {
      head = message;
    } else {
      release_front(memory);
    }
    return taken;
  }

  /// Hands over what is there of the message that the chunk `last` is of, however short: more of it
  /// could not be held. False if it is not that one's turn, or another is delivered in pieces.
  bool deliver_unfinished(ReassemblyMemory& memory, Tsn last);

  /// Forgets the chunk with the largest TSN of those that wait for others, if it is behind
  /// `behind`: as if it had never come. Its TSN, or nothing if there is none.
  std::optional<Tsn> renege(ReassemblyMemory& memory, Tsn behind);

  /// Bytes of payload held, whatever they wait for.
  std::uint32_t held_bytes() const { return held_bytes_; }
  /// The chunks that they are in, and the packets that these keep.
  std::uint32_t held_chunks() const { return held_chunks_; }
  std::uint32_t held_buffers() const { return held_buffers_; }
  /// Where what all messages touch of this object itself ends.
  const void* hot_end() const { return &partly_last_; }
  void prefetch_streams() const { streams_.prefetch(); }
  std::uint32_t stream_blocks() const { return streams_.block_count(); }

  /// Forgets what is ready beyond the first `count`; returns how many that were.
  std::size_t drop_ready_after(ReassemblyMemory& memory, std::size_t count);
  /// The peer restarted: forgets all but what is ready to be delivered.
  void restart(ReassemblyMemory& memory);
  /// Gives everything back.
  void clear(ReassemblyMemory& memory);

 private:
  static constexpr int kRenegeLooks = 8;

  RxChunk* begin_run(ReassemblyMemory& memory, Buffer* buffer, const std::uint8_t* at);
  RxChunk* last_run() const;
  RxChunk* find_end(RxIndex& index, Tsn tsn);
  void index_ends(RxIndex& index, RxChunk* head);
  RxChunk* join_run(RxIndex& index, RxChunk* chunk);
  void take_out(RxIndex& index, RxChunk* head);
  void deliver_in_turn(RxIndex& index, InboundStream* stream, RxChunk* head);
  Result on_fragment(ReassemblyMemory& memory, RxChunk* chunk,
                     std::uint32_t partial_delivery_point);
  // A whole message, or (its head does not begin one) the last piece of one that is delivered in
  // pieces. Mostly it is the message whose turn it is, and none waits behind it.
  Result on_complete(ReassemblyMemory& memory, RxChunk* head) {
    if (!(head->flags & kDataFlagUnordered)) {
      InboundStream* stream = streams_.get(memory.streams, head->stream);
      if (stream == nullptr || stream->next != head->ssn || stream->waiting > 0) [[unlikely]]
        return on_ordered(memory, stream, head);
      stream->next = stream->next.next();
    }
    ready_.push_back(head);
    return Result::kOk;
  }
  Result on_ordered(ReassemblyMemory& memory, InboundStream* stream, RxChunk* head);
  void release_front(ReassemblyMemory& memory) {
    RxChunk* head = ready_.pop_front();
    --held_chunks_;
    if (memory.buffers.release(head->buffer)) --held_buffers_;
    memory.chunks.destroy(head);
  }
  void forget_followers(RxChunk& head, std::size_t keep);
  bool contradicts_partial_delivery(const RxChunk& chunk) const;
  void deliver_partly(ReassemblyMemory& memory, RxChunk* head);
  void release_run(ReassemblyMemory& memory, RxChunk* head);
  void release_list(ReassemblyMemory& memory, List<RxChunk>& list);

  Fifo<RxChunk> ready_;      // whose turn it is, oldest first
  List<RxChunk> partial_;    // incomplete runs; the ends of all but one are indexed by their TSNs
  RxChunk* open_ = nullptr;  // that one: the run that grew last
  List<RxChunk> waiting_;    // complete messages before their turn, indexed by stream and number
  StreamTable<InboundStream> streams_;
  std::uint32_t held_bytes_ = 0;
  std::uint32_t held_chunks_ = 0;
  std::uint32_t held_buffers_ = 0;
  std::uint32_t followers_ = 0;     // messages that others in ready_ stand for
  bool delivering_partly_ = false;  // one message at a time is delivered in pieces
  RxChunk partly_last_;             // its last chunk so far: what it was, not what it holds
};

}  // namespace millrace
