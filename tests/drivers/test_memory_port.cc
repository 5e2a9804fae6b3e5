#include <catch2/catch.hpp>

#include <vector>

#include "drivers/memory_port.h"

namespace millrace::drivers {
namespace {

TEST_CASE("frames cross the wire by pointer and in order") {
  BufferPool pool(8);
  BufferSlab slab(pool, 8);
  MemoryWire wire(pool, 8);
  std::vector<Buffer*> sent;
  for (int i = 0; i < 3; ++i) sent.push_back(pool.acquire());
  sent[1]->flags = kChecksumByPort;
  sent[1]->vlan = 7;
  CHECK(wire.end(0).send(sent) == 3);
  CHECK(wire.in_flight(0) == 3);
  std::vector<Buffer*> received(8);
  CHECK(wire.end(0).receive(received) == 0);
  REQUIRE(wire.end(1).receive(received) == 3);
  received.resize(3);
  CHECK(received == sent);
  CHECK(received[1]->flags == 0);
  CHECK(received[1]->vlan == 0);
  CHECK(wire.end(1).send(received) == 3);
  received.resize(2);
  CHECK(wire.end(0).receive(received) == 2);
  CHECK(wire.in_flight(1) == 1);
  for (Buffer* buffer : received) pool.release(buffer);
}

TEST_CASE("a full wire leaves the frames with the sender") {
  BufferPool pool(8);
  BufferSlab slab(pool, 8);
  {
    MemoryWire wire(pool, 4);
    std::vector<Buffer*> frames;
    for (int i = 0; i < 6; ++i) frames.push_back(pool.acquire());
    CHECK(wire.end(0).send(frames) == 4);
    CHECK(wire.end(0).send(std::span(frames).subspan(4)) == 0);
    pool.release(frames[4]);
    pool.release(frames[5]);
  }
  CHECK(pool.free_count() == 8);  // what is on the wire when it goes is not lost
}

TEST_CASE("a depot gives one pool what another has too much of") {
  constexpr std::size_t kAll = 2 * BufferDepot::kHighMark;
  BufferPool rich(kAll), poor(kAll);
  BufferSlab slab(rich, kAll);
  BufferDepot depot(kAll);
  MemoryWire here(rich, 8, &depot), there(poor, 8, &depot);
  there.end(0).balance_pool();  // the depot is empty yet
  CHECK(poor.free_count() == 0);
  here.end(0).balance_pool();
  there.end(1).balance_pool();
  CHECK(rich.free_count() == BufferDepot::kLevel);
  CHECK(poor.free_count() == BufferDepot::kLevel);
  std::vector<Buffer*> used;  // between the marks nothing moves
  while (rich.free_count() > BufferDepot::kLowMark) used.push_back(rich.acquire());
  here.end(0).balance_pool();
  CHECK(rich.free_count() == BufferDepot::kLowMark);
  used.push_back(rich.acquire());
  here.end(0).balance_pool();
  CHECK(rich.free_count() == BufferDepot::kLevel);
  for (Buffer* buffer : used) rich.release(buffer);
}

TEST_CASE("a depot that is full leaves buffers where they are") {
  constexpr std::size_t kAll = 2 * BufferDepot::kHighMark;
  BufferPool pool(kAll);
  BufferSlab slab(pool, kAll);
  BufferDepot depot(16);
  depot.balance(pool);
  CHECK(pool.free_count() == kAll - 16);
}

TEST_CASE("the ends of a wire have different addresses") {
  CHECK(MemoryWire::traits(0).mac != MemoryWire::traits(1).mac);
  CHECK((MemoryWire::traits(0).mac[0] & 1) == 0);
}

}  // namespace
}  // namespace millrace::drivers
