// One SCTP association as a state machine without IO (RFC 9260).
//
// Inputs: packets, deadlines and requests, each with the time. Outputs, pulled: the next packet,
// the next event, the next deadline. It reads no clock, draws no entropy of its own and allocates
// nothing but from the slabs it was lent. It decides what is sent where and when; it does not know
// who owns it, how it was found, or what carries its packets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "engine/assoc/cookie.h"
#include "engine/assoc/event.h"
#include "engine/assoc/init_parameters.h"
#include "engine/assoc/parameters.h"
#include "engine/assoc/resources.h"
#include "engine/base/time.h"
#include "engine/wire/chunks.h"

namespace millrace {

//= rfc9260 4
enum class State : std::uint8_t {
  kClosed,
  kCookieWait,
  kCookieEchoed,
  kEstablished,
  kShutdownPending,
  kShutdownSent,
  kShutdownReceived,
  kShutdownAckSent,
};

const char* state_name(State state);

/// A packet on its way in. It names addresses that live as long as the call.
struct PacketIn {
  Buffer* buffer;  ///< the association adds a reference for what it keeps
  const IpAddress& source;
  const IpAddress& destination;
  Bytes packet;  ///< common header on
};

/// Which two ports and which tags: what identifies the association on the wire.
struct Identity {
  std::uint16_t local_port = 0;
  std::uint16_t peer_port = 0;
  std::uint32_t local_tag = 0;  ///< that the peer puts into its packets
  std::uint32_t peer_tag = 0;   ///< 0 until the INIT ACK
};

/// What was taken off at once.
struct MessagesTaken {
  std::uint32_t pieces = 0;
  std::uint32_t messages = 0;  ///< of the pieces, those that end one
  std::uint32_t bytes = 0;
};

class Association {
 public:
  /// `locals`: bit i allows Resources::local_addresses[i]; 0 allows all.
  Association(Resources& resources, const Identity& identity, const Parameters& parameters,
              std::uint64_t locals);
  /// clear() must have been called.
  ~Association() = default;
  Association(const Association&) = delete;
  Association& operator=(const Association&) = delete;

  // ---- set-up ----

  /// Starts the handshake with INIT to the first of `peers` (1 to kPathsMax). False: no memory.
  bool connect(Time now, std::span<const IpAddress> peers);
  /// Comes to life from a cookie of ours that came back (RFC 9260 5.1, D). False: no memory.
  bool establish(Time now, const Cookie& cookie);

  // ---- packets ----

  enum class CookieVerdict : std::uint8_t {
    kDiscard,    ///< drop the packet
    kGoOn,       ///< the chunks behind the COOKIE ECHO are this association's
    kRestarted,  ///< as kGoOn; the identity has changed (RFC 9260 5.2.4, A)
  };
  /// A COOKIE ECHO whose cookie is authentic and names this association's addresses and ports.
  CookieVerdict on_cookie_echo(Time now, const Cookie& cookie, const PacketIn& in);
  /// A packet with our tag, from chunk `first` on (a COOKIE ECHO before it has been dealt with).
  void on_packet(Time now, const PacketIn& in, ChunkReader chunks);
  /// An INIT for this association's addresses and ports: fills in what the INIT ACK says that is
  /// particular to it (RFC 9260 5.2.1, 5.2.2), the rest as for a new one. False: no answer is due
  /// (one may have been sent already).
  bool on_init(const InitView& init, std::span<const IpAddress> peers, const PacketIn& in,
               std::uint32_t fresh_tag, Cookie& cookie);
  /// An ABORT with the peer's tag, from an address of the peer's that is not confirmed.
  void on_denial(Time now, const IpAddress& source);
  /// ICMP says that the path cannot carry packets of more than `mtu` bytes (0: not told).
  void on_packet_too_big(Time now, const IpAddress& destination, std::uint16_t mtu);
  /// ICMP says that one of the peer's addresses does not speak SCTP.
  void on_protocol_unreachable();

  // ---- requests ----

  bool accepts_data() const;
  /// Takes the message over that `make()` gives; accepts_data() holds. False: no memory.
  template <class Make>
  bool send(Make&& make) {
    return outbound_.accept(resources_.outbound, make);
  }
  /// True: the window has grown by as much as the peer is to know of, and a SACK is due.
  bool on_consumed(std::uint32_t bytes);
  void shutdown(Time now);
  /// Sends ABORT with the cause and ends the association.
  void abort(CauseCode cause, Bytes reason, DownReason down);
  /// False if it is not one of the peer's addresses.
  bool set_primary(const IpAddress& destination);
  /// Those of all paths too, as far as they change.
  void set_parameters(Time now, const Parameters& parameters);
  /// Those that a path has of its own; false if it is not one of the peer's addresses.
  bool set_path_parameters(Time now, const IpAddress& destination, const Parameters& parameters);
  /// A heartbeat now; false if it is not one of the peer's addresses.
  bool heartbeat(Time now, const IpAddress& destination);

  // ---- outputs ----

  bool next_packet(Time now, PacketOut& out);
  /// It is among those that send in this poll or a later one: what is acknowledged counts until
  /// then.
  void await_round() { awaits_round_ = true; }
  /// False: next_packet() gives nothing until something else has happened.
  bool has_something_to_send() const {
    return outbound_.has_new_data() || pending_ != 0 || answer_ != nullptr ||
           tracker_.is_sack_due() || outbound_.has_retransmissions();
  }
  /// The event that is next; false if there is none. It stays until pop_event().
  bool next_event(Event& event);
  void pop_event();
  /// Takes messages off, as long as they are what comes next, after `post(const RxChunk& head,
  /// std::uint8_t flags)` has said true of each.
  template <class Post>
  MessagesTaken take_messages(Post&& post) {
    MessagesTaken taken;
    if (notices_ & kUpNotice) return taken;
    // Those of before a restart, then it is told.
    const bool is_restarted = notices_ & kRestartNotice;
    const std::size_t most = is_restarted ? restart_after_ : SIZE_MAX;
    while (const RxChunk* head = taken.pieces < most ? reassembly_.front() : nullptr) {
      if (head->followers > 0) {
        constexpr std::uint8_t kWhole = kFirstPiece | kLastPiece;
        const std::uint32_t all = 1u + head->followers;
        const std::uint32_t run =
            reassembly_.take_run(resources_.reassembly, most - taken.pieces, taken.bytes,
                                 [&](const RxChunk& message) { return post(message, kWhole); });
        taken.pieces += run;
        taken.messages += run;
        if (run < all) break;
        continue;
      }
      const std::uint8_t flags = Reassembly::flags_of(*head);
      if (!post(*head, flags)) break;
      ++taken.pieces;
      taken.messages += flags & kLastPiece ? 1 : 0;
      taken.bytes += head->run_length;
      reassembly_.pop(resources_.reassembly);
    }
    if (is_restarted) restart_after_ -= static_cast<std::uint32_t>(taken.pieces);
    unread_bytes_ += taken.bytes;
    messages_received_ += taken.messages;
    return taken;
  }
  /// Instead of pop_event(), for a kSendFailed that nobody hears of: its payload goes the way of
  /// those that were acknowledged.
  void return_failed() { resources_.outbound.returned.push_back(failed_.pop_front()); }
  Time next_deadline() const;
  void on_deadline(Time now);

  // ---- questions ----

  const Identity& identity() const { return identity_; }
  /// The common header of what it sends.
  CommonHeader header() const {
    return {identity_.local_port, identity_.peer_port, identity_.peer_tag};
  }
  State state() const { return state_; }
  /// Nothing is left to do but to take the last events off.
  bool is_closed() const { return state_ == State::kClosed; }
  bool has_ever_been_up() const { return was_up_; }
  /// One side wants it to end when everything is acknowledged.
  bool is_ending() const {
    return shutdown_requested_ || state_ == State::kShutdownReceived ||
           state_ == State::kShutdownAckSent;
  }
  /// The peer has never answered, and has nothing to get: nobody misses it.
  bool is_in_vain() const { return state_ == State::kCookieWait && outbound_.is_drained(); }
  const Parameters& parameters() const { return parameters_; }
  std::size_t path_count() const { return path_count_; }
  const Path& path(std::size_t index) const { return *paths_[index]; }
  std::size_t primary() const { return primary_; }
  const Outbound& outbound() const { return outbound_; }
  const Reassembly& reassembly() const { return reassembly_; }
  /// Received packets that are kept: what is in reassembly, and the peer's cookie or ABORT.
  std::uint32_t held_buffers() const {
    return reassembly_.held_buffers() + (kept_buffer_ == nullptr ? 0 : 1) +
           (error_buffer_ == nullptr ? 0 : 1);
  }
  std::uint32_t held_bytes() const { return reassembly_.held_bytes() + unread_bytes_; }
  std::uint32_t a_rwnd() const;
  bool has_events() const {
    return notices_ != 0 || reassembly_.front() != nullptr || !failed_.empty();
  }
  /// A path has changed its state, and it has not been told: an address may have been confirmed.
  bool has_path_news() const { return notices_ & kPathNotice; }
  std::uint16_t streams_in() const { return streams_in_; }
  std::uint64_t retransmissions() const { return retransmissions_; }
  std::uint64_t messages_received() const { return messages_received_; }
  bool has_peer(const IpAddress& address) const { return path_of(address) >= 0; }
  /// Its index; -1 if it is not one of the peer's addresses.
  int path_of(const IpAddress& address) const;
  /// The address is known to be the peer's own (RFC 9260 5.4).
  bool has_confirmed_peer(const IpAddress& address) const {
    const int path = path_of(address);
    return path >= 0 && paths_[path]->is_confirmed();
  }
  bool has_local(const IpAddress& address) const { return resources_.is_allowed(locals_, address); }
  /// Bits of the local addresses that it may use; 0: all.
  std::uint64_t locals() const { return locals_; }

  /// Starts to bring nearer what each packet touches and what lies elsewhere.
  void prefetch() const {
    millrace::prefetch(paths_[primary_], sizeof(Path));
    outbound_.prefetch_streams();
    reassembly_.prefetch_streams();
  }

  /// Where what packets touch of this object itself ends.
  const void* hot_end() const { return reassembly_.hot_end(); }

  /// Gives everything back to the slabs. The payloads of unsent messages go to the returned list.
  void clear();

 private:
  static constexpr std::uint8_t kNoPath = 0xff;
  static constexpr std::size_t kHeartbeatInfoBytes = 16;  // path, nonce, time
  static constexpr std::uint8_t kRenegesMax = 32;         // for one packet
  static constexpr std::uint32_t kMtuProbe = 0x80000000;  // added to the path's index in a probe

  /// Chunks that are to be sent with the next packet.
  enum Pending : std::uint8_t {
    kInit = 1 << 0,
    kCookieEcho = 1 << 1,
    kCookieAck = 1 << 2,
    kShutdown = 1 << 3,
    kShutdownAck = 1 << 4,
  };
  /// Events that are due beside messages; each at most once.
  enum Notice : std::uint8_t {
    kUpNotice = 1 << 0,
    kRestartNotice = 1 << 1,
    kPathNotice = 1 << 2,
    kPeerShutdownNotice = 1 << 3,
    kDryNotice = 1 << 4,
    kDownNotice = 1 << 5,
    kErrorNotice = 1 << 6,
  };

  // association.cc
  void enter_state(State state);
  void enter_established(Time now);
  void close(DownReason reason, std::uint16_t error);
  void keep(ChunkView chunk, const PacketIn& in);
  void release_kept();
  bool next_notice(Event& event);
  void pop_path_notice();
  bool add_path(const IpAddress& destination, bool confirmed);
  void learn_paths(std::span<const IpAddress> destinations);
  void doubt_paths_beside(std::span<const IpAddress> destinations);
  IpAddress source_for(const IpAddress& destination) const;

  // chunks.cc
  bool on_chunk(Time now, ChunkView chunk, const PacketIn& in, bool& had_data);
  bool on_unknown_chunk(ChunkView chunk, const PacketIn& in);
  void on_heartbeat(ChunkView chunk, const PacketIn& in);
  void on_heartbeat_ack(Time now, ChunkView chunk);
  void send_sack_ahead();
  void on_abort(ChunkView chunk, const PacketIn& in);
  void on_error(Time now, ChunkView chunk, const PacketIn& in);
  void keep_error(TlvView cause, const PacketIn& in);
  void release_error();

  // answers.cc
  bool begin_answer(const PacketIn& in, std::size_t size, bool is_heartbeat_ack);
  void answer_error(CauseCode cause, Bytes value, const PacketIn& in);
  void answer_heartbeat(Bytes value, const PacketIn& in);
  void drop_errors_for(std::size_t needed);
  void flush_answer();
  void drop_answer();
  std::uint8_t reply_path(const PacketIn& in) const;
  std::size_t answer_size() const { return answer_->length - kCommonHeaderBytes; }

  // data.cc
  bool take_plain_data(ChunkReader& chunks, const PacketIn& in);
  bool on_data(ChunkView chunk, const PacketIn& in);
  void on_sack(Time now, ChunkView chunk);
  void begin_acknowledging(Time now);
  void on_acknowledged(Time now, const SackOutcome& outcome);
  void wait_to_probe(Time now);
  bool takes_data_in() const;
  bool has_room_for(const DataView& data, TsnTracker::Arrival arrival);
  bool renege_for(const DataView& data);
  bool begin_to_read();
  bool holds_most_chunks() const;
  bool on_bad_stream(const DataView& data, const PacketIn& in);
  bool hold(const DataView& data, const PacketIn& in);
  void on_packet_with_data(Time now);

  // handshake.cc
  void on_init_ack(Time now, ChunkView chunk, const PacketIn& in);
  void on_nameless_init_ack(const PacketIn& in);
  bool is_short_of_memory() const;
  bool is_acceptable(const InitView& init, const InitContents& contents);
  void report_unrecognized(PacketWriter& writer, const InitContents& contents);
  bool is_new(const IpAddress& peer, const PacketIn& in) const;
  void refuse_new_addresses(const InitView& init, std::span<const IpAddress> peers,
                            const PacketIn& in);
  void on_cookie_ack(Time now);
  void on_stale_cookie(Time now);
  void arm_t1(Time now);
  void on_t1_expired(Time now);
  bool is_of_a_life_before(const Cookie& cookie) const;
  CookieVerdict answer_cookie(Time now, const PacketIn& in, const Cookie& cookie);
  void answer_to(const PacketIn& in);
  void take_new_peer_tag(const Cookie& cookie);
  void take_peer(const Cookie& cookie);
  void restart(Time now, const Cookie& cookie, const PacketIn& in);
  std::uint8_t restart_paths(const Cookie& cookie);
  void write_init(PacketWriter& writer);
  std::size_t cookie_echo_size() const;
  void write_cookie_echo(PacketWriter& writer);

  // shutdown.cc
  void on_shutdown(Time now, ChunkView chunk);
  bool on_shutdown_ack(const PacketIn& in);
  void on_shutdown_complete();
  void advance_shutdown(Time now);
  void on_packet_while_shutdown_sent(Time now);
  void on_t2_expired(Time now);
  void arm_t2(Time now);

  // paths.cc
  std::uint8_t best_path(std::uint8_t first) const;
  std::uint8_t data_path() const { return best_path(primary_); }
  std::uint8_t new_data_path() const;
  std::uint8_t alternate_path(std::uint8_t avoid) const;
  bool is_better(std::uint8_t path, std::uint8_t than) const;
  void switch_primary_over();
  std::uint8_t sack_path() const;
  std::uint8_t control_path() const;
  std::uint8_t retransmission_path() const;
  void on_path_error(Time now, std::uint8_t path, bool counts_for_association);
  void on_association_error();
  void on_path_answer(Time now, std::uint8_t path, bool is_of_heartbeat = false);
  void on_t3_expired(Time now, std::uint8_t path);
  void on_mtu_search_deadline(Time now, std::uint8_t path);
  void send_mtu_probe(Time now, std::uint8_t path, std::uint16_t size);
  static std::uint32_t heartbeat_time(Time at);
  Time turn_to_ask(Time now, const Path& path) const;
  std::int64_t unconfirmed_paths() const;
  void on_heartbeat_deadline(Time now, std::uint8_t path);
  void send_heartbeat(Time now, std::uint8_t path);

  // transmit.cc
  bool has_but_new_data() const;
  bool next_data_packet(Time now, PacketOut& out);
  Buffer* acquire_packet();
  bool build_packet(Time now, std::uint8_t path, PacketOut& out);
  void write_control(PacketWriter& writer);
  void write_sack(PacketWriter& writer);
  bool answer_may_be_joined() const;
  void write_answer(PacketWriter& writer);
  void write_data(Time now, PacketWriter& writer, std::uint8_t path);
  std::uint8_t next_destination() const;
  void open_round(Time now);
  bool may_send_data() const;
  std::uint32_t payload_max() const;
  std::uint32_t offered_rwnd() const;

  // What each packet touches comes first: among many associations every line of it costs.
  Resources& resources_;
  Identity identity_;
  State state_ = State::kClosed;
  std::uint8_t pending_ = 0;
  std::uint8_t notices_ = 0;
  std::uint8_t path_count_ = 0;
  std::uint8_t primary_ = 0;
  std::uint8_t last_data_from_ = 0;      // path that DATA came from last: where SACKs go
  std::uint8_t control_from_ = kNoPath;  // path that asked for the pending control chunk
  std::uint8_t error_count_ = 0;         // RFC 9260 8.1
  bool was_up_ = false;
  bool shutdown_requested_ = false;
  bool awaits_round_ = false;     // of sending
  std::uint8_t sacks_ahead_ = 0;  // sent before the turn's own packets
  // What one packet may still ask for:
  bool has_walked_ = false;
  std::uint8_t reneges_left_ = 0;
  std::uint8_t answer_path_ = 0;  // where answer_ goes
  std::uint16_t streams_in_ = 0;
  std::uint32_t unread_bytes_ = 0;     // delivered to the application and not yet consumed
  std::uint32_t advertised_rwnd_ = 0;  // in the last SACK
  Buffer* answer_ = nullptr;           // chunks that answer the packet that came last
  Time t1_deadline_ = kNever;          // T1-init, T1-cookie
  Time round_at_ = kNever;             // of the last round of sending
  Time acked_at_ = kNever;             // when something was acknowledged last
  Time t2_deadline_ = kNever;          // T2-shutdown
  Time t5_deadline_ = kNever;          // T5-shutdown-guard
  Time probe_deadline_ = kNever;       // of the peer's window, which is closed
  Fifo<TxMessage> failed_;             // to be told with kSendFailed
  std::uint64_t messages_received_ = 0;
  // The INIT ACK that holds the peer's cookie; later the ABORT that ended it, which the application
  // has yet to be told of.
  Buffer* kept_buffer_ = nullptr;   // nullptr: neither
  Buffer* error_buffer_ = nullptr;  // the packet with error_cause_
  Parameters parameters_;
  Paths paths_{};
  Outbound outbound_;
  TsnTracker tracker_;
  Reassembly reassembly_;

  // What comes from now on is for once in a while; hot_end() says so.
  std::uint8_t attempts_ = 0;       // INIT, COOKIE ECHO or SHUTDOWN without an answer
  std::uint8_t stale_cookies_ = 0;  // INITs begun anew for them
  std::uint16_t streams_out_ = 0;
  Tsn initial_tsn_;                 // ours
  std::uint32_t peer_tie_tag_ = 0;  // what restart cookies must repeat
  std::uint32_t local_tie_tag_ = 0;
  std::uint32_t left_peer_tag_ = 0;    // the peer's before this one, taken back from it; 0: none
  Time cookie_created_{};              // of the one that was taken last
  std::uint32_t peer_adaptation_ = 0;  // RFC 5061 4.2.6; 0: none
  std::uint32_t restart_after_ = 0;    // messages to deliver before the restart is told
  Time t1_started_{};
  ChunkView kept_chunk_;  // in kept_buffer_
  Bytes error_cause_;     // of the peer's, to be told
  DownReason down_reason_ = DownReason::kNone;
  std::uint16_t down_error_ = 0;
  std::uint64_t retransmissions_ = 0;
  std::uint64_t locals_;  // bits of the local addresses that it may use; 0: all
};

}  // namespace millrace
