// The congestion window of one destination (RFC 9260 7.2). It knows sizes, not chunks or timers.
#pragma once

#include <algorithm>
#include <cstdint>

namespace millrace {

/// All sizes are bytes of chunks, headers and padding included. PMDCS is the most that the DATA
/// chunks of one packet can be.
class Congestion {
 public:
  /// `is_ipv4` is the peer address's version.
  void start(std::uint32_t pmdcs, bool is_ipv4) {
    //= rfc9260 7.2.1
    pmdcs_ = pmdcs;
    const std::uint32_t floor = is_ipv4 ? 4404 : 4344;
    cwnd_ = std::min(4 * pmdcs, std::max(2 * pmdcs, floor));
    ssthresh_ = UINT32_MAX;
    partial_bytes_acked_ = 0;
    awaits_answer_ = false;
  }

  /// Whether another packet may be begun with `flight` outstanding: after a timeout there is only
  /// one until something is acknowledged.
  //= rfc9260 7.2.1
  bool may_begin_packet(std::uint32_t flight) const {
    return flight < cwnd_ && !(awaits_answer_ && flight > 0);
  }

  /// The path MTU changed.
  void set_pmdcs(std::uint32_t pmdcs) { pmdcs_ = pmdcs; }

  /// A SACK newly acknowledged `acked` bytes sent here. `flight_before` was outstanding when it
  /// came. `advanced`: it moved the cumulative TSN; `recovering`: in fast recovery. `again`: bytes
  /// of `acked` that had been acknowledged before and were reneged on: a peer is not to open the
  /// window by that.
  void on_sack(std::uint32_t acked, std::uint32_t flight_before, bool advanced, bool recovering,
               std::uint32_t again = 0) {
    awaits_answer_ = false;
    const bool was_full = flight_before >= cwnd_;
    if (cwnd_ <= ssthresh_) {
      //= rfc9260 7.2.1
      if (was_full && advanced && !recovering) cwnd_ += std::min(acked, pmdcs_);
      return;
    }
    //= rfc9260 7.2.2
    partial_bytes_acked_ += acked - again;
    if (partial_bytes_acked_ < cwnd_) return;
    if (was_full) {
      partial_bytes_acked_ -= cwnd_;
      cwnd_ += pmdcs_;
    } else {
      partial_bytes_acked_ = cwnd_;
    }
  }

  //= rfc9260 7.2.2
  void on_all_acked() { partial_bytes_acked_ = 0; }

  //= rfc9260 7.2.3
  void on_fast_retransmit() {
    ssthresh_ = std::max(cwnd_ / 2, 4 * pmdcs_);
    cwnd_ = ssthresh_;
    partial_bytes_acked_ = 0;
  }

  //= rfc9260 7.2.3
  void on_timeout() {
    ssthresh_ = std::max(cwnd_ / 2, 4 * pmdcs_);
    cwnd_ = pmdcs_;
    partial_bytes_acked_ = 0;
    awaits_answer_ = true;
  }

  /// Nothing was sent here for an RTO. `first` in this idle period.
  //= rfc9260 7.2.1
  void on_idle(bool first) {
    const std::uint32_t decayed = std::max(cwnd_ / 2, 4 * pmdcs_);
    if (decayed >= cwnd_) return;
    if (first) ssthresh_ = cwnd_;
    cwnd_ = decayed;
  }

  std::uint32_t cwnd() const { return cwnd_; }
  std::uint32_t ssthresh() const { return ssthresh_; }
  std::uint32_t pmdcs() const { return pmdcs_; }

 private:
  std::uint32_t cwnd_ = 0;
  std::uint32_t ssthresh_ = 0;
  std::uint32_t partial_bytes_acked_ = 0;
  std::uint32_t pmdcs_ = 0;
  bool awaits_answer_ = false;  // cwnd is what a timeout has left
};

}  // namespace millrace
