#include <catch2/catch.hpp>

#include <cerrno>

#include "tests/api/fake_engine.h"

namespace millrace::api {
namespace {

TEST_CASE("a message comes with all that the engine said of it") {
  Bench bench;
  const mr_association association = bench.established();
  REQUIRE(bench.engine->deliver(association, "hello", 4));
  const mr_event event = bench.next();
  CHECK(event.type == MR_EVENT_MESSAGE);
  CHECK(event.association == association);
  CHECK(event.context == 77);
  CHECK(event.stream == 4);
  CHECK(event.ssn == 5);
  CHECK(event.tsn == 6);
  CHECK(event.ppid == 46);
  CHECK(event.flags == (MR_FIRST_PIECE | MR_LAST_PIECE));
  CHECK(text_of(event) == "hello");
}

TEST_CASE("what a batch points to stays until the next call, and is given back by it") {
  Bench bench;
  const mr_association association = bench.established();
  bench.next();
  for (int i = 0; i < 3; ++i)
    REQUIRE(bench.engine->deliver(association, std::string(20000, static_cast<char>('a' + i))));
  CHECK_FALSE(bench.engine->deliver(association, std::string(20000, 'x')));
  mr_event events[8];
  REQUIRE(mr_receive(bench.context, events, 8) == 3);
  bench.engine->take();
  CHECK_FALSE(bench.engine->deliver(association, std::string(20000, 'x')));
  for (int i = 0; i < 3; ++i)
    CHECK(text_of(events[i]) == std::string(20000, static_cast<char>('a' + i)));
  mr_release(bench.context);
  bench.engine->take();
  CHECK(bench.engine->deliver(association, std::string(60000, 'y')));
}

TEST_CASE("the order of events is kept, messages and all") {
  Bench bench;
  const mr_association association = bench.established();
  bench.engine->deliver(association, "last words");
  bench.engine->down(association, ipc::Reason::shutdown);
  mr_event events[4];
  REQUIRE(mr_receive(bench.context, events, 4) == 2);
  CHECK(events[0].type == MR_EVENT_MESSAGE);
  CHECK(events[1].type == MR_EVENT_ASSOCIATION_DOWN);
}

TEST_CASE("window is given back by quarters while messages keep coming, and wholly when dry") {
  Bench bench;  // window 4096: a quarter is 1024
  const mr_association association = bench.established();
  bench.next();
  bench.engine->take();
  bench.engine->deliver(association, std::string(600, 'x'));
  bench.engine->deliver(association, std::string(600, 'x'));
  bench.engine->deliver(association, std::string(100, 'x'));
  CHECK(bench.next().length == 600);
  CHECK(bench.next().length == 600);
  CHECK(bench.engine->take().empty());  // the second is not consumed yet
  CHECK(bench.next().length == 100);
  auto request = bench.engine->take_one();
  CHECK(request.entry.operation == ipc::Operation::consumed);
  CHECK(request.entry.association == association);
  CHECK(request.entry.value == 1200);
  CHECK(bench.next().type == 0);
  request = bench.engine->take_one();
  CHECK(request.entry.value == 100);
  CHECK(bench.next().type == 0);
  CHECK(bench.engine->take().empty());
}

TEST_CASE("all that was received is credited exactly once, over many messages and associations") {
  Bench bench(Bench::small(2));
  const mr_association associations[2] = {bench.established(0), bench.established(1)};
  std::uint64_t delivered[2] = {}, credited[2] = {};
  const auto count_credits = [&] {
    for (const auto& request : bench.engine->take()) {
      REQUIRE(request.entry.operation == ipc::Operation::consumed);
      credited[request.entry.association == associations[1]] += request.entry.value;
    }
  };
  for (int i = 0; i < 2000; ++i) {
    const int which = i * 7 % 3 == 0;
    const std::string message(static_cast<std::size_t>(1 + i % 900), 'x');
    if (bench.engine->deliver(associations[which], message)) delivered[which] += message.size();
    mr_event events[3];
    if (i % 2 == 0) mr_receive(bench.context, events, 3);
    count_credits();
  }
  while (bench.next().type != 0) count_credits();
  count_credits();
  CHECK(delivered[0] > 100000);
  CHECK(credited[0] == delivered[0]);
  CHECK(credited[1] == delivered[1]);
}

TEST_CASE("events of every kind come through with their fields") {
  Bench bench;
  const mr_association association = bench.established();
  ipc::CompletionEntry entry{};
  entry.association = association;
  entry.context = 77;
  entry.event = ipc::Event::path_state;
  entry.value = static_cast<std::uint32_t>(ipc::PathState::inactive);
  entry.address[15] = 9;
  bench.engine->post(0, entry);
  mr_event event = bench.next();
  CHECK(event.type == MR_EVENT_PATH_STATE);
  CHECK(event.path_state == MR_PATH_INACTIVE);
  CHECK(event.address.bytes[15] == 9);
  entry.event = ipc::Event::peer_shutdown;
  bench.engine->post(0, entry);
  CHECK(bench.next().type == MR_EVENT_PEER_SHUTDOWN);
  CHECK(bench.send(association, "x") == -ESHUTDOWN);
  entry.event = ipc::Event::sender_dry;
  bench.engine->post(0, entry);
  CHECK(bench.next().type == MR_EVENT_SENDER_DRY);
  entry.event = ipc::Event::restart;
  entry.streams_out = 3;
  bench.engine->post(0, entry);
  event = bench.next();
  CHECK(event.type == MR_EVENT_RESTART);
  CHECK(event.streams_out == 3);
  entry.event = ipc::Event::association_down;
  entry.reason = ipc::Reason::peer_abort;
  entry.value = 12;
  bench.engine->post(0, entry);
  event = bench.next();
  CHECK(event.type == MR_EVENT_ASSOCIATION_DOWN);
  CHECK(event.reason == MR_REASON_PEER_ABORT);
  CHECK(event.cause == 12);
}

TEST_CASE("a status comes with its table of paths") {
  Bench bench;
  const mr_association association = bench.established();
  ipc::AssociationStatus status{};
  status.association = association;
  std::strcpy(status.state, "ESTABLISHED");
  status.path_count = 2;
  status.paths[1].cwnd = 4380;
  status.retransmissions = 3;
  std::uint8_t* to = bench.engine->channels_[0]->reserve(sizeof status);
  REQUIRE(to != nullptr);
  std::memcpy(to, &status, sizeof status);
  ipc::CompletionEntry entry{};
  entry.event = ipc::Event::status;
  entry.association = association;
  entry.length = sizeof status;
  bench.engine->channels_[0]->post_message(entry);
  bench.engine->channels_[0]->publish();
  const mr_event event = bench.next();
  REQUIRE(event.type == MR_EVENT_STATUS);
  REQUIRE(event.length == sizeof(mr_status));
  mr_status got;
  std::memcpy(&got, event.data, sizeof got);
  CHECK(std::string(got.state) == "ESTABLISHED");
  CHECK(got.paths[1].cwnd == 4380);
  CHECK(got.retransmissions == 3);
}

TEST_CASE("no lane starves: each one's events come out") {
  Bench bench(Bench::small(2));
  const mr_association first = bench.established(0);
  const mr_association second = bench.established(1);
  int from_second = 0;
  for (int i = 0; i < 100; ++i) {
    bench.engine->deliver(first, "x");
    bench.engine->deliver(first, "x");
    if (i < 10) bench.engine->deliver(second, "y");
    from_second += bench.next().association == second;
  }
  CHECK(from_second == 10);
}

}  // namespace
}  // namespace millrace::api
