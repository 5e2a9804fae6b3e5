#include <catch2/catch.hpp>

#include <cerrno>

#include "tests/api/fake_engine.h"

namespace millrace::api {
namespace {

mr_address address(const char* text) {
  mr_address parsed;
  REQUIRE(mr_address_parse(text, &parsed) == 0);
  return parsed;
}

TEST_CASE("addresses are read and written") {
  char text[46];
  const mr_address v4 = address("192.0.2.7");
  CHECK(std::string(mr_address_format(&v4, text, sizeof text)) == "192.0.2.7");
  const mr_address v6 = address("2001:db8::7");
  CHECK(std::string(mr_address_format(&v6, text, sizeof text)) == "2001:db8::7");
  mr_address junk;
  CHECK(mr_address_parse("192.0.2", &junk) == -EINVAL);
  CHECK(mr_address_parse(nullptr, &junk) == -EINVAL);
  CHECK(std::string(mr_last_error()) == "not an IP address");
}

TEST_CASE("listening asks every lcore and is reported once") {
  Bench bench(Bench::small(2));
  const mr_address local = address("192.0.2.1");
  mr_listen_options options{};
  options.port = 3868;
  options.addresses = &local;
  options.address_count = 1;
  options.streams_in = 32;
  options.context = 5;
  REQUIRE(mr_listen(bench.context, &options) == 0);
  CHECK(mr_listen(bench.context, &options) == -EADDRINUSE);
  const auto requests = bench.engine->take();
  REQUIRE(requests.size() == 2);
  for (const auto& request : requests) {
    CHECK(request.entry.operation == ipc::Operation::listen);
    CHECK(request.entry.local_port == 3868);
    CHECK(request.entry.streams_in == 32);
    CHECK(request.payload == std::string(reinterpret_cast<const char*>(local.bytes), 16));
  }
  bench.engine->answer(requests[0], ipc::Event::listening, 0);
  CHECK(bench.next().type == 0);
  bench.engine->answer(requests[1], ipc::Event::listening, 0);
  const mr_event event = bench.next();
  CHECK(event.type == MR_EVENT_LISTENING);
  CHECK(event.status == 0);
  CHECK(event.local_port == 3868);
  CHECK(event.context == 5);
}

TEST_CASE("there is room for as many requests as was said") {
  Bench bench;
  const mr_association association = bench.established();
  Context& context = bench.context->context;
  std::size_t made = 0;
  while (mr_get_status(bench.context, association) == 0) ++made;
  CHECK(made == 16 + 65536);  // in the ring, and behind it
  CHECK_FALSE(context.takes_requests(1));
  CHECK(bench.engine->take().size() == 16);
  CHECK_FALSE(context.takes_requests(17));
  REQUIRE(context.takes_requests(16));
  for (int i = 0; i < 16; ++i) CHECK(mr_get_status(bench.context, association) == 0);
  CHECK(mr_get_status(bench.context, association) == -EAGAIN);
  // More than may wait beside others wait alone.
  constexpr std::size_t kVeryMany = 100'000;
  while (!context.takes_requests(kVeryMany)) bench.engine->take();
  std::size_t refused = 0;
  for (std::size_t i = 0; i < kVeryMany; ++i)
    refused += mr_get_status(bench.context, association) == 0 ? 0 : 1;
  CHECK(refused == 0);
}

TEST_CASE("several listeners at one port are told apart by their numbers") {
  Bench bench(Bench::small(1));
  mr_listen_options options{};
  options.port = 3868;
  options.flags = 1;
  CHECK(mr_listen(bench.context, &options) == -EINVAL);
  options.flags = MR_LISTEN_SHARED;
  for (std::uint64_t number = 5; number <= 6; ++number) {
    options.context = number;
    REQUIRE(mr_listen(bench.context, &options) == 0);
    CHECK(mr_listen(bench.context, &options) == -EADDRINUSE);
    options.flags = 0;
  }
  const auto requests = bench.engine->take();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].entry.flags == ipc::kListenShared);
  CHECK(requests[1].entry.flags == 0);
  bench.engine->answer(requests[1], ipc::Event::listening, -EADDRINUSE);
  mr_event event = bench.next();
  CHECK(event.context == 6);
  CHECK(event.status == -EADDRINUSE);
  bench.engine->answer(requests[0], ipc::Event::listening, 0);
  event = bench.next();
  CHECK(event.context == 5);
  CHECK(event.status == 0);
  CHECK(mr_unlisten(bench.context, 3868, 6) == -ENOENT);
  REQUIRE(mr_unlisten(bench.context, 3868, 5) == 0);
  const auto end = bench.engine->take_one();
  CHECK(end.entry.operation == ipc::Operation::unlisten);
  CHECK(end.entry.context == 5);
  bench.engine->answer(end, ipc::Event::request_done, 0);
  CHECK(bench.next().context == 5);
}

TEST_CASE("when one lcore cannot listen the others stop, and the port is free to ask for again") {
  Bench bench(Bench::small(2));
  mr_listen_options options{};
  options.port = 3868;
  REQUIRE(mr_listen(bench.context, &options) == 0);
  auto requests = bench.engine->take();
  REQUIRE(requests.size() == 2);
  bench.engine->answer(requests[0], ipc::Event::listening, 0);
  bench.engine->answer(requests[1], ipc::Event::listening, -EADDRINUSE);
  const mr_event event = bench.next();
  CHECK(event.type == MR_EVENT_LISTENING);
  CHECK(event.status == -EADDRINUSE);
  const auto undo = bench.engine->take_one();
  CHECK(undo.lcore == 0);
  CHECK(undo.entry.operation == ipc::Operation::unlisten);
  REQUIRE(mr_listen(bench.context, &options) == 0);
  bench.engine->answer(undo, ipc::Event::request_done, 0);  // late: nobody asked for it
  CHECK(bench.next().type == 0);
}

TEST_CASE("unlisten is reported when every lcore has stopped") {
  Bench bench(Bench::small(2));
  CHECK(mr_unlisten(bench.context, 3868, 0) == -ENOENT);
  mr_listen_options options{};
  options.port = 3868;
  REQUIRE(mr_listen(bench.context, &options) == 0);
  for (const auto& request : bench.engine->take())
    bench.engine->answer(request, ipc::Event::listening, 0);
  CHECK(bench.next().type == MR_EVENT_LISTENING);
  REQUIRE(mr_unlisten(bench.context, 3868, 0) == 0);
  CHECK(mr_unlisten(bench.context, 3868, 0) == -ENOENT);
  for (const auto& request : bench.engine->take())
    bench.engine->answer(request, ipc::Event::request_done, 0);
  const mr_event event = bench.next();
  CHECK(event.type == MR_EVENT_REQUEST_DONE);
  CHECK(event.request == MR_REQUEST_UNLISTEN);
  CHECK(bench.next().type == 0);
  CHECK(mr_listen(bench.context, &options) == 0);
}

TEST_CASE("arguments out of range are refused before the engine hears of them") {
  Bench bench;
  mr_listen_options listen{};
  CHECK(mr_listen(bench.context, &listen) == -EINVAL);
  CHECK(mr_listen(bench.context, nullptr) == -EINVAL);
  mr_connect_options connect{};
  CHECK(mr_connect(bench.context, &connect) == -EINVAL);
  connect.peer_port = 1;
  connect.peer_count = 9;
  CHECK(mr_connect(bench.context, &connect) == -EINVAL);
  CHECK(mr_shutdown(bench.context, handle(1, 0, 0)) == -ENOTCONN);
  CHECK(mr_shutdown(bench.context, 0) == -ENOTCONN);
  CHECK(mr_get_status(bench.context, handle(1, 200, 0)) == -ENOTCONN);
  const mr_association association = bench.established();
  CHECK(mr_set_parameter(bench.context, association, 0, 1) == -EINVAL);
  CHECK(mr_set_parameter(bench.context, association, MR_PARAMETERS, 1) == -EINVAL);
  const std::string reason(2000, 'x');
  CHECK(mr_abort(bench.context, association, reason.data(), reason.size()) == -EMSGSIZE);
  CHECK(bench.engine->take().empty());
}

TEST_CASE("presets go to the engine before the request that they are for, and with no other") {
  Bench bench(Bench::small(2));
  CHECK(mr_preset(bench.context, 0, 1) == -EINVAL);
  CHECK(mr_preset(bench.context, MR_PARAMETERS, 1) == -EINVAL);
  CHECK(mr_preset(bench.context, MR_RTO_MIN_MS, 120) == 0);
  CHECK(mr_preset(bench.context, MR_RECEIVE_BUFFER, 9000) == 0);
  mr_listen_options listen{};
  listen.port = 3868;
  CHECK(mr_listen(bench.context, &listen) == 0);
  const auto requests = bench.engine->take();
  REQUIRE(requests.size() == 6);  // three for each lcore
  for (const std::size_t first : {std::size_t{0}, std::size_t{3}}) {
    CHECK(requests[first].entry.operation == ipc::Operation::preset);
    CHECK(requests[first].entry.parameter == ipc::Parameter::rto_min_ms);
    CHECK(requests[first].entry.value == 120);
    CHECK(requests[first + 1].entry.parameter == ipc::Parameter::receive_buffer);
    CHECK(requests[first + 2].entry.operation == ipc::Operation::listen);
  }
  const mr_address peer = address("192.0.2.1");
  mr_connect_options connect{};
  connect.peer_port = 3868;
  connect.peer_count = 1;
  connect.peers = &peer;
  CHECK(mr_connect(bench.context, &connect) == 0);
  CHECK(bench.engine->take_one().entry.operation == ipc::Operation::connect);
}

TEST_CASE(
    "connecting: the handle first, sends on it, then up; the next one goes to another lcore") {
  Bench bench(Bench::small(2));
  const mr_address peers[2] = {address("192.0.2.1"), address("192.0.2.2")};
  const mr_address local = address("192.0.2.9");
  mr_connect_options options{};
  options.peer_port = 3868;
  options.peers = peers;
  options.peer_count = 2;
  options.locals = &local;
  options.local_count = 1;
  options.context = 11;
  REQUIRE(mr_connect(bench.context, &options) == 0);
  const auto request = bench.engine->take_one();
  CHECK(request.entry.operation == ipc::Operation::connect);
  CHECK(request.entry.value == 2);
  CHECK(request.payload.size() == 48);
  const mr_association association = handle(1, request.lcore, 0);
  ipc::CompletionEntry entry{};
  entry.event = ipc::Event::connecting;
  entry.association = association;
  entry.context = 11;
  bench.engine->post(request.lcore, entry);
  mr_event event = bench.next();
  CHECK(event.type == MR_EVENT_CONNECTING);
  CHECK(event.association == association);
  CHECK(event.context == 11);
  CHECK(bench.send(association, "early") == 0);
  CHECK(bench.engine->take_one().payload == "early");
  bench.engine->up(association, 11, false);
  event = bench.next();
  CHECK(event.type == MR_EVENT_ASSOCIATION_UP);
  CHECK(event.streams_out == 10);
  CHECK(event.peer_port == 1234);
  CHECK((event.flags & MR_PASSIVE) == 0);

  REQUIRE(mr_connect(bench.context, &options) == 0);
  const auto second = bench.engine->take_one();
  CHECK(second.lcore != request.lcore);
  ipc::CompletionEntry failure{};
  failure.event = ipc::Event::association_failed;
  failure.context = 11;
  failure.reason = ipc::Reason::refused;
  bench.engine->post(second.lcore, failure);
  event = bench.next();
  CHECK(event.type == MR_EVENT_ASSOCIATION_FAILED);
  CHECK(event.reason == MR_REASON_REFUSED);
}

TEST_CASE("requests on an association reach the lcore that owns it") {
  Bench bench(Bench::small(3));
  const mr_association association = bench.established(2);
  const mr_address primary = address("192.0.2.2");
  CHECK(mr_set_primary(bench.context, association, &primary) == 0);
  CHECK(mr_set_parameter(bench.context, association, MR_RTO_MIN_MS, 100) == 0);
  CHECK(mr_get_status(bench.context, association) == 0);
  CHECK(mr_abort(bench.context, association, "because", 7) == 0);
  const auto requests = bench.engine->take();
  REQUIRE(requests.size() == 4);
  for (const auto& request : requests) {
    CHECK(request.lcore == 2);
    CHECK(request.entry.association == association);
  }
  CHECK(std::memcmp(requests[0].entry.address, primary.bytes, 16) == 0);
  CHECK(requests[1].entry.parameter == ipc::Parameter::rto_min_ms);
  CHECK(requests[1].entry.value == 100);
  CHECK(requests[2].entry.operation == ipc::Operation::get_status);
  CHECK(requests[3].payload == "because");
  bench.engine->answer(requests[1], ipc::Event::request_done, -EINVAL);
  const mr_event event = bench.next();
  CHECK(event.type == MR_EVENT_REQUEST_DONE);
  CHECK(event.request == MR_REQUEST_SET_PARAMETER);
  CHECK(event.status == -EINVAL);
}

TEST_CASE("requests that find no room in the ring follow when there is some, in their order") {
  Bench bench(Bench::small(1));
  const mr_association association = bench.established();
  int sent = 0;
  while (bench.send(association, "x") == 0) ++sent;
  CHECK(mr_get_status(bench.context, association) == 0);
  CHECK(mr_set_parameter(bench.context, association, MR_RTO_MIN_MS, 100) == 0);
  CHECK(mr_preset(bench.context, MR_RTO_MAX_MS, 900) == 0);
  mr_listen_options options{};
  options.port = 1;
  CHECK(mr_listen(bench.context, &options) == 0);
  CHECK(mr_shutdown(bench.context, association) == 0);
  CHECK(bench.send(association, "late") == -ESHUTDOWN);
  CHECK(bench.engine->take().size() == 16);  // the ring's
  bench.next();
  const auto rest = bench.engine->take();
  REQUIRE(rest.size() == static_cast<std::size_t>(sent) + 5 - 16);
  const ipc::Operation wanted[] = {ipc::Operation::set_parameter, ipc::Operation::preset,
                                   ipc::Operation::listen, ipc::Operation::shutdown};
  for (std::size_t i = 0; i < rest.size(); ++i) CHECK(rest[i].entry.operation == wanted[i]);
}

TEST_CASE("a message does not overtake a request that waits for room") {
  Bench bench;
  const mr_association association = bench.established();
  for (int i = 0; i < 20; ++i) REQUIRE(mr_get_status(bench.context, association) == 0);
  CHECK(bench.engine->take().size() == 16);
  CHECK(bench.send(association, "x") == 0);
  const auto rest = bench.engine->take();
  REQUIRE(rest.size() == 5);
  CHECK(rest[4].entry.operation == ipc::Operation::send);
}

TEST_CASE("a sleeper is woken for requests that wait for room") {
  Bench bench;
  const mr_association association = bench.established();
  for (int i = 0; i < 17; ++i) REQUIRE(mr_get_status(bench.context, association) == 0);
  CHECK(mr_wait(bench.context, 0) == 0);
  bench.engine->take();
  CHECK(mr_wait(bench.context, 0) == 0);  // it is no event
  CHECK(bench.engine->take().size() == 1);
}

TEST_CASE("presets of a call that fails are for no other") {
  Bench bench;
  REQUIRE(mr_preset(bench.context, MR_RTO_MIN_MS, 120) == 0);
  mr_listen_options listen{};
  CHECK(mr_listen(bench.context, &listen) == -EINVAL);
  listen.port = 1;
  CHECK(mr_listen(bench.context, &listen) == 0);
  CHECK(bench.engine->take_one().entry.operation == ipc::Operation::listen);
}

TEST_CASE("after shutdown nothing is sent, and after the end the handle is dead") {
  Bench bench;
  const mr_association association = bench.established();
  REQUIRE(mr_shutdown(bench.context, association) == 0);
  CHECK(bench.send(association, "late") == -ESHUTDOWN);
  bench.engine->down(association, ipc::Reason::shutdown);
  const mr_event event = bench.next();
  CHECK(event.type == MR_EVENT_ASSOCIATION_DOWN);
  CHECK(event.reason == MR_REASON_SHUTDOWN);
  CHECK(bench.send(association, "later") == -ENOTCONN);
  // The engine reuses the index with another generation: the old handle stays dead.
  bench.engine->up(handle(2, 0, index_of(association)));
  CHECK(bench.next().type == MR_EVENT_ASSOCIATION_UP);
  CHECK(bench.send(association, "latest") == -ENOTCONN);
  CHECK(bench.send(handle(2, 0, index_of(association)), "new") == 0);
}

}  // namespace
}  // namespace millrace::api
