// One lcore's queue pair of a DPDK port.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "drivers/mbuf_pool.h"
#include "engine/base/limits.h"
#include "engine/net/port.h"

struct rte_ring;

namespace millrace::drivers {

/// Makes Buffers of mbufs and back. Frames of lcores without a transmit queue come through rings.
class EthdevQueue final : public PortQueue {
 public:
  struct Config {
    std::uint16_t port = 0;
    int receive_queue = -1;  ///< -1: none
    int transmit_queue = -1;
    bool trusts_checksum = false;                    ///< what the port says of received checksums
    std::atomic<std::uint64_t>* unusable = nullptr;  ///< counts frames that are dropped here
    rte_ring* sends_to = nullptr;      ///< without a transmit queue: who sends for us reads it
    std::vector<rte_ring*> sends_for;  ///< with one: from lcores that have none
  };

  EthdevQueue(const Config& config, MbufPool& pool, BufferPool& stack);
  ~EthdevQueue() override;

  std::size_t receive(std::span<Buffer*> frames) override;
  std::size_t send(std::span<Buffer* const> frames) override;
  void balance_pool() override { pool_.balance(stack_); }

 private:
  void hand_on();

  const Config config_;
  MbufPool& pool_;
  BufferPool& stack_;
  // Taken from a ring, not taken by the port yet.
  std::array<Buffer*, kBurstMax> waiting_{};
  std::size_t waiting_count_ = 0;
};

}  // namespace millrace::drivers
