// The generator and the sink on a clock of the test's: rates are kept, what stands still is seen in
// the latency of all that it held up, and both count what there was.
#include <catch2/catch.hpp>

#include <deque>

#include "bench/traffic/generator.h"
#include "bench/traffic/sink.h"

namespace millrace::bench {
namespace {

Load load_of(const std::string& sizes, double rate) {
  std::string error;
  Load load;
  load.sizes = *SizeMix::parse(sizes, error);
  load.rate = rate;
  load.warm_up = Duration{};
  load.duration = seconds(10);
  return load;
}

/// A stack that carries each message after a time that the test chooses, and holds so many.
class Wire : public Endpoint {
 public:
  explicit Wire(Time& now) : now_(now) {}

  Duration delay = microseconds(100);
  Time stalls_from = kNever, stalls_to = kNever;  // nothing moves meanwhile
  std::size_t room = 1 << 20;
  bool is_paused = false;
  std::uint64_t lost_every = 0;             // of the echoes; 0: none
  std::vector<std::pair<Time, Time>> sent;  // when, and for when it was meant

  void listen() override {}
  bool connect() override {
    arrivals_.push_back({.kind = Arrival::Kind::kUp, .streams = 100, .link = links_++});
    return true;
  }
  bool send(std::uint32_t link, std::span<const std::uint8_t> message, std::uint16_t stream,
            bool is_unordered) override {
    if (under_way_.size() >= room) {
      blocked_.push_back(link);
      return false;
    }
    MessageHead head;
    REQUIRE(head.read(message.data(), message.size()));
    sent.emplace_back(now_, Time{head.intended_ns});
    Time due = now_ + delay;
    if (due >= stalls_from && due < stalls_to) due = stalls_to;
    under_way_.push_back({due, link, stream, is_unordered, {message.begin(), message.end()}});
    return true;
  }
  void flush() override {}
  std::span<const Arrival> poll() override {
    given_.clear();
    given_.swap(arrivals_);
    kept_.clear();
    while (!under_way_.empty() && under_way_.front().due <= now_) {
      kept_.push_back(std::move(under_way_.front()));
      under_way_.pop_front();
      const Frame& frame = kept_.back();
      if (lost_every != 0 && ++carried_ % lost_every == 0) continue;
      given_.push_back({.kind = Arrival::Kind::kMessage,
                        .is_unordered = frame.is_unordered,
                        .stream = frame.stream,
                        .link = frame.link,
                        .data = frame.bytes.data(),
                        .size = frame.bytes.size()});
    }
    if (under_way_.size() < room) {
      for (const std::uint32_t link : blocked_)
        given_.push_back({.kind = Arrival::Kind::kWritable, .link = link});
      blocked_.clear();
    }
    return given_;
  }
  void pause(std::uint32_t, bool is_wanted) override { is_paused = is_wanted; }
  void shut_down(std::uint32_t link) override {
    arrivals_.push_back({.kind = Arrival::Kind::kDown, .is_orderly = true, .link = link});
  }
  void wait(Duration) override {}

 private:
  struct Frame {
    Time due;
    std::uint32_t link;
    std::uint16_t stream;
    bool is_unordered;
    std::vector<std::uint8_t> bytes;
  };

  Time& now_;
  std::uint32_t links_ = 0;
  std::uint64_t carried_ = 0;
  std::deque<Frame> under_way_;
  std::deque<Frame> kept_;
  std::vector<std::uint32_t> blocked_;
  std::vector<Arrival> arrivals_, given_;
};

struct Run {
  Time now{seconds(100).ns};
  Wire wire{now};

  /// The machine takes the program off its core from `from` on, for `span`.
  Time away_from = kNever;
  Duration away{};

  void go(Generator& generator) {
    bool was_away = false;
    while (generator.turn()) {
      now = now + microseconds(50);
      if (!was_away && now >= away_from) {
        now = now + away;
        was_away = true;
      }
      REQUIRE(now < Time{seconds(1000).ns});
    }
  }
};

TEST_CASE("an open loop sends at its times, and as many as it was told") {
  Run run;
  Load load = load_of("16-1400", 2000);
  load.associations = 7;
  load.streams = 3;
  Generator generator(load, run.wire, [&run] { return run.now; });
  run.go(generator);
  const Measured& it = generator.measured();
  CHECK(it.sent == 20'000);
  CHECK(it.received == 20'000);
  CHECK(it.unsent + it.missing + it.misplaced + it.failed == 0);
  CHECK(it.seconds == Approx(10));
  for (std::size_t i = 0; i < run.wire.sent.size(); ++i) {
    const auto [when, intended] = run.wire.sent[i];
    REQUIRE(when >= intended);
    REQUIRE(when - intended <= microseconds(50));
    if (i == 0) continue;
    REQUIRE((intended - run.wire.sent[i - 1].second).ns == Approx(500'000).margin(2));
  }
  CHECK(it.latency.percentile(50) >= 100'000);
  CHECK(it.latency.greatest() <= 250'000);
}

TEST_CASE("a stack that stands still for a second is seen in the messages of that second") {
  Run run;
  run.wire.stalls_from = run.now + seconds(5);
  run.wire.stalls_to = run.now + seconds(6);
  Generator generator(load_of("100", 1000), run.wire, [&run] { return run.now; });
  run.go(generator);
  const Histogram& latency = generator.measured().latency;
  REQUIRE(latency.count() == 10'000);
  // A tenth of all messages waited, from none to a second, evenly.
  CHECK(latency.percentile(89) < 300'000);
  CHECK(latency.percentile(95) == Approx(500e6).epsilon(0.02));
  CHECK(latency.percentile(99) == Approx(900e6).epsilon(0.02));
  CHECK(latency.greatest() == Approx(1000e6).epsilon(0.01));
}

TEST_CASE("so is a stack that takes nothing, and a program that had no core") {
  SECTION("no room") {
    Run run;
    run.wire.stalls_from = run.now + seconds(5);
    run.wire.stalls_to = run.now + seconds(6);
    run.wire.room = 10;
    Generator generator(load_of("100", 1000), run.wire, [&run] { return run.now; });
    run.go(generator);
    const Measured& it = generator.measured();
    CHECK(it.sent == 10'000);
    CHECK(it.latency.percentile(95) == Approx(500e6).epsilon(0.05));
    CHECK(it.lateness.percentile(95) == Approx(500e6).epsilon(0.05));
  }
  SECTION("no core") {
    Run run;
    run.away_from = run.now + seconds(5);
    run.away = seconds(1);
    Generator generator(load_of("100", 1000), run.wire, [&run] { return run.now; });
    run.go(generator);
    const Measured& it = generator.measured();
    CHECK(it.sent == 10'000);
    CHECK(it.latency.percentile(95) == Approx(500e6).epsilon(0.05));
    CHECK(it.lateness.greatest() == Approx(1000e6).epsilon(0.01));
  }
}

TEST_CASE("without a rate each association waits for as many echoes as it was told") {
  Run run;
  run.wire.delay = milliseconds(1);
  Load load = load_of("100", 0);
  load.associations = 10;
  load.outstanding = 4;
  load.duration = seconds(2);
  Generator generator(load, run.wire, [&run] { return run.now; });
  run.go(generator);
  // A round takes the delay: 40 messages each.
  CHECK(static_cast<double>(generator.measured().received) == Approx(80'000).epsilon(0.06));
  CHECK(generator.measured().missing == 0);
}

TEST_CASE("the rate grows over the ramp, and only what comes after it and the warm-up counts") {
  Run run;
  Load load = load_of("100", 1000);
  load.ramp = seconds(4);
  load.warm_up = seconds(2);
  load.duration = seconds(4);
  Generator generator(load, run.wire, [&run] { return run.now; });
  run.go(generator);
  CHECK(generator.measured().sent == 4000);
  const std::vector<Interval>& intervals = generator.series().intervals();
  REQUIRE(intervals.size() >= 10);
  const double expected[] = {125, 375, 625, 875, 1000, 1000, 1000, 1000, 1000, 1000};
  for (std::size_t i = 0; i < 10; ++i) {
    INFO("second " << i);
    CHECK(static_cast<double>(intervals[i].sent) == Approx(expected[i]).margin(2));
  }
}

TEST_CASE("what does not come back, or not in order, is told") {
  Run run;
  run.wire.lost_every = 100;
  Load load = load_of("100", 1000);
  load.patience = seconds(1);
  Generator generator(load, run.wire, [&run] { return run.now; });
  run.go(generator);
  const Measured& it = generator.measured();
  CHECK(it.sent == 10'000);
  CHECK(it.received == 9900);
  CHECK(it.missing == 100);
  CHECK(it.misplaced == 99);  // the last one that is lost is followed by none
}

TEST_CASE("what a stack never takes is told as not sent") {
  Run run;
  run.wire.room = 0;
  Load load = load_of("100", 1000);
  load.patience = seconds(1);
  Generator generator(load, run.wire, [&run] { return run.now; });
  run.go(generator);
  CHECK(generator.measured().sent == 0);
  CHECK(generator.measured().unsent == 10'000);
}

/// A sink at a wire of which the test is the other end.
struct Sunk {
  Time now{};
  Wire wire{now};
  Sink sink{{}, wire, [this] { return now; }};
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(64);

  Sunk() {
    wire.connect();
    sink.turn();
  }
  void put(std::uint32_t number, std::uint16_t flags) {
    MessageHead head;
    head.number = number;
    head.flags = flags;
    head.write(bytes.data());
    REQUIRE(wire.send(0, bytes, 0, false));
    now = now + wire.delay;
  }
};

TEST_CASE("the sink counts and checks order") {
  Sunk it;
  CHECK(it.sink.taken().up == 1);
  it.put(0, MessageHead::kWarmUp);
  it.put(1, 0);
  it.put(3, 0);  // 2 is lost
  it.sink.turn();
  const Taken& taken = it.sink.taken();
  CHECK(taken.warm_up == 1);
  CHECK(taken.received == 2);
  CHECK(taken.received_bytes == 128);
  CHECK(taken.misplaced == 1);
  it.put(9, MessageHead::kMixed);  // unordered ones may have overtaken
  it.sink.turn();
  CHECK(taken.misplaced == 1);
  it.put(8, MessageHead::kMixed);  // but not by going back
  it.sink.turn();
  CHECK(taken.misplaced == 2);
  it.wire.shut_down(0);
  it.sink.turn();
  CHECK(taken.up == 0);
  CHECK(taken.broken == 0);
}

TEST_CASE("an echo that finds no room waits, and slows its association down") {
  Sunk it;
  it.put(0, MessageHead::kEcho);
  it.put(1, MessageHead::kEcho);
  it.wire.room = 0;
  it.sink.turn();
  CHECK(it.wire.is_paused);
  CHECK(it.wire.sent.size() == 2);  // what the test sent
  it.wire.room = 10;
  it.sink.turn();
  CHECK_FALSE(it.wire.is_paused);
  CHECK(it.wire.sent.size() == 4);
  CHECK(it.sink.taken().echoed == 2);
}

}  // namespace
}  // namespace millrace::bench
