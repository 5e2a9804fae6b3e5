#include "drivers/mbuf_pool.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#include <algorithm>
#include <array>
#include <new>

namespace millrace::drivers {
namespace {

constexpr std::size_t kBatch = 64;
constexpr unsigned kCache = 256;

static_assert(sizeof(Buffer) % RTE_MBUF_PRIV_ALIGN == 0);
static_assert(sizeof(rte_mbuf) % alignof(Buffer) == 0);
static_assert(kBufferHeadroom == RTE_PKTMBUF_HEADROOM, "ports leave DPDK's head room on receipt");

void make_buffer(rte_mempool*, void*, void* object, unsigned) {
  rte_mbuf* mbuf = static_cast<rte_mbuf*>(object);
  Buffer* buffer = new (mbuf + 1) Buffer;
  buffer->storage = static_cast<std::uint8_t*>(mbuf->buf_addr);
}

// As rte_pktmbuf_pool_create, which takes no flags.
rte_mempool* make_pool(const std::string& name, unsigned count, unsigned flags) {
  constexpr unsigned kPrivate = sizeof(Buffer);
  rte_mempool* pool =
      rte_mempool_create_empty(name.c_str(), count, sizeof(rte_mbuf) + kPrivate + kBufferStorage,
                               kCache, sizeof(rte_pktmbuf_pool_private), SOCKET_ID_ANY, flags);
  if (pool == nullptr) return nullptr;
  rte_pktmbuf_pool_private layout{};
  layout.mbuf_data_room_size = kBufferStorage;
  layout.mbuf_priv_size = kPrivate;
  int result = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr);
  if (result == 0) {
    rte_pktmbuf_pool_init(pool, &layout);
    result = rte_mempool_populate_default(pool);
  }
  if (result < 0) {
    rte_mempool_free(pool);
    rte_errno = -result;
    return nullptr;
  }
  rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
  return pool;
}

}  // namespace

Buffer* MbufPool::buffer_of(rte_mbuf* mbuf) {
  return reinterpret_cast<Buffer*>(mbuf + 1);
}

rte_mbuf* MbufPool::mbuf_of(Buffer* buffer) {
  return reinterpret_cast<rte_mbuf*>(buffer) - 1;
}

std::unique_ptr<MbufPool> MbufPool::create(const std::string& name, std::size_t count,
                                           bool has_hardware, std::string& fault) {
  // net_af_xdp gives the kernel `count` times the size of an mbuf as its memory, and the kernel
  // loses without a word what lies behind that: mbufs must not be spread so that none crosses a
  // page. Only hardware that is given physical addresses needs them to be.
  const bool is_spread = has_hardware && rte_eal_iova_mode() == RTE_IOVA_PA;
  rte_mempool* pool =
      make_pool(name, static_cast<unsigned>(count), is_spread ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG);
  if (pool == nullptr) {
    fault = "no memory for " + std::to_string(count) + " packet buffers (" +
            std::to_string(count * (sizeof(rte_mbuf) + sizeof(Buffer) + kBufferStorage) >> 20) +
            " MB): " + rte_strerror(rte_errno);
    return nullptr;
  }
  rte_mempool_obj_iter(pool, make_buffer, nullptr);
  return std::unique_ptr<MbufPool>(new MbufPool(pool, count));
}

MbufPool::~MbufPool() {
  rte_mempool_free(pool_);
}

std::size_t MbufPool::free_count() const {
  return rte_mempool_avail_count(pool_);
}

void MbufPool::balance(BufferPool& stack) {
  const std::size_t free_count = stack.free_count();
  if (free_count < kLowMark) fill(stack, kLevel);
  if (free_count > kHighMark) drain(stack, kLevel);
}

void MbufPool::empty(BufferPool& stack) {
  drain(stack, 0);
}

void MbufPool::fill(BufferPool& stack, std::size_t level) {
  std::array<void*, kBatch> batch;
  while (stack.free_count() < level) {
    const std::size_t room = stack.capacity() - stack.free_count();
    const std::size_t count = std::min({kBatch, level - stack.free_count(), room});
    if (count == 0 ||
        rte_mempool_get_bulk(pool_, batch.data(), static_cast<unsigned>(count)) != 0) {
      return;  // whoever needs a buffer counts that there is none
    }
    for (std::size_t i = 0; i < count; ++i) stack.give(buffer_of(static_cast<rte_mbuf*>(batch[i])));
  }
}

void MbufPool::drain(BufferPool& stack, std::size_t level) {
  std::array<void*, kBatch> batch;
  while (stack.free_count() > level) {
    const std::size_t count = std::min(kBatch, stack.free_count() - level);
    for (std::size_t i = 0; i < count; ++i) batch[i] = mbuf_of(stack.take());
    rte_mempool_put_bulk(pool_, batch.data(), static_cast<unsigned>(count));
  }
}

}  // namespace millrace::drivers
