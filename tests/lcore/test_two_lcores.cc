#include <catch2/catch.hpp>

#include "tests/lcore/two_networks.h"

using namespace millrace;

TEST_CASE("Paths that arrive on different lcores reach the one association", "[lcore]") {
  TwoNetworks hosts;
  connect(hosts);
  const mr_association association = hosts.client.first(MR_EVENT_ASSOCIATION_UP)->event.association;
  std::size_t sent = 0;
  const auto send_some = [&] {
    for (int i = 0; i < 5; ++i, ++sent) {
      const std::string text = "message " + std::to_string(sent);
      REQUIRE(mr_send(hosts.client.context, association, text.data(), text.size(), 0, 46, 0, 0) ==
              0);
    }
    return hosts.run_until([&] { return hosts.server.count(MR_EVENT_MESSAGE) == sent; });
  };
  REQUIRE(send_some());
  // Addresses that the application connects to are confirmed from the start (RFC 9260 5.4); the
  // server's has to confirm the client's second one, over the other lcore.
  mr_address second;
  REQUIRE(mr_address_parse("10.0.1.2", &second) == 0);
  REQUIRE(hosts.run_until([&] { return hosts.server.count(MR_EVENT_PATH_STATE) > 0; }));
  REQUIRE(mr_set_primary(hosts.client.context, association, &second) == 0);
  REQUIRE(hosts.run_until([&] { return hosts.client.first(MR_EVENT_REQUEST_DONE) != nullptr; }));
  CHECK(hosts.client.first(MR_EVENT_REQUEST_DONE)->event.status == 0);
  REQUIRE(send_some());
  REQUIRE(send_some());
  int next = 0;
  for (const Heard& one : hosts.server.heard) {
    if (one.event.type == MR_EVENT_MESSAGE) CHECK(one.data == "message " + std::to_string(next++));
  }
  // One of the two lcores owns the association, so what came on the other was handed over.
  const std::uint64_t out = hosts.server_host.count(Counter::handoff_out);
  CHECK(out > 0);
  CHECK(hosts.server_host.count(Counter::handoff_in) == out);
  CHECK(hosts.server_host.count(Counter::drop_handoff_full) == 0);
  CHECK(hosts.server_host.count(Counter::drop_out_of_the_blue) == 0);
}

TEST_CASE("Associations spread over the lcores, and each lcore tells its own", "[lcore]") {
  TwoNetworks hosts;
  mr_listen_options listen{};
  listen.port = 3868;
  REQUIRE(mr_listen(hosts.server.context, &listen) == 0);
  REQUIRE(hosts.run_until([&] { return hosts.server.first(MR_EVENT_LISTENING) != nullptr; }));
  mr_address peer;
  REQUIRE(mr_address_parse("10.0.0.2", &peer) == 0);
  for (int i = 0; i < 8; ++i) {
    mr_connect_options options{};
    options.peer_port = 3868;
    options.peer_count = 1;
    options.peers = &peer;
    REQUIRE(mr_connect(hosts.client.context, &options) == 0);
    REQUIRE(hosts.run_until([&] {
      return hosts.server.count(MR_EVENT_ASSOCIATION_UP) == static_cast<std::size_t>(i) + 1;
    }));
  }
  const std::size_t first = hosts.server_host.worker(0).shard().associations();
  const std::size_t second = hosts.server_host.worker(1).shard().associations();
  CHECK(first + second == 8);
  CHECK(first >= 3);
  CHECK(second >= 3);
}

TEST_CASE("An application that dies is gone from all lcores", "[lcore]") {
  TwoNetworks hosts;
  connect(hosts);
  hosts.server_host.detach(hosts.server.number, false);
  CHECK(hosts.run_until([&] { return hosts.server_host.is_settled(); }));
  CHECK(hosts.run_until([&] { return hosts.client.first(MR_EVENT_ASSOCIATION_DOWN) != nullptr; }));
}
