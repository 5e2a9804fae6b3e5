// Packet buffers and the pool they come from.
//
// A buffer is one packet's memory with a reference count. It belongs to one thread at a time; the
// count is therefore a plain integer. The pool is a stack of free buffers that belongs to one
// thread. Drivers fill it and take from it in bulk, so that a DPDK mempool, a slab of plain memory
// or the packets of another engine can stand behind it, and a release costs a push and no call
// through a pointer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/base/limits.h"

namespace millrace {

/// What is known of a buffer's packet beyond its bytes.
enum BufferFlag : std::uint8_t {
  kChecksumVerified =
      1 << 0,             ///< received: the port has checked the SCTP checksum and found it right
  kChecksumBad = 1 << 1,  ///< received: the port has checked it and found it wrong
  kHeld = 1 << 3,         ///< counted by BufferPool::hold()
  kChecksumByPort = 1 << 2,  ///< to be sent: the port computes the SCTP checksum
  kSumsAhead = 1 << 4,       ///< being built: what is copied into it is added to its checksum
};

/// One packet. `data` and `length` move as headers are stripped and prepended.
struct alignas(64) Buffer {
  std::uint8_t* data = nullptr;     ///< first valid byte, inside storage
  std::uint8_t* storage = nullptr;  ///< first byte of this buffer's memory, kBufferStorage bytes
  Buffer* next = nullptr;           ///< link for whoever owns the buffer
  std::uint32_t length = 0;         ///< valid bytes from data on
  std::uint16_t references = 0;
  std::uint8_t flags = 0;            ///< BufferFlag
  std::uint8_t interface_index = 0;  ///< received on, or to leave by
  std::uint16_t network_offset = 0;  ///< from storage to the IP header (set by net on receipt)
  std::uint16_t sctp_offset = 0;     ///< from storage to the SCTP common header (set by net)
  std::uint16_t sctp_length = 0;     ///< bytes of the SCTP packet (set by net)
  std::uint16_t vlan = 0;            ///< 802.1Q tag of the frame, 0 if it has none
  std::uint16_t summed = 0;          ///< being built: bytes that `sum` has of the SCTP packet
  std::uint32_t sum = 0;             ///< state of its CRC32c, with zeros for the checksum

  Bytes bytes() const { return {data, length}; }
  std::size_t tailroom() const {
    return kBufferStorage - static_cast<std::size_t>(data - storage) - length;
  }
  std::size_t headroom() const { return static_cast<std::size_t>(data - storage); }
  /// Grows the packet at its front by `count` bytes and returns its new first byte.
  std::uint8_t* prepend(std::size_t count) {
    MR_ASSERT(headroom() >= count);
    data -= count;
    length += static_cast<std::uint32_t>(count);
    return data;
  }
  /// Makes the buffer an empty packet with the standard head room and one reference.
  void reset() {
    data = storage + kBufferHeadroom;
    next = nullptr;
    length = 0;
    references = 1;
    flags = 0;
    interface_index = 0;
    vlan = 0;
    summed = 0;
  }
};
static_assert(sizeof(Buffer) == 64);

/// A stack of free buffers of one thread. Buffers of one pool may be released into another pool of
/// the same kind (they are interchangeable), which is what hand-off between lcores does.
class BufferPool {
 public:
  explicit BufferPool(std::size_t capacity) { free_.reserve(capacity); }
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// A reset buffer with one reference, or nullptr if none is free.
  Buffer* acquire() {
    if (free_.empty()) return nullptr;
    Buffer* buffer = free_.back();
    free_.pop_back();
    buffer->reset();
    return buffer;
  }

  static void add_reference(Buffer& buffer) {
    MR_ASSERT(buffer.references > 0);
    ++buffer.references;
  }

  /// Drops one reference; true if it was the last, and the buffer is free.
  bool release(Buffer* buffer) {
    MR_ASSERT(buffer->references > 0);
    if (--buffer->references > 0) return false;
    if (buffer->flags & kHeld) --held_count_;
    give(buffer);
    return true;
  }

  /// Adds a reference for something that stays beyond the packet's own turn. held_count() says how
  /// many buffers stay so, that whoever fills them up can be stopped in time. True if it is one
  /// more by this.
  bool hold(Buffer& buffer) {
    add_reference(buffer);
    if (buffer.flags & kHeld) return false;
    buffer.flags |= kHeld;
    ++held_count_;
    return true;
  }
  std::size_t held_count() const { return held_count_; }

  /// For drivers: adds a free buffer to the stack.
  void give(Buffer* buffer) {
    MR_ASSERT(free_.size() < free_.capacity());
    buffer->references = 0;
    free_.push_back(buffer);
  }
  /// For drivers: takes a free buffer off the stack without resetting it; nullptr if none is left.
  Buffer* take() {
    if (free_.empty()) return nullptr;
    Buffer* buffer = free_.back();
    free_.pop_back();
    return buffer;
  }
  std::size_t free_count() const { return free_.size(); }
  std::size_t capacity() const { return free_.capacity(); }

 private:
  std::size_t held_count_ = 0;
  std::vector<Buffer*> free_;  // never grows past the capacity reserved at construction
};

/// Plain memory behind a pool: for the in-memory port, tests and benchmarks.
class BufferSlab {
 public:
  /// Allocates `count` buffers and gives them all to `pool`, which needs the capacity for them.
  BufferSlab(BufferPool& pool, std::size_t count);
  std::size_t count() const { return count_; }

 private:
  std::size_t count_;
  std::unique_ptr<Buffer[]> buffers_;
  std::unique_ptr<std::uint8_t[]> storage_;
};

}  // namespace millrace
