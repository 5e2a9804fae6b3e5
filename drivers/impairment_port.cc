#include "drivers/impairment_port.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/limits.h"

namespace millrace::drivers {
namespace {

bool happens(Random& random, double probability) {
  constexpr double kScale = 4294967296.0;
  return probability > 0 && random.next_u32() < probability * kScale;
}

}  // namespace

ImpairmentPort::ImpairmentPort(std::unique_ptr<PortQueue> inner, const ImpairmentConfig& config,
                               BufferPool& pool, std::function<Time()> clock)
    : inner_(std::move(inner)),
      config_(config),
      pool_(pool),
      clock_(std::move(clock)),
      incoming_(config.seed, 0),
      outgoing_(config.seed, 1) {}

ImpairmentPort::~ImpairmentPort() {
  for (const Held& held : incoming_.held) pool_.release(held.frame);
  for (const Held& held : outgoing_.held) pool_.release(held.frame);
}

std::size_t ImpairmentPort::receive(std::span<Buffer*> frames) {
  const Time now = clock_();
  send_due(now);
  std::array<Buffer*, kBurstMax> fresh;
  const std::size_t received =
      inner_->receive({fresh.data(), std::min(frames.size(), fresh.size())});
  for (std::size_t i = 0; i < received; ++i) enter(incoming_, now, fresh[i]);
  std::size_t count = 0;
  while (count < frames.size()) {
    Buffer* frame = next_due(incoming_, now);
    if (frame == nullptr) break;
    frames[count++] = frame;
  }
  publish();
  return count;
}

std::size_t ImpairmentPort::send(std::span<Buffer* const> frames) {
  const Time now = clock_();
  for (Buffer* frame : frames) enter(outgoing_, now, frame);
  send_due(now);
  publish();
  return frames.size();
}

void ImpairmentPort::publish() {
  const ImpairmentStatistics& in = incoming_.statistics;
  const ImpairmentStatistics& out = outgoing_.statistics;
  // pairs: lost
  lost_.store(in.lost + in.overflowed + out.lost + out.overflowed, std::memory_order_relaxed);
}

void ImpairmentPort::send_due(Time now) {
  while (Buffer* frame = next_due(outgoing_, now)) {
    if (inner_->send({&frame, 1}) == 1) continue;
    hold(outgoing_, now, frame);  // the port is full: the frame waits for the next poll
    return;
  }
}

void ImpairmentPort::enter(Direction& direction, Time now, Buffer* frame) {
  ImpairmentStatistics& statistics = direction.statistics;
  Random& random = direction.random;
  ++statistics.frames;
  if (happens(random, config_.loss)) {
    ++statistics.lost;
    pool_.release(frame);
    return;
  }
  Time due = now + config_.delay;
  if (happens(random, config_.duplicate)) {
    if (Buffer* copy = copy_of(*frame)) {
      ++statistics.duplicated;
      hold(direction, due, copy);
    }
  }
  if (happens(random, config_.corrupt)) {
    ++statistics.corrupted;
    corrupt(direction, *frame);
  }
  if (happens(random, config_.reorder)) {
    ++statistics.reordered;
    due = due + nanoseconds(1 + random.below(static_cast<std::uint32_t>(kReorderSpan.ns)));
  }
  hold(direction, due, frame);
}

void ImpairmentPort::hold(Direction& direction, Time due, Buffer* frame) {
  if (direction.held.size() == kHeldMax) {
    ++direction.statistics.overflowed;
    pool_.release(frame);
    return;
  }
  direction.held.push_back({due, direction.entered++, frame});
  std::push_heap(direction.held.begin(), direction.held.end(), [](const Held& a, const Held& b) {
    return a.due != b.due ? a.due > b.due : a.order > b.order;
  });
}

Buffer* ImpairmentPort::next_due(Direction& direction, Time now) {
  if (direction.held.empty() || direction.held.front().due > now) return nullptr;
  std::pop_heap(direction.held.begin(), direction.held.end(), [](const Held& a, const Held& b) {
    return a.due != b.due ? a.due > b.due : a.order > b.order;
  });
  Buffer* frame = direction.held.back().frame;
  direction.held.pop_back();
  return frame;
}

void ImpairmentPort::corrupt(Direction& direction, Buffer& frame) {
  MR_ASSERT(frame.references == 1);
  if (frame.length == 0) return;
  const std::uint32_t flips = 1 + direction.random.below(3);
  for (std::uint32_t i = 0; i < flips; ++i) {
    const std::uint32_t bit = direction.random.below(frame.length * 8);
    frame.data[bit / 8] = static_cast<std::uint8_t>(frame.data[bit / 8] ^ 1u << bit % 8);
  }
}

Buffer* ImpairmentPort::copy_of(const Buffer& frame) {
  Buffer* copy = pool_.acquire();
  if (copy == nullptr) return nullptr;
  copy->data = copy->storage + frame.headroom();
  copy->length = frame.length;
  copy->flags = frame.flags;
  copy->interface_index = frame.interface_index;
  copy->network_offset = frame.network_offset;
  copy->sctp_offset = frame.sctp_offset;
  copy->sctp_length = frame.sctp_length;
  copy->vlan = frame.vlan;
  std::memcpy(copy->data, frame.data, frame.length);
  return copy;
}

PortTraits ImpairmentPort::traits(PortTraits inner) {
  inner.sctp_checksum_on_send = false;
  inner.sctp_checksum_on_receive = false;
  return inner;
}

}  // namespace millrace::drivers
