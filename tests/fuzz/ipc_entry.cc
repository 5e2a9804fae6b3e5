// A hostile application: entries of any content in the submission ring, any value in any word that
// it shares. The engine's side may evict it and nothing else; everything that take() lets through
// is read to its last byte, so that a range that was not checked is a fault that a sanitizer sees.
//
// The input is a list of records: one byte says what it is, the rest is its content.
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "engine/ipc/context_memory.h"

namespace millrace::ipc {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

Geometry small() {
  Geometry geometry;
  geometry.submission_capacity = 8;
  geometry.completion_capacity = 8;
  geometry.returns_capacity = 8;
  geometry.receive_arena_bytes = 65536;
  geometry.transmit_arena_bytes = 65536;
  return geometry;
}

/// Memory is made once; every input starts with zeroed words and a fresh engine's side.
struct Memory {
  Memory() {
    std::string error;
    context = ContextMemory::create(1, small(), HugePages::no, -1, error);
    require(context != nullptr);
    client = context->local_client();
  }
  std::unique_ptr<ContextMemory> context;
  ClientMemory client;
};

std::uint64_t read_all(Bytes bytes) {
  std::uint64_t sum = 0;
  for (const std::uint8_t byte : bytes) sum += byte;
  return sum;
}

/// One turn of an lcore.
std::uint64_t serve(Channel& channel, const Memory& memory) {
  const Geometry geometry = small();
  std::array<SubmissionEntry, Channel::kTakeMax> taken;
  const std::size_t count = channel.take(taken);
  require(count <= geometry.submission_capacity);
  require(count == 0 || !channel.is_evicted());
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes payload = channel.payload(taken[i]);
    require(payload.size() <= geometry.transmit_arena_bytes);
    sum += read_all(payload);
    std::array<IpAddress, kListenAddressesMax> addresses;
    sum += channel.addresses(taken[i], addresses);
    if (taken[i].operation == Operation::send) channel.return_slot(taken[i].slot);
  }
  CompletionEntry entry{};
  entry.event = Event::message;
  entry.length = 5000;
  if (std::uint8_t* to = channel.reserve(entry.length)) {
    const auto* start = reinterpret_cast<std::uint8_t*>(memory.client.channels);
    require(to >= start + geometry.receive_offset());
    require(to + entry.length <= start + geometry.channel_bytes());
    std::memset(to, 1, entry.length);
    channel.post_message(entry);
  }
  channel.publish();
  return sum;
}

void run(const std::uint8_t* data, std::size_t size) {
  static Memory memory;
  ChannelHeader& header = memory.client.header(0);
  std::memset(static_cast<void*>(memory.client.channels), 0, small().receive_offset());
  Channel channel(1, 0, {small(), memory.client.channels, memory.client.transmit}, -1);
  auto* entries =
      reinterpret_cast<SubmissionEntry*>(memory.client.channels + small().submission_offset());
  SharedWord* words[] = {&header.application.submission_producer,
                         &header.application.completion_consumer,
                         &header.application.returns_consumer, &header.application.receive_freed,
                         &header.application.asleep};
  std::uint32_t produced = 0;
  const std::uint8_t* const end = data + size;
  while (data < end) {
    const std::uint8_t kind = *data++;
    if ((kind & 3) == 3) {
      // Lie in a word.
      if (end - data < 4) return;
      std::uint32_t value;
      std::memcpy(&value, data, sizeof value);
      data += sizeof value;
      words[(kind >> 2) % 5]->store(value);
    } else if ((kind & 3) == 2) {
      // Give back what there is, as a library does.
      words[1]->store(header.engine.completion_producer.load());
      words[2]->store(header.engine.returns_producer.load());
    } else {
      if (end - data < 64) return;
      std::memcpy(static_cast<void*>(&entries[produced % 8]), data, 64);
      data += 64;
      words[0]->store(++produced);
    }
    if ((kind & 0x80) == 0) serve(channel, memory);
  }
}

}  // namespace
}  // namespace millrace::ipc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  millrace::ipc::run(data, size);
  return 0;
}
