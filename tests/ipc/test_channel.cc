#include <catch2/catch.hpp>

#include <algorithm>
#include <array>

#include "engine/base/hash.h"
#include "tests/ipc/pair.h"

namespace millrace::ipc {
namespace {

std::array<SubmissionEntry, Channel::kTakeMax> taken;

TEST_CASE("a message goes in and its slot comes back") {
  Pair pair;
  std::memcpy(pair.client.transmit + 128, "hello", 5);
  pair.submissions.push(Pair::message(2, 5));
  REQUIRE(pair.channel().take(taken) == 1);
  CHECK(taken[0].operation == Operation::send);
  const Bytes payload = pair.channel().payload(taken[0]);
  CHECK(std::string(payload.begin(), payload.end()) == "hello");
  pair.channel().return_slot(taken[0].slot);
  std::uint32_t slot = 0;
  CHECK(pair.returns.pop({&slot, 1}) == 0);  // not published yet
  pair.channel().publish();
  REQUIRE(pair.returns.pop({&slot, 1}) == 1);
  CHECK(slot == 2);
}

TEST_CASE("the slot of a control request comes back by itself, and only once it was handled") {
  Pair pair;
  SubmissionEntry entry{};
  entry.operation = Operation::connect;
  entry.value = 2;
  entry.slot = 3;
  entry.length = 48;
  const IpAddress addresses[3] = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("192.0.2.2"),
                                  *IpAddress::parse("2001:db8::1")};
  std::memcpy(pair.client.transmit + 192, addresses, 48);
  pair.submissions.push(entry);
  REQUIRE(pair.channel().take(taken) == 1);
  IpAddress copied[kPathsMax + kAssociationLocalsMax];
  REQUIRE(pair.channel().addresses(taken[0], copied) == 3);
  CHECK(copied[2].to_string() == "2001:db8::1");
  std::uint32_t slot = 0;
  CHECK(pair.returns.pop({&slot, 1}) == 0);
  pair.channel().publish();
  REQUIRE(pair.returns.pop({&slot, 1}) == 1);
  CHECK(slot == 3);
  pair.channel().publish();
  CHECK(pair.returns.pop({&slot, 1}) == 0);
}

TEST_CASE("a message is delivered with its bytes, and its space is free once the reader says so") {
  Pair pair;
  for (int i = 0; i < 1000; ++i) {
    std::uint8_t* to = pair.channel().reserve(40000);
    REQUIRE(to != nullptr);
    std::memset(to, i & 0xff, 40000);
    CompletionEntry entry{};
    entry.event = Event::message;
    entry.length = 40000;
    pair.channel().post_message(entry);
    CHECK(pair.channel().reserve(40000) == nullptr);  // no room for a second one
    pair.channel().publish();
    CompletionEntry got{};
    REQUIRE(pair.completions.pop({&got, 1}) == 1);
    const std::byte* bytes =
        pair.client.channels + pair.geometry.receive_offset() + got.offset * kSlotUnit;
    REQUIRE(bytes[0] == std::byte(i & 0xff));
    REQUIRE(bytes[39999] == std::byte(i & 0xff));
    pair.words().receive_freed.store(got.arena_end);
    pair.channel().take(taken);
  }
  CHECK_FALSE(pair.channel().is_evicted());
}

TEST_CASE("events wait when the completion ring is full and go on when it is read") {
  Pair pair;
  CompletionEntry entry{};
  entry.event = Event::sender_dry;
  for (int i = 0; i < 16; ++i) CHECK(pair.channel().post(entry));
  CHECK_FALSE(pair.channel().post(entry));
  CHECK(pair.channel().reserve(10) == nullptr);
  pair.channel().publish();
  CHECK_FALSE(pair.channel().is_drained());
  CompletionEntry got[16];
  CHECK(pair.completions.pop(got) == 16);
  CHECK(pair.channel().is_drained());
  CHECK(pair.channel().post(entry));
}

TEST_CASE("an entry that no library writes evicts, whichever field is wrong") {
  const auto offence_of = [](SubmissionEntry entry) {
    Pair pair;
    pair.submissions.push(entry);
    CHECK(pair.channel().take(taken) == 0);
    return pair.channel().offence();
  };
  const auto with = [](Operation operation, std::uint32_t slot, std::uint32_t length,
                       std::uint32_t value = 1) {
    SubmissionEntry entry{};
    entry.operation = operation;
    entry.slot = slot;
    entry.length = length;
    entry.value = value;
    return entry;
  };
  CHECK(offence_of(with(Operation{0}, 0, 0)) == Offence::bad_operation);
  CHECK(offence_of(with(Operation{11}, 0, 0)) == Offence::bad_operation);
  CHECK(offence_of(with(Operation{255}, 0, 0)) == Offence::bad_operation);
  CHECK(offence_of(with(Operation::send, 0, 0)) == Offence::bad_range);
  CHECK(offence_of(with(Operation::send, 1023, 65)) == Offence::bad_range);
  CHECK(offence_of(with(Operation::send, 0xffffffff, 1)) == Offence::bad_range);
  CHECK(offence_of(with(Operation::send, 0, 0xffffffff)) == Offence::bad_range);
  CHECK(offence_of(with(Operation::send, 0x04000000, 64)) == Offence::bad_range);
  CHECK(offence_of(with(Operation::consumed, 0, 1)) == Offence::bad_range);
  CHECK(offence_of(with(Operation::listen, 0, 17)) == Offence::bad_range);
  CHECK(offence_of(with(Operation::connect, 0, 0)) == Offence::bad_range);
  CHECK(offence_of(with(Operation::connect, 0, 16, 0)) == Offence::bad_range);
  CHECK(offence_of(with(Operation::connect, 0, 16, 2)) == Offence::bad_range);
  CHECK(offence_of(with(Operation::connect, 0, 16 * 9, 9)) == Offence::bad_range);
  CHECK(offence_of(with(Operation::connect, 0, 16 * 10, 1)) == Offence::bad_range);
  SubmissionEntry flagged = with(Operation::send, 0, 1);
  flagged.flags = 4;
  CHECK(offence_of(flagged) == Offence::bad_operation);
  SubmissionEntry parameter = with(Operation::set_parameter, 0, 0);
  parameter.parameter = Parameter{0};
  CHECK(offence_of(parameter) == Offence::bad_operation);
  parameter.parameter = Parameter{kParameterLast + 1};
  CHECK(offence_of(parameter) == Offence::bad_operation);
}

TEST_CASE("the last byte of the arena may be sent") {
  Pair pair;
  pair.submissions.push(Pair::message(1023, 64));
  pair.submissions.push(Pair::message(0, 65536));
  CHECK(pair.channel().take(taken) == 2);
  CHECK_FALSE(pair.channel().is_evicted());
}

TEST_CASE("an impossible index or counter evicts") {
  const auto offence_after = [](auto&& lie) {
    Pair pair;
    CompletionEntry entry{};
    entry.event = Event::sender_dry;
    lie(pair.words());
    for (int i = 0; i < 17; ++i) {
      pair.channel().take(taken);
      pair.channel().post(entry);
      pair.channel().publish();
    }
    return pair.channel().offence();
  };
  CHECK(offence_after([](auto& words) { words.submission_producer.store(17); }) ==
        Offence::bad_index);
  CHECK(offence_after([](auto& words) { words.completion_consumer.store(40); }) ==
        Offence::bad_index);
  CHECK(offence_after([](auto& words) { words.receive_freed.store(64); }) == Offence::bad_credit);
  CHECK(offence_after([](auto&) {}) == Offence::none);
}

TEST_CASE("more slots in flight than the returns ring holds evicts, and nothing is overwritten") {
  Pair pair;
  for (int i = 0; i < 17; ++i) {
    pair.submissions.push(Pair::message(0, 1));
    pair.channel().take(taken);
    pair.channel().return_slot(0);
    pair.channel().publish();
  }
  CHECK(pair.channel().offence() == Offence::bad_credit);
}

TEST_CASE("the slots of several messages come back in their order, all of them or none") {
  Pair pair;
  const std::array<std::uint64_t, 10> slots{3, 1, 4, 15, 9, 2, 6, 5, 35, 8};
  pair.channel().return_slots(slots);
  pair.channel().publish();
  std::array<std::uint32_t, 16> back{};
  REQUIRE(pair.returns.pop(back) == slots.size());
  CHECK(std::equal(slots.begin(), slots.end(), back.begin()));

  pair.channel().return_slots(slots);
  pair.channel().return_slots(slots);  // more than are free of the 16
  CHECK(pair.channel().offence() == Offence::bad_credit);
}

TEST_CASE("an evicted channel takes nothing and gives nothing") {
  Pair pair;
  pair.channel().evict(Offence::bad_index);
  pair.submissions.push(Pair::message(0, 1));
  CHECK(pair.channel().take(taken) == 0);
  CHECK_FALSE(pair.channel().has_requests());
  CHECK(pair.channel().reserve(1) == nullptr);
  CompletionEntry entry{};
  CHECK_FALSE(pair.channel().post(entry));
  pair.channel().return_slot(0);
  pair.channel().publish();
  CHECK(pair.completions.available(1) == 0);
}

/// One turn of an engine over a channel, as an lcore does it, with everything touched.
void serve(Channel& channel, Random& random, std::uint64_t& sum) {
  const std::size_t count = channel.take(taken);
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::uint8_t byte : channel.payload(taken[i])) sum += byte;
    IpAddress addresses[kListenAddressesMax];
    if (taken[i].operation == Operation::listen || taken[i].operation == Operation::connect)
      sum += channel.addresses(taken[i], addresses);
    if (taken[i].operation == Operation::send) channel.return_slot(taken[i].slot);
  }
  CompletionEntry entry{};
  entry.event = Event::message;
  entry.length = 1 + random.below(3000);
  if (std::uint8_t* to = channel.reserve(entry.length)) {
    std::memset(to, 1, entry.length);
    channel.post_message(entry);
  }
  channel.publish();
}

TEST_CASE("random bytes in every shared word lead to eviction and to nothing else") {
  Random random({7, 8});
  std::uint64_t sum = 0;
  int evicted = 0;
  for (int round = 0; round < 300; ++round) {
    Pair pair;
    const std::size_t shared = pair.geometry.receive_offset();
    for (int step = 0; step < 60; ++step) {
      const std::size_t at = random.below(static_cast<std::uint32_t>(shared - 8));
      const std::uint64_t junk = random.next_u64();
      std::memcpy(pair.client.channels + at, &junk, 1 + random.below(8));
      auto* words = reinterpret_cast<SharedWord*>(&pair.words());
      if (random.below(8) == 0) words[random.below(5)].store(random.next_u32());
      if (random.below(2) == 0) pair.words().submission_producer.fetch_add(random.below(4));
      serve(pair.channel(), random, sum);
    }
    evicted += pair.channel().is_evicted();
  }
  CHECK(evicted > 250);
}

TEST_CASE("a library that follows the rules is never evicted, whatever it sends") {
  Pair pair;
  Random random({9, 10});
  std::uint64_t sum = 0;
  std::uint32_t in_flight = 0;
  for (int step = 0; step < 20000; ++step) {
    if (in_flight < 16 && random.below(2) == 0) {
      const std::uint32_t slot = random.below(1000);
      in_flight += pair.submissions.push(Pair::message(slot, 1 + random.below(1024)));
    }
    serve(pair.channel(), random, sum);
    std::uint32_t slots[16];
    in_flight -= pair.returns.pop(slots);
    CompletionEntry got[16];
    const std::uint32_t count = pair.completions.pop({got, 1 + random.below(16)});
    if (count > 0) pair.words().receive_freed.store(got[count - 1].arena_end);
    REQUIRE_FALSE(pair.channel().is_evicted());
  }
}

}  // namespace
}  // namespace millrace::ipc
