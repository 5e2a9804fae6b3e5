// What has been on the wires of a simulation: a hash of all of it, and the last of it as text.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/time.h"

namespace millrace::sim {

/// What the network did with a frame.
enum class Fate : std::uint8_t {
  kPassed,
  kLost,
  kCut,
  kQueueFull,
  kTooBig,
  kCorrupted,
  kDuplicated
};

/// Where the SCTP packet of an Ethernet frame starts, and how long it is; 0 and 0 if there is none.
struct SctpPlace {
  std::size_t offset = 0;
  std::size_t length = 0;
};
SctpPlace find_sctp(Bytes frame);

class Trace {
 public:
  static constexpr std::size_t kKept = 60;

  /// A frame on its way from one host to another.
  void record(Time now, std::size_t lan, std::size_t from, std::size_t to, Fate fate, Bytes frame);
  /// Something else that belongs into the story, e.g. that an application died.
  void note(Time now, std::string text);

  /// Prints every entry to the standard error output as it comes.
  void set_verbose(bool verbose) { verbose_ = verbose; }

  /// Over every frame, its time and its fate: equal if two runs were the same.
  std::uint64_t hash() const { return hash_; }
  std::uint64_t frames() const { return frames_; }
  std::uint64_t count(Fate fate) const { return fates_[static_cast<std::size_t>(fate)]; }
  /// The last kKept entries, oldest first, one a line.
  std::string last() const;

 private:
  struct Entry {
    Time at;
    std::size_t lan = 0, from = 0, to = 0;
    Fate fate = Fate::kPassed;
    std::vector<std::uint8_t> frame;
    std::string text;  // of a note
  };

  static std::string render(const Entry& entry);
  Entry& next_entry();
  void mix(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3; }

  std::array<Entry, kKept> entries_;
  std::uint64_t count_ = 0;
  std::uint64_t frames_ = 0;
  std::array<std::uint64_t, 7> fates_{};
  std::uint64_t hash_ = 0xcbf29ce484222325;
  bool verbose_ = false;
};

}  // namespace millrace::sim
