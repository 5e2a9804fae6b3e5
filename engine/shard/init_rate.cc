#include "engine/shard/init_rate.h"

#include <algorithm>

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

void TokenBucket::give_back(std::uint32_t tokens, std::uint32_t per_second) {
  owed_ns_ = std::max<std::int64_t>(0, owed_ns_ - kSecond / per_second * tokens);
}

// The source first: what one floods with is not to use up what there is for all.
InitRate::Verdict InitRate::judge(Time now, const IpAddress& source) {
  if (limits_.from_one_source != 0) {
    TokenBucket& bucket = sources_[table_hash(key_, source.bytes) % kBuckets];
    if (!bucket.take(now, limits_.from_one_source)) return Verdict::kTooManyFromSource;
  }
  if (limits_.in_all != 0 && !all_.take(now, limits_.in_all)) return Verdict::kTooManyInAll;
  if (!may_open(now)) return Verdict::kTooManyHalfOpen;
  return Verdict::kAnswer;
}

}  // namespace millrace
