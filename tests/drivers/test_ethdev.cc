#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

#include "drivers/ethdev_port.h"
#include "tests/drivers/environment.h"

namespace millrace::drivers {
namespace {

struct OpenPort {
  explicit OpenPort(const EthdevConfig& config) {
    std::string fault;
    port = EthdevPort::open(config, *environment().pool, fault);
    INFO(fault);
    REQUIRE(port != nullptr);
  }
  std::unique_ptr<EthdevPort> port;
};

/// An lcore's stack of buffers, given back at the end.
struct LcorePool {
  ~LcorePool() { environment().pool->empty(stack); }
  BufferPool stack{environment().pool->count()};
};

Buffer* frame(BufferPool& stack, std::uint8_t fill, std::uint32_t length = 60) {
  Buffer* buffer = stack.acquire();
  REQUIRE(buffer != nullptr);
  std::memset(buffer->data, fill, length);
  buffer->length = length;
  return buffer;
}

TEST_CASE("a stack of buffers is kept between its marks") {
  MbufPool& pool = *environment().pool;
  const std::size_t before = pool.free_count();
  {
    LcorePool lcore;
    pool.balance(lcore.stack);
    CHECK(lcore.stack.free_count() == 512);
    CHECK(pool.free_count() == before - 512);
    std::vector<Buffer*> taken;
    while (Buffer* buffer = lcore.stack.acquire()) {
      CHECK(buffer->storage + kBufferHeadroom == buffer->data);
      CHECK(MbufPool::buffer_of(MbufPool::mbuf_of(buffer)) == buffer);
      std::memset(buffer->storage, 0xff, kBufferStorage);  // all of it is ours
      taken.push_back(buffer);
    }
    for (int i = 0; i < 2; ++i) {
      pool.balance(lcore.stack);
      while (Buffer* buffer = lcore.stack.acquire()) taken.push_back(buffer);
    }
    CHECK(taken.size() == 3 * 512);
    for (Buffer* buffer : taken) lcore.stack.release(buffer);
    CHECK(lcore.stack.free_count() == 3 * 512);
    pool.balance(lcore.stack);
    CHECK(lcore.stack.free_count() == 512);
  }
  CHECK(pool.free_count() == before);
}

TEST_CASE("an exhausted pool gives what it has") {
  MbufPool& pool = *environment().pool;
  LcorePool lcore;
  std::vector<Buffer*> taken;
  for (int i = 0; i < 100; ++i) {
    pool.balance(lcore.stack);
    while (Buffer* buffer = lcore.stack.acquire()) taken.push_back(buffer);
  }
  CHECK(taken.size() > pool.count() - 600);
  CHECK(taken.size() <= pool.count());
  for (Buffer* buffer : taken) lcore.stack.release(buffer);
}

TEST_CASE("frames go out and come back through net_ring") {
  MbufPool& pool = *environment().pool;
  const std::size_t before = pool.free_count();
  {
    OpenPort ring({.device = "net_ring0"});
    LcorePool lcore;
    const auto queue = ring.port->queue(0, lcore.stack);
    CHECK(ring.port->driver() == "net_ring");
    CHECK_FALSE(ring.port->traits().sctp_checksum_on_send);
    std::vector<Buffer*> sent;
    for (std::uint8_t i = 0; i < 40; ++i) sent.push_back(frame(lcore.stack, i, 60u + i));
    CHECK(queue->send(sent) == kBurstMax);  // a burst at most
    CHECK(queue->send(std::span(sent).subspan(kBurstMax)) == 8);
    std::vector<Buffer*> received(64);
    REQUIRE(queue->receive(received) == kBurstMax);
    REQUIRE(queue->receive(std::span(received).subspan(kBurstMax)) == 8);
    for (std::uint8_t i = 0; i < 40; ++i) {
      Buffer* buffer = received[i];
      CHECK(buffer == sent[i]);
      CHECK(buffer->length == 60u + i);
      CHECK(buffer->data[59] == i);
      CHECK(buffer->references == 1);
      CHECK(buffer->flags == 0);
      lcore.stack.release(buffer);
    }
    CHECK(queue->receive(received) == 0);
    const PortStatistics statistics = ring.port->statistics();
    CHECK(statistics.frames_sent == 40);
    CHECK(statistics.frames_received == 40);
    CHECK(ring.port->link().is_up);
  }
  CHECK(pool.free_count() == before);
}

TEST_CASE("an lcore without a queue of its own sends by way of another") {
  constexpr std::size_t kLcores = 18;  // net_ring has 16 queue pairs
  MbufPool& pool = *environment().pool;
  const std::size_t before = pool.free_count();
  {
    OpenPort ring({.device = "net_ring1", .lcores = kLcores});
    REQUIRE(ring.port->transmit_queues() == 16);
    LcorePool first, last;
    const auto owner = ring.port->queue(1, first.stack);
    const auto guest = ring.port->queue(17, last.stack);
    std::vector<Buffer*> received(32);
    CHECK(guest->receive(received) == 0);
    for (std::uint8_t i = 0; i < 3; ++i) {
      Buffer* buffer = frame(last.stack, i);
      CHECK(guest->send({&buffer, 1}) == 1);
    }
    CHECK(ring.port->statistics().frames_sent == 0);
    REQUIRE(owner->receive(received) == 3);  // hands on, and net_ring gives it back at once
    for (std::uint8_t i = 0; i < 3; ++i) {
      CHECK(received[i]->data[0] == i);
      first.stack.release(received[i]);
    }
    CHECK(ring.port->statistics().frames_sent == 3);
    Buffer* left = frame(last.stack, 9);
    CHECK(guest->send({&left, 1}) == 1);  // still on its way when the port goes
  }
  CHECK(pool.free_count() == before);
}

TEST_CASE("net_null gives frames without end and takes all") {
  OpenPort null({.device = "net_null0,size=100"});
  LcorePool lcore;
  const auto queue = null.port->queue(0, lcore.stack);
  std::vector<Buffer*> frames(64);
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(queue->receive(frames) == kBurstMax);
    CHECK(frames[31]->length == 100);
    REQUIRE(queue->send(std::span(frames).first(16)) == 16);
    for (std::size_t k = 16; k < 32; ++k) lcore.stack.release(frames[k]);
    queue->balance_pool();
  }
  CHECK(lcore.stack.free_count() <= 1024);
}

TEST_CASE("devices that cannot be had are told") {
  std::string fault;
  MbufPool& pool = *environment().pool;
  CHECK(EthdevPort::open({.device = "net_nothing0"}, pool, fault) == nullptr);
  CHECK_THAT(fault, Catch::Matchers::Contains("net_nothing0") &&
                        Catch::Matchers::Contains("no such device"));
  CHECK(EthdevPort::open({.device = "net_af_packet7,iface=no_such_interface"}, pool, fault) ==
        nullptr);
  CHECK_THAT(fault, Catch::Matchers::Contains("there is no interface \"no_such_interface\" here"));
  CHECK_THAT(fault, !Catch::Matchers::Contains("Operation not permitted"));
  // What the driver says of it comes to us, not to standard error.
  const auto& lines = environment_lines();
  CHECK(std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("no_such_interface") != std::string::npos;
  }));
  CHECK(MbufPool::create("too_many", 1u << 20, false, fault) == nullptr);
  CHECK_THAT(fault, Catch::Matchers::Contains("no memory"));
}

}  // namespace
}  // namespace millrace::drivers
