#include <catch2/catch.hpp>

#include <numeric>
#include <thread>
#include <vector>

#include "engine/base/hash.h"
#include "engine/ipc/ring.h"

namespace millrace::ipc {
namespace {

/// Both ends of a ring whose index words the test can reach.
struct OpenRing {
  explicit OpenRing(std::uint32_t capacity, std::uint32_t start = 0)
      : producer_word(start),
        consumer_word(start),
        entries(capacity),
        producer(entries.data(), capacity, &producer_word, &consumer_word, start),
        consumer(entries.data(), capacity, &consumer_word, &producer_word, start) {}
  RingIndex producer_word;
  RingIndex consumer_word;
  std::vector<std::uint32_t> entries;
  RingProducer<std::uint32_t> producer;
  RingConsumer<std::uint32_t> consumer;
};

TEST_CASE("a ring gives out what was put in, in order, over many turns") {
  Ring<std::uint32_t> ring(8);
  std::uint32_t in = 0, out = 0;
  Random random({1, 2});
  for (int turn = 0; turn < 10000; ++turn) {
    std::uint32_t values[8];
    const std::uint32_t wanted = random.below(9);
    std::iota(values, values + wanted, in);
    in += ring.producer().push(std::span<const std::uint32_t>(values, wanted));
    const std::uint32_t count = ring.consumer().pop({values, random.below(9)});
    for (std::uint32_t i = 0; i < count; ++i) REQUIRE(values[i] == out++);
  }
  CHECK(in - out <= 8);
  CHECK(in > 10000);
}

TEST_CASE("a ring holds its capacity and not one entry more") {
  OpenRing ring(4);
  CHECK(ring.producer.reserve(100) == 4);
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(ring.producer.push(i));
  CHECK_FALSE(ring.producer.push(4u));
  CHECK(ring.producer.used() == 4);
  std::uint32_t value = 9;
  CHECK(ring.consumer.pop({&value, 1}) == 1);
  CHECK(value == 0);
  CHECK(ring.producer.push(4u));
  CHECK_FALSE(ring.producer.push(5u));
}

TEST_CASE("nothing is seen before it is published, and no space is free before it is given back") {
  OpenRing ring(4);
  REQUIRE(ring.producer.reserve(2) == 2);
  ring.producer.at(0) = 7;
  ring.producer.at(1) = 8;
  ring.producer.commit(2);
  CHECK(ring.producer.has_unpublished());
  CHECK(ring.consumer.available(4) == 0);
  ring.producer.publish();
  CHECK_FALSE(ring.producer.has_unpublished());
  REQUIRE(ring.consumer.available(4) == 2);
  CHECK(ring.consumer.at(1) == 8);
  ring.consumer.consume(2);
  CHECK(ring.producer.reserve(4) == 2);
  ring.consumer.publish();
  CHECK(ring.producer.reserve(4) == 4);
}

TEST_CASE("indices wrap around 32 bits") {
  OpenRing ring(8, 0xfffffff0);
  std::uint32_t next = 0, expected = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    const std::uint32_t in[5] = {next, next + 1, next + 2, next + 3, next + 4};
    REQUIRE(ring.producer.push(in) == 5);
    next += 5;
    CHECK(ring.producer.reserve(8) == 3);
    std::uint32_t out[8];
    REQUIRE(ring.consumer.pop(out) == 5);
    for (std::uint32_t k = 0; k < 5; ++k) REQUIRE(out[k] == expected++);
  }
  CHECK(ring.producer_word.load() == 0xfffffff0 + 500);
  CHECK_FALSE(ring.producer.is_broken());
  CHECK_FALSE(ring.consumer.is_broken());
}

TEST_CASE("a consumer believes no producer index that runs ahead of the ring or back") {
  for (const std::uint32_t lie : {5u, 100u, 0x80000000u, 0xffffffffu}) {
    OpenRing ring(4);
    ring.producer_word.store(lie);
    CHECK(ring.consumer.available(4) == 0);
    CHECK(ring.consumer.is_broken());
    ring.producer_word.store(1);  // too late to be honest
    CHECK(ring.consumer.available(4) == 0);
  }
  OpenRing ring(4);
  ring.producer_word.store(3);
  CHECK(ring.consumer.available(3) == 3);
  ring.producer_word.store(2);  // back
  CHECK(ring.consumer.available(4) == 0);
  CHECK(ring.consumer.is_broken());
}

TEST_CASE("a producer believes no consumer index beyond what was published or back") {
  OpenRing ring(4);
  ring.producer.push(1u);
  ring.producer.push(2u);
  ring.consumer_word.store(3);
  CHECK(ring.producer.reserve(4) == 0);
  CHECK(ring.producer.is_broken());

  OpenRing other(4);
  for (std::uint32_t i = 0; i < 4; ++i) other.producer.push(i);
  other.consumer_word.store(2);
  CHECK(other.producer.reserve(4) == 2);
  other.consumer_word.store(1);
  CHECK(other.producer.reserve(4) == 0);
  CHECK(other.producer.is_broken());
}

TEST_CASE("whatever the peer's word says, no end goes outside of the ring") {
  Random random({3, 4});
  for (int round = 0; round < 2000; ++round) {
    OpenRing ring(8);
    for (int step = 0; step < 20; ++step) {
      switch (random.below(4)) {
        case 0:
          ring.producer_word.store(random.below(2) == 0 ? random.next_u32() : random.below(32));
          break;
        case 1:
          ring.consumer_word.store(random.below(2) == 0 ? random.next_u32() : random.below(32));
          break;
        case 2: {
          const std::uint32_t count = ring.producer.reserve(random.below(20));
          REQUIRE(count <= 8);
          for (std::uint32_t i = 0; i < count; ++i) ring.producer.at(i) = i;  // within, says ASan
          ring.producer.commit(count);
          ring.producer.publish();
          break;
        }
        default: {
          const std::uint32_t count = ring.consumer.available(random.below(20));
          REQUIRE(count <= 8);
          ring.consumer.consume(count);
          ring.consumer.publish();
        }
      }
    }
  }
}

TEST_CASE("two threads hand over a million numbers, none lost, none twice, none out of order") {
  constexpr std::uint32_t kCount = 1'000'000;
  Ring<std::uint32_t> ring(256);
  std::thread writer([&ring] {
    std::uint32_t next = 0;
    while (next < kCount) {
      const std::uint32_t count = ring.producer().reserve(std::min(32u, kCount - next));
      for (std::uint32_t i = 0; i < count; ++i) ring.producer().at(i) = next + i;
      ring.producer().commit(count);
      ring.producer().publish();
      next += count;
      if (count == 0) std::this_thread::yield();
    }
  });
  std::uint32_t expected = 0;
  bool is_right = true;
  while (expected < kCount) {
    std::uint32_t values[48];
    const std::uint32_t count = ring.consumer().pop(values);
    for (std::uint32_t i = 0; i < count; ++i) is_right &= values[i] == expected++;
    if (count == 0) std::this_thread::yield();
  }
  writer.join();
  CHECK(is_right);
  CHECK_FALSE(ring.producer().is_broken());
  CHECK_FALSE(ring.consumer().is_broken());
}

}  // namespace
}  // namespace millrace::ipc
