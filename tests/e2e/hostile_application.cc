// An application that breaks every rule of the shared memory: attaches as a library would, then
// writes what no library writes until the engine throws it out.
//
//   hostile-application SOCKET bytes|indices|entries|requests|bells SEED SECONDS
//
// What "requests" posts could come from a library, so it stays attached.
// Status 0: it was detached. 1: it could not attach. 2: usage. 3: it is still attached at the end.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include "engine/ipc/attach_client.h"

namespace {

using millrace::ipc::ChannelHeader;
using millrace::ipc::ClientMemory;
using millrace::ipc::CompletionEntry;
using millrace::ipc::SubmissionEntry;

constexpr std::uint16_t kFirstPort = 5100;

class Hostile {
 public:
  Hostile(ClientMemory& memory, std::uint64_t seed) : memory_(memory), random_(seed) {}

  /// Random bytes anywhere: headers, rings, both arenas.
  void write_bytes() {
    for (int i = 0; i < 4096; ++i) {
      memory_.channels[random_() % memory_.geometry.channels_bytes()] = any_byte();
      memory_.transmit[random_() % memory_.geometry.transmit_arena_bytes] = any_byte();
    }
    for (std::uint32_t lcore = 0; lcore < memory_.geometry.lcores; ++lcore) {
      auto* header = reinterpret_cast<std::byte*>(&memory_.header(lcore));
      for (int i = 0; i < 64; ++i) header[random_() % sizeof(ChannelHeader)] = any_byte();
    }
  }

  /// Sound entries do not matter: the words that say how many there are, are wrong.
  void write_indices() {
    ChannelHeader& header = any_header();
    auto& words = header.application;
    for (auto* word : {&words.submission_producer, &words.completion_consumer,
                       &words.returns_consumer, &words.receive_freed, &words.asleep}) {
      if (random_() % 4 == 0) word->store(static_cast<std::uint32_t>(random_()));
    }
  }

  /// Requests that are posted properly and make no sense, or nearly make some.
  void write_entries() {
    const std::uint32_t lcore = static_cast<std::uint32_t>(random_() % memory_.geometry.lcores);
    ChannelHeader& header = memory_.header(lcore);
    const std::uint32_t at = header.application.submission_producer.load();
    if (is_polite_ && at - header.engine.submission_consumer.load(std::memory_order_acquire) >=
                          memory_.geometry.submission_capacity)
      return;
    SubmissionEntry entry;
    auto* bytes = reinterpret_cast<std::uint8_t*>(&entry);
    for (std::size_t i = 0; i < sizeof(entry); ++i) bytes[i] = static_cast<std::uint8_t>(random_());
    if (is_polite_ || random_() % 8 != 0) make_plausible(entry, lcore);
    auto* ring = reinterpret_cast<SubmissionEntry*>(reinterpret_cast<std::byte*>(&header) +
                                                    memory_.geometry.submission_offset());
    std::memcpy(&ring[at % memory_.geometry.submission_capacity], &entry, sizeof(entry));
    header.application.submission_producer.store(at + 1, std::memory_order_release);
  }

  /// As above, but nothing that the engine would throw it out for; what it is answered is taken.
  void write_requests() {
    is_polite_ = true;
    for (int i = 0; i < 16; ++i) write_entries();
    for (std::uint32_t lcore = 0; lcore < memory_.geometry.lcores; ++lcore)
      take_answers(memory_.header(lcore));
  }

  void ring_bells() {
    const std::uint64_t one = random_() | 1;
    for (const int bell : memory_.lcore_bells) {
      [[maybe_unused]] const auto written = write(bell, &one, sizeof(one));
    }
  }

  bool is_detached(int milliseconds) {
    pollfd wait{memory_.socket, POLLIN, 0};
    if (poll(&wait, 1, milliseconds) <= 0) return false;
    char byte;
    return (wait.revents & (POLLHUP | POLLERR)) != 0 || read(memory_.socket, &byte, 1) <= 0;
  }

 private:
  std::byte any_byte() { return static_cast<std::byte>(random_()); }
  ChannelHeader& any_header() {
    return memory_.header(static_cast<std::uint32_t>(random_() % memory_.geometry.lcores));
  }
  /// Operations of every kind. Ports and contexts are few: listeners meet, and are ended again.
  void make_plausible(SubmissionEntry& entry, std::uint32_t lcore) {
    using millrace::ipc::Operation;
    entry.operation = static_cast<Operation>(1 + random_() % millrace::ipc::kOperationLast);
    entry.flags &= millrace::ipc::kSubmissionFlags;
    entry.association = (1 + random_() % 4) << 32 | std::uint64_t{lcore} << 24 | random_() % 64;
    if (random_() % 4 != 0) entry.association = known_[random_() % kKnown];
    entry.context %= 4;
    entry.local_port = static_cast<std::uint16_t>(kFirstPort + random_() % 4);
    entry.peer_port = static_cast<std::uint16_t>(kFirstPort + random_() % 4);
    const std::size_t room = memory_.geometry.transmit_arena_bytes - (is_polite_ ? kPayload : 0);
    entry.slot %= room / millrace::ipc::kSlotUnit;
    entry.length = length_for(entry.operation);
    entry.value %= 16;
    entry.reserved = 0;
    if (entry.operation == Operation::set_parameter || entry.operation == Operation::preset)
      entry.parameter =
          static_cast<millrace::ipc::Parameter>(1 + random_() % millrace::ipc::kParameterLast);
    if (entry.operation == Operation::listen || entry.operation == Operation::connect)
      write_addresses(entry);
  }

  /// Mostly one that the operation may have.
  std::uint32_t length_for(millrace::ipc::Operation operation) {
    using millrace::ipc::Operation;
    if (!is_polite_ && random_() % 64 == 0) return static_cast<std::uint32_t>(random_() % kPayload);
    switch (operation) {
      case Operation::send:
        return static_cast<std::uint32_t>(1 + random_() % kPayload);
      case Operation::abort:
        return static_cast<std::uint32_t>(random_() % 1024);
      case Operation::listen:
      case Operation::connect:
        return static_cast<std::uint32_t>(16 * (1 + random_() % 3));
      default:
        return 0;
    }
  }

  /// Addresses of the engine, others, and some that are none.
  void write_addresses(SubmissionEntry& entry) {
    static constexpr std::uint8_t kKinds[][16] = {
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 20, 0, 1},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 20, 0, 77},
        {},
    };
    const std::size_t room = memory_.geometry.transmit_arena_bytes;
    std::size_t at = std::size_t{entry.slot} * millrace::ipc::kSlotUnit;
    entry.value = 1 + entry.value % std::max(entry.length / 16, 1u);
    for (std::uint32_t i = 0; i < entry.length / 16 && at + 16 <= room; ++i, at += 16) {
      if (random_() % 16 != 0) std::memcpy(memory_.transmit + at, kKinds[random_() % 5], 16);
    }
  }

  void take_answers(ChannelHeader& header) {
    auto* base = reinterpret_cast<std::byte*>(&header);
    auto* ring = reinterpret_cast<CompletionEntry*>(base + memory_.geometry.completion_offset());
    const std::uint32_t end = header.engine.completion_producer.load(std::memory_order_acquire);
    std::uint32_t at = header.application.completion_consumer.load();
    for (; at != end; ++at) {
      const CompletionEntry& answer = ring[at % memory_.geometry.completion_capacity];
      if (answer.association != 0) known_[random_() % kKnown] = answer.association;
      header.application.receive_freed.store(answer.arena_end, std::memory_order_release);
    }
    header.application.completion_consumer.store(end, std::memory_order_release);
    header.application.returns_consumer.store(
        header.engine.returns_producer.load(std::memory_order_acquire), std::memory_order_release);
  }

  static constexpr std::size_t kKnown = 16;
  static constexpr std::size_t kPayload = 2048;

  ClientMemory& memory_;
  std::mt19937_64 random_;
  bool is_polite_ = false;
  std::uint64_t known_[kKnown] = {};  // associations that there are, or were
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s SOCKET bytes|indices|entries|requests|bells SEED SECONDS\n",
                 argv[0]);
    return 2;
  }
  const std::string mode = argv[2];
  auto result = millrace::ipc::attach(argv[1], "hostile", millrace::seconds(5));
  if (result.status != 0) {
    std::fprintf(stderr, "attach: %s\n", result.error.c_str());
    return 1;
  }
  Hostile hostile(result.memory, std::strtoull(argv[3], nullptr, 10));
  const auto end =
      std::chrono::steady_clock::now() +
      std::chrono::milliseconds(static_cast<int>(std::strtod(argv[4], nullptr) * 1000));
  std::uint64_t rounds = 0;
  while (std::chrono::steady_clock::now() < end) {
    if (mode == "bytes") hostile.write_bytes();
    if (mode == "indices") hostile.write_indices();
    if (mode == "entries") hostile.write_entries();
    if (mode == "requests") hostile.write_requests();
    hostile.ring_bells();
    ++rounds;
    if (hostile.is_detached(mode == "entries" || mode == "requests" ? 0 : 1)) {
      std::printf("detached after %llu rounds\n", static_cast<unsigned long long>(rounds));
      return 0;
    }
  }
  std::printf("still attached after %llu rounds\n", static_cast<unsigned long long>(rounds));
  return 3;
}
