#include <catch2/catch.hpp>

#include <cerrno>

#include "engine/base/hash.h"
#include "tests/api/fake_engine.h"

namespace millrace::api {
namespace {

TEST_CASE("a plain send reaches the engine with everything that was said") {
  Bench bench;
  const mr_association association = bench.established();
  REQUIRE(mr_send(bench.context, association, "hello", 5, 3, 46, MR_UNORDERED | MR_SACK_AT_ONCE,
                  1234) == 0);
  const auto request = bench.engine->take_one();
  CHECK(request.payload == "hello");
  CHECK(request.entry.operation == ipc::Operation::send);
  CHECK(request.entry.association == association);
  CHECK(request.entry.stream == 3);
  CHECK(request.entry.ppid == 46);
  CHECK(request.entry.flags == (ipc::kSendUnordered | ipc::kSendImmediateSack));
  CHECK(request.entry.context == 1234);
}

TEST_CASE("with MR_MORE messages wait for the flush, or for the next call that hands over") {
  Bench bench;
  const mr_association association = bench.established();
  CHECK(bench.send(association, "one", MR_MORE) == 0);
  CHECK(bench.send(association, "two", MR_MORE) == 0);
  CHECK(bench.engine->take().empty());
  mr_flush(bench.context);
  CHECK(bench.engine->take().size() == 2);
  CHECK(bench.send(association, "three", MR_MORE) == 0);
  CHECK(bench.send(association, "four") == 0);
  CHECK(bench.engine->take().size() == 2);
  CHECK(bench.send(association, "five", MR_MORE) == 0);
  bench.next();
  CHECK(bench.engine->take().size() == 1);
  CHECK(bench.send(association, "six", MR_MORE) == 0);
  CHECK(mr_wait(bench.context, 0) == 0);
  CHECK(bench.engine->take().size() == 1);
}

TEST_CASE("sends that cannot be right are refused with their reason") {
  Bench bench;
  const mr_association association = bench.established();
  CHECK(bench.send(0, "x") == -ENOTCONN);
  CHECK(bench.send(association + 1, "x") == -ENOTCONN);
  CHECK(bench.send(association, "") == -EINVAL);
  CHECK(bench.send(association, "x", 128) == -EINVAL);
  CHECK(bench.send(association, "x", 0, 10) == -EINVAL);  // streams 0 to 9
  CHECK(bench.send(association, "x", 0, 9) == 0);
  CHECK(bench.send(association, std::string(16385, 'x')) == -EMSGSIZE);
  CHECK(mr_send(bench.context, association, "x", std::size_t{1} << 40, 0, 0, 0, 0) == -EMSGSIZE);
}

TEST_CASE("the slot that came back last is the next to be used") {
  Bench bench;
  const mr_association association = bench.established();
  REQUIRE(bench.send(association, "a") == 0);
  const std::uint32_t first = bench.engine->take_one().entry.slot;
  for (int i = 0; i < 100; ++i) {
    bench.engine->return_slot(0, first);
    bench.next();
    REQUIRE(bench.send(association, "b") == 0);
    REQUIRE(bench.engine->take_one().entry.slot == first);
  }
}

TEST_CASE("a full send buffer says EAGAIN, and writable once half of it is acknowledged") {
  Bench bench;
  const mr_association association = bench.established();
  const mr_association other = bench.established();
  std::vector<std::uint32_t> slots;
  const std::string message(4096, 'x');
  while (true) {
    const int status = bench.send(association, message);
    if (status == -EAGAIN) break;
    REQUIRE(status == 0);
    slots.push_back(bench.engine->take_one().entry.slot);
  }
  CHECK(slots.size() == 4);                // 16384 bytes
  CHECK(bench.send(other, message) == 0);  // nobody else's business
  CHECK(bench.next().type == 0);
  bench.engine->return_slot(0, slots[0]);
  CHECK(bench.next().type == 0);
  CHECK(mr_wait(bench.context, 0) == 0);
  bench.engine->return_slot(0, slots[1]);
  CHECK(mr_wait(bench.context, 0) == 1);
  const mr_event event = bench.next();
  CHECK(event.type == MR_EVENT_WRITABLE);
  CHECK(event.association == association);
  CHECK(event.context == 77);
  CHECK(bench.send(association, message) == 0);
  CHECK(bench.next().type == 0);  // told once
}

TEST_CASE("a full ring says EAGAIN, and writable once the engine has taken something") {
  Bench bench;
  const mr_association association = bench.established();
  int accepted = 0;
  while (bench.send(association, "x") == 0) ++accepted;
  CHECK(accepted == 15);  // one entry of the ring is for requests
  CHECK(bench.next().type == 0);
  bench.engine->take();
  CHECK(bench.next().type == MR_EVENT_WRITABLE);
  CHECK(bench.send(association, "x") == 0);
}

TEST_CASE("no more slots are in flight than the returns ring holds") {
  Bench bench;
  const mr_association association = bench.established();
  std::vector<std::uint32_t> slots;
  int status = 0;
  while ((status = bench.send(association, "x")) == 0)
    slots.push_back(bench.engine->take_one().entry.slot);
  CHECK(status == -EAGAIN);
  CHECK(slots.size() == 30);  // two are for what requests say
  for (const std::uint32_t slot : slots) bench.engine->return_slot(0, slot);
  CHECK_FALSE(bench.engine->channels_[0]->is_evicted());
  CHECK(bench.next().type == MR_EVENT_WRITABLE);
  CHECK(bench.send(association, "x") == 0);
}

TEST_CASE("a batch stops at its first failure and says how far it came") {
  Bench bench;
  const mr_association association = bench.established();
  std::vector<mr_message> messages(20);
  for (mr_message& message : messages) {
    message = mr_message{};
    message.association = association;
    message.data = "batch";
    message.length = 5;
  }
  CHECK(mr_send_batch(bench.context, messages.data(), 5) == 5);
  CHECK(bench.engine->take().size() == 5);
  messages[3].association = 0;
  CHECK(mr_send_batch(bench.context, messages.data(), 5) == 3);
  CHECK(mr_send_batch(bench.context, messages.data() + 3, 2) == -ENOTCONN);
  CHECK(bench.engine->take().size() == 3);
  messages[3].association = association;
  CHECK(mr_send_batch(bench.context, messages.data(), 20) == 15);
  CHECK(mr_send_batch(bench.context, messages.data(), 0) == 0);
}

TEST_CASE("room for messages that go together is there for all of them") {
  Bench bench;
  Context& context = bench.context->context;
  std::vector<Context::Intent> intents;
  for (int i = 0; i < 30; ++i) intents.push_back({bench.established(), 100});
  mr_association full = 0;
  CHECK(context.check_room(intents, full) == 0);
  REQUIRE(bench.send(intents[0].association, "one more") == 0);
  CHECK(context.check_room(intents, full) == -EAGAIN);
  CHECK(full == intents.back().association);
  CHECK(bench.next().type == 0);
  bench.engine->return_slot(0, bench.engine->take_one().entry.slot);
  const mr_event writable = bench.next();
  CHECK(writable.type == MR_EVENT_WRITABLE);
  CHECK(writable.association == full);
  CHECK(context.check_room(intents, full) == 0);
  // So many are never on their way at once, and what cannot be sent wants no room.
  intents.push_back({bench.established(), 100});
  CHECK(context.check_room(intents, full) == -ENOBUFS);
  intents.back().association = 0;
  CHECK(context.check_room(intents, full) == 0);
}

namespace {

std::vector<Context::Intent> three_large(Bench& bench) {
  std::vector<Context::Intent> intents;
  for (int i = 0; i < 3; ++i) intents.push_back({bench.established(), 16384});
  return intents;
}

std::vector<void*> take_all_memory(Bench& bench) {
  std::vector<void*> buffers;
  while (void* buffer = mr_buffer_alloc(bench.context, 16384)) buffers.push_back(buffer);
  return buffers;
}

}  // namespace

TEST_CASE("room for messages that go together is memory for all of them") {
  Bench bench;
  Context& context = bench.context->context;
  const std::vector<Context::Intent> intents = three_large(bench);
  std::vector<void*> buffers = take_all_memory(bench);
  mr_association full = 0;
  for (int i = 0; i < 3; ++i) {
    CHECK(context.check_room(intents, full) == -EAGAIN);
    CHECK(full == intents[static_cast<std::size_t>(i)].association);
    mr_buffer_free(bench.context, buffers.back());
    buffers.pop_back();
  }
  CHECK(context.check_room(intents, full) == 0);
  for (const auto& intent : intents) CHECK(bench.send(intent.association, "x") == -EAGAIN);
  for (const auto& intent : intents)
    CHECK(bench.send(intent.association, std::string(16384, 'x')) == 0);
}

TEST_CASE("messages that go together wait for room in each lane for those of that lane") {
  Bench bench(Bench::small(2));
  Context& context = bench.context->context;
  std::vector<Context::Intent> intents;
  for (std::uint32_t i = 0; i < 40; ++i) intents.push_back({bench.established(i % 2), 100});
  std::vector<FakeEngine::Request> sent;
  for (int i = 0; i < 11; ++i) {
    REQUIRE(bench.send(intents[0].association, "x") == 0);
    sent.push_back(bench.engine->take_one());
  }
  mr_association full = 0;
  CHECK(context.check_room(intents, full) == -EAGAIN);
  CHECK(bench.next().type == 0);
  // Ten stay on their way: the lane has room for 30.
  bench.engine->return_slot(0, sent.front().entry.slot);
  CHECK(bench.next().type == MR_EVENT_WRITABLE);
  CHECK(context.check_room(intents, full) == 0);
}

TEST_CASE("messages that go together wait for memory of their own sizes") {
  ipc::Geometry geometry = Bench::small(1);
  geometry.transmit_arena_bytes = 2 * kPageBytes;  // nine of the large one's size are too many
  Bench bench(geometry);
  Context& context = bench.context->context;
  std::vector<Context::Intent> intents{{bench.established(), 16384}};
  for (int i = 0; i < 8; ++i) intents.push_back({bench.established(), 64});
  const std::vector<void*> buffers = take_all_memory(bench);
  mr_association full = 0;
  CHECK(context.check_room(intents, full) == -EAGAIN);
  CHECK(full == intents[0].association);
  CHECK(bench.next().type == 0);
  for (void* buffer : buffers) mr_buffer_free(bench.context, buffer);
  const mr_event writable = bench.next();
  CHECK(writable.type == MR_EVENT_WRITABLE);
  CHECK(writable.association == full);
  CHECK(context.check_room(intents, full) == 0);
}

TEST_CASE("who was refused together with others and then alone waits for his own message") {
  Bench bench;
  Context& context = bench.context->context;
  const std::vector<Context::Intent> intents = three_large(bench);
  std::vector<void*> buffers = take_all_memory(bench);
  mr_association full = 0;
  CHECK(context.check_room(intents, full) == -EAGAIN);
  CHECK(bench.send(full, std::string(16384, 'x')) == -EAGAIN);
  mr_buffer_free(bench.context, buffers.back());
  CHECK(bench.next().type == MR_EVENT_WRITABLE);
  CHECK(bench.send(full, std::string(16384, 'x')) == 0);
}

TEST_CASE("a buffer is sent without a copy, freed, or refused") {
  Bench bench;
  const mr_association association = bench.established();
  char* buffer = static_cast<char*>(mr_buffer_alloc(bench.context, 100));
  REQUIRE(buffer != nullptr);
  std::memcpy(buffer, "zero copy", 9);
  CHECK(mr_send_buffer(bench.context, association, buffer, 129, 0, 0, 0, 0) == -EINVAL);
  CHECK(mr_send_buffer(bench.context, association, buffer + 1, 9, 0, 0, 0, 0) == -EINVAL);
  CHECK(mr_send_buffer(bench.context, 0, buffer, 9, 0, 0, 0, 0) == -ENOTCONN);
  REQUIRE(mr_send_buffer(bench.context, association, buffer, 9, 0, 0, 0, 0) == 0);
  const auto request = bench.engine->take_one();
  CHECK(request.payload == "zero copy");
  buffer[0] = 'Z';
  CHECK(bench.memory->channels()[0]->payload(request.entry)[0] == 'Z');
  void* other = mr_buffer_alloc(bench.context, 100);
  CHECK(other != buffer);
  mr_buffer_free(bench.context, other);
  CHECK(mr_buffer_alloc(bench.context, 100) == other);
  char elsewhere[10];
  CHECK(mr_send_buffer(bench.context, association, elsewhere, 5, 0, 0, 0, 0) == -EINVAL);
  CHECK(mr_buffer_alloc(bench.context, 0) == nullptr);
}

TEST_CASE("a message that failed comes back whole, and its slot is free after the next call") {
  Bench bench;
  const mr_association association = bench.established();
  REQUIRE(bench.send(association, "undelivered") == 0);
  const auto request = bench.engine->take_one();
  ipc::CompletionEntry entry{};
  entry.event = ipc::Event::send_failed;
  entry.flags = ipc::kSendFailedUnsent;
  entry.reason = ipc::Reason::unreachable;
  entry.association = association;
  entry.context = request.entry.context;
  entry.offset = request.entry.slot;
  entry.length = request.entry.length;
  entry.ppid = request.entry.ppid;
  bench.engine->post(0, entry);
  const mr_event event = bench.next();
  CHECK(event.type == MR_EVENT_SEND_FAILED);
  CHECK(text_of(event) == "undelivered");
  CHECK(event.send_context == 9);
  CHECK(event.context == 77);
  CHECK(event.reason == MR_REASON_UNREACHABLE);
  CHECK((event.flags & MR_UNSENT) != 0);
  REQUIRE(bench.send(association, "next") == 0);
  CHECK(bench.engine->take_one().entry.slot != request.entry.slot);  // still shown to the caller
  mr_release(bench.context);
  REQUIRE(bench.send(association, "next") == 0);
  CHECK(bench.engine->take_one().entry.slot == request.entry.slot);
}

TEST_CASE("slots of an association that is gone do not count against the one that follows it") {
  Bench bench;
  const mr_association association = bench.established();
  std::vector<std::uint32_t> slots;
  for (int i = 0; i < 4; ++i) {
    REQUIRE(bench.send(association, std::string(4096, 'x')) == 0);
    slots.push_back(bench.engine->take_one().entry.slot);
  }
  bench.engine->down(association, ipc::Reason::peer_abort);
  bench.next();
  const mr_association heir = handle(2, 0, index_of(association));
  bench.engine->up(heir);
  bench.next();
  REQUIRE(bench.send(heir, std::string(4096, 'x')) == 0);
  for (const std::uint32_t slot : slots) bench.engine->return_slot(0, slot);
  bench.next();
  for (int i = 0; i < 3; ++i) CHECK(bench.send(heir, std::string(4096, 'x')) == 0);
  CHECK(bench.send(heir, std::string(4096, 'x')) == -EAGAIN);
}

TEST_CASE("over random traffic every message arrives as it was sent and no slot is lost") {
  Bench bench;
  Random random({1, 1});
  const mr_association association = bench.established();
  std::vector<FakeEngine::Request> held;
  std::vector<std::string> sent;
  std::size_t taken = 0, refused = 0;
  for (int step = 0; step < 30000; ++step) {
    const std::uint32_t length = 1 + random.below(random.below(10) == 0 ? 9000 : 300);
    std::string message(length, static_cast<char>('a' + step % 26));
    const int status = bench.send(association, message, random.below(2) == 0 ? MR_MORE : 0);
    if (status == 0) sent.push_back(std::move(message));
    refused += status != 0;
    for (auto& request : bench.engine->take()) {
      REQUIRE(request.payload == sent[taken++]);
      held.push_back(std::move(request));
    }
    while (!held.empty() && random.below(3) != 0) {
      const std::size_t pick = random.below(static_cast<std::uint32_t>(held.size()));
      bench.engine->return_slot(0, held[pick].entry.slot);
      held.erase(held.begin() + static_cast<long>(pick));
    }
    if (random.below(4) == 0) bench.next();
  }
  CHECK(refused > 100);
  CHECK(taken > 10000);
  CHECK_FALSE(bench.engine->channels_[0]->is_evicted());
  // All slots home: the whole send buffer and all of the ring that messages get are free again.
  mr_flush(bench.context);
  for (auto& request : bench.engine->take()) held.push_back(std::move(request));
  for (const auto& request : held) bench.engine->return_slot(0, request.entry.slot);
  bench.next();
  for (int i = 0; i < 15; ++i) CHECK(bench.send(association, std::string(1024, 'x')) == 0);
  CHECK(bench.engine->take().size() == 15);
  CHECK(bench.send(association, std::string(1024, 'x')) == 0);
}

}  // namespace
}  // namespace millrace::api
