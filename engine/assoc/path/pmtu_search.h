// Which packets a path carries, found out with probes (RFC 8899 5.2): after the path's MTU had to
// be lowered, a search for what it really is, and from time to time for whether it has grown again.
// It says which size is to be tried when, and is told what came of it.
#pragma once

#include <cstdint>

#include "engine/base/time.h"

namespace millrace {

class PmtuSearch {
 public:
  /// PROBE_TIMER's least value, MAX_PROBES and PMTU_RAISE_TIMER (RFC 8899 5.1.1, 5.1.2).
  static constexpr Duration kProbeTimeoutMin = seconds(1);
  static constexpr std::uint8_t kProbesMax = 3;
  static constexpr Duration kRaiseInterval = seconds(600);
  /// BASE_PLPMTU: what any path is expected to carry (RFC 8899 5.1.2).
  static constexpr std::uint16_t kBase = 1200;
  /// A search ends when less than this can be gained.
  static constexpr std::uint16_t kWorthwhile = 16;

  /// `ceiling`: what the interface takes, in bytes with the IP header, as are all sizes here.
  explicit PmtuSearch(std::uint16_t ceiling) : ceiling_(ceiling) {}

  /// When on_deadline() is to be called; kNever: not until something happens.
  Time deadline() const { return deadline_; }

  /// Starts looking for more than `mtu`, which is known to be carried, at `at`.
  void start(std::uint16_t mtu, Time at);
  void stop() { deadline_ = kNever; }

  /// The size of the probe to be sent now, 0 for none; `timeout` is when it counts as lost.
  std::uint16_t on_deadline(Time now, std::uint16_t mtu, Duration timeout);
  /// All probes of one size carry one nonce, so that an answer counts however late it is.
  std::uint64_t nonce() const { return nonce_; }
  void set_nonce(std::uint64_t nonce) { nonce_ = nonce; }
  bool is_first_of_its_size() const { return losses_ == 0; }

  /// The outstanding probe has arrived: gives its size; 0 if there is none with this nonce.
  std::uint16_t on_answer(Time now, std::uint64_t nonce);

 private:
  std::uint16_t next_size(std::uint16_t mtu) const;

  Time deadline_ = kNever;
  std::uint64_t nonce_ = 0;
  std::uint16_t ceiling_;
  std::uint16_t too_big_ = 0;  ///< the smallest size that did not arrive in this search; 0: none
  std::uint16_t probe_ = 0;    ///< the size that is tried; 0: none is outstanding
  std::uint8_t losses_ = 0;    ///< of probes of this size
};

}  // namespace millrace
