#include "drivers/ethdev_queue.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <algorithm>

namespace millrace::drivers {
namespace {

// What the port knows of a frame's checksum, as BufferFlags.
std::uint8_t checksum_flags(const rte_mbuf& mbuf) {
  if ((mbuf.packet_type & RTE_PTYPE_L4_MASK) != RTE_PTYPE_L4_SCTP) return 0;
  const std::uint64_t verdict = mbuf.ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  if (verdict == RTE_MBUF_F_RX_L4_CKSUM_GOOD) return kChecksumVerified;
  if (verdict == RTE_MBUF_F_RX_L4_CKSUM_BAD) return kChecksumBad;
  return 0;
}

// nullptr if the frame cannot be had in one piece.
Buffer* to_buffer(rte_mbuf* mbuf, bool trusts_checksum) {
  if (mbuf->nb_segs > 1 && rte_pktmbuf_linearize(mbuf) != 0) return nullptr;
  Buffer* buffer = MbufPool::buffer_of(mbuf);
  buffer->data = rte_pktmbuf_mtod(mbuf, std::uint8_t*);
  buffer->length = mbuf->data_len;
  buffer->references = 1;
  buffer->next = nullptr;
  buffer->flags = trusts_checksum ? checksum_flags(*mbuf) : std::uint8_t{0};
  buffer->interface_index = 0;
  const bool is_tag_taken_off = (mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0;
  buffer->vlan = is_tag_taken_off ? mbuf->vlan_tci : std::uint16_t{0};
  return buffer;
}

rte_mbuf* to_mbuf(Buffer* buffer) {
  // The port frees the mbuf when it has gone: nobody else may still look at it.
  MR_ASSERT(buffer->references == 1);
  rte_mbuf* mbuf = MbufPool::mbuf_of(buffer);
  mbuf->data_off = static_cast<std::uint16_t>(buffer->data - buffer->storage);
  mbuf->data_len = static_cast<std::uint16_t>(buffer->length);
  mbuf->pkt_len = buffer->length;
  mbuf->nb_segs = 1;
  mbuf->next = nullptr;
  mbuf->ol_flags = 0;
  if ((buffer->flags & kChecksumByPort) != 0) {
    const bool is_v4 = buffer->storage[buffer->network_offset] >> 4 == 4;
    mbuf->l2_len = buffer->network_offset - mbuf->data_off;
    mbuf->l3_len = static_cast<std::uint16_t>(buffer->sctp_offset - buffer->network_offset);
    mbuf->ol_flags = RTE_MBUF_F_TX_SCTP_CKSUM | (is_v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6);
  }
  return mbuf;
}

}  // namespace

EthdevQueue::EthdevQueue(const Config& config, MbufPool& pool, BufferPool& stack)
    : config_(config), pool_(pool), stack_(stack) {
  MR_ASSERT(stack.capacity() >= pool.count());
  pool_.balance(stack_);
}

EthdevQueue::~EthdevQueue() {
  for (std::size_t i = 0; i < waiting_count_; ++i) stack_.release(waiting_[i]);
}

std::size_t EthdevQueue::receive(std::span<Buffer*> frames) {
  if (!config_.sends_for.empty()) hand_on();
  if (config_.receive_queue < 0) return 0;
  std::array<rte_mbuf*, kBurstMax> mbufs;
  const auto room = static_cast<std::uint16_t>(std::min(frames.size(), kBurstMax));
  const std::uint16_t received = rte_eth_rx_burst(
      config_.port, static_cast<std::uint16_t>(config_.receive_queue), mbufs.data(), room);
  std::size_t count = 0;
  for (std::uint16_t i = 0; i < received; ++i) {
    Buffer* buffer = to_buffer(mbufs[i], config_.trusts_checksum);
    if (buffer != nullptr) {
      frames[count++] = buffer;
    } else {
      rte_pktmbuf_free(mbufs[i]);
      config_.unusable->fetch_add(1, std::memory_order_relaxed);  // pairs: EthdevPort::statistics
    }
  }
  return count;
}

std::size_t EthdevQueue::send(std::span<Buffer* const> frames) {
  if (config_.transmit_queue < 0) {
    if (config_.sends_to == nullptr) return 0;
    void* const* objects = reinterpret_cast<void* const*>(frames.data());
    return rte_ring_sp_enqueue_burst(config_.sends_to, objects,
                                     static_cast<unsigned>(frames.size()), nullptr);
  }
  std::array<rte_mbuf*, kBurstMax> mbufs;
  const std::size_t count = std::min(frames.size(), kBurstMax);
  for (std::size_t i = 0; i < count; ++i) mbufs[i] = to_mbuf(frames[i]);
  return rte_eth_tx_burst(config_.port, static_cast<std::uint16_t>(config_.transmit_queue),
                          mbufs.data(), static_cast<std::uint16_t>(count));
}

// Sends what other lcores want sent; what the port does not take waits for the next poll.
void EthdevQueue::hand_on() {
  for (rte_ring* ring : config_.sends_for) {
    if (waiting_count_ == 0) {
      waiting_count_ = rte_ring_sc_dequeue_burst(ring, reinterpret_cast<void**>(waiting_.data()),
                                                 kBurstMax, nullptr);
    }
    if (waiting_count_ == 0) continue;
    const std::size_t sent = send({waiting_.data(), waiting_count_});
    std::copy(waiting_.begin() + static_cast<std::ptrdiff_t>(sent),
              waiting_.begin() + static_cast<std::ptrdiff_t>(waiting_count_), waiting_.begin());
    waiting_count_ -= sent;
    if (waiting_count_ != 0) return;
  }
}

}  // namespace millrace::drivers
