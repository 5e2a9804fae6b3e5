#include "tests/sim/transfer.h"

#include <array>

#include "tests/sim/violation.h"

namespace millrace::sim {
namespace {

constexpr std::uint16_t kPort = 5000;
constexpr std::uint16_t kStreams = 8;

}  // namespace

// Everything as the engine's defaults have it, but for an association that is never given up.
Scenario Transfer::scenario_of() {
  Scenario scenario(1);
  scenario.parameters = Parameters{};
  scenario.parameters.association_max_retrans = 255;
  scenario.parameters.path_max_retrans = 255;
  scenario.parameters.init_max_retrans = 100;
  scenario.hosts.assign(2, HostPlan{});
  for (std::size_t i = 0; i < 2; ++i) {
    scenario.hosts[i].addresses = {*Prefix::parse("10.0.1." + std::to_string(i + 1) + "/24")};
    scenario.hosts[i].lans = {0};
  }
  scenario.lans = 1;
  scenario.memory_share = 1;
  scenario.tick = microseconds(50);
  scenario.start = Time{} + seconds(100);
  return scenario;
}

Transfer::Transfer(const Wire& wire, std::uint32_t message_bytes)
    : scenario_(scenario_of()),
      network_(Dice(1, 3), trace_),
      message_bytes_(message_bytes),
      now_(scenario_.start) {
  for (std::size_t i = 0; i < 2; ++i) {
    hosts_.push_back(std::make_unique<SimHost>(scenario_, i, network_));
  }
  for (const auto& [from, to] : {std::pair{0, 1}, std::pair{1, 0}}) {
    Faults& faults = network_.faults(static_cast<std::size_t>(from), static_cast<std::size_t>(to));
    faults.loss = wire.loss;
    faults.delay = wire.round_trip / 2;
    faults.bytes_per_second = wire.bytes_per_second;
  }
  connect();
}

void Transfer::connect() {
  client_.reset(api::make_local_context(hosts_[0]->engine().attach()));
  server_.reset(api::make_local_context(hosts_[1]->engine().attach()));
  mr_listen_options listen{};
  listen.port = kPort;
  require(mr_listen(server_.get(), &listen) == 0, "mr_listen fails");
  for (int i = 0; i < 10; ++i) turn();
  mr_address peer;
  require(mr_address_parse("10.0.1.2", &peer) == 0, "an address that is none");
  mr_connect_options connect{};
  connect.peer_port = kPort;
  connect.peer_count = 1;
  connect.peers = &peer;
  require(mr_connect(client_.get(), &connect) == 0, "mr_connect fails");
  flow_ = ledger_.open_flow(0, 1);
}

void Transfer::run(std::uint64_t count, Duration most) {
  goal_ += count;
  const Time end = now_ + most;
  while (ledger_.delivered() < goal_ && now_ < end) {
    turn();
    advance();
  }
}

void Transfer::turn() {
  network_.advance(now_);
  bool worked = true;
  while (worked) {
    worked = false;
    for (const auto& host : hosts_) worked |= host->engine().poll(now_);
    const std::uint64_t before = ledger_.accepted() + ledger_.delivered();
    receive();
    send();
    worked |= ledger_.accepted() + ledger_.delivered() != before;
    network_.advance(now_);
  }
}

// To the next tick at which anything is to be done.
void Transfer::advance() {
  Time next = network_.next_arrival();
  for (const auto& host : hosts_) next = earlier(next, host->engine().next_deadline());
  require(next != kNever, "nothing will ever happen again");
  const std::int64_t tick = scenario_.tick.ns;
  now_ = Time{(std::max(next.ns, now_.ns + 1) + tick - 1) / tick * tick};
}

void Transfer::send() {
  while (association_ != 0 && ledger_.accepted() < goal_) {
    const std::uint32_t ppid = ledger_.next_ppid(flow_);
    const auto stream = static_cast<std::uint16_t>(ppid % kStreams);
    const bool is_unordered = ppid % 5 == 0;
    const Bytes payload = ledger_.payload(ppid, message_bytes_);
    if (mr_send(client_.get(), association_, payload.data(), payload.size(), stream, ppid,
                MR_MORE | (is_unordered ? MR_UNORDERED : 0), ppid) != 0) {
      break;
    }
    ledger_.on_accepted(flow_, stream, is_unordered, message_bytes_);
  }
  mr_flush(client_.get());
}

void Transfer::receive() {
  std::array<mr_event, 64> events;
  while (const int count = mr_receive(client_.get(), events.data(), events.size())) {
    require(count > 0, "mr_receive fails");
    for (int i = 0; i < count; ++i) {
      const mr_event& event = events[static_cast<std::size_t>(i)];
      if (event.type == MR_EVENT_ASSOCIATION_UP) association_ = event.association;
      require(event.type != MR_EVENT_ASSOCIATION_DOWN && event.type != MR_EVENT_ASSOCIATION_FAILED,
              "the association ends");
    }
  }
  while (const int count = mr_receive(server_.get(), events.data(), events.size())) {
    require(count > 0, "mr_receive fails");
    for (int i = 0; i < count; ++i) {
      const mr_event& event = events[static_cast<std::size_t>(i)];
      if (event.type != MR_EVENT_MESSAGE) continue;
      ledger_.on_piece(inbox_, {event.ppid,
                                event.stream,
                                (event.flags & MR_UNORDERED) != 0,
                                (event.flags & MR_FIRST_PIECE) != 0,
                                (event.flags & MR_LAST_PIECE) != 0,
                                {static_cast<const std::uint8_t*>(event.data), event.length}});
    }
  }
}

}  // namespace millrace::sim
