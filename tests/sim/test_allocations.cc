// The engine allocates nothing once it runs: two of them over a wire of memory, with applications
// on their rings, for a million messages.
#include <catch2/catch.hpp>

#include "api/context.h"
#include "drivers/memory_port.h"
#include "engine/lcore/host.h"
#include "tests/net/allocations.h"

namespace millrace::sim {
namespace {

constexpr std::size_t kBuffers = 8192;
constexpr std::uint16_t kPort = 3868;

HostConfig config_of(int number, std::size_t port) {
  HostConfig config;
  net::InterfaceConfig interface;
  interface.name = "wire";
  interface.traits = drivers::MemoryWire::traits(port);
  interface.addresses = {*Prefix::parse("10.0.0." + std::to_string(number) + "/24")};
  config.interfaces = {interface};
  config.limits.associations = 256;
  config.seed = {7, static_cast<std::uint64_t>(number)};
  return config;
}

class Pair {
 public:
  Pair() {
    client_.reset(api::make_local_context(client_host_.attach()));
    server_.reset(api::make_local_context(server_host_.attach()));
    mr_listen_options listen{};
    listen.port = kPort;
    REQUIRE(mr_listen(server_.get(), &listen) == 0);
    for (int i = 0; i < 10; ++i) turn();
    mr_connect_options connect{};
    mr_address peer;
    REQUIRE(mr_address_parse("10.0.0.2", &peer) == 0);
    connect.peer_port = kPort;
    connect.peer_count = 1;
    connect.peers = &peer;
    REQUIRE(mr_connect(client_.get(), &connect) == 0);
    for (int i = 0; i < 100; ++i) turn();
    REQUIRE(association_ != 0);
  }

  /// Sends until `count` more messages have arrived.
  void transfer(std::uint64_t count) {
    const std::uint64_t goal = received_ + count;
    const std::array<std::uint8_t, 300> payload{};
    for (std::uint64_t turns = 0; received_ < goal; ++turns) {
      REQUIRE(turns < 100 * count);
      for (std::uint32_t i = 0; i < 64 && sent_ < goal; ++i) {
        const std::size_t length = i % 3 == 0 ? payload.size() : 64;
        if (mr_send(client_.get(), association_, payload.data(), length,
                    static_cast<std::uint16_t>(i % 16), 46, i % 5 == 0 ? MR_UNORDERED : MR_MORE,
                    0) != 0) {
          break;
        }
        ++sent_;
      }
      mr_flush(client_.get());
      turn();
    }
  }

  std::size_t engine_allocations() const { return allocations_; }

 private:
  void turn() {
    now_ = now_ + microseconds(20);
    const std::size_t before = net::allocation_count();
    client_host_.poll(now_);
    server_host_.poll(now_);
    allocations_ += net::allocation_count() - before;
    std::array<mr_event, 256> events;
    while (const int count = mr_receive(client_.get(), events.data(), events.size())) {
      for (int i = 0; i < count; ++i)
        association_ = events[static_cast<std::size_t>(i)].association;
    }
    while (const int count = mr_receive(server_.get(), events.data(), events.size())) {
      for (int i = 0; i < count; ++i) {
        received_ += events[static_cast<std::size_t>(i)].type == MR_EVENT_MESSAGE ? 1 : 0;
      }
    }
  }

  BufferPool pool_{kBuffers};
  BufferSlab memory_{pool_, kBuffers};
  drivers::MemoryWire wire_{pool_, 1024};
  Host client_host_{config_of(1, 0), pool_, {&wire_.end(0)}};
  Host server_host_{config_of(2, 1), pool_, {&wire_.end(1)}};
  std::unique_ptr<mr_context> client_;
  std::unique_ptr<mr_context> server_;
  Time now_ = Time{} + seconds(1);
  mr_association association_ = 0;
  std::uint64_t sent_ = 0, received_ = 0;
  std::size_t allocations_ = 0;
};

TEST_CASE("a million messages cost the engine no allocation") {
  Pair pair;
  pair.transfer(10'000);
  const std::size_t before = pair.engine_allocations();
  pair.transfer(1'000'000);
  CHECK(pair.engine_allocations() == before);
}

}  // namespace
}  // namespace millrace::sim
