#include <catch2/catch.hpp>
#include <vector>

#include "tests/e2e/traffic/diameter.h"
#include "tests/e2e/traffic/ledger.h"
#include "tests/e2e/traffic/plan.h"

using namespace millrace::traffic;

namespace {

std::vector<std::uint8_t> message(std::uint16_t stream, std::uint32_t sequence, bool is_last,
                                  std::size_t size = 100) {
  std::vector<std::uint8_t> bytes(size);
  const std::uint16_t flags = is_last ? kFlagLast : 0;
  write_message(bytes, {stream, flags, sequence, static_cast<std::uint32_t>(size)});
  return bytes;
}

/// Hands over a planned run, message for message, through `change`.
template <class Change>
std::vector<std::string> errors_of(Change change) {
  Options options;
  options.messages = 500;
  options.size_min = 1;
  options.streams = 8;
  Ledger ledger;
  auto plan = make_plan(options, 0);
  change(plan);
  for (const Planned& planned : plan) {
    std::vector<std::uint8_t> bytes(planned.header.length);
    write_message(bytes, planned.header);
    ledger.on_message(planned.header.stream, planned.is_unordered, kMagic, bytes);
  }
  ledger.finish();
  return ledger.errors();
}

std::size_t middle_with_header(const std::vector<Planned>& plan, bool is_unordered) {
  std::size_t i = plan.size() / 2;
  while (plan[i].is_unordered != is_unordered || plan[i].header.length < kHeaderSize ||
         plan[i].header.flags == kFlagLast) {
    ++i;
  }
  return i;
}

}  // namespace

TEST_CASE("a run that arrives as it was planned has no errors") {
  CHECK(errors_of([](auto&) {}).empty());
}

TEST_CASE("a lost message is noticed, ordered or not") {
  const bool is_unordered = GENERATE(false, true);
  CHECK_FALSE(errors_of([&](std::vector<Planned>& plan) {
                plan.erase(plan.begin() +
                           static_cast<std::ptrdiff_t>(middle_with_header(plan, is_unordered)));
              }).empty());
}

TEST_CASE("a message that comes twice is noticed, ordered or not") {
  const bool is_unordered = GENERATE(false, true);
  CHECK_FALSE(errors_of([&](std::vector<Planned>& plan) {
                plan.push_back(plan[middle_with_header(plan, is_unordered)]);
              }).empty());
}

TEST_CASE("the last message of a stream that never comes is noticed") {
  CHECK_FALSE(errors_of([](std::vector<Planned>& plan) {
                std::erase_if(plan, [](const Planned& p) { return p.header.flags == kFlagLast; });
              }).empty());
}

TEST_CASE("ordered messages that change places are noticed, unordered ones may") {
  const bool is_unordered = GENERATE(false, true);
  Ledger ledger;
  ledger.on_message(3, is_unordered, kMagic, message(3, 1, true));
  ledger.on_message(3, is_unordered, kMagic, message(3, 0, false));
  ledger.finish();
  CHECK(ledger.errors().empty() == is_unordered);
}

TEST_CASE("every damaged byte of a message is noticed") {
  const auto sound = message(5, 0, true, 40);
  for (std::size_t i = 0; i < sound.size(); ++i) {
    auto damaged = sound;
    damaged[i] ^= 0x10;
    Ledger ledger;
    ledger.on_message(5, false, kMagic, damaged);
    ledger.finish();
    CHECK_FALSE(ledger.errors().empty());
  }
}

TEST_CASE("a message on another stream, of another length or identifier is noticed") {
  Ledger stream, length, identifier;
  const auto sound = message(5, 0, true);
  stream.on_message(6, false, kMagic, sound);
  length.on_message(5, false, kMagic, std::span(sound).first(99));
  identifier.on_message(5, false, kMagic + 1, sound);
  CHECK_FALSE(stream.errors().empty());
  CHECK_FALSE(length.errors().empty());
  CHECK_FALSE(identifier.errors().empty());
}

TEST_CASE("messages shorter than a header are counted, and damage to them is noticed") {
  Ledger ledger;
  std::vector<std::uint8_t> bytes(7);
  write_message(bytes, {9, 0, 0, 7});
  ledger.on_message(9, false, kMagic, bytes);
  CHECK(ledger.short_messages() == 1);
  CHECK(ledger.errors().empty());
  bytes[3] ^= 1;
  ledger.on_message(9, false, kMagic, bytes);
  CHECK_FALSE(ledger.errors().empty());
}

TEST_CASE("a Diameter request becomes an answer, anything else is refused") {
  std::vector<std::uint8_t> request(40, 0xab);
  store32(request.data(), 1U << 24 | 40);
  request[4] = 0xc0;
  store32(request.data() + 16, 0x12345678);
  auto answer = request;
  CHECK(make_diameter_answer(answer) == 0x12345678U);
  CHECK(answer[4] == 0x40);
  answer[4] = request[4];
  CHECK(answer == request);
  answer[4] = 0x40;
  CHECK_FALSE(make_diameter_answer(answer));
  request[3] = 41;
  CHECK_FALSE(make_diameter_answer(request));
  CHECK_FALSE(make_diameter_answer(std::span(request).first(19)));
}
