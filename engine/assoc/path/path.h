// One destination address of a peer (RFC 9260 6.4, 8.2, 8.3, 14.3): what it may carry and whether
// it answers. It knows no chunks and no streams.
#pragma once

#include <cstdint>

#include "engine/assoc/event.h"
#include "engine/assoc/parameters.h"
#include "engine/assoc/path/congestion.h"
#include "engine/assoc/path/pmtu_search.h"
#include "engine/assoc/path/rto.h"
#include "engine/base/address.h"
#include "engine/base/serial.h"
#include "engine/base/time.h"
#include "engine/wire/chunk.h"

namespace millrace {

/// The most that the DATA chunks of a packet can be, headers included, on a path with this MTU.
std::uint32_t pmdcs_of(std::uint32_t mtu, const IpAddress& destination);

/// Parameters that a path has of its own.
struct PathSettings {
  explicit PathSettings(const Parameters& parameters);

  /// `parameters` with these instead of the association's.
  Parameters over(Parameters parameters) const;

  Duration heartbeat_interval;
  Marking marking;
  std::uint16_t fixed_mtu;
  std::uint8_t max_retrans;
  std::uint8_t potentially_failed_max_retrans;
  std::uint8_t primary_switchover_max_retrans;
  bool mtu_fixed;
};

class Path {
 public:
  Path(const IpAddress& destination, const Parameters& parameters);

  const PathSettings& settings() const { return settings_; }
  /// `ceiling`: the MTU that the interface has. With another DSCP, congestion control starts anew.
  void set_settings(Time now, const PathSettings& settings, std::uint16_t ceiling);

  /// The peer restarted: congestion control and timers start anew (RFC 9260 5.2.4, A).
  void restart(const Parameters& parameters);

  const IpAddress& destination() const { return destination_; }
  const Marking& marking() const { return settings_.marking; }
  /// The local address that data leaves from, and heartbeats; unspecified: as the route says.
  const IpAddress& source() const { return source_; }
  /// That of packets without data: where the peer's last packet from there came to.
  const IpAddress& reply_source() const { return reply_source_; }
  void set_source(const IpAddress& source) { source_ = reply_source_ = source; }
  /// The peer has sent something from there to another address of ours than `reply_source()`.
  void on_arrival_at(const IpAddress& local);

  bool is_active() const { return active_; }
  bool is_confirmed() const { return confirmed_; }
  /// May carry user data (RFC 9260 5.4: not before it is confirmed).
  bool is_usable() const { return active_ && confirmed_; }
  /// Did not answer of late (RFC 7829): carries user data only if nothing better is there.
  bool is_potentially_failed() const { return potentially_failed_; }
  bool is_preferable() const { return is_usable() && !potentially_failed_; }

  // ---- what was sent and acknowledged ----

  Congestion congestion;
  Rto rto;
  std::uint32_t flight = 0;          ///< bytes of chunks outstanding here
  std::uint32_t flight_limit = 0;    ///< Max.Burst's bound on `flight` in this round of sending
  std::uint32_t acked_in_round = 0;  ///< bytes acknowledged in this round of sending
  Time t3_deadline = kNever;         ///< T3-rtx

  std::uint32_t mtu() const { return mtu_; }
  /// Takes a smaller MTU over; false if it is not smaller or not believable.
  bool lower_mtu(Time now, std::uint32_t mtu);
  /// A probe of this size has arrived (RFC 8899).
  void raise_mtu(std::uint32_t mtu);
  /// Data was not acknowledged in time: when that comes again, packets of this size may fall into a
  /// black hole (RFC 8899 4.3), and the path goes back to what any path carries.
  void on_data_timeout(Time now);
  void on_data_acked() { data_timeouts_ = 0; }
  PmtuSearch mtu_search;

  /// Data was put into a packet to here: the congestion window decays over idle RTOs first.
  void on_data_sent(Time now);

  /// Round trips are measured on one TSN at a time (RFC 9260 6.3.1, C4 and C5).
  bool is_measuring() const { return measured_at_ != kNever; }
  void start_measurement(Tsn tsn, Time now);
  void cancel_measurement() { measured_at_ = kNever; }
  /// The TSNs from `first` to `last` were acknowledged: ends a measurement of one of them.
  void on_acked(Tsn first, Tsn last, Time now, const Parameters& parameters);

  // ---- whether it answers ----

  std::uint32_t error_count() const { return error_count_; }
  /// Something sent here was not answered in time.
  enum class Judgement : std::uint8_t { kNoChange, kPotentiallyFailed, kInactive };
  Judgement on_error(bool has_alternative);
  /// Something sent here was answered. True if the path was inactive.
  bool on_answer(Time now);
  /// The peer's address is known to be its own (RFC 9260 5.4).
  void confirm();
  /// A host there knows nothing of the association, and has said so: it is not the peer until it
  /// proves to be, and is asked like any address that is inactive.
  void deny();
  /// It is not known any more.
  void doubt() { confirmed_ = false; }

  // ---- heartbeats (RFC 9260 8.3) ----

  Time heartbeat_deadline = kNever;
  bool heartbeat_outstanding = false;
  struct Heartbeat {
    std::uint64_t nonce = 0;
    Time sent_at{};
    bool is_unanswered = false;
  };
  /// The last one. One that is not answered in time is an error, and still believed when it is: it,
  /// and the one before.
  Heartbeat heartbeat;
  Heartbeat heartbeat_before;
  /// When the next heartbeat is due: HB.interval + RTO +- RTO/2, drawn with `random`; sooner for a
  /// path that may have failed, or that is not confirmed yet: that of `unconfirmed` such paths in
  /// turn, each an RTO after the one before.
  void arm_heartbeat(Time now, std::uint32_t random, std::int64_t unconfirmed = 1);

  /// No data was sent here since the heartbeat was armed.
  bool is_idle() const { return data_sent_at_ == kNever || data_sent_at_ < heartbeat_armed_at_; }

  /// A change of state that the application has not been told yet.
  bool state_changed = false;
  PathState state() const {
    if (!active_) return PathState::kInactive;
    if (!confirmed_) return PathState::kUnconfirmed;
    if (potentially_failed_) return PathState::kPotentiallyFailed;
    return just_confirmed_ ? PathState::kConfirmed : PathState::kActive;
  }
  void on_state_told() {
    state_changed = false;
    just_confirmed_ = false;
  }

 private:
  void set_mtu(std::uint32_t mtu);
  void move_source();
  void begin_congestion_anew();

  PathSettings settings_;
  IpAddress destination_;
  IpAddress source_;
  IpAddress reply_source_;
  std::uint32_t mtu_;
  std::uint32_t error_count_ = 0;
  std::uint8_t data_timeouts_ = 0;  ///< since data was last acknowledged
  bool active_ = true;
  bool confirmed_ = false;
  bool potentially_failed_ = false;
  bool just_confirmed_ = false;
  bool decayed_ = false;  ///< cwnd has decayed since data was last sent
  Tsn measured_tsn_;
  Time measured_at_ = kNever;
  Time data_sent_at_ = kNever;
  Time heartbeat_armed_at_{};
};

}  // namespace millrace
