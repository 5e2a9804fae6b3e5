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
};

}  // namespace millrace
