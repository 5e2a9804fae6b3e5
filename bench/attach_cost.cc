// attach-cost: what it costs to put a payload that lies in an application's arena into a packet,
// by copying it, as the engine does, and by attaching it to the packet as a segment of its own
// (rte_pktmbuf_attach_extbuf), as DPDK could send it. By size, with the checksum in software and by
// the port, the payload in the nearest cache and in none.
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "bench/clocks.h"
#include "bench/contestant.h"
#include "bench/rows.h"
#include "drivers/eal.h"
#include "engine/base/crc32c.h"

namespace millrace::bench {

void fail(const std::string& what) {
  std::fprintf(stderr, "attach-cost: %s\n", what.c_str());
  std::exit(1);
}

namespace {

constexpr std::size_t kSizes[] = {64, 256, 512, 1024, 1436, 1980};
constexpr std::size_t kBurst = 32;
constexpr std::size_t kHeaders = 62;  // Ethernet, IPv4, SCTP, DATA
constexpr unsigned kMbufs = 4096;
constexpr std::size_t kSlot = 2048;
constexpr std::size_t kSlots = 65536;  // 128 MiB: more than a core's share of any cache
constexpr int kTrials = 9;
constexpr std::size_t kBursts = 400;  // of a trial

enum class Way { kCopy, kCopyAndSum, kAttach, kAttachAndSum };
constexpr Way kWays[] = {Way::kCopy, Way::kAttach, Way::kCopyAndSum, Way::kAttachAndSum};

void on_free(void*, void*) {}

class Builder {
 public:
  Builder()
      : packets_(rte_pktmbuf_pool_create("packets", kMbufs, 256, 64, kSlot + 128, SOCKET_ID_ANY)),
        segments_(rte_pktmbuf_pool_create("segments", kMbufs, 256, 0, 0, SOCKET_ID_ANY)),
        arena_(kSlots * kSlot, 0x5a),
        order_(kSlots) {
    if (packets_ == nullptr || segments_ == nullptr) fail("no memory for packets");
    for (std::size_t i = 0; i < kSlots; ++i) order_[i] = (i * 40503 + 12345) % kSlots * kSlot;
    shared_.free_cb = on_free;
    shared_.fcb_opaque = nullptr;
    rte_mbuf_ext_refcnt_set(&shared_, 1);  // of the slot's owner, until all is acknowledged
  }

  /// Nanoseconds for a packet, from nothing to given back.
  double measure(Way way, std::size_t size, bool is_cached) {
    std::vector<double> trials;
    for (int i = 0; i < kTrials; ++i) {
      burst(way, size, is_cached);
      const CpuStopwatch stopwatch;
      for (std::size_t k = 0; k < kBursts; ++k) burst(way, size, is_cached);
      trials.push_back(1e9 * stopwatch.seconds() / static_cast<double>(kBursts * kBurst));
    }
    return median(trials);
  }

  std::uint32_t sum() const { return sum_; }

 private:
  void burst(Way way, std::size_t size, bool is_cached) {
    std::array<rte_mbuf*, kBurst> packets;
    if (rte_pktmbuf_alloc_bulk(packets_, packets.data(), kBurst) != 0) fail("no packets");
    for (rte_mbuf* packet : packets) {
      next_ = is_cached ? 0 : (next_ + 1) % kSlots;
      build(*packet, way, {arena_.data() + order_[next_], size});
    }
    rte_pktmbuf_free_bulk(packets.data(), kBurst);
  }

  void build(rte_mbuf& packet, Way way, Bytes payload) {
    auto* to = rte_pktmbuf_mtod(&packet, std::uint8_t*);
    std::memcpy(to, headers_.data(), kHeaders);
    packet.data_len = kHeaders;
    Crc32c sum;
    const bool sums = way == Way::kCopyAndSum || way == Way::kAttachAndSum;
    if (sums) sum.add({to + kHeaders - 28, 28});
    if (way == Way::kCopy || way == Way::kCopyAndSum) {
      if (sums)
        sum.add_copied(to + kHeaders, payload);
      else
        std::memcpy(to + kHeaders, payload.data(), payload.size());
      packet.data_len = static_cast<std::uint16_t>(kHeaders + payload.size());
    } else {
      attach(packet, payload);
      if (sums) sum.add(payload);
    }
    packet.pkt_len = static_cast<std::uint32_t>(kHeaders + payload.size());
    if (sums) sum_ += sum.value();
  }

  void attach(rte_mbuf& packet, Bytes payload) {
    rte_mbuf* segment = rte_pktmbuf_alloc(segments_);
    if (segment == nullptr) fail("no segments");
    rte_mbuf_ext_refcnt_update(&shared_, 1);
    rte_pktmbuf_attach_extbuf(segment, const_cast<std::uint8_t*>(payload.data()), RTE_BAD_IOVA,
                              static_cast<std::uint16_t>(payload.size()), &shared_);
    segment->data_len = static_cast<std::uint16_t>(payload.size());
    packet.next = segment;
    packet.nb_segs = 2;
  }

  rte_mempool* packets_;
  rte_mempool* segments_;
  std::vector<std::uint8_t> arena_;
  std::vector<std::size_t> order_;
  std::array<std::uint8_t, kHeaders> headers_{};
  rte_mbuf_ext_shared_info shared_;
  std::size_t next_ = 0;
  std::uint32_t sum_ = 0;
};

void table(Builder& builder, bool is_cached) {
  std::printf("%s\n%-8s %12s %12s   %12s %12s\n",
              is_cached ? "payload in the nearest cache" : "payload in no cache", "bytes", "copy",
              "attach", "copy", "attach");
  for (const std::size_t size : kSizes) {
    std::array<double, 4> ns;
    for (std::size_t i = 0; i < ns.size(); ++i) ns[i] = builder.measure(kWays[i], size, is_cached);
    std::printf("%-8zu %9.1f ns %9.1f ns   %9.1f ns %9.1f ns\n", size, ns[0], ns[1], ns[2], ns[3]);
  }
}

int run() {
  drivers::EalConfig config;
  config.program = "attach-cost";
  config.huge_pages = drivers::HugePages::kNo;
  std::string fault;
  const auto eal = drivers::Eal::start(config, fault);
  if (eal == nullptr) fail(fault);
  if (!drivers::Eal::adopt_thread()) fail("DPDK takes no thread");
  Builder builder;
  std::printf("Time on a core for a packet, from an empty one to given back\n%-8s %25s   %25s\n",
              "", "checksum by the port", "checksum in software");
  for (const bool is_cached : {true, false}) table(builder, is_cached);
  std::printf("(what was summed: %08x)\n", builder.sum());
  drivers::Eal::leave_thread();
  return 0;
}

}  // namespace
}  // namespace millrace::bench

int main() {
  return millrace::bench::run();
}
