// What a worker does for the main thread, and how contexts leave. All of it is rare.
#include <array>

#include "engine/lcore/worker.h"

namespace millrace {
namespace {

constexpr std::uint32_t kSnapshotMax = 32;  // statuses of one order: bounds the work of a poll

}  // namespace

bool Worker::take_orders(Time now) {
  ipc::RingConsumer<Order>& orders = control_.orders.consumer();
  if (orders.available(1) == 0) return false;
  const Order order = orders.at(0);
  orders.consume(1);
  orders.publish();
  execute(now, order);
  return true;
}

void Worker::execute(Time now, const Order& order) {
  switch (order.kind) {
    case Order::Kind::kAttach:
      contexts_.add(order.owner, order.channel);
      counters_.add(Counter::applications_attached, number_ == 0 ? 1 : 0);
      return;
    case Order::Kind::kDetach:
      if (Context* context = contexts_.find(order.owner); context != nullptr) {
        // The last things that it asked for before it went.
        while (!context->is_leaving && requests_.serve(now, *context) > 0) {
        }
        end_context(now, *context, order.gracefully);
        context->must_answer = true;
      }
      return;
    case Order::Kind::kSnapshot:
    case Order::Kind::kNeighbours:
    case Order::Kind::kListeners:
    case Order::Kind::kLimits:
      return report_snapshot(order);
    case Order::Kind::kAbort:
      return report_abort(now, order);
    case Order::Kind::kAnnounce:
      return stack_.announce();
  }
}

void Worker::end_context(Time now, Context& context, bool gracefully) {
  if (context.is_leaving) return;
  contexts_.leave(context);
  shard_.drop_owner(now, context.owner, gracefully);
  counters_.add(Counter::applications_detached, number_ == 0 ? 1 : 0);
}

void Worker::evict_offenders(Time now) {
  for (std::size_t i = contexts_.serving().size(); i-- > 0;) {
    Context& context = *contexts_.serving()[i];
    if (!context.channel->is_evicted()) continue;
    counters_.add(Counter::applications_evicted);
    context.must_report = true;
    end_context(now, context, false);
  }
}

void Worker::settle_leaving() {
  for (std::size_t i = contexts_.leaving().size(); i-- > 0;) {
    Context& context = *contexts_.leaving()[i];
    if (context.must_report) {
      Report evicted;
      evicted.kind = Report::Kind::kEvicted;
      evicted.owner = context.owner;
      evicted.offence = context.channel->offence();
      if (!report(evicted)) continue;
      context.must_report = false;
    }
    if (!context.must_answer || shard_.owned(context.owner) > 0) continue;
    Report gone;
    gone.kind = Report::Kind::kGone;
    gone.owner = context.owner;
    if (report(gone)) contexts_.remove(context);
  }
}

void Worker::report_snapshot(const Order& order) {
  Report answer;
  answer.kind = Report::Kind::kSnapshot;
  answer.cursor = order.cursor;
  const std::uint32_t room = std::min(order.capacity, kSnapshotMax);
  std::size_t count = 0;
  if (order.kind == Order::Kind::kNeighbours) {
    count = stack_.neighbours(answer.cursor, std::span(order.neighbours, room));
  } else if (order.kind == Order::Kind::kListeners) {
    count = shard_.listeners(answer.cursor, std::span(order.listeners, room));
  } else if (order.kind == Order::Kind::kLimits) {
    *order.limit_uses = shard_.limit_uses();
    count = 1;
  } else {
    count = shard_.snapshot(answer.cursor, std::span(order.statuses, room));
    for (AssociationStatus& status : std::span(order.statuses, count))
      status.is_begun_here = marks_.at(status.handle).is_ours;
  }
  answer.count = static_cast<std::uint32_t>(count);
  report(answer);
}

void Worker::report_abort(Time now, const Order& order) {
  static constexpr std::string_view kReason = "aborted by the operator";
  std::array<AssociationStatus, 1> found;
  std::uint32_t slot = order.handle.index;
  Report answer;
  answer.kind = Report::Kind::kAborted;
  answer.status = Status::kNoAssociation;
  if (shard_.snapshot(slot, found) == 1 && found[0].handle == order.handle) {
    const Bytes reason{reinterpret_cast<const std::uint8_t*>(kReason.data()), kReason.size()};
    answer.status = shard_.abort(now, found[0].owner, order.handle, reason);
  }
  report(answer);
}

bool Worker::report(const Report& report) {
  const bool told = control_.reports.producer().push(report);
  has_reported_ |= told;
  return told;
}

bool Worker::take_has_reported() {
  const bool reported = has_reported_;
  has_reported_ = false;
  return reported;
}

}  // namespace millrace
