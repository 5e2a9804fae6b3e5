#include "bench/traffic/generator.h"

#include <algorithm>
#include <utility>

#include "bench/contestant.h"

namespace millrace::bench {

Generator::Generator(const Load& load, Endpoint& endpoint, std::function<Time()> clock)
    : load_(load),
      endpoint_(endpoint),
      clock_(std::move(clock)),
      dice_(load.seed),
      links_(load.associations),
      written_(std::size_t{load.associations} * load.streams),
      expected_(written_.size()),
      bytes_(load.sizes.greatest()),
      series_(load.interval) {
  for (std::size_t i = 0; i < bytes_.size(); ++i)
    bytes_[i] = static_cast<std::uint8_t>(i * 131 + i / 251);
  began_ = clock_();
  phase_end_ = began_ + load_.patience;
}

bool Generator::turn() {
  take_arrivals(clock_());
  const Time now = clock_();
  switch (phase_) {
    case Phase::kSetUp:
      set_up(now);
      break;
    case Phase::kRun:
      send(now);
      if (now >= end_) {
        phase_ = Phase::kDrain;
        phase_end_ = now + load_.patience;
      }
      break;
    case Phase::kDrain:
      if (load_.rate > 0) send_late(now);
      if ((!owes_messages() && under_way_ == 0) || now >= phase_end_) shut_down();
      break;
    case Phase::kShutDown:
      if (ended_ == links_.size() || now >= phase_end_) phase_ = Phase::kOver;
      break;
    case Phase::kOver:
      break;
  }
  endpoint_.flush();
  if (phase_ == Phase::kRun || phase_ == Phase::kDrain) series_.roll(now);
  return phase_ != Phase::kOver;
}

void Generator::stop() {
  const Time now = clock_();
  if (phase_ == Phase::kSetUp) phase_ = Phase::kOver;
  if (phase_ == Phase::kRun) end_ = std::max(measured_from_, now);
  if (phase_ == Phase::kDrain || phase_ == Phase::kShutDown) phase_end_ = now;
}

Duration Generator::idle_for() const {
  constexpr Duration kLook = milliseconds(20);
  if (phase_ != Phase::kRun) return phase_ == Phase::kDrain ? milliseconds(1) : kLook;
  if (load_.rate > 0) return std::clamp(schedule_.time_of(due_) - clock_(), Duration{}, kLook);
  if (load_.is_echo) return kLook;
  const bool has_room = std::any_of(links_.begin(), links_.end(), [](const Link& link) {
    return link.is_up && !link.is_gone && !link.is_blocked;
  });
  return has_room ? Duration{} : kLook;
}

// ---- what arrives ----

void Generator::take_arrivals(Time now) {
  for (const Arrival& arrival : endpoint_.poll()) {
    if (arrival.link >= links_.size()) continue;
    Link& link = links_[arrival.link];
    switch (arrival.kind) {
      case Arrival::Kind::kUp:
        if (arrival.streams < load_.streams) {
          fail("the server grants " + std::to_string(arrival.streams) + " streams of " +
               std::to_string(load_.streams));
        }
        link.is_up = true;
        ++up_;
        break;
      case Arrival::Kind::kFailed:
      case Arrival::Kind::kDown:
        on_end(arrival);
        break;
      case Arrival::Kind::kMessage:
        on_message(now, arrival);
        break;
      case Arrival::Kind::kWritable:
        link.is_blocked = false;
        if (load_.rate > 0 && phase_ == Phase::kRun) catch_up(now, arrival.link);
        break;
    }
  }
}

void Generator::on_message(Time now, const Arrival& arrival) {
  MessageHead head;
  if (!head.read(arrival.data, arrival.size) || arrival.stream >= load_.streams) {
    ++measured_.misplaced;
    return;
  }
  Link& link = links_[arrival.link];
  if (link.outstanding > 0) {
    --link.outstanding;
    --under_way_;
  }
  const std::size_t lane = std::size_t{arrival.link} * load_.streams + arrival.stream;
  if (load_.unordered_percent == 0 && head.number != expected_[lane]) ++measured_.misplaced;
  expected_[lane] = head.number + 1;
  series_.on_received(arrival.size);
  const Time intended{head.intended_ns};
  const auto latency = static_cast<std::uint64_t>(std::max<std::int64_t>((now - intended).ns, 0));
  series_.on_latency(latency);
  if (!is_measured(intended)) return;
  ++measured_.received;
  measured_.received_bytes += arrival.size;
  measured_.latency.add(latency);
}

void Generator::on_end(const Arrival& arrival) {
  Link& link = links_[arrival.link];
  if (link.is_gone) return;
  link.is_gone = true;
  ++ended_;
  under_way_ -= link.outstanding;
  link.outstanding = 0;
  if (phase_ != Phase::kShutDown || !arrival.is_orderly) ++measured_.failed;
}

// ---- phases ----

void Generator::set_up(Time now) {
  while (asked_ < links_.size() && asked_ - up_ - ended_ < kConnectsAtOnce && endpoint_.connect())
    ++asked_;
  const bool is_late = now >= phase_end_ + load_.patience * (load_.associations / 1000);
  if (up_ + ended_ < links_.size() && !is_late) return;
  if (is_late) measured_.failed += links_.size() - up_ - ended_;
  if (up_ == 0) {
    phase_ = Phase::kOver;
    return;
  }
  start(now);
}

void Generator::start(Time now) {
  measured_.set_up_seconds = static_cast<double>((now - began_).ns) * 1e-9;
  measured_.associations = up_;
  phase_ = Phase::kRun;
  schedule_ = Schedule(now, load_.rate > 0 ? load_.rate : 1, load_.ramp);
  measured_from_ = now + load_.ramp + load_.warm_up;
  end_ = measured_from_ + load_.duration;
  series_.start(now);
}

/// What should have been sent before the end and has not been.
void Generator::send_late(Time now) {
  send_scheduled(now);
  for (std::uint32_t i = 0; i < links_.size(); ++i) catch_up(now, i);
}

bool Generator::owes_messages() const {
  if (load_.rate == 0) return false;
  if (schedule_.time_of(due_) < end_) return true;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const Link& link = links_[i];
    if (link.is_up && !link.is_gone && link.next * links_.size() + i < due_) return true;
  }
  return false;
}

void Generator::shut_down() {
  const Time now = clock_();
  measured_.missing = load_.is_echo ? under_way_ : 0;
  if (load_.rate > 0) {
    while (schedule_.time_of(due_) < end_) ++due_;
    for (std::uint32_t i = 0; i < links_.size(); ++i) {
      for (Link& link = links_[i]; link.next * links_.size() + i < due_; ++link.next)
        measured_.unsent += is_measured(intended_of(i)) ? 1 : 0;
    }
  }
  measured_.seconds = static_cast<double>((end_ - measured_from_).ns) * 1e-9;
  series_.finish(now);
  for (std::uint32_t i = 0; i < links_.size(); ++i) {
    if (links_[i].is_up && !links_[i].is_gone) endpoint_.shut_down(i);
  }
  phase_ = Phase::kShutDown;
  phase_end_ = now + load_.patience;
}

// ---- sending ----

void Generator::send(Time now) {
  if (load_.rate > 0) {
    send_scheduled(now);
  } else {
    send_what_fits(now);
  }
}

void Generator::send_scheduled(Time now) {
  for (std::uint32_t i = 0; i < kTurnMax; ++i) {
    const Time intended = schedule_.time_of(due_);
    if (intended > now || intended >= end_) return;
    const auto index = static_cast<std::uint32_t>(due_ % links_.size());
    ++due_;
    catch_up(now, index);
  }
}

/// Sends what the link should have sent by now.
void Generator::catch_up(Time now, std::uint32_t index) {
  Link& link = links_[index];
  while (link.next * links_.size() + index < due_) {
    if (!link.is_up || link.is_gone || link.is_blocked) return;
    if (!send_one(now, index, intended_of(index))) return;
  }
}

void Generator::send_what_fits(Time now) {
  const std::uint32_t most =
      load_.is_echo ? load_.outstanding : kTurnMax;  // of one association in a turn
  std::uint32_t sent = 0;
  for (std::size_t looked = 0; looked < links_.size() && sent < kTurnMax; ++looked) {
    const std::uint32_t index = next_link_;
    next_link_ = static_cast<std::uint32_t>((next_link_ + 1) % links_.size());
    Link& link = links_[index];
    if (!link.is_up || link.is_gone || link.is_blocked) continue;
    // Each association gets a packet's worth or so, then the next one has its turn.
    const auto share = static_cast<std::uint32_t>(
        std::max<std::size_t>(1, std::min<std::size_t>(most, links_.size() == 1 ? kTurnMax : 16)));
    for (std::uint32_t i = 0; i < share; ++i) {
      if (load_.is_echo && link.outstanding >= load_.outstanding) break;
      if (!send_one(now, index, now)) break;
      ++sent;
    }
  }
}

bool Generator::send_one(Time now, std::uint32_t index, Time intended) {
  Link& link = links_[index];
  const auto stream = static_cast<std::uint16_t>(link.next % load_.streams);
  const std::size_t lane = std::size_t{index} * load_.streams + stream;
  if (link.kept_size == 0) link.kept_size = load_.sizes.draw(dice_);
  MessageHead head;
  head.flags = static_cast<std::uint16_t>((load_.is_echo ? MessageHead::kEcho : 0) |
                                          (load_.unordered_percent > 0 ? MessageHead::kMixed : 0) |
                                          (is_measured(intended) ? 0 : MessageHead::kWarmUp));
  head.number = written_[lane];
  head.intended_ns = intended.ns;
  head.write(bytes_.data());
  const bool is_unordered =
      load_.unordered_percent > 0 && dice_.below(100) < load_.unordered_percent;
  const std::size_t size = link.kept_size;
  if (!endpoint_.send(index, {bytes_.data(), size}, stream, is_unordered)) {
    link.is_blocked = true;
    return false;
  }
  link.kept_size = 0;
  ++link.next;
  ++written_[lane];
  series_.on_sent(size);
  if (load_.is_echo) {
    ++link.outstanding;
    ++under_way_;
  }
  if (!is_measured(intended)) return true;
  ++measured_.sent;
  measured_.sent_bytes += size;
  measured_.lateness.add(static_cast<std::uint64_t>((now - intended).ns));
  return true;
}

}  // namespace millrace::bench
