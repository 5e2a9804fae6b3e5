#include <catch2/catch.hpp>

#include <algorithm>
#include <bit>
#include <vector>

#include "drivers/impairment_port.h"
#include "drivers/memory_port.h"

namespace millrace::drivers {
namespace {

/// One end of a memory wire, owned like a port's queue.
class WireEnd final : public PortQueue {
 public:
  explicit WireEnd(PortQueue& end) : end_(end) {}
  std::size_t receive(std::span<Buffer*> frames) override { return end_.receive(frames); }
  std::size_t send(std::span<Buffer* const> frames) override {
    if (is_full) return 0;
    return end_.send(frames);
  }
  bool is_full = false;

 private:
  PortQueue& end_;
};

/// An impaired port at end 0 of a wire; numbered frames are sent through it and collected.
class Rig {
 public:
  static constexpr std::size_t kBuffers = 8192;

  explicit Rig(const ImpairmentConfig& config) {
    auto end = std::make_unique<WireEnd>(wire.end(0));
    inner = end.get();
    port = std::make_unique<ImpairmentPort>(std::move(end), config, pool, [this] { return now; });
  }
  ~Rig() {
    collect(wire.end(1));
    port.reset();
    collect(wire.end(1));
    CHECK(pool.free_count() + wire.in_flight(1) == kBuffers);
  }

  Buffer* frame(std::uint32_t number) {
    Buffer* buffer = pool.acquire();
    REQUIRE(buffer != nullptr);
    buffer->length = 100;
    std::memset(buffer->data, 0, buffer->length);
    store_be32(buffer->data, number);
    return buffer;
  }
  void send(PortQueue& by, std::uint32_t number) {
    Buffer* buffer = frame(number);
    REQUIRE(by.send({&buffer, 1}) == 1);
  }
  std::vector<std::vector<std::uint8_t>> collect(PortQueue& from) {
    std::vector<std::vector<std::uint8_t>> all;
    std::vector<Buffer*> frames(32);
    while (const std::size_t count = from.receive(frames)) {
      for (std::size_t i = 0; i < count; ++i) {
        all.emplace_back(frames[i]->bytes().begin(), frames[i]->bytes().end());
        pool.release(frames[i]);
      }
    }
    return all;
  }
  /// Sends `count` frames 10 us apart through the impaired end and returns their numbers.
  std::vector<std::uint32_t> run(std::uint32_t count) {
    std::vector<std::uint32_t> numbers;
    const auto take = [&] {
      for (const auto& bytes : collect(wire.end(1))) numbers.push_back(load_be32(bytes.data()));
    };
    for (std::uint32_t i = 0; i < count; ++i) {
      send(*port, i);
      now = now + microseconds(10);
      take();
    }
    now = now + seconds(1);
    collect(*port);  // a poll: what is held back moves on
    take();
    return numbers;
  }

  BufferPool pool{kBuffers};
  BufferSlab slab{pool, kBuffers};
  MemoryWire wire{pool, 4096};
  Time now{1};
  WireEnd* inner = nullptr;
  std::unique_ptr<ImpairmentPort> port;
};

TEST_CASE("a port without impairments passes everything in order") {
  Rig rig({});
  const auto numbers = rig.run(1000);
  REQUIRE(numbers.size() == 1000);
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_CASE("impairments happen as often as asked for, in both directions") {
  ImpairmentConfig config;
  config.loss = 0.1;
  config.duplicate = 0.05;
  config.reorder = 0.2;
  config.corrupt = 0.02;
  Rig rig(config);
  const auto numbers = rig.run(10'000);
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    rig.send(rig.wire.end(1), i);
    rig.collect(*rig.port);
    rig.now = rig.now + microseconds(10);
  }
  const auto is_near = [](std::uint64_t count, double expected) {
    return static_cast<double>(count) > 0.8 * expected &&
           static_cast<double>(count) < 1.2 * expected;
  };
  for (const ImpairmentStatistics& statistics : {rig.port->sent(), rig.port->received()}) {
    CHECK(statistics.frames == 10'000);
    CHECK(is_near(statistics.lost, 1000));
    CHECK(is_near(statistics.duplicated, 450));
    CHECK(is_near(statistics.reordered, 1800));
    CHECK(is_near(statistics.corrupted, 180));
    CHECK(statistics.overflowed == 0);
  }
  const ImpairmentStatistics& sent = rig.port->sent();
  CHECK(rig.port->lost() == sent.lost + rig.port->received().lost);
  CHECK(numbers.size() == 10'000 - sent.lost + sent.duplicated);
  CHECK_FALSE(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_CASE("the same seed makes the same faults, another seed others") {
  ImpairmentConfig config;
  config.loss = config.duplicate = config.reorder = 0.2;
  Rig one(config), same(config);
  config.seed = 2;
  Rig other(config);
  const auto numbers = one.run(500);
  CHECK(same.run(500) == numbers);
  CHECK(other.run(500) != numbers);
}

TEST_CASE("frames are delayed by the time asked for and keep their order") {
  ImpairmentConfig config;
  config.delay = milliseconds(5);
  Rig rig(config);
  for (std::uint32_t i = 0; i < 10; ++i) rig.send(*rig.port, i);
  CHECK(rig.collect(rig.wire.end(1)).empty());
  rig.now = rig.now + microseconds(4999);
  rig.collect(*rig.port);
  CHECK(rig.collect(rig.wire.end(1)).empty());
  rig.now = rig.now + microseconds(1);
  rig.collect(*rig.port);
  const auto frames = rig.collect(rig.wire.end(1));
  REQUIRE(frames.size() == 10);
  for (std::uint32_t i = 0; i < 10; ++i) CHECK(load_be32(frames[i].data()) == i);
}

TEST_CASE("a corrupt frame differs by one to three bits; its duplicate does not") {
  ImpairmentConfig config;
  config.corrupt = config.duplicate = 1;
  Rig rig(config);
  for (std::uint32_t i = 0; i < 100; ++i) {
    rig.send(*rig.port, 0);
    const auto frames = rig.collect(rig.wire.end(1));
    REQUIRE(frames.size() == 2);
    const auto bits = [](const std::vector<std::uint8_t>& bytes) {
      int count = 0;
      for (const std::uint8_t byte : bytes) count += std::popcount(byte);
      return count;
    };
    CHECK(bits(frames[0]) == 0);
    CHECK(bits(frames[1]) <= 3);
  }
}

TEST_CASE("a full port holds frames up, it does not lose them") {
  Rig rig({});
  rig.inner->is_full = true;
  for (std::uint32_t i = 0; i < 5; ++i) rig.send(*rig.port, i);
  CHECK(rig.collect(rig.wire.end(1)).empty());
  rig.inner->is_full = false;
  rig.collect(*rig.port);
  CHECK(rig.collect(rig.wire.end(1)).size() == 5);
}

TEST_CASE("too many frames held back are lost and counted") {
  ImpairmentConfig config;
  config.delay = seconds(1);
  Rig rig(config);
  for (std::uint32_t i = 0; i < 5000; ++i) rig.send(*rig.port, i);
  CHECK(rig.port->sent().overflowed == 5000 - ImpairmentPort::kHeldMax);
}

TEST_CASE("behind an impairment the port touches no checksum") {
  PortTraits traits;
  traits.sctp_checksum_on_send = traits.sctp_checksum_on_receive = true;
  CHECK_FALSE(ImpairmentPort::traits(traits).sctp_checksum_on_send);
  CHECK_FALSE(ImpairmentPort::traits(traits).sctp_checksum_on_receive);
}

}  // namespace
}  // namespace millrace::drivers
