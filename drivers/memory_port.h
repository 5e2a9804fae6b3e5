// A wire inside one process: two ports whose frames move by pointer.
#pragma once

#include <cstddef>
#include <vector>

#include "drivers/buffer_depot.h"
#include "engine/base/buffer.h"
#include "engine/net/port.h"

namespace millrace::drivers {

/// Joins two engines of one thread. Both release into the pool that the wire is made with, which
/// a depot, if there is one, balances with those of other threads. What
/// does not fit the wire stays with the sender, as with any port that is full. Allocates in its
/// constructor only.
class MemoryWire {
 public:
  /// Up to `frames_max` frames wait in each direction; it is a power of two.
  MemoryWire(BufferPool& pool, std::size_t frames_max, BufferDepot* depot = nullptr);
  ~MemoryWire();
  MemoryWire(const MemoryWire&) = delete;
  MemoryWire& operator=(const MemoryWire&) = delete;

  /// One end of the wire: 0 or 1.
  PortQueue& end(std::size_t index) { return ends_[index]; }
  /// What a port at this end is: an address of its own and no checksum offload.
  static PortTraits traits(std::size_t index);

  /// Frames that were sent from this end and not received at the other yet.
  std::size_t in_flight(std::size_t index) const { return directions_[index].size(); }

 private:
  /// Frames in one direction.
  class Direction {
   public:
    explicit Direction(std::size_t capacity) : frames_(capacity) {}
    std::size_t size() const { return tail_ - head_; }
    std::size_t push(std::span<Buffer* const> frames);
    std::size_t pop(std::span<Buffer*> frames);

   private:
    std::vector<Buffer*> frames_;  // a power of two
    std::size_t head_ = 0;         // free-running; head_ <= tail_ <= head_ + capacity
    std::size_t tail_ = 0;
  };

  class End final : public PortQueue {
   public:
    End(Direction& incoming, Direction& outgoing, BufferPool& pool, BufferDepot* depot)
        : incoming_(incoming), outgoing_(outgoing), pool_(pool), depot_(depot) {}
    std::size_t receive(std::span<Buffer*> frames) override { return incoming_.pop(frames); }
    std::size_t send(std::span<Buffer* const> frames) override { return outgoing_.push(frames); }
    void balance_pool() override {
      if (depot_ != nullptr) depot_->balance(pool_);
    }

   private:
    Direction& incoming_;
    Direction& outgoing_;
    BufferPool& pool_;
    BufferDepot* depot_;
  };

  BufferPool& pool_;
  Direction directions_[2];  // [i]: sent from end i
  End ends_[2];
};

}  // namespace millrace::drivers
