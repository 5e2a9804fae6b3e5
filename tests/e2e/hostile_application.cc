// An application that breaks every rule of the shared memory: attaches as a library would, then
// writes what no library writes until the engine throws it out.
//
//   hostile-application SOCKET bytes|indices|entries|bells SEED SECONDS
//
// Status 0: it was detached. 1: it could not attach. 2: usage. 3: it is still attached at the end.
#include <poll.h>
#include <unistd.h>

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
using millrace::ipc::SubmissionEntry;

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
    SubmissionEntry entry;
    auto* bytes = reinterpret_cast<std::uint8_t*>(&entry);
    for (std::size_t i = 0; i < sizeof(entry); ++i) bytes[i] = static_cast<std::uint8_t>(random_());
    if (random_() % 8 != 0) make_plausible(entry, lcore);
    auto* ring = reinterpret_cast<SubmissionEntry*>(reinterpret_cast<std::byte*>(&header) +
                                                    memory_.geometry.submission_offset());
    std::memcpy(&ring[at % memory_.geometry.submission_capacity], &entry, sizeof(entry));
    header.application.submission_producer.store(at + 1, std::memory_order_release);
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
  void make_plausible(SubmissionEntry& entry, std::uint32_t lcore) {
    entry.operation = static_cast<millrace::ipc::Operation>(1 + random_() % 10);
    entry.flags &= millrace::ipc::kSubmissionFlags;
    entry.association = (1 + random_() % 4) << 32 | std::uint64_t{lcore} << 24 | random_() % 64;
    entry.slot %= memory_.geometry.transmit_arena_bytes / millrace::ipc::kSlotUnit;
    entry.length %= 2048;
    entry.value %= 16;
    entry.reserved = 0;
  }

  ClientMemory& memory_;
  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s SOCKET bytes|indices|entries|bells SEED SECONDS\n", argv[0]);
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
    hostile.ring_bells();
    ++rounds;
    if (hostile.is_detached(mode == "entries" ? 0 : 1)) {
      std::printf("detached after %llu rounds\n", static_cast<unsigned long long>(rounds));
      return 0;
    }
  }
  std::printf("still attached after %llu rounds\n", static_cast<unsigned long long>(rounds));
  return 3;
}
