// What this side sends: messages in the order they were accepted, cut into DATA chunks as packets
// have room, and kept until acknowledged (RFC 9260 6.1, 6.2.1, 6.9, 7.2.4).
//
// It decides which chunks go into a packet and what a SACK means for each. It knows paths as flight
// counts and congestion windows; it does not choose them.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/assoc/event.h"
#include "engine/assoc/parameters.h"
#include "engine/assoc/path/path.h"
#include "engine/assoc/stream_table.h"
#include "engine/assoc/tx/tx_chunk.h"
#include "engine/base/limits.h"
#include "engine/base/slab.h"
#include "engine/wire/chunks.h"
#include "engine/wire/writer.h"

namespace millrace {

/// Chunks of an association that may be in flight: receivers need not keep what lies further ahead,
/// and a SACK costs its sender little and us a look at each of them.
inline constexpr std::size_t kChunksInFlightMax = 8191;

/// A stream as its sender sees it.
struct OutboundStream {
  Ssn next;
};

/// What sending takes its memory from, and where payloads go that are no longer needed.
struct OutboundMemory {
  Slab<TxMessage>& messages;
  Slab<TxChunk>& chunks;
  StreamTable<OutboundStream>::Slabs& streams;
  Fifo<TxMessage>& returned;
  std::size_t cuts_left = SIZE_MAX;  ///< chunks that whoever is at work may still put in flight
  std::size_t wholes = 0;            ///< chunks in flight that are in their messages
  bool short_ways = true;            ///< off: see Resources

  std::size_t chunks_in_flight() const { return chunks.used() + wholes; }
};

/// The destinations of an association, by index.
using Paths = std::array<Path*, kPathsMax>;

/// What a SACK did.
struct SackOutcome {
  enum class Verdict : std::uint8_t {
    kOk,
    kOld,
    kBad,     ///< its blocks make no sense
    kUnsent,  ///< it acknowledges what was never sent
  } verdict = Verdict::kOk;
  bool advanced = false;            ///< the cumulative TSN moved
  bool fast_retransmit = false;     ///< fast recovery was entered
  std::uint32_t looks = 0;          ///< at chunks in flight, one by one
  std::uint8_t answered_paths = 0;  ///< bit i: something last sent to path i was acknowledged
  std::uint8_t proved_paths = 0;    ///< of these: something was that went nowhere else
};

class Outbound {
 public:
  void start(Tsn initial, std::uint32_t peer_rwnd, std::uint16_t streams);

  /// The peer has changed its mind about its window and streams before data was acknowledged.
  void set_peer(std::uint32_t peer_rwnd, std::uint16_t streams) {
    peer_rwnd_ = peer_rwnd;
    streams_out_ = streams;
  }

  // ---- from the application ----

  /// Takes over the message that `make()` gives. False if there is no memory.
  template <class Make>
  bool accept(OutboundMemory& memory, Make&& make) {
    TxMessage* message = memory.messages.create_as(make);
    if (message == nullptr) return false;
    queue_.push_back(message);
    buffered_bytes_ += message->length;
    return true;
  }
  /// Bytes accepted and not yet acknowledged.
  std::uint32_t buffered_bytes() const { return buffered_bytes_; }
  std::size_t queued_messages() const { return queue_.size(); }
  std::uint16_t streams() const { return streams_out_; }

  // ---- into packets ----

  bool has_retransmissions() const { return to_retransmit_ > 0; }
  /// The first chunk that waits to be sent again, or nullptr.
  const TxChunk* first_retransmission() const;
  bool has_new_data() const { return !queue_.empty(); }
  /// The destination that is chosen for the next new chunk; kAnyPath if none is.
  std::uint8_t chosen_path() const { return queue_.empty() ? kAnyPath : queue_.front()->path; }
  /// Bytes that the next chunk needs in a packet, at the most; 0 if there is none.
  std::size_t next_chunk_size() const;
  /// Whether the peer's window and `path`'s congestion window let new data go now; `payload_max` as
  /// for fill_new().
  bool may_send_new(const Path& path, std::uint32_t payload_max) const;
  bool may_retransmit(const Path& path) const;

  /// Fills the packet with chunks to be sent again to `path`; returns how many went in.
  std::size_t fill_retransmissions(PacketWriter& writer, Paths& paths, std::uint8_t path, Time now);
  /// Fills the packet with new chunks to `path`; returns how many went in. `payload_max` is the
  /// largest payload of one chunk (RFC 9260 6.9); `immediate` sets the I bit on all of them.
  std::size_t fill_new(OutboundMemory& memory, PacketWriter& writer, Paths& paths,
                       std::uint8_t path, Time now, std::uint32_t payload_max, bool immediate);

  // ---- from the peer ----

  SackOutcome on_sack(OutboundMemory& memory, Paths& paths, const SackView& sack, Time now,
                      const Parameters& parameters);
  /// Whether a SACK asks for a look at every chunk in flight, and not just at those that go.
  bool asks_for_walk(const SackView& sack) const {
    return sack.gap_count > 0 || highest_gap_acked_ > sack.cumulative_tsn_ack;
  }
  /// The cumulative TSN ack of a SHUTDOWN: a SACK without gaps or window.
  SackOutcome on_cumulative_ack(OutboundMemory& memory, Paths& paths, Tsn cumulative, Time now,
                                const Parameters& parameters);

  // ---- timers ----

  /// T3-rtx of `path` expired: all that is in flight there is believed lost (RFC 9260 6.3.3).
  void on_t3_expired(Paths& paths, std::uint8_t path);
  /// Everything in flight shall be sent again: the COOKIE ECHO that it rode on was lost.
  void mark_all_lost(Paths& paths);
  /// What is in flight on `path` in packets that are too large for it now shall be sent again.
  void mark_large_lost(Paths& paths, std::uint8_t path);
  /// Everything is acknowledged and the window is closed: what is new waits for a window probe.
  bool waits_to_probe() const { return sent_.empty() && peer_rwnd_ == 0 && !probe_is_due_; }
  /// One chunk may probe the window.
  void let_probe() { probe_is_due_ = true; }
  /// Probes since the window was closed.
  std::uint32_t probes() const { return probes_; }
  /// The peer has answered what is in flight, and taken nothing: its window is closed. A T3
  /// expiration then says nothing of the path.
  bool is_refused() const { return refused_; }
  /// One chunk is in flight, and it was sent when there was no window for it: no matter of
  /// congestion (RFC 9260 6.1).
  bool is_window_probe() const { return sent_.size() == 1 && sent_.front()->probes_window; }

  // ---- questions ----

  bool is_drained() const { return queue_.empty() && sent_.empty(); }
  bool has_outstanding() const { return !sent_.empty(); }
  std::size_t outstanding_chunks() const { return sent_.size(); }
  void prefetch_streams() const { streams_.prefetch(); }
  std::uint32_t stream_blocks() const { return streams_.block_count(); }
  std::uint32_t peer_rwnd() const { return peer_rwnd_; }
  Tsn cumulative_tsn_ack() const { return cumulative_tsn_ack_; }
  Tsn next_tsn() const { return next_tsn_; }
  /// Chunks that were passed by in search of one to send again: what searching costs.
  std::uint64_t search_steps() const { return search_steps_; }
  bool is_in_fast_recovery() const { return in_fast_recovery_; }

  // ---- the end ----

  /// Moves queued messages for streams that the peer did not grant to `failed`.
  void fail_beyond_streams(Fifo<TxMessage>& failed);

  /// Moves every message to `failed`, in order, and forgets the chunks and the streams. start()
  /// again after a restart of the peer.
  void fail_all(OutboundMemory& memory, Paths& paths, Fifo<TxMessage>& failed);

 private:
  struct Acked {
    std::array<std::uint32_t, kPathsMax> bytes{};
    std::array<std::uint32_t, kPathsMax> bytes_again{};  ///< of these, those that were before, too
    std::array<std::uint32_t, kPathsMax> flight_before{};
    std::uint8_t earliest =
        0;                    ///< bit i: the earliest chunk outstanding on path i was acknowledged
    std::uint8_t proved = 0;  ///< bit i: a chunk was that was sent to path i and no other
    Tsn highest;              ///< highest TSN newly acknowledged
    bool any = false;
    std::uint32_t looks = 0;
    std::uint32_t reneged = 0;  ///< chunks that had been acknowledged, and are not any more
  };

  void on_probe();
  TxChunk* cut_chunk(OutboundMemory& memory, std::uint32_t length);
  void put(PacketWriter& writer, const TxChunk& chunk, std::uint8_t extra_flags) const;
  void open_flight(Path& destination, Time now);
  std::size_t fill_whole(OutboundMemory& memory, PacketWriter& writer, Path& destination,
                         std::uint8_t path, Time now, std::uint32_t payload_max);
  void enter_flight(TxChunk& chunk, Path& destination, std::uint8_t path);
  void leave_flight(TxChunk& chunk, Paths& paths);
  void mark_lost(TxChunk& chunk, Paths& paths);
  SackOutcome::Verdict judge_cumulative(Tsn cumulative) const;
  SackOutcome::Verdict judge_gaps(const SackView& sack) const;
  void on_acked(TxChunk& chunk, Paths& paths, Acked& acked, Time now, const Parameters& parameters);
  void leave_fast_recovery() { in_fast_recovery_ = fast_retransmit_pending_ = false; }
  void take_window(std::uint32_t a_rwnd);
  bool take_cumulative(OutboundMemory& memory, Paths& paths, Tsn cumulative, Acked& acked, Time now,
                       const Parameters& parameters);
  void take_gaps(Paths& paths, const SackView& sack, Acked& acked, Time now,
                 const Parameters& parameters);
  bool count_misses(Paths& paths, Tsn end, std::uint32_t reneged, SackOutcome& outcome);
  void finish_sack(Paths& paths, const Acked& acked, Time now, SackOutcome& outcome);
  TxChunk* take_plain_run(OutboundMemory& memory, Paths& paths, Tsn cumulative, Acked& acked,
                          Time now, const Parameters& parameters);
  static void release(OutboundMemory& memory, TxChunk* chunk, Fifo<TxMessage>& done);

  Fifo<TxMessage> queue_;  // not all in chunks yet
  Fifo<TxChunk> sent_;     // not cumulatively acknowledged, by TSN
  // No chunk before it waits to be sent again; means nothing when none does.
  mutable TxChunk* search_from_ = nullptr;
  mutable std::uint64_t search_steps_ = 0;
  StreamTable<OutboundStream> streams_;
  Tsn next_tsn_;
  Tsn cumulative_tsn_ack_;
  Tsn fast_recovery_exit_;
  Tsn highest_gap_acked_;            // no chunk above is gap-acked; <= cumulative: none is
  std::uint32_t peer_rwnd_ = 0;      // what the peer can still take
  std::uint32_t outstanding_ = 0;    // payload bytes in flight
  std::uint32_t to_retransmit_ = 0;  // chunks
  std::uint32_t buffered_bytes_ = 0;
  std::uint16_t streams_out_ = 0;
  bool in_fast_recovery_ = false;
  bool fast_retransmit_pending_ = false;  // one packet may go regardless of cwnd
  bool window_was_closed_ = false;        // when the last SACK came
  bool refused_ = false;
  bool probe_is_due_ = false;
  std::uint8_t probes_ = 0;
};

}  // namespace millrace
