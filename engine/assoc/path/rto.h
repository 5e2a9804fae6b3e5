// The retransmission timeout of one destination (RFC 9260 6.3.1). Arithmetic only: it knows no
// timers.
#pragma once

#include <algorithm>

#include "engine/assoc/parameters.h"
#include "engine/base/time.h"

namespace millrace {

class Rto {
 public:
  //= rfc9260 6.3.1
  explicit Rto(const Parameters& parameters) : rto_(parameters.rto_initial) {}

  /// A round trip was measured on something that was sent once (Karn's rule is the caller's).
  void on_measurement(Duration rtt, const Parameters& parameters) {
    rtt = std::max(rtt, kGranularity);
    if (srtt_.ns == 0) {
      srtt_ = rtt;
      rttvar_ = rtt / 2;
    } else {
      const Duration error = srtt_ < rtt ? rtt - srtt_ : srtt_ - rtt;
      rttvar_ = (rttvar_ * 3 + error) / 4;  // RTO.Beta = 1/4
      srtt_ = (srtt_ * 7 + rtt) / 8;        // RTO.Alpha = 1/8
    }
    rttvar_ = std::max(rttvar_, kGranularity);
    rto_ = bounded(srtt_ + rttvar_ * 4, parameters);
    after_data_ = {};
  }

  /// The same of a heartbeat. While data waits for an acknowledgement it does not undo the
  /// doubling: that heartbeats pass says nothing of why data or its SACKs do not, and with a
  /// timeout that collapses after every expiration an association is through with its
  /// retransmissions before the peer has found out that the path of its SACKs is dead.
  /// (Section 6.3.3 says that it may collapse.) Once data is acknowledged it holds.
  //= rfc9260 6.3.3
  void on_heartbeat(Duration rtt, bool data_waits, const Parameters& parameters) {
    const Duration before = rto_;
    on_measurement(rtt, parameters);
    if (!data_waits || before <= rto_) return;
    after_data_ = rto_;
    rto_ = before;
  }
  void on_data_acked() {
    if (after_data_.ns == 0) return;
    rto_ = after_data_;
    after_data_ = {};
  }

  //= rfc9260 6.3.3
  void back_off(const Parameters& parameters) { rto_ = bounded(rto_ * 2, parameters); }

  Duration value() const { return rto_; }
  Duration srtt() const { return srtt_; }  ///< zero: never measured

 private:
  static constexpr Duration kGranularity = microseconds(1);

  static Duration bounded(Duration rto, const Parameters& parameters) {
    return std::clamp(rto, parameters.rto_min, std::max(parameters.rto_min, parameters.rto_max));
  }

  Duration rto_;
  Duration srtt_{};
  Duration rttvar_{};
  Duration after_data_{};  // zero: as it is
};

}  // namespace millrace
