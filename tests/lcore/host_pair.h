// Two hosts joined by a wire, an application on each, and a clock that moves when nothing else
// does.
#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/context.h"
#include "api/millrace.h"
#include "drivers/memory_port.h"
#include "engine/lcore/host.h"

namespace millrace {

/// What an application has heard, payloads copied.
struct Heard {
  mr_event event;
  std::string data;
};

class Application {
 public:
  explicit Application(Host& host)
      : memory(host.attach()),
        number(memory.context),
        words(&memory.header(0).application),
        context(api::make_local_context(std::move(memory))) {}
  ~Application() { mr_detach(context); }

  void take_events() {
    std::array<mr_event, 16> events;
    int count;
    while ((count = mr_receive(context, events.data(), events.size())) > 0) {
      for (int i = 0; i < count; ++i) {
        const mr_event& event = events[static_cast<std::size_t>(i)];
        heard.push_back({event, has_data(event) ? data_of(event) : std::string()});
      }
    }
  }
  static bool has_data(const mr_event& event) {
    return event.type == MR_EVENT_MESSAGE || event.type == MR_EVENT_STATUS ||
           event.type == MR_EVENT_SEND_FAILED || event.data != nullptr;
  }
  static std::string data_of(const mr_event& event) {
    return {static_cast<const char*>(event.data), event.length};
  }
  /// The first event of a type; nullptr if there is none.
  const Heard* first(int type) const {
    for (const Heard& one : heard) {
      if (one.event.type == type) return &one;
    }
    return nullptr;
  }
  std::size_t count(int type) const {
    std::size_t found = 0;
    for (const Heard& one : heard) found += one.event.type == type ? 1 : 0;
    return found;
  }

 private:
  ipc::ClientMemory memory;

 public:
  std::uint32_t number;  ///< of the context, as Host knows it
  ipc::ApplicationWords* words;
  mr_context* context;
  std::vector<Heard> heard;
};

class HostPair {
 public:
  static constexpr std::size_t kBuffers = 2048;
  static constexpr std::uint16_t kPort = 3868;

  explicit HostPair(const HostConfig& base = {})
      : pool(kBuffers),
        slab(pool, kBuffers),
        wire(pool, 512),
        left(std::make_unique<Host>(with_address(base, "10.0.0.1", 0), pool,
                                    std::vector<PortQueue*>{&wire.end(0)})),
        right(std::make_unique<Host>(with_address(base, "10.0.0.2", 1), pool,
                                     std::vector<PortQueue*>{&wire.end(1)})),
        client(std::make_unique<Application>(*left)),
        server(std::make_unique<Application>(*right)) {}

  void turn() {
    bool worked = left->poll(now);
    worked |= right->poll(now);
    if (client) client->take_events();
    if (server && server_reads) server->take_events();
    now = now + (worked ? microseconds(10) : milliseconds(1));
  }
  /// Runs until it holds; false if it does not within ten seconds of the clock.
  bool run_until(const std::function<bool()>& holds) {
    for (const Time end = now + seconds(10); now < end;) {
      if (holds()) return true;
      turn();
    }
    return holds();
  }
  void run_for(Duration span) {
    for (const Time end = now + span; now < end;) turn();
  }

  /// A listening server and a client whose association is up on both sides.
  void connect() {
    mr_listen_options listen{};
    listen.port = kPort;
    listen.context = 77;
    REQUIRE(mr_listen(server->context, &listen) == 0);
    REQUIRE(run_until([&] { return server->first(MR_EVENT_LISTENING) != nullptr; }));
    mr_address peer;
    REQUIRE(mr_address_parse("10.0.0.2", &peer) == 0);
    mr_connect_options options{};
    options.peer_port = kPort;
    options.peer_count = 1;
    options.peers = &peer;
    options.context = 5;
    REQUIRE(mr_connect(client->context, &options) == 0);
    REQUIRE(run_until([&] {
      return client->first(MR_EVENT_ASSOCIATION_UP) && server->first(MR_EVENT_ASSOCIATION_UP);
    }));
  }
  mr_association association() const {
    return client->first(MR_EVENT_ASSOCIATION_UP)->event.association;
  }
  int send(const std::string& text, std::uint16_t stream = 0, std::uint32_t flags = 0) {
    return mr_send(client->context, association(), text.data(), text.size(), stream, 46, flags, 9);
  }

  static HostConfig with_address(HostConfig config, const char* address, std::size_t end) {
    net::InterfaceConfig interface;
    interface.name = "wire";
    interface.traits = drivers::MemoryWire::traits(end);
    interface.addresses = {*Prefix::parse(std::string(address) + "/24")};
    config.interfaces = {interface};
    config.seed = {end + 1, end + 2};
    return config;
  }

  BufferPool pool;
  BufferSlab slab;
  drivers::MemoryWire wire;
  std::unique_ptr<Host> left, right;
  std::unique_ptr<Application> client, server;
  bool server_reads = true;
  Time now{1'000'000'000};
};

}  // namespace millrace
