// Two engines of several lcores, each lcore on a thread and a CPU of its own.
#pragma once

#include <cstdint>
#include <latch>
#include <memory>
#include <optional>
#include <vector>

#include "api/millrace.h"
#include "bench/contestant.h"
#include "drivers/memory_port.h"
#include "engine/lcore/host.h"

namespace millrace::bench {

/// A thread has one lcore of either engine, the wire between them, an application at either end,
/// and associations that these lcores own. What the lcores of an engine share is all that they
/// share.
class ParallelPair {
 public:
  explicit ParallelPair(std::size_t lcores);
  ~ParallelPair();
  ParallelPair(const ParallelPair&) = delete;
  ParallelPair& operator=(const ParallelPair&) = delete;

  /// Messages of 64 bytes a second that all threads carry at once, each by its time on a core.
  double rate(Duration span);

 private:
  struct Flow {
    mr_association name;
    std::uint32_t written = 0;
    std::uint32_t expected = 0;
  };
  struct Slice {
    Slice(std::size_t number, std::size_t lcores);

    std::size_t number;
    BufferPool pool;
    BufferSlab memory;
    std::optional<drivers::MemoryWire> wire;
    mr_context* client = nullptr;
    mr_context* server = nullptr;
    std::vector<Flow> flows;
    std::size_t next = 0;
    std::uint64_t sent = 0, received = 0;
    Work work;
  };

  std::unique_ptr<Host> make_host(std::size_t end);
  void set_up(Slice& slice);
  void run(Slice& slice, Duration span, std::latch& start);
  void go_on(Slice& slice, Duration span);
  void turn(Slice& slice);
  static void send(Slice& slice);
  static void receive(Slice& slice);

  std::vector<std::unique_ptr<Slice>> slices_;
  std::unique_ptr<Host> left_, right_;
};

}  // namespace millrace::bench
