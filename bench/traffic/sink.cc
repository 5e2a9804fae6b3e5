#include "bench/traffic/sink.h"

#include <algorithm>
#include <utility>

#include "bench/traffic/message.h"

namespace millrace::bench {

Sink::Sink(const SinkOptions& options, Endpoint& endpoint, std::function<Time()> clock)
    : options_(options), endpoint_(endpoint), clock_(std::move(clock)), series_(options.interval) {
  series_.start(clock_());
}

void Sink::turn() {
  const Time now = clock_();
  for (const Arrival& arrival : endpoint_.poll()) {
    if (arrival.link >= links_.size()) links_.resize(arrival.link + 1);
    Link& link = links_[arrival.link];
    switch (arrival.kind) {
      case Arrival::Kind::kUp:
        if (taken_.associations++ == 0) series_.start(now);
        ++taken_.up;
        link.is_up = true;
        break;
      case Arrival::Kind::kDown:
      case Arrival::Kind::kFailed:
        if (!link.is_up) break;
        if (!arrival.is_orderly) ++taken_.broken;
        --taken_.up;
        link = Link();
        break;
      case Arrival::Kind::kMessage:
        on_message(now, arrival);
        break;
      case Arrival::Kind::kWritable:
        drain(arrival.link);
        break;
    }
  }
  endpoint_.flush();
  if (taken_.associations > 0) series_.roll(now);
}

void Sink::on_message(Time now, const Arrival& arrival) {
  series_.on_received(arrival.size);
  Link& link = links_[arrival.link];
  MessageHead head;
  if (!head.read(arrival.data, arrival.size)) {
    ++taken_.foreign;
    return;
  }
  if (!arrival.is_unordered) check_order(link, arrival, head);
  if ((head.flags & MessageHead::kWarmUp) != 0) {
    ++taken_.warm_up;
  } else {
    if (!std::exchange(has_begun_, true)) first_ = now;
    last_ = now;
    ++taken_.received;
    taken_.received_bytes += arrival.size;
    taken_.seconds = static_cast<double>((last_ - first_).ns) * 1e-9;
  }
  if (options_.has_one_clock) {
    const auto latency =
        static_cast<std::uint64_t>(std::max<std::int64_t>(now.ns - head.intended_ns, 0));
    series_.on_latency(latency);
    if ((head.flags & MessageHead::kWarmUp) == 0) taken_.latency.add(latency);
  }
  if (options_.echoes && (head.flags & MessageHead::kEcho) != 0) answer(link, arrival);
}

// Messages of a stream are numbered whether they are ordered or not: among ordered ones the number
// jumps where unordered ones overtook, and never goes back.
void Sink::check_order(Link& link, const Arrival& arrival, const MessageHead& head) {
  if (arrival.stream >= link.expected.size()) link.expected.resize(arrival.stream + std::size_t{1});
  std::uint32_t& expected = link.expected[arrival.stream];
  const bool may_jump = (head.flags & MessageHead::kMixed) != 0;
  if (may_jump ? head.number < expected : head.number != expected) ++taken_.misplaced;
  expected = head.number + 1;
}

void Sink::answer(Link& link, const Arrival& arrival) {
  ++taken_.echoed;
  const std::span<const std::uint8_t> bytes{arrival.data, arrival.size};
  if (link.waiting.empty() &&
      endpoint_.send(arrival.link, bytes, arrival.stream, arrival.is_unordered)) {
    series_.on_sent(arrival.size);
    return;
  }
  if (link.waiting.empty()) endpoint_.pause(arrival.link, true);
  link.waiting.push_back({{bytes.begin(), bytes.end()}, arrival.stream, arrival.is_unordered});
}

void Sink::drain(std::uint32_t index) {
  Link& link = links_[index];
  if (link.waiting.empty()) return;
  while (!link.waiting.empty()) {
    const Reply& reply = link.waiting.front();
    if (!endpoint_.send(index, reply.bytes, reply.stream, reply.is_unordered)) return;
    series_.on_sent(reply.bytes.size());
    link.waiting.pop_front();
  }
  endpoint_.pause(index, false);
}

}  // namespace millrace::bench
