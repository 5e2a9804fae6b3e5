// Packet buffers in a DPDK memory pool.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "engine/base/buffer.h"

struct rte_mbuf;
struct rte_mempool;

namespace millrace::drivers {

/// A pool of mbufs that all threads share. In front of each mbuf's bytes, in its private area,
/// lives our Buffer, so that one is found from the other by adding a constant. A Buffer that is not
/// in DPDK's hands belongs to one thread as everywhere else; its mbuf has reference count 1 then.
class MbufPool {
 public:
  /// `has_hardware`: devices on a bus will read and write the buffers themselves. Nothing and a
  /// `fault` if there is not enough memory.
  static std::unique_ptr<MbufPool> create(const std::string& name, std::size_t count,
                                          bool has_hardware, std::string& fault);
  ~MbufPool();
  MbufPool(const MbufPool&) = delete;
  MbufPool& operator=(const MbufPool&) = delete;

  /// Fills a thread's stack when it runs low and takes back what is too much. The stack's capacity
  /// is count(), for in between it may be given every buffer there is.
  void balance(BufferPool& stack);
  /// Takes everything back, before the stack goes.
  void empty(BufferPool& stack);

  std::size_t count() const { return count_; }
  /// Buffers that are with no one; a slow walk over per-thread caches.
  std::size_t free_count() const;
  rte_mempool* handle() { return pool_; }

  static Buffer* buffer_of(rte_mbuf* mbuf);
  static rte_mbuf* mbuf_of(Buffer* buffer);

 private:
  // A stack is refilled below the low mark and emptied above the high one, to the level between.
  static constexpr std::size_t kLowMark = 256;
  static constexpr std::size_t kLevel = 512;
  static constexpr std::size_t kHighMark = 1024;

  MbufPool(rte_mempool* pool, std::size_t count) : pool_(pool), count_(count) {}
  void fill(BufferPool& stack, std::size_t level);
  void drain(BufferPool& stack, std::size_t level);

  rte_mempool* pool_;
  std::size_t count_;
};

}  // namespace millrace::drivers
