// Two engines of several lcores, each lcore on a thread and a CPU of its own.
#pragma once

#include <array>
#include <cstdint>
#include <latch>
#include <memory>
#include <optional>
#include <vector>

#include "api/millrace.h"
#include "bench/contestant.h"
#include "drivers/buffer_depot.h"
#include "drivers/memory_port.h"
#include "engine/lcore/host.h"

namespace millrace::bench {

/// A thread has one lcore of either engine, the wire between them, an application at either end,
/// and as many associations as any other. Straight, these lcores own them, and threads share what
/// the lcores of an engine share anyhow. Crossed, the server's end is the next thread's: every
/// packet comes in where it is not wanted and is handed over, from core to core.
class ParallelPair {
 public:
  explicit ParallelPair(std::size_t lcores);
  ~ParallelPair();
  ParallelPair(const ParallelPair&) = delete;
  ParallelPair& operator=(const ParallelPair&) = delete;

  enum class Owners { kStraight, kCrossed };
  struct Result {
    double rate = 0;  ///< messages of 64 bytes a second, of all threads, each by its time on a core
    double ns_per_packet = 0;  ///< of a core
    double handed_over = 0;    ///< the part of the packets
  };

  /// All threads at once.
  Result carry(Owners owners, Duration span);

 private:
  struct Flow {
    mr_association name;
    std::uint32_t written = 0;
    std::uint32_t expected = 0;
  };
  struct Slice {
    Slice(std::size_t number, std::size_t lcores, drivers::BufferDepot& depot);

    std::size_t number;
    BufferPool pool;
    BufferSlab memory;
    std::optional<drivers::MemoryWire> wire;
    mr_context* client = nullptr;
    mr_context* server = nullptr;
    std::array<std::vector<Flow>, 2> flows;  // by Owners
    std::vector<Flow>* used = nullptr;       // of these
    std::size_t next = 0;
    std::uint64_t sent = 0, received = 0;
    Work work;
    std::uint64_t packets = 0, handed_over = 0;  // of a run
  };

  std::unique_ptr<Host> make_host(std::size_t end);
  void set_up(Slice& slice);
  void run(Slice& slice, Duration span, std::latch& start, std::latch& end);
  void go_on(Slice& slice, Duration span);
  void turn(Slice& slice);
  void drain(Slice& slice, std::latch& end);
  std::uint64_t count(const Slice& slice, Counter counter) const;
  static void send(Slice& slice);
  static void receive(Slice& slice);

  drivers::BufferDepot depot_;
  std::vector<std::unique_ptr<Slice>> slices_;
  std::unique_ptr<Host> left_, right_;
};

}  // namespace millrace::bench
