#include "engine/assoc/path/path.h"

#include <algorithm>

#include "engine/base/limits.h"

namespace millrace {
namespace {

constexpr std::uint32_t kIpv6MtuMin = 1280;     // RFC 8200 section 5
constexpr std::uint8_t kBlackHoleTimeouts = 2;  // in a row

}  // namespace

std::uint32_t pmdcs_of(std::uint32_t mtu, const IpAddress& destination) {
  const std::uint32_t ip_header = destination.is_v4() ? 20 : 40;
  return (mtu - ip_header - static_cast<std::uint32_t>(kCommonHeaderBytes)) & ~3u;
}

PathSettings::PathSettings(const Parameters& parameters)
    : heartbeat_interval(parameters.heartbeat_interval),
      marking(parameters.marking),
      fixed_mtu(parameters.fixed_mtu),
      max_retrans(parameters.path_max_retrans),
      potentially_failed_max_retrans(parameters.potentially_failed_max_retrans),
      primary_switchover_max_retrans(parameters.primary_switchover_max_retrans),
      mtu_fixed(parameters.path_mtu_fixed) {}

Parameters PathSettings::over(Parameters parameters) const {
  parameters.heartbeat_interval = heartbeat_interval;
  parameters.marking = marking;
  parameters.fixed_mtu = fixed_mtu;
  parameters.path_max_retrans = max_retrans;
  parameters.potentially_failed_max_retrans = potentially_failed_max_retrans;
  parameters.primary_switchover_max_retrans = primary_switchover_max_retrans;
  parameters.path_mtu_fixed = mtu_fixed;
  return parameters;
}

Path::Path(const IpAddress& destination, const Parameters& parameters)
    : rto(parameters),
      mtu_search(parameters.path_mtu),
      settings_(parameters),
      destination_(destination),
      mtu_(parameters.path_mtu) {
  if (settings_.mtu_fixed && settings_.fixed_mtu != 0)
    mtu_ = std::min<std::uint32_t>(mtu_, settings_.fixed_mtu);
  congestion.start(pmdcs_of(mtu_, destination), destination.is_v4());
}

//= rfc6458 8.1.12
void Path::set_settings(Time now, const PathSettings& settings, std::uint16_t ceiling) {
  const bool was_fixed = settings_.mtu_fixed;
  const bool beats_otherwise = settings.heartbeat_interval != settings_.heartbeat_interval;
  const bool queues_otherwise = settings.marking.dscp != settings_.marking.dscp;
  settings_ = settings;
  if (settings_.mtu_fixed) {
    mtu_search.stop();
    if (settings_.fixed_mtu != 0) set_mtu(std::min(settings_.fixed_mtu, ceiling));
  } else if (was_fixed) {
    mtu_search.start(static_cast<std::uint16_t>(mtu_), now);
  }
  //= rfc9260 7.2.5.1#1
  if (queues_otherwise) begin_congestion_anew();
  const bool is_probed = (!confirmed_ && active_) || potentially_failed_;
  if (!beats_otherwise || heartbeat_outstanding || is_probed) return;
  const bool beats = settings_.heartbeat_interval.ns > 0;
  heartbeat_deadline = beats ? now + settings_.heartbeat_interval : kNever;
}

//= rfc9260 7.2.5
void Path::begin_congestion_anew() {
  congestion.start(congestion.pmdcs(), destination_.is_v4());
}

void Path::restart(const Parameters& parameters) {
  begin_congestion_anew();
  rto = Rto(parameters);
  flight = acked_in_round = 0;
  t3_deadline = heartbeat_deadline = kNever;
  heartbeat_outstanding = heartbeat.is_unanswered = heartbeat_before.is_unanswered = false;
  measured_at_ = data_sent_at_ = kNever;
  error_count_ = data_timeouts_ = 0;
  potentially_failed_ = false;
  active_ = true;
}

void Path::on_arrival_at(const IpAddress& local) {
  reply_source_ = local;
  if (source_.is_unspecified() || error_count_ > 0) move_source();
}

// Data that leaves from another address may go another way, so it does for a reason only: nothing
// was known, or what is sent is not answered while the peer reaches us elsewhere.
//= rfc9260 7.2.5.2
void Path::move_source() {
  source_ = reply_source_;
  if (data_sent_at_ != kNever) begin_congestion_anew();
}

bool Path::lower_mtu(Time now, std::uint32_t mtu) {
  if (mtu < kMtuMin || mtu >= mtu_ || settings_.mtu_fixed) return false;
  set_mtu(mtu);
  mtu_search.start(static_cast<std::uint16_t>(mtu_), now + PmtuSearch::kRaiseInterval);
  return true;
}

void Path::raise_mtu(std::uint32_t mtu) {
  if (mtu > mtu_ && !settings_.mtu_fixed) set_mtu(mtu);
}

//= rfc8899 4.3
void Path::on_data_timeout(Time now) {
  const std::uint32_t base = destination_.is_v4() ? PmtuSearch::kBase : kIpv6MtuMin;
  if (data_timeouts_ < kBlackHoleTimeouts) ++data_timeouts_;
  if (data_timeouts_ < kBlackHoleTimeouts || mtu_ <= base || settings_.mtu_fixed) return;
  set_mtu(base);
  mtu_search.start(static_cast<std::uint16_t>(mtu_), now);
}

void Path::set_mtu(std::uint32_t mtu) {
  mtu_ = mtu;
  congestion.set_pmdcs(pmdcs_of(mtu_, destination_));
}

//= rfc9260 7.1
void Path::on_data_sent(Time now) {
  if (data_sent_at_ != kNever && flight == 0) {
    for (Time idle = data_sent_at_ + rto.value(); idle <= now; idle = idle + rto.value()) {
      const std::uint32_t before = congestion.cwnd();
      congestion.on_idle(!decayed_);
      decayed_ = true;
      if (congestion.cwnd() == before) break;
    }
  }
  decayed_ = false;
  data_sent_at_ = now;
}

void Path::start_measurement(Tsn tsn, Time now) {
  measured_tsn_ = tsn;
  measured_at_ = now;
}

void Path::on_acked(Tsn first, Tsn last, Time now, const Parameters& parameters) {
  if (!is_measuring() || measured_tsn_ < first || measured_tsn_ > last) return;
  rto.on_measurement(now - measured_at_, parameters);
  measured_at_ = kNever;
}

//= rfc9260 8.2
//= rfc7829 3.2
Path::Judgement Path::on_error(bool has_alternative) {
  ++error_count_;
  if (source_ != reply_source_) move_source();
  if (error_count_ > settings_.max_retrans) {
    if (!active_) return Judgement::kNoChange;
    active_ = false;
    potentially_failed_ = false;
    state_changed = true;
    return Judgement::kInactive;
  }
  const bool is_suspicious = error_count_ > settings_.potentially_failed_max_retrans;
  if (!has_alternative || !is_suspicious || !is_preferable()) return Judgement::kNoChange;
  potentially_failed_ = true;
  state_changed = true;
  return Judgement::kPotentiallyFailed;
}

bool Path::on_answer(Time now) {
  error_count_ = 0;
  // It was not to be probed while it did not answer.
  if (mtu_search.deadline() == kNever && !settings_.mtu_fixed)
    mtu_search.start(static_cast<std::uint16_t>(mtu_), now);
  const bool was_active = active_;
  state_changed = state_changed || !active_ || potentially_failed_;
  active_ = true;
  potentially_failed_ = false;
  return !was_active;
}

void Path::confirm() {
  if (confirmed_) return;
  confirmed_ = true;
  just_confirmed_ = true;
  state_changed = true;
}

void Path::deny() {
  state_changed = state_changed || active_;
  active_ = false;
  heartbeat_outstanding = false;
}

//= rfc9260 8.3
void Path::arm_heartbeat(Time now, std::uint32_t random, std::int64_t unconfirmed) {
  heartbeat_armed_at_ = now;
  const Duration rto_now = rto.value();
  // RTO.Max is far below 2^31 microseconds, so the product fits.
  const Duration jitter = microseconds((rto_now.ns / 1000 * (random >> 1)) >> 31);
  if (!confirmed_ && active_) {
    //= rfc9260 5.4
    heartbeat_deadline = now + rto_now * unconfirmed;
  } else if (potentially_failed_) {
    // One at a time, each given its RTO, which grows (RFC 7829 3.2): whether HB.interval is set or
    // not, or the path would never be preferred again.
    heartbeat_deadline = now;
  } else if (settings_.heartbeat_interval.ns > 0) {
    heartbeat_deadline = now + settings_.heartbeat_interval + rto_now / 2 + jitter;
  } else {
    heartbeat_deadline = kNever;
  }
}

}  // namespace millrace
