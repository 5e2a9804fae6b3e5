#include <catch2/catch.hpp>
#include <cstring>

#include "tests/lcore/host_pair.h"
#include "tests/net/frames.h"

using namespace millrace;

namespace {

/// The network tells the left host that a packet of its association did not get through.
void report_unreachable(HostPair& pair, unsigned code) {
  std::array<AssociationStatus, 1> status;
  std::uint32_t cursor = 0;
  REQUIRE(pair.left->worker(0).shard().snapshot(cursor, status) == 1);
  net::Octets quoted = net::sctp(20, status[0].peer_tag);
  store_be16(quoted.data(), status[0].local_port);
  store_be16(quoted.data() + 2, status[0].peer_port);
  const net::Octets frame = net::ethernet(
      drivers::MemoryWire::traits(0).mac, drivers::MemoryWire::traits(1).mac, 0x0800,
      net::ipv4("10.0.0.2", "10.0.0.1", 1,
                net::icmp4(3, code, 0, net::ipv4("10.0.0.1", "10.0.0.2", 132, quoted))));
  Buffer* buffer = pair.pool.acquire();
  REQUIRE(buffer != nullptr);
  buffer->length = static_cast<std::uint32_t>(frame.size());
  std::memcpy(buffer->data, frame.data(), frame.size());
  REQUIRE(pair.wire.end(1).send({&buffer, 1}) == 1);
  pair.run_for(milliseconds(5));
}

}  // namespace

TEST_CASE("An association comes up between applications of two hosts", "[lcore]") {
  HostPair pair;
  pair.connect();
  const mr_event& ours = pair.client->first(MR_EVENT_ASSOCIATION_UP)->event;
  const mr_event& theirs = pair.server->first(MR_EVENT_ASSOCIATION_UP)->event;
  CHECK(pair.client->first(MR_EVENT_CONNECTING)->event.association == ours.association);
  CHECK((ours.flags & MR_PASSIVE) == 0);
  CHECK((theirs.flags & MR_PASSIVE) != 0);
  CHECK(ours.context == 5);
  CHECK(theirs.context == 77);
  CHECK(ours.peer_port == HostPair::kPort);
  CHECK(theirs.local_port == HostPair::kPort);

  std::array<net::NeighbourStatus, 4> neighbours;
  std::uint32_t cursor = 0;
  REQUIRE(pair.left->worker(0).stack().neighbours(cursor, neighbours) == 1);
  CHECK(neighbours[0].address == *IpAddress::parse("10.0.0.2"));
  CHECK(neighbours[0].mac == drivers::MemoryWire::traits(1).mac);
  CHECK(std::string(neighbours[0].state) == "reachable");
  CHECK(pair.left->worker(0).stack().neighbours(cursor, neighbours) == 0);
}

TEST_CASE("The main thread is told of associations, and may ask for listeners", "[lcore]") {
  HostPair pair;
  pair.connect();
  std::array<ListenerStatus, 4> listeners;
  std::uint32_t port = 0;
  REQUIRE(pair.right->worker(0).shard().listeners(port, listeners) == 1);
  CHECK(listeners[0].port == HostPair::kPort);
  CHECK(listeners[0].locals == 0);
  CHECK(pair.right->worker(0).shard().listeners(port, listeners) == 0);

  ControlLink& control = pair.left->worker(0).control();
  const auto next_but_paths = [&] {
    Note note;
    while (control.notes.consumer().pop({&note, 1}) == 1 && note.kind == Note::Kind::kPath) {
    }
    return note;
  };
  const Note up = next_but_paths();
  CHECK(up.kind == Note::Kind::kUp);
  CHECK(up.is_begun_here);
  CHECK(up.peer.to_string() == "10.0.0.2:" + std::to_string(HostPair::kPort));
  REQUIRE(mr_shutdown(pair.client->context, pair.association()) == 0);
  REQUIRE(pair.run_until([&] { return pair.client->first(MR_EVENT_ASSOCIATION_DOWN) != nullptr; }));
  const Note down = next_but_paths();
  CHECK(down.kind == Note::Kind::kDown);
  CHECK(down.reason == DownReason::kShutdown);
  CHECK(down.handle == up.handle);
}

TEST_CASE("Messages arrive once, in order, with what came along", "[lcore]") {
  HostPair pair;
  pair.connect();
  for (int i = 0; i < 300; ++i) {
    REQUIRE(pair.send("message " + std::to_string(i), static_cast<std::uint16_t>(i % 3)) == 0);
    if (i % 20 == 0) pair.turn();
  }
  REQUIRE(pair.run_until([&] { return pair.server->count(MR_EVENT_MESSAGE) == 300; }));
  std::array<int, 3> next{0, 1, 2};
  for (const Heard& one : pair.server->heard) {
    if (one.event.type != MR_EVENT_MESSAGE) continue;
    int& expected = next[one.event.stream];
    CHECK(one.data == "message " + std::to_string(expected));
    CHECK(one.event.ppid == 46);
    CHECK((one.event.flags & (MR_FIRST_PIECE | MR_LAST_PIECE)) == (MR_FIRST_PIECE | MR_LAST_PIECE));
    expected += 3;
  }
  CHECK(pair.right->count(Counter::messages_delivered) == 300);
}

TEST_CASE("A turn takes in no more packets of a port than a turn sends; the rest waits",
          "[lcore]") {
  HostPair pair;
  for (std::size_t i = 0; i < kReceiveMax + kBurstMax; ++i) {
    Buffer* frame = pair.pool.acquire();
    REQUIRE(frame != nullptr);
    frame->length = 60;
    std::memset(frame->data, 0, frame->length);
    REQUIRE(pair.wire.end(0).send({&frame, 1}) == 1);
  }
  const std::uint64_t before = pair.right->count(Counter::packets_received);
  pair.right->poll(pair.now);
  CHECK(pair.right->count(Counter::packets_received) - before == kReceiveMax);
  pair.right->poll(pair.now);
  CHECK(pair.right->count(Counter::packets_received) - before == kReceiveMax + kBurstMax);
  CHECK(pair.right->count(Counter::drop_not_for_us) == kReceiveMax + kBurstMax);
}

TEST_CASE("A long message arrives whole", "[lcore]") {
  HostPair pair;
  pair.connect();
  std::string text(200'000, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
  REQUIRE(pair.send(text) == 0);
  REQUIRE(pair.run_until([&] { return pair.server->count(MR_EVENT_MESSAGE) == 1; }));
  CHECK(pair.server->first(MR_EVENT_MESSAGE)->data == text);
}

TEST_CASE("A shutdown is told on both sides and leaves nothing behind", "[lcore]") {
  HostPair pair;
  pair.connect();
  REQUIRE(pair.send("last words") == 0);
  REQUIRE(mr_shutdown(pair.client->context, pair.association()) == 0);
  REQUIRE(pair.run_until([&] {
    return pair.client->first(MR_EVENT_ASSOCIATION_DOWN) &&
           pair.server->first(MR_EVENT_ASSOCIATION_DOWN);
  }));
  CHECK(pair.server->first(MR_EVENT_MESSAGE)->data == "last words");
  CHECK(pair.client->first(MR_EVENT_ASSOCIATION_DOWN)->event.reason == MR_REASON_SHUTDOWN);
  CHECK(pair.server->first(MR_EVENT_ASSOCIATION_DOWN)->event.reason == MR_REASON_SHUTDOWN);
  CHECK(pair.left->worker(0).shard().associations() == 0);
  pair.run_for(milliseconds(50));
  CHECK(pair.pool.free_count() == HostPair::kBuffers);
}

//= rfc9260 10#2 type=test
TEST_CASE("A port that is said to be unreachable changes nothing, a protocol ends it", "[lcore]") {
  HostPair pair;
  pair.connect();
  report_unreachable(pair, 3);
  CHECK(pair.left->count(Counter::icmp_errors_received) == 1);
  CHECK(pair.left->count(Counter::drop_bad_icmp) == 0);
  std::array<AssociationStatus, 1> status;
  std::uint32_t cursor = 0;
  REQUIRE(pair.left->worker(0).shard().snapshot(cursor, status) == 1);
  CHECK(status[0].paths[0].active);
  CHECK(status[0].paths[0].error_count == 0);
  REQUIRE(pair.send("still here") == 0);
  REQUIRE(pair.run_until([&] { return pair.server->count(MR_EVENT_MESSAGE) == 1; }));
  report_unreachable(pair, 2);
  CHECK(pair.client->first(MR_EVENT_ASSOCIATION_DOWN) != nullptr);
}

TEST_CASE("A connect to nobody fails with its reason, not with an end", "[lcore]") {
  HostPair pair;
  mr_address peer;
  REQUIRE(mr_address_parse("10.0.0.2", &peer) == 0);
  mr_connect_options options{};
  options.peer_port = 9;
  options.peer_count = 1;
  options.peers = &peer;
  options.context = 31;
  REQUIRE(mr_connect(pair.client->context, &options) == 0);
  REQUIRE(pair.run_until([&] { return pair.client->first(MR_EVENT_ASSOCIATION_FAILED); }));
  const mr_event& failed = pair.client->first(MR_EVENT_ASSOCIATION_FAILED)->event;
  CHECK(failed.reason == MR_REASON_REFUSED);
  CHECK(failed.context == 31);
  CHECK(pair.client->count(MR_EVENT_ASSOCIATION_DOWN) == 0);
}

//= rfc9260 9.1#7 type=test
TEST_CASE("The reason of an abort reaches the other application", "[lcore]") {
  HostPair pair;
  pair.connect();
  const std::string reason = "maintenance";
  REQUIRE(mr_abort(pair.client->context, pair.association(), reason.data(), reason.size()) == 0);
  REQUIRE(pair.run_until([&] { return pair.server->first(MR_EVENT_ASSOCIATION_DOWN); }));
  const auto* down = pair.server->first(MR_EVENT_ASSOCIATION_DOWN);
  CHECK(down->event.reason == MR_REASON_PEER_ABORT);
  CHECK(down->event.cause == 12);
  const std::string heads("\x06\0\0\x13\0\x0c\0\x0f", 8);
  CHECK(down->data == heads + reason);
  REQUIRE(pair.run_until([&] { return pair.client->first(MR_EVENT_ASSOCIATION_DOWN); }));
  CHECK(pair.client->first(MR_EVENT_ASSOCIATION_DOWN)->event.data == nullptr);
  pair.run_for(milliseconds(50));
  CHECK(pair.pool.free_count() == HostPair::kBuffers);
}

TEST_CASE("A connect to where no route leads fails at once", "[lcore]") {
  HostPair pair;
  mr_address peer;
  REQUIRE(mr_address_parse("203.0.113.7", &peer) == 0);
  mr_connect_options options{};
  options.peer_port = 9;
  options.peer_count = 1;
  options.peers = &peer;
  REQUIRE(mr_connect(pair.client->context, &options) == 0);
  REQUIRE(pair.run_until([&] { return pair.client->first(MR_EVENT_ASSOCIATION_FAILED); }));
  const mr_event& failed = pair.client->first(MR_EVENT_ASSOCIATION_FAILED)->event;
  CHECK(failed.reason == MR_REASON_UNREACHABLE);
  CHECK(failed.status == -EHOSTUNREACH);
}

TEST_CASE("A port belongs to the first who listens on it", "[lcore]") {
  HostPair pair;
  pair.connect();
  Application other(*pair.right);
  mr_listen_options listen{};
  listen.port = HostPair::kPort;
  REQUIRE(mr_listen(other.context, &listen) == 0);
  REQUIRE(pair.run_until([&] {
    other.take_events();
    return other.first(MR_EVENT_LISTENING) != nullptr;
  }));
  CHECK(other.first(MR_EVENT_LISTENING)->event.status == -EADDRINUSE);
  CHECK(pair.right->count(Counter::requests_refused) == 1);
}

TEST_CASE("One application may listen at a port several times, at different addresses", "[lcore]") {
  HostPair pair;
  mr_address six;
  REQUIRE(mr_address_parse("::", &six) == 0);
  mr_listen_options other{};
  other.port = HostPair::kPort;
  other.addresses = &six;
  other.address_count = 1;
  other.context = 78;
  REQUIRE(mr_listen(pair.server->context, &other) == 0);
  REQUIRE(pair.run_until([&] { return pair.server->first(MR_EVENT_LISTENING) != nullptr; }));
  CHECK(pair.server->first(MR_EVENT_LISTENING)->event.status == 0);
  mr_address four;
  REQUIRE(mr_address_parse("0.0.0.0", &four) == 0);
  other.addresses = &four;
  other.context = 79;
  REQUIRE(mr_listen(pair.server->context, &other) == 0);
  REQUIRE(pair.run_until([&] { return pair.server->count(MR_EVENT_LISTENING) == 2; }));
  CHECK(pair.server->heard.back().event.status == 0);
  REQUIRE(mr_unlisten(pair.server->context, HostPair::kPort, 79) == 0);
  REQUIRE(pair.run_until([&] { return pair.server->count(MR_EVENT_REQUEST_DONE) == 1; }));
  std::array<ListenerStatus, 4> listeners;
  std::uint32_t cursor = 0;
  REQUIRE(pair.right->worker(0).shard().listeners(cursor, listeners) == 1);
  CHECK(listeners[0].context == 78);
}

TEST_CASE("A parameter is set alone; the others stay", "[lcore]") {
  HostPair pair;
  pair.connect();
  const mr_association association = pair.association();
  REQUIRE(mr_set_parameter(pair.client->context, association, MR_RTO_MAX_MS, 2000) == 0);
  REQUIRE(mr_set_parameter(pair.client->context, association, MR_RTO_MIN_MS, 1500) == 0);
  REQUIRE(mr_set_parameter(pair.client->context, association, MR_SACK_DELAY_MS, 9000) == 0);
  REQUIRE(pair.run_until([&] { return pair.client->count(MR_EVENT_REQUEST_DONE) == 3; }));
  std::vector<int> statuses;
  for (const Heard& one : pair.client->heard) {
    if (one.event.type == MR_EVENT_REQUEST_DONE) statuses.push_back(one.event.status);
  }
  CHECK(statuses == std::vector<int>{0, 0, -EINVAL});
}

TEST_CASE("A receive buffer is never larger than the arena that its messages are delivered to",
          "[lcore]") {
  HostConfig config;
  config.parameters.receive_buffer = 64 << 10;
  config.geometry.receive_arena_bytes = 128 << 10;
  HostPair pair(config);
  REQUIRE(mr_preset(pair.server->context, MR_RECEIVE_BUFFER, 1 << 20) == 0);
  pair.connect();
  const mr_association ours = pair.server->first(MR_EVENT_ASSOCIATION_UP)->event.association;
  const auto receive_window = [&] {
    pair.server->heard.clear();
    REQUIRE(mr_get_status(pair.server->context, ours) == 0);
    REQUIRE(pair.run_until([&] { return pair.server->first(MR_EVENT_STATUS) != nullptr; }));
    mr_status status;
    std::memcpy(&status, pair.server->first(MR_EVENT_STATUS)->data.data(), sizeof status);
    return status.a_rwnd;
  };
  CHECK(receive_window() == 128 << 10);
  REQUIRE(mr_set_parameter(pair.server->context, ours, MR_RECEIVE_BUFFER, 2 << 20) == 0);
  CHECK(receive_window() == 128 << 10);
}

TEST_CASE("Which address the peer has reached is told as far as it is known", "[lcore]") {
  HostPair pair;
  mr_listen_options listen{};
  listen.port = HostPair::kPort;
  REQUIRE(mr_listen(pair.server->context, &listen) == 0);
  // Nobody is at the first, which is the primary.
  std::array<mr_address, 2> peers;
  REQUIRE(mr_address_parse("10.0.0.77", &peers[0]) == 0);
  REQUIRE(mr_address_parse("10.0.0.2", &peers[1]) == 0);
  mr_connect_options options{};
  options.peer_port = HostPair::kPort;
  options.peer_count = 2;
  options.peers = peers.data();
  REQUIRE(mr_connect(pair.client->context, &options) == 0);
  REQUIRE(pair.run_until([&] {
    return pair.client->first(MR_EVENT_ASSOCIATION_UP) &&
           pair.server->first(MR_EVENT_ASSOCIATION_UP);
  }));
  CHECK(pair.client->first(MR_EVENT_ASSOCIATION_UP)->event.local == MR_LOCAL_UNKNOWN);
  CHECK(pair.server->first(MR_EVENT_ASSOCIATION_UP)->event.local == 0);
}

TEST_CASE("The status of an association tells its paths", "[lcore]") {
  HostPair pair;
  pair.connect();
  REQUIRE(mr_get_status(pair.client->context, pair.association()) == 0);
  REQUIRE(pair.run_until([&] { return pair.client->first(MR_EVENT_STATUS) != nullptr; }));
  const std::string& data = pair.client->first(MR_EVENT_STATUS)->data;
  mr_status status;
  REQUIRE(data.size() == sizeof status);
  std::memcpy(&status, data.data(), sizeof status);
  CHECK(std::string(status.state) == "ESTABLISHED");
  CHECK(status.peer_port == HostPair::kPort);
  REQUIRE(status.path_count == 1);
  CHECK(status.paths[0].is_active == 1);
  CHECK(status.paths[0].cwnd > 0);
}

TEST_CASE("A slow reader closes its own window, and nothing is lost when it reads again",
          "[lcore]") {
  HostConfig config;
  config.parameters.receive_buffer = 64 << 10;
  config.geometry.completion_capacity = 16;
  config.geometry.receive_arena_bytes = 128 << 10;
  HostPair pair(config);
  pair.connect();
  pair.server_reads = false;
  std::size_t sent = 0;
  const std::string text(1000, 'x');
  for (int i = 0; i < 3000; ++i) {
    if (pair.send(text) == 0) ++sent;
    pair.turn();
  }
  CHECK(sent > 64);
  CHECK(pair.right->count(Counter::waits_for_application) > 0);
  pair.server_reads = true;
  CHECK(pair.run_until([&] { return pair.server->count(MR_EVENT_MESSAGE) == sent; }));
}

TEST_CASE("The associations of an application that dies end as the operator wants", "[lcore]") {
  const bool gracefully = GENERATE(false, true);
  HostPair pair;
  pair.connect();
  REQUIRE(pair.send("in flight when it dies") == 0);
  pair.left->poll(pair.now);
  pair.left->detach(pair.client->number, gracefully);
  REQUIRE(pair.run_until([&] { return pair.left->is_settled(); }));
  REQUIRE(pair.run_until([&] { return pair.server->first(MR_EVENT_ASSOCIATION_DOWN); }));
  CHECK(pair.server->first(MR_EVENT_ASSOCIATION_DOWN)->event.reason ==
        (gracefully ? MR_REASON_SHUTDOWN : MR_REASON_PEER_ABORT));
  if (gracefully) CHECK(pair.server->count(MR_EVENT_MESSAGE) == 1);
  CHECK(pair.left->worker(0).shard().associations() == 0);
  pair.run_for(milliseconds(50));
  CHECK(pair.pool.free_count() == HostPair::kBuffers);
}

TEST_CASE("An application that writes nonsense is detached, and nobody else", "[lcore]") {
  HostPair pair;
  pair.connect();
  Application hostile(*pair.left);
  pair.turn();
  hostile.words->submission_producer.store(0x40000000, std::memory_order_release);
  REQUIRE(pair.run_until([&] { return pair.left->evicted() == 1 && pair.left->is_settled(); }));
  CHECK(pair.left->count(Counter::applications_evicted) == 1);
  REQUIRE(pair.send("still here") == 0);
  CHECK(pair.run_until([&] { return pair.server->count(MR_EVENT_MESSAGE) == 1; }));
}

TEST_CASE("A path begins with the smallest MTU of the interfaces", "[lcore]") {
  HostConfig config;
  config.parameters.path_mtu = 1500;
  HostPair pair(config);
  HostConfig narrow = HostPair::with_address(config, "10.0.0.1", 0);
  narrow.interfaces[0].mtu = 1280;
  pair.client.reset();
  pair.left = std::make_unique<Host>(narrow, pair.pool, std::vector<PortQueue*>{&pair.wire.end(0)});
  pair.client = std::make_unique<Application>(*pair.left);
  pair.connect();
  REQUIRE(pair.send(std::string(5000, 'm')) == 0);
  CHECK(pair.run_until([&] { return pair.server->count(MR_EVENT_MESSAGE) == 1; }));
  CHECK(pair.left->count(Counter::drop_too_big) == 0);
}
