// What is in a message of the generator's: any stack can carry it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace millrace::bench {

/// The first bytes of each message; the rest is a pattern. In the sender's byte order: an echo
/// comes back as it was, and a sink on another kind of machine still counts.
struct MessageHead {
  static constexpr std::uint16_t kMagic = 0x4d52;
  static constexpr std::uint16_t kEcho = 1;    ///< the sink sends it back
  static constexpr std::uint16_t kWarmUp = 2;  ///< is not measured
  static constexpr std::uint16_t kMixed = 4;   ///< unordered messages may overtake it

  std::uint16_t magic = kMagic;
  std::uint16_t flags = 0;
  std::uint32_t number = 0;      ///< of the association's stream, from 0
  std::int64_t intended_ns = 0;  ///< of the sender's monotonic clock: when it was to be sent

  void write(std::uint8_t* bytes) const { std::memcpy(bytes, this, sizeof *this); }
  /// False if it is no message of the generator's.
  bool read(const void* bytes, std::size_t size) {
    if (size < sizeof *this) return false;
    std::memcpy(this, bytes, sizeof *this);
    return magic == kMagic;
  }
};
static_assert(sizeof(MessageHead) == 16);

/// The least PPID that nobody has been assigned; dissectors show plain bytes.
inline constexpr std::uint32_t kPpid = 0x4d520001;

}  // namespace millrace::bench
