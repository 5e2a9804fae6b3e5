// What a flood takes from an association that is there.
#pragma once

#include <memory>

#include "api/millrace.h"
#include "bench/clocks.h"
#include "bench/content.h"
#include "bench/flood_port.h"
#include "drivers/memory_port.h"
#include "engine/lcore/host.h"

namespace millrace::bench {

/// What the server's engine spent while messages came through it.
struct FloodedWork {
  std::uint64_t messages = 0;
  std::uint64_t flood_packets = 0;
  std::uint64_t answers = 0;
  double seconds = 0;  ///< of the server's engine and application

  double rate() const { return static_cast<double>(messages) / seconds; }
};

/// Two engines on one thread, joined by a wire in memory; the server's has a second port that the
/// flood comes in by. Only the server's turns are timed: the client stands for another machine.
class FloodedPair {
 public:
  explicit FloodedPair(const ShardLimits& limits);
  ~FloodedPair();
  FloodedPair(const FloodedPair&) = delete;
  FloodedPair& operator=(const FloodedPair&) = delete;

  /// Messages of `size` bytes, with so many packets of the flood for each of them.
  FloodedWork run(Flood flood, double packets_per_message, std::size_t size,
                  std::uint64_t messages);

  /// Of the engine that is flooded, since it began.
  std::uint64_t count(Counter counter) const { return server_->count(counter); }

 private:
  void turn();
  void serve(Reader* reader);
  void connect();

  Clock clock_;
  BufferPool pool_;
  BufferSlab memory_;
  drivers::MemoryWire wire_;
  FloodPort flood_;
  std::unique_ptr<Host> client_;
  std::unique_ptr<Host> server_;
  mr_context* client_context_ = nullptr;
  mr_context* server_context_ = nullptr;
  mr_association association_ = 0;
  std::int64_t server_ns_ = 0;
};

}  // namespace millrace::bench
