// How large messages are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/traffic/dice.h"

namespace millrace::bench {

/// A mix of ranges with weights, as a text says it:
///
///   300                  all of them
///   64-1400              uniform, both ends included
///   64:7,576:4,1400:1    a list with weights; a weight that is left out is 1
///   64-128:9,8192        ranges in a list
///   imix, signalling     names of lists
class SizeMix {
 public:
  struct Part {
    std::uint32_t least = 0;
    std::uint32_t most = 0;
    std::uint32_t weight = 1;
  };
  static constexpr std::uint32_t kLeast = 16;  ///< a message's own header
  static constexpr std::uint32_t kMost = 4u << 20;

  /// Nothing if the text is wrong: `error` says why then.
  static std::optional<SizeMix> parse(const std::string& text, std::string& error);

  std::uint32_t draw(Dice& dice) const;
  std::uint32_t greatest() const;
  double mean() const;
  const std::vector<Part>& parts() const { return parts_; }

 private:
  std::vector<Part> parts_;
  std::uint64_t weights_ = 0;
};

}  // namespace millrace::bench
