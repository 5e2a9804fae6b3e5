// What begins a handshake in a flood, and is not let in.
#pragma once

#include <optional>

#include "engine/base/buffer.h"
#include "engine/base/counters.h"
#include "engine/base/time.h"
#include "engine/shard/shard.h"

namespace millrace {

/// An SCTP packet in a frame that nothing of was checked.
struct Glimpse {
  IpAddress source;
  Bytes sctp;  ///< 16 bytes: a common header and a chunk header
};

/// Of a frame as nearly all are, in which it lies at a known place: IPv4 without options and in one
/// piece, IPv6 without extension headers, no VLAN tag.
std::optional<Glimpse> glimpse_of(const Buffer& frame);

/// In a flood, what begins a handshake and would not be answered here is not worth looking into,
/// unless it is another lcore's, which may not be flooded: a peer begins an association of its
/// anew, from an address that is known. It decides for one moment, and counts at its end.
class Turnstile {
 public:
  Turnstile(Time now, const Shard& shard, const Steering& steering, std::size_t here,
            Counters& counters);
  ~Turnstile();
  Turnstile(const Turnstile&) = delete;
  Turnstile& operator=(const Turnstile&) = delete;

  /// Everything is let in.
  bool is_open() const { return answers_ && opens_; }
  /// Of an SCTP packet, 16 bytes of it at least.
  bool turns_away(Bytes sctp, const IpAddress& source);

 private:
  const Steering& steering_;
  std::size_t here_;
  Counters& counters_;
  InitRate::Verdict verdict_;
  bool answers_;  // INITs
  bool opens_;    // cookies
  std::size_t inits_ = 0, cookies_ = 0;
};

}  // namespace millrace
