// Puts IP packets together from their fragments (RFC 791, RFC 8200 4.5).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/base/counters.h"
#include "engine/base/limits.h"
#include "engine/base/list.h"
#include "engine/base/time.h"
#include "engine/net/config.h"
#include "engine/net/ip.h"

namespace millrace::net {

/// Decides what becomes of a fragment. What is put together fits one buffer; the table is bounded,
/// and gives up its oldest packet for a new one. A packet whose fragments overlap is thrown away
/// with all that still arrives of it (RFC 5722; done for IPv4 too), for overlaps are attacks.
class Fragments {
 public:
  Fragments(const StackConfig& config, BufferPool& pool, Counters& counters);
  ~Fragments();
  Fragments(const Fragments&) = delete;
  Fragments& operator=(const Fragments&) = delete;

  /// Takes a fragment's bytes. When it was the last that was missing, returns the whole packet with
  /// a plain IP header in front (one reference, the caller's), otherwise nullptr.
  Buffer* on_fragment(Time now, const IpPacket& fragment);
  void on_deadline(Time now);
  Time next_deadline() const;
  std::size_t count() const { return waiting_.size(); }

 private:
  static constexpr std::size_t kUnit = 8;  // fragments begin at multiples of this
  static constexpr std::size_t kBytesMax = kBufferStorage - kBufferHeadroom;
  static constexpr std::size_t kUnits = kBytesMax / kUnit;
  static_assert(kUnits % 64 == 0);

  struct Reassembly : ListNode<Reassembly> {
    IpAddress source;
    IpAddress destination;
    std::uint32_t identification = 0;
    std::uint8_t protocol = 0;
    bool is_poisoned = false;    // fragments overlapped; `buffer` is nullptr
    bool is_end_known = false;   // the fragment without "more fragments" is there
    std::uint16_t length = 0;    // of the payload, if is_end_known
    std::uint16_t received = 0;  // bytes that are there
    std::uint16_t end_max = 0;   // behind the last byte that is there
    Time deadline;
    Buffer* buffer = nullptr;
    std::array<std::uint64_t, kUnits / 64> units{};  // which units are there
  };

  Reassembly* find(const IpPacket& fragment);
  Reassembly* start(Time now, const IpPacket& fragment);
  bool place(Reassembly& into, const IpPacket& fragment);
  Buffer* finish(Reassembly& reassembly);
  void poison(Reassembly& reassembly);
  void forget(Reassembly& reassembly);
  void drop(std::size_t count = 1) { counters_.add(Counter::drop_ip_fragment, count); }

  const Duration timeout_;
  BufferPool& pool_;
  Counters& counters_;
  std::vector<Reassembly> table_;
  List<Reassembly> free_;
  List<Reassembly> waiting_;  // earliest deadline first
};

}  // namespace millrace::net
