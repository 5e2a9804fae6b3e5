// The main thread's end of the workers' control links: orders go out, reports come in.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/lcore/crew.h"

namespace millrace {

/// Main thread only. Orders that a worker's ring has no room for wait here.
class Dispatcher {
 public:
  /// Gets every report that nobody waits for: contexts that are gone or evicted.
  using OnReport = std::function<void(std::size_t lcore, const Report&)>;

  Dispatcher(Crew& crew, std::vector<ipc::LcoreBell*> bells, OnReport on_report);

  /// Called again and again while an answer is awaited: for whoever polls the workers on the main
  /// thread, where nobody else would make them answer.
  std::function<void()> while_waiting;
  /// Gets what workers have to say for the log.
  std::function<void(std::size_t lcore, const Note&)> on_note;
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  void give(std::size_t lcore, const Order& order);
  void give_all(const Order& order);

  /// Takes reports and gives orders that waited. When descriptor() is readable, and now and then.
  void poll();
  /// Readable when a worker has reported something.
  int descriptor() const { return event_; }
  /// Any worker's thread, after it has reported something.
  void ring();

  /// Asks a worker for the statuses of some associations, from `cursor` on, and waits. Empty: there
  /// are no more. Nothing: the worker did not answer in time. Valid until the next call.
  std::optional<std::span<const AssociationStatus>> snapshot(std::size_t lcore,
                                                             std::uint32_t& cursor);
  /// As snapshot(), of the neighbours that a worker knows.
  std::optional<std::span<const net::NeighbourStatus>> neighbours(std::size_t lcore,
                                                                  std::uint32_t& cursor);
  /// As snapshot(), of the listeners that a worker has.
  std::optional<std::span<const ListenerStatus>> listeners(std::size_t lcore,
                                                           std::uint32_t& cursor);
  /// Asks a worker what it uses of its limits, and waits. Nothing: no answer in time.
  std::optional<LimitUses> limit_uses(std::size_t lcore);
  /// Aborts an association, whoever owns it, and waits. Nothing: no answer in time.
  std::optional<Status> abort(std::size_t lcore, AssociationHandle handle);

 private:
  /// What a worker fills in for one question.
  template <class Row>
  using Rows = std::array<Row, 32>;

  struct Lcore {
    std::deque<Order> waiting;
    std::optional<Report> answer;
    std::uint32_t owed = 0;  // answers to questions that nobody waits for any more
    Rows<AssociationStatus> statuses;
    Rows<net::NeighbourStatus> neighbours;
    Rows<ListenerStatus> listeners;
    LimitUses limit_uses;
  };

  template <class Row>
  std::optional<std::span<const Row>> ask_rows(std::size_t lcore, Order::Kind kind,
                                               Row* Order::*where, Rows<Row>& rows,
                                               std::uint32_t& cursor);

  std::optional<Report> ask(std::size_t lcore, const Order& order);
  void flush(std::size_t lcore);
  void take_notes(std::size_t lcore);
  void take(std::size_t lcore, const Report& report);

  Crew& crew_;
  std::vector<ipc::LcoreBell*> bells_;
  OnReport on_report_;
  std::vector<std::unique_ptr<Lcore>> lcores_;
  int event_;
};

}  // namespace millrace
