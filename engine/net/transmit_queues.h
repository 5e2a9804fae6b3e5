// Frames that wait to be given to the ports.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/base/counters.h"
#include "engine/base/limits.h"
#include "engine/net/port.h"

namespace millrace::net {

/// One queue for each port of one lcore; a queue that holds a burst goes out at once, and the rest
/// with flush().
class TransmitQueues {
 public:
  TransmitQueues(std::span<PortQueue* const> ports, BufferPool& pool, Counters& counters);
  ~TransmitQueues();
  TransmitQueues(const TransmitQueues&) = delete;
  TransmitQueues& operator=(const TransmitQueues&) = delete;

  /// Takes over a frame.
  void push(std::size_t port, Buffer* frame) {
    Queue& queue = queues_[port];
    queue.frames[queue.count++] = frame;
    if (queue.count == kBurstMax) flush(queue);
  }

  void flush() {
    for (Queue& queue : queues_) {
      if (queue.count != 0) flush(queue);
    }
  }

  std::size_t size() const { return queues_.size(); }

 private:
  struct Queue {
    PortQueue* port = nullptr;  // nullptr: this lcore has no queue pair of the port
    std::size_t count = 0;      // < kBurstMax between calls
    std::array<Buffer*, kBurstMax> frames{};
  };

  void flush(Queue& queue);

  BufferPool& pool_;
  Counters& counters_;
  std::vector<Queue> queues_;
};

}  // namespace millrace::net
