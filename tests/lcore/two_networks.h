// A server of two lcores with a network each, and a client that is at both.
#pragma once

#include "tests/lcore/host_pair.h"

namespace millrace {

/// Another lcore's way to a port whose frames arrive elsewhere.
class SendOnly final : public PortQueue {
 public:
  explicit SendOnly(PortQueue& through) : through_(through) {}
  std::size_t receive(std::span<Buffer*>) override { return 0; }
  std::size_t send(std::span<Buffer* const> frames) override { return through_.send(frames); }

 private:
  PortQueue& through_;
};

/// A server of two lcores with two networks: each network's frames arrive on an lcore of its own.
struct TwoNetworks {
  explicit TwoNetworks(const ShardLimits& limits = {})
      : pool(kBuffers),
        slab(pool, kBuffers),
        first(pool, 512),
        second(pool, 512),
        first_send_only(first.end(1)),
        second_send_only(second.end(1)),
        client_host(config(0, 1, {}), pool, {&first.end(0), &second.end(0)}),
        server_host(config(1, 2, limits), pool,
                    {&first.end(1), &second_send_only, &first_send_only, &second.end(1)}),
        client(client_host),
        server(server_host) {}

  static HostConfig config(std::size_t end, std::size_t lcores, const ShardLimits& limits) {
    HostConfig config;
    config.limits = limits;
    config.lcores = lcores;
    config.seed = {end + 10, end + 20};
    config.parameters.heartbeat_interval = milliseconds(100);
    for (std::uint8_t port = 0; port < 2; ++port) {
      net::InterfaceConfig interface;
      interface.name = port == 0 ? "first" : "second";
      interface.port = port;
      interface.traits = drivers::MemoryWire::traits(end);
      const std::string network = port == 0 ? "10.0.0." : "10.0.1.";
      interface.addresses = {*Prefix::parse(network + std::to_string(end + 1) + "/24")};
      config.interfaces.push_back(interface);
    }
    return config;
  }

  bool run_until(const std::function<bool()>& holds) {
    for (const Time end = now + seconds(10); now < end && !holds();) {
      bool worked = client_host.poll(now);
      worked |= server_host.poll(now);
      client.take_events();
      server.take_events();
      now = now + (worked ? microseconds(10) : milliseconds(1));
    }
    return holds();
  }

  static constexpr std::size_t kBuffers = 2048;
  BufferPool pool;
  BufferSlab slab;
  drivers::MemoryWire first, second;
  SendOnly first_send_only, second_send_only;
  Host client_host, server_host;
  Application client, server;
  Time now{1'000'000'000};
};

inline void connect(TwoNetworks& hosts) {
  mr_listen_options listen{};
  listen.port = 3868;
  REQUIRE(mr_listen(hosts.server.context, &listen) == 0);
  REQUIRE(hosts.run_until([&] { return hosts.server.first(MR_EVENT_LISTENING) != nullptr; }));
  std::array<mr_address, 2> peers;
  REQUIRE(mr_address_parse("10.0.0.2", &peers[0]) == 0);
  REQUIRE(mr_address_parse("10.0.1.2", &peers[1]) == 0);
  mr_connect_options options{};
  options.peer_port = 3868;
  options.peer_count = 2;
  options.peers = peers.data();
  REQUIRE(mr_connect(hosts.client.context, &options) == 0);
  REQUIRE(hosts.run_until([&] {
    return hosts.client.first(MR_EVENT_ASSOCIATION_UP) &&
           hosts.server.first(MR_EVENT_ASSOCIATION_UP);
  }));
}

}  // namespace millrace
