#include "engine/shard/init_rate.h"

#include <algorithm>

#include "engine/shard/origin.h"

namespace millrace {
namespace {

constexpr std::int64_t kSecond = seconds(1).ns;

}  // namespace

bool TokenBucket::take(Time now, std::uint32_t per_second) {
  const std::int64_t passed = (now - filled_at_).ns;
  filled_at_ = now;
  owed_ns_ = std::max<std::int64_t>(0, owed_ns_ - passed);
  const std::int64_t cost = kSecond / per_second;
  if (owed_ns_ + cost > kSecond) return false;
  owed_ns_ += cost;
  return true;
}

bool TokenBucket::is_empty(Time now, std::uint32_t per_second) const {
  return owed_ns_ - (now - filled_at_).ns + kSecond / per_second > kSecond;
}

void TokenBucket::give_back(std::uint32_t tokens, std::uint32_t per_second) {
  owed_ns_ = std::max<std::int64_t>(0, owed_ns_ - kSecond / per_second * tokens);
}

// The source first, then the listener: what one floods with, or what one is flooded with, is not to
// use up what there is for all. Where that is used up, it does not matter what is asked for.
InitRate::Verdict InitRate::judge_source(Time now, const IpAddress& source) {
  if (limits_.from_one_source != 0) {
    TokenBucket& bucket = sources_[table_hash(key_, origin_of(source).bytes) % kBuckets];
    if (!bucket.take(now, limits_.from_one_source)) return Verdict::kTooManyFromSource;
  }
  return judge_all(now);
}

InitRate::Verdict InitRate::judge_listener(Time now, TokenBucket* listener) {
  if (limits_.to_one_listener != 0 && listener != nullptr &&
      !listener->take(now, limits_.to_one_listener)) {
    return Verdict::kTooManyForListener;
  }
  if (limits_.in_all != 0 && !all_.take(now, limits_.in_all)) return Verdict::kTooManyInAll;
  if (limits_.half_open != 0 && !inits_.take(now, limits_.half_open))
    return Verdict::kTooManyHalfOpen;
  return Verdict::kAnswer;
}

InitRate::Verdict InitRate::judge_all(Time now) const {
  if (limits_.in_all != 0 && all_.is_empty(now, limits_.in_all)) return Verdict::kTooManyInAll;
  const bool answers = limits_.half_open == 0 || !inits_.is_empty(now, limits_.half_open);
  return answers ? Verdict::kAnswer : Verdict::kTooManyHalfOpen;
}

}  // namespace millrace
