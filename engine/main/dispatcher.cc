#include "engine/main/dispatcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace millrace {
namespace {

// A worker answers within a poll or a sleep; one that is slower is not to hold up everything else.
constexpr int kAnswerWithinMs = 1000;
constexpr int kTurnMs = 10;

bool is_answer(const Report& report) {
  return report.kind == Report::Kind::kSnapshot || report.kind == Report::Kind::kAborted;
}

}  // namespace

Dispatcher::Dispatcher(Crew& crew, std::vector<ipc::LcoreBell*> bells, OnReport on_report)
    : crew_(crew),
      bells_(std::move(bells)),
      on_report_(std::move(on_report)),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  MR_ASSERT(event_ >= 0);
  for (std::size_t i = 0; i < crew.size(); ++i) lcores_.push_back(std::make_unique<Lcore>());
}

Dispatcher::~Dispatcher() {
  close(event_);
}

void Dispatcher::give(std::size_t lcore, const Order& order) {
  lcores_[lcore]->waiting.push_back(order);
  flush(lcore);
}

void Dispatcher::give_all(const Order& order) {
  for (std::size_t i = 0; i < lcores_.size(); ++i) give(i, order);
}

void Dispatcher::flush(std::size_t lcore) {
  std::deque<Order>& waiting = lcores_[lcore]->waiting;
  bool gave = false;
  while (!waiting.empty() &&
         crew_.worker(lcore).control().orders.producer().push(waiting.front())) {
    waiting.pop_front();
    gave = true;
  }
  if (gave && bells_[lcore] != nullptr) bells_[lcore]->ring_if_asleep();
}

void Dispatcher::ring() {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then it is readable anyway.
  [[maybe_unused]] const ssize_t written = write(event_, &one, sizeof one);
}

void Dispatcher::poll() {
  std::uint64_t rung;
  [[maybe_unused]] const ssize_t length = read(event_, &rung, sizeof rung);
  for (std::size_t i = 0; i < lcores_.size(); ++i) {
    Report report;
    while (crew_.worker(i).control().reports.consumer().pop({&report, 1}) == 1) take(i, report);
    take_notes(i);
    flush(i);
  }
}

void Dispatcher::take_notes(std::size_t lcore) {
  if (!on_note) return;
  // No more than fit the ring: a worker that writes on and on keeps nobody here.
  for (std::uint32_t i = 0; i < ControlLink::kEntries; ++i) {
    Note note;
    if (crew_.worker(lcore).control().notes.consumer().pop({&note, 1}) == 0) return;
    on_note(lcore, note);
  }
}

void Dispatcher::take(std::size_t lcore, const Report& report) {
  if (!is_answer(report)) return on_report_(lcore, report);
  Lcore& from = *lcores_[lcore];
  if (from.owed > 0) {
    --from.owed;
  } else {
    from.answer = report;
  }
}

std::optional<Report> Dispatcher::ask(std::size_t lcore, const Order& order) {
  Lcore& asked = *lcores_[lcore];
  if (asked.owed > 0) return std::nullopt;  // it still has the memory of an earlier question
  asked.answer.reset();
  give(lcore, order);
  for (int waited = 0; waited < kAnswerWithinMs; waited += kTurnMs) {
    if (while_waiting) while_waiting();
    pollfd entry{event_, POLLIN, 0};
    ::poll(&entry, 1, kTurnMs);
    poll();
    if (asked.answer) return asked.answer;
  }
  ++asked.owed;
  return std::nullopt;
}

template <class Row>
std::optional<std::span<const Row>> Dispatcher::ask_rows(std::size_t lcore, Order::Kind kind,
                                                         Row* Order::*where, Rows<Row>& rows,
                                                         std::uint32_t& cursor) {
  Order order;
  order.kind = kind;
  order.cursor = cursor;
  order.*where = rows.data();
  order.capacity = static_cast<std::uint32_t>(rows.size());
  const std::optional<Report> report = ask(lcore, order);
  if (!report) return std::nullopt;
  cursor = report->cursor;
  return std::span<const Row>(rows).first(report->count);
}

std::optional<std::span<const AssociationStatus>> Dispatcher::snapshot(std::size_t lcore,
                                                                       std::uint32_t& cursor) {
  return ask_rows(lcore, Order::Kind::kSnapshot, &Order::statuses, lcores_[lcore]->statuses,
                  cursor);
}

std::optional<std::span<const net::NeighbourStatus>> Dispatcher::neighbours(std::size_t lcore,
                                                                            std::uint32_t& cursor) {
  return ask_rows(lcore, Order::Kind::kNeighbours, &Order::neighbours, lcores_[lcore]->neighbours,
                  cursor);
}

std::optional<std::span<const ListenerStatus>> Dispatcher::listeners(std::size_t lcore,
                                                                     std::uint32_t& cursor) {
  return ask_rows(lcore, Order::Kind::kListeners, &Order::listeners, lcores_[lcore]->listeners,
                  cursor);
}

std::optional<LimitUses> Dispatcher::limit_uses(std::size_t lcore) {
  Order order;
  order.kind = Order::Kind::kLimits;
  order.limit_uses = &lcores_[lcore]->limit_uses;
  if (!ask(lcore, order)) return std::nullopt;
  return lcores_[lcore]->limit_uses;
}

std::optional<Status> Dispatcher::abort(std::size_t lcore, AssociationHandle handle) {
  Order order;
  order.kind = Order::Kind::kAbort;
  order.handle = handle;
  const std::optional<Report> report = ask(lcore, order);
  if (!report) return std::nullopt;
  return report->status;
}

}  // namespace millrace
