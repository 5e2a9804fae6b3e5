#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "engine/assoc/rx/reassembly.h"
#include "engine/wire/chunk.h"

namespace millrace {
namespace {

using Result = Reassembly::Result;
constexpr std::uint32_t kWhole = 1u << 30;  // a partial delivery point that is never reached

/// A DATA chunk as a test writes it down. Its payload is `text`.
struct Chunk {
  std::uint32_t tsn;
  std::uint8_t flags;
  std::uint16_t stream = 0;
  std::uint16_t ssn = 0;
  std::string text = "x";
};
constexpr std::uint8_t kB = kDataFlagBegin, kE = kDataFlagEnd, kU = kDataFlagUnordered;

struct Fixture {
  explicit Fixture(std::size_t capacity = kBuffers)
      : pool(capacity), slab(pool, capacity), chunks(capacity), index(capacity, kSecret) {}
  ~Fixture() {
    reassembly.clear(memory);
    CHECK(reassembly.held_bytes() == 0);
    CHECK(chunks.used() == 0);
    CHECK(streams.blocks.used() == 0);
    CHECK(pool.free_count() == slab.count());
  }

  Result add(const Chunk& chunk, std::uint32_t partial_delivery_point = kWhole) {
    Buffer* buffer = pool.acquire();
    std::copy(chunk.text.begin(), chunk.text.end(), buffer->data);
    const auto describe = [&](RxChunk& rx) {
      rx.buffer = buffer;
      rx.payload = buffer->data;
      rx.length = static_cast<std::uint16_t>(chunk.text.size());
      rx.stream = chunk.stream;
      rx.ssn = Ssn{chunk.ssn};
      rx.flags = chunk.flags;
      rx.tsn = Tsn{chunk.tsn};
    };
    const Result result = reassembly.add(memory, describe, partial_delivery_point);
    pool.release(buffer);
    return result;
  }

  /// Takes off everything that is ready: "stream:text", with "<" and ">" where a message begins and
  /// ends if it comes in pieces.
  std::vector<std::string> take() {
    std::vector<std::string> got;
    while (const RxChunk* head = reassembly.front()) {
      Event event;
      event.chunks = head;
      std::string text(head->run_length, ' ');
      copy_payload(event, reinterpret_cast<std::uint8_t*>(text.data()));
      const std::uint8_t flags = Reassembly::flags_of(*head);
      const bool is_whole = (flags & kFirstPiece) && (flags & kLastPiece);
      if (!is_whole && flags & kFirstPiece) text = "<" + text;
      if (!is_whole && flags & kLastPiece) text += ">";
      got.push_back(std::to_string(head->stream) + ":" + text);
      reassembly.pop(memory);
    }
    return got;
  }

  static constexpr std::size_t kBuffers = 64;
  static constexpr std::uint64_t kSecret = 0x123456789abcdef1;
  BufferPool pool;
  BufferSlab slab;
  Slab<RxChunk> chunks;
  StreamTable<InboundStream>::Slabs streams{4};
  RxIndex index;
  ReassemblyMemory memory{chunks, streams, pool, index};
  Reassembly reassembly;
};

using Texts = std::vector<std::string>;

// RFC 9260 6.6
// RFC 9260 6.9
TEST_CASE("in whatever order fragments come, a stream's messages come in theirs") {
  const std::vector<Chunk> sent = {{10, kB, 1, 0, "a"}, {11, 0, 1, 0, "bc"},
                                   {12, kE, 1, 0, "d"}, {13, kB | kE, 1, 1, "e"},
                                   {14, kB, 1, 2, "f"}, {15, kE, 1, 2, "g"}};
  std::vector<std::size_t> order(sent.size());
  std::iota(order.begin(), order.end(), 0);
  do {
    Fixture f;
    Texts got;
    for (const std::size_t i : order) {
      REQUIRE(f.add(sent[i]) == Result::kOk);
      for (std::string& text : f.take()) got.push_back(std::move(text));
    }
    REQUIRE((got == Texts{"1:abcd", "1:e", "1:fg"}));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("streams do not wait for each other, nor unordered messages for anything") {
  const std::vector<Chunk> sent = {{0xfffffffe, kB, 1, 0, "a"}, {0xffffffff, kE, 1, 0, "b"},
                                   {0, kB | kE, 2, 0, "c"},     {1, kU | kB, 1, 0, "d"},
                                   {2, kU | kE, 1, 0, "e"},     {3, kB | kE, 1, 1, "f"}};
  std::vector<std::size_t> order(sent.size());
  std::iota(order.begin(), order.end(), 0);
  do {
    Fixture f;
    Texts got;
    for (const std::size_t i : order) {
      REQUIRE(f.add(sent[i]) == Result::kOk);
      if (i == 2) REQUIRE(f.reassembly.front() != nullptr);
      for (std::string& text : f.take()) got.push_back(std::move(text));
    }
    const auto at = [&](const char* text) { return std::find(got.begin(), got.end(), text); };
    REQUIRE(got.size() == 4);
    REQUIRE(at("1:ab") < at("1:f"));
    REQUIRE(at("1:f") != got.end());
    REQUIRE(at("2:c") != got.end());
    REQUIRE(at("1:de") != got.end());
  } while (std::next_permutation(order.begin(), order.end()));
}

//= rfc9260 1.6#5 type=test
//= rfc9260 6.5#5 type=test
TEST_CASE("stream sequence numbers wrap") {
  Fixture f;
  for (std::uint32_t i = 0; i < 65536 + 5; ++i) {
    REQUIRE(f.add({i, kB | kE, 0, static_cast<std::uint16_t>(i)}) == Result::kOk);
    REQUIRE(f.take().size() == 1);
  }
  CHECK(f.add({70001, kB | kE, 0, 6, "later"}) == Result::kOk);
  CHECK(f.take().empty());
  CHECK(f.add({70000, kB | kE, 0, 5, "first"}) == Result::kOk);
  CHECK((f.take() == Texts{"0:first", "0:later"}));
}

TEST_CASE("fragments that contradict their neighbours are refused") {
  const auto [first, second] = GENERATE(table<Chunk, Chunk>({
      {{5, kB}, {6, kB}},              // begins before the last one has ended
      {{5, kB}, {6, kB | kE}},         //
      {{5, 0}, {6, kB}},               //
      {{5, kE}, {6, 0}},               // goes on after the end
      {{5, kE}, {6, kE}},              //
      {{5, kB, 1}, {6, kE, 2}},        // goes on in another stream
      {{5, kB, 1, 1}, {6, kE, 1, 2}},  // in another message
      {{5, kB | kU}, {6, kE}},         // loses its U bit
      {{5, kB}, {6, kE | kU}},         //
  }));
  SECTION("in order") {
    Fixture f;
    REQUIRE(f.add(first) == Result::kOk);
    if (second.flags != (kB | kE)) CHECK(f.add(second) == Result::kContradiction);
  }
  SECTION("the other way round") {
    Fixture f;
    if (second.flags == (kB | kE)) return;
    REQUIRE(f.add(second) == Result::kOk);
    CHECK(f.add(first) == Result::kContradiction);
  }
}

TEST_CASE("a sequence number that was delivered or is waiting already is refused") {
  Fixture f;
  REQUIRE(f.add({1, kB | kE, 0, 0}) == Result::kOk);
  CHECK(f.add({2, kB | kE, 0, 0}) == Result::kContradiction);
  REQUIRE(f.add({4, kB | kE, 0, 2}) == Result::kOk);
  CHECK(f.add({5, kB | kE, 0, 2}) == Result::kContradiction);
}

// RFC 9260 6.9
TEST_CASE("a message beyond the partial delivery point comes in pieces, in order") {
  Fixture f;
  REQUIRE(f.add({1, kB, 3, 0, "aaaa"}, 6) == Result::kOk);
  CHECK(f.take().empty());
  REQUIRE(f.add({2, 0, 3, 0, "bbbb"}, 6) == Result::kOk);
  CHECK((f.take() == Texts{"3:<aaaabbbb"}));
  REQUIRE(f.add({4, 0, 3, 0, "dddd"}, 6) == Result::kOk);
  CHECK(f.take().empty());
  REQUIRE(f.add({3, 0, 3, 0, "cccc"}, 6) == Result::kOk);
  CHECK((f.take() == Texts{"3:ccccdddd"}));
  SECTION("another stream's message comes between") {
    REQUIRE(f.add({6, kB | kE, 4, 0, "other"}, 6) == Result::kOk);
    CHECK((f.take() == Texts{"4:other"}));
  }
  SECTION("the next message of its stream does not") {
    REQUIRE(f.add({6, kB | kE, 3, 1, "next"}, 6) == Result::kOk);
    CHECK(f.take().empty());
    REQUIRE(f.add({5, kE, 3, 0, "e"}, 6) == Result::kOk);
    CHECK((f.take() == Texts{"3:e>", "3:next"}));
  }
  SECTION("what contradicts the piece that was delivered is refused") {
    CHECK(f.add({5, kB | kE, 3, 1, "!"}, 6) == Result::kContradiction);
    CHECK(f.add({5, 0, 2, 0, "!"}, 6) == Result::kContradiction);
  }
}

TEST_CASE("what is there of a message whose turn it is can be asked for, however short") {
  Fixture f;
  const auto ask = [&](std::uint32_t last) {
    return f.reassembly.deliver_unfinished(f.memory, Tsn{last});
  };
  CHECK_FALSE(ask(0));
  REQUIRE(f.add({1, kB, 3, 0, "a"}) == Result::kOk);
  REQUIRE(f.add({2, 0, 3, 0, "b"}) == Result::kOk);
  REQUIRE(f.add({5, 0, 3, 0, "e"}) == Result::kOk);
  REQUIRE(f.add({9, kB, 4, 7, "not yet"}) == Result::kOk);
  CHECK_FALSE(ask(5));  // has no beginning
  CHECK_FALSE(ask(9));
  CHECK(ask(2));
  CHECK((f.take() == Texts{"3:<ab"}));
  CHECK_FALSE(ask(2));
  REQUIRE(f.add({3, 0, 3, 0, "c"}) == Result::kOk);
  REQUIRE(f.add({4, 0, 3, 0, "d"}) == Result::kOk);
  REQUIRE(f.add({6, kE, 3, 0, "f"}) == Result::kOk);
  CHECK((f.take() == Texts{"3:c", "3:de", "3:f>"}));
}

TEST_CASE("every order of a message's fragments gives its bytes when it is delivered in pieces") {
  const std::vector<Chunk> sent = {{1, kB, 0, 0, "ab"}, {2, 0, 0, 0, "cd"},
                                   {3, 0, 0, 0, "ef"},  {4, 0, 0, 0, "gh"},
                                   {5, kE, 0, 0, "ij"}, {6, kB | kE, 0, 1, "next"}};
  std::vector<std::size_t> order(sent.size());
  std::iota(order.begin(), order.end(), 0);
  do {
    Fixture f;
    std::string got;
    for (const std::size_t i : order) {
      REQUIRE(f.add(sent[i], 4) == Result::kOk);
      for (const std::string& text : f.take()) got += text.substr(2);
    }
    std::erase_if(got, [](char c) { return c == '<' || c == '>'; });
    REQUIRE(got == "abcdefghijnext");
  } while (std::next_permutation(order.begin(), order.end()));
}

/// The numbers 1 to `count` in an order that makes a sorted list be searched far.
std::vector<std::uint32_t> hostile_order(std::uint32_t count, int kind) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 1);
  if (kind == 0) std::reverse(order.begin(), order.end());
  if (kind == 1) {  // always into the middle
    for (std::uint32_t i = 0; i < count; ++i)
      order[i] = 1 + (i % 2 == 0 ? i / 2 : count - 1 - i / 2);
  }
  for (std::uint32_t i = count - 1; kind == 2 && i > 0; --i) {
    std::swap(order[i], order[i * 2654435761u % (i + 1)]);
  }
  return order;
}

TEST_CASE("no order of arrival makes messages that wait for their turn costly") {
  constexpr std::uint32_t kCount = 8000;
  const int kind = GENERATE(0, 1, 2, 3);
  Fixture f(kCount + 2);
  std::uint32_t tsn = 1;
  for (const std::uint32_t ssn : hostile_order(kCount, kind)) {
    REQUIRE(f.add({tsn++, kB | kE, 3, static_cast<std::uint16_t>(ssn)}) == Result::kOk);
  }
  CHECK(f.reassembly.front() == nullptr);
  REQUIRE(f.add({tsn, kB | kE, 3, 0}) == Result::kOk);
  CHECK(f.take().size() == kCount + 1);
  INFO("steps " << f.index.steps());
  CHECK(f.index.steps() < 4 * kCount);
}

TEST_CASE("no order of arrival makes fragments that wait for others costly") {
  constexpr std::uint32_t kCount = 4000;
  const int kind = GENERATE(0, 1, 2, 3);
  Fixture f(2 * kCount + 1);
  // First every second one, so that none joins another; then what joins them.
  for (const std::uint32_t tsn : hostile_order(kCount, kind)) {
    REQUIRE(f.add({2 * tsn, 0, 0, 0}) == Result::kOk);
  }
  for (const std::uint32_t tsn : hostile_order(kCount - 1, kind)) {
    REQUIRE(f.add({2 * tsn + 1, 0, 0, 0}) == Result::kOk);
  }
  CHECK(f.reassembly.front() == nullptr);
  REQUIRE(f.add({1, kB, 0, 0}) == Result::kOk);
  REQUIRE(f.add({2 * kCount + 1, kE, 0, 0}) == Result::kOk);
  CHECK(f.take().size() == 1);
  INFO("steps " << f.index.steps());
  CHECK(f.index.steps() < 10 * kCount);
}

TEST_CASE("a message before its turn that comes twice is a contradiction") {
  Fixture f;
  REQUIRE(f.add({5, kB | kE, 0, 3, "once"}) == Result::kOk);
  CHECK(f.add({6, kB | kE, 0, 3, "again"}) == Result::kContradiction);
  CHECK(f.add({7, kB | kE, 1, 3, "another stream's"}) == Result::kOk);
}

TEST_CASE("without memory nothing is held") {
  Fixture f;
  std::uint32_t tsn = 1;
  while (f.chunks.used() < f.chunks.capacity() && f.pool.free_count() > 1) {
    REQUIRE(f.add({2 * tsn, 0, 0, 0}) == Result::kOk);
    ++tsn;
  }
  const std::uint32_t held = f.reassembly.held_bytes();
  std::vector<RxChunk*> rest;
  while (RxChunk* chunk = f.chunks.create()) rest.push_back(chunk);
  CHECK(f.add({2 * tsn, 0, 0, 0}) == Result::kNoMemory);
  CHECK(f.reassembly.held_bytes() == held);
  for (RxChunk* chunk : rest) f.chunks.destroy(chunk);
}

TEST_CASE("a restart forgets what waits and keeps what is ready") {
  Fixture f;
  REQUIRE(f.add({1, kB | kE, 0, 0, "ready"}) == Result::kOk);
  REQUIRE(f.add({2, kB, 0, 1, "half"}) == Result::kOk);
  REQUIRE(f.add({5, kB | kE, 0, 3, "later"}) == Result::kOk);
  f.reassembly.restart(f.memory);
  CHECK(f.reassembly.held_bytes() == 5);
  CHECK((f.take() == Texts{"0:ready"}));
  REQUIRE(f.add({900, kB | kE, 0, 0, "anew"}) == Result::kOk);
  CHECK((f.take() == Texts{"0:anew"}));
}

}  // namespace
}  // namespace millrace
