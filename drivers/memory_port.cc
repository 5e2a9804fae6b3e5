#include "drivers/memory_port.h"

#include <algorithm>

#include "engine/base/assert.h"

namespace millrace::drivers {

MemoryWire::MemoryWire(BufferPool& pool, std::size_t frames_max, BufferDepot* depot)
    : pool_(pool),
      directions_{Direction(frames_max), Direction(frames_max)},
      ends_{End(directions_[1], directions_[0], pool, depot),
            End(directions_[0], directions_[1], pool, depot)} {
  MR_ASSERT(frames_max > 0 && (frames_max & (frames_max - 1)) == 0);
}

MemoryWire::~MemoryWire() {
  for (Direction& direction : directions_) {
    Buffer* frame = nullptr;
    while (direction.pop({&frame, 1}) == 1) pool_.release(frame);
  }
}

PortTraits MemoryWire::traits(std::size_t index) {
  PortTraits traits;
  traits.mac = {0x02, 0x4d, 0x52, 0, 0, static_cast<std::uint8_t>(index + 1)};
  traits.mtu = 1500;
  return traits;
}

std::size_t MemoryWire::Direction::push(std::span<Buffer* const> frames) {
  const std::size_t count = std::min(frames.size(), frames_.size() - size());
  for (std::size_t i = 0; i < count; ++i) {
    // The receiver strips headers in place: nobody else may look at this memory.
    MR_ASSERT(frames[i]->references == 1);
    frames_[tail_++ & (frames_.size() - 1)] = frames[i];
  }
  return count;
}

std::size_t MemoryWire::Direction::pop(std::span<Buffer*> frames) {
  const std::size_t count = std::min(frames.size(), size());
  for (std::size_t i = 0; i < count; ++i) {
    Buffer* frame = frames_[head_++ & (frames_.size() - 1)];
    frame->flags = 0;
    frame->vlan = 0;
    frames[i] = frame;
  }
  return count;
}

}  // namespace millrace::drivers
