// What usrsctp sends, until it is given to the other end.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "bench/contestant.h"

namespace millrace::bench {

/// usrsctp takes packets out of its own memory before it is asked for more, so they are copied. A
/// buffer that is free again is the next to be used: it is in cache.
class UsrsctpWire {
 public:
  static constexpr std::size_t kPacketBytes = 2048;
  static constexpr std::size_t kPackets = 8192;  // a power of two

  struct Packet {
    void* from = nullptr;  // the name of the end that sent it
    std::size_t size = 0;
    std::uint8_t* bytes = nullptr;
  };

  UsrsctpWire() : memory_(new std::uint8_t[kPackets * kPacketBytes]), queue_(kPackets) {
    for (std::size_t i = kPackets; i-- > 0;) free_.push_back(memory_.get() + i * kPacketBytes);
  }

  void push(void* from, const void* bytes, std::size_t size) {
    if (size > kPacketBytes || free_.empty()) fail("usrsctp: the wire is full");
    Packet& packet = queue_[tail_++ % kPackets];
    packet = {from, size, free_.back()};
    free_.pop_back();
    std::memcpy(packet.bytes, bytes, size);
  }
  bool empty() const { return head_ == tail_; }
  Packet pop() { return queue_[head_++ % kPackets]; }
  void give_back(const Packet& packet) { free_.push_back(packet.bytes); }

 private:
  std::unique_ptr<std::uint8_t[]> memory_;
  std::vector<Packet> queue_;
  std::vector<std::uint8_t*> free_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

}  // namespace millrace::bench
