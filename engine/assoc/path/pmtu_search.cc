#include "engine/assoc/path/pmtu_search.h"

#include <algorithm>

namespace millrace {

void PmtuSearch::start(std::uint16_t mtu, Time at) {
  too_big_ = probe_ = 0;
  losses_ = 0;
  deadline_ = mtu < ceiling_ ? at : kNever;
}

//= rfc8899 5.2
std::uint16_t PmtuSearch::on_deadline(Time now, std::uint16_t mtu, Duration timeout) {
  if (probe_ != 0 && ++losses_ == kProbesMax) {
    too_big_ = probe_;
    probe_ = 0;
  }
  if (probe_ == 0) {
    probe_ = next_size(mtu);
    losses_ = 0;
  }
  if (probe_ == 0) {
    start(mtu, now + kRaiseInterval);
    return 0;
  }
  deadline_ = now + std::max(timeout, kProbeTimeoutMin);
  return probe_;
}

std::uint16_t PmtuSearch::on_answer(Time now, std::uint64_t nonce) {
  if (probe_ == 0 || nonce != nonce_) return 0;
  const std::uint16_t carried = probe_;
  probe_ = 0;
  losses_ = 0;
  deadline_ = carried < ceiling_ ? now : kNever;
  return carried;
}

// The most that could be first: the network has usually gone back to where it was. Then the middle.
std::uint16_t PmtuSearch::next_size(std::uint16_t mtu) const {
  if (mtu >= ceiling_) return 0;
  if (too_big_ == 0) return ceiling_;
  if (too_big_ < mtu + kWorthwhile) return 0;
  return static_cast<std::uint16_t>((mtu + too_big_) / 2 & ~3);
}

}  // namespace millrace
