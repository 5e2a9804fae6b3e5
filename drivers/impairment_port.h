// A port that is worse than it is: for tests and trials.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/time.h"
#include "engine/net/port.h"

namespace millrace::drivers {

/// What happens to frames, in both directions alike. Probabilities are from 0 to 1.
struct ImpairmentConfig {
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;  ///< held back for up to kReorderSpan, so that later frames overtake
  double corrupt = 0;  ///< one to three bits flipped, anywhere in the frame
  Duration delay;
  std::uint64_t seed = 1;

  bool is_any() const {
    return loss > 0 || duplicate > 0 || reorder > 0 || corrupt > 0 || delay > Duration{};
  }
};

/// What has happened to the frames of one direction.
struct ImpairmentStatistics {
  std::uint64_t frames = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t overflowed = 0;  ///< lost because too many were held back
};

/// Stands before another queue. The same seed, frames and times give the same faults. Frames that
/// are held back move on when the queue is polled. Allocates in its constructor only.
class ImpairmentPort final : public PortQueue {
 public:
  static constexpr Duration kReorderSpan = milliseconds(2);
  static constexpr std::size_t kHeldMax = 4096;

  /// `clock` tells the time of the poll that is under way. Releases what it loses into `pool`.
  ImpairmentPort(std::unique_ptr<PortQueue> inner, const ImpairmentConfig& config, BufferPool& pool,
                 std::function<Time()> clock);
  ~ImpairmentPort() override;

  std::size_t receive(std::span<Buffer*> frames) override;
  std::size_t send(std::span<Buffer* const> frames) override;
  void balance_pool() override { inner_->balance_pool(); }

  const ImpairmentStatistics& received() const { return incoming_.statistics; }
  const ImpairmentStatistics& sent() const { return outgoing_.statistics; }

  /// Frames of both directions that it has lost on purpose or for want of room. Any thread.
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }  // pairs: publish

  /// The traits of a port behind an impairment: checksums are made and checked outside of it.
  static PortTraits traits(PortTraits inner);

 private:
  struct Held {
    Time due;
    std::uint64_t order = 0;  // of entry: frames that are due at the same time keep their order
    Buffer* frame = nullptr;
  };
  struct Direction {
    explicit Direction(std::uint64_t seed, std::uint64_t number) : random({seed, number}) {
      held.reserve(kHeldMax);
    }
    std::vector<Held> held;  // a heap, the earliest on top
    std::uint64_t entered = 0;
    Random random;
    ImpairmentStatistics statistics;
  };

  void enter(Direction& direction, Time now, Buffer* frame);
  void hold(Direction& direction, Time due, Buffer* frame);
  void corrupt(Direction& direction, Buffer& frame);
  Buffer* copy_of(const Buffer& frame);
  static Buffer* next_due(Direction& direction, Time now);
  void send_due(Time now);
  void publish();

  std::unique_ptr<PortQueue> inner_;
  const ImpairmentConfig config_;
  BufferPool& pool_;
  std::function<Time()> clock_;
  Direction incoming_;
  Direction outgoing_;
  std::atomic<std::uint64_t> lost_{0};  // pairs: publish -> lost
};

}  // namespace millrace::drivers
