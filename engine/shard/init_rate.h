// How many INIT chunks are answered: in all, to one listener, and from one source, as the operator
// has limited them.
// An INIT costs a MAC and a packet and leaves nothing behind; the limits keep a flood of them from
// taking an lcore's time from its associations.
//
// Beside what the operator allows, what comes to nothing is limited: INIT chunks that no
// association follows, and cookies that begin none, ours or not. Those that come to something pay
// for themselves, so that the limit is met by floods and not by peers, however many of them come at
// once.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/address.h"
#include "engine/base/hash.h"
#include "engine/base/time.h"

namespace millrace {

/// Answers a second, of one lcore; 0: no limit. A second's worth may come at once.
struct InitRateLimits {
  std::uint32_t in_all = 0;
  std::uint32_t to_one_listener = 0;
  /// All addresses of an IPv6 subnet (/64) are one source: whoever has one of them has them all.
  std::uint32_t from_one_source = 0;
  std::uint32_t half_open = 20'000;  ///< INITs that come to nothing, and as many cookies
};

/// So many tokens a second, and never more than that many.
class TokenBucket {
 public:
  /// `per_second` is not 0.
  bool take(Time now, std::uint32_t per_second);
  /// Whether take() would say no.
  bool is_empty(Time now, std::uint32_t per_second) const;
  /// So many need not have been taken.
  void give_back(std::uint32_t tokens, std::uint32_t per_second);

 private:
  Time filled_at_{};
  std::int64_t owed_ns_ = 0;  ///< time that what was taken since has used up
};

class InitRate {
 public:
  /// Sources share this many buckets, by a keyed hash: who shares one with a flood is limited, too.
  static constexpr std::size_t kBuckets = 4096;

  enum class Verdict : std::uint8_t {
    kAnswer,
    kTooManyInAll,
    kTooManyForListener,
    kTooManyFromSource,
    kTooManyHalfOpen
  };

  InitRate(const InitRateLimits& limits, const HashKey& key) : limits_(limits), key_(key) {}

  /// Before it is looked up what an INIT is for; then judge_listener() has the last word.
  Verdict judge_source(Time now, const IpAddress& source);
  /// `listener`: of what it is for; nullptr if nobody listens there.
  Verdict judge_listener(Time now, TokenBucket* listener);
  /// What is said of every INIT now, whoever it is from and whatever it is for.
  Verdict judge_all(Time now) const;
  /// Whether a cookie may be looked at. INITs take nothing from that: who has answered an INIT ACK
  /// is not to be kept out by a flood from addresses that nobody has.
  bool may_open(Time now) {
    return limits_.half_open == 0 || cookies_.take(now, limits_.half_open);
  }
  /// Whether may_open() would say yes.
  bool opens(Time now) const {
    return limits_.half_open == 0 || !cookies_.is_empty(now, limits_.half_open);
  }
  /// It has begun an association, or begun it anew: it pays for itself, and for some INITs of this
  /// lcore's and of `lcores` in all.
  void on_begun(std::size_t lcores) {
    if (limits_.half_open == 0) return;
    cookies_.give_back(1, limits_.half_open);
    inits_.give_back(static_cast<std::uint32_t>(2 * lcores), limits_.half_open);
  }

 private:
  InitRateLimits limits_;
  HashKey key_;
  TokenBucket all_;
  TokenBucket inits_;    ///< that come to nothing
  TokenBucket cookies_;  ///< the same
  std::array<TokenBucket, kBuckets> sources_;
};

}  // namespace millrace
