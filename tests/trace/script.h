// Trace scripts as lines and words: what tests/trace/README.md describes, not yet understood.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"

namespace millrace::trace {

/// A script that says what makes no sense, or an expectation that was not met.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// `name=value`, or a word alone.
struct Field {
  std::string name;
  std::string value;
  bool has_value = false;
};
using Fields = std::vector<Field>;

const Field* find_field(const Fields& fields, std::string_view name);

/// `NAME(field=value ...)`, with `*3` behind it three times.
struct Chunk {
  std::string name;
  Fields fields;
  std::size_t repeat = 1;
};

/// When a line happens: after the line before it, or since the start; from `from` to `to` for an
/// expectation that leaves room.
struct When {
  bool absolute = false;
  Duration from, to;
};

struct Line {
  enum class Kind : std::uint8_t { kInject, kExpect, kCommand };

  std::size_t number = 0;  ///< in its file, from 1
  std::string text;
  std::optional<When> when;
  Kind kind = Kind::kCommand;
  std::string command;           ///< of a kCommand
  Fields fields;                 ///< of the packet, or of the command
  std::vector<Chunk> chunks;     ///< of a packet
  bool more_may_follow = false;  ///< `...` behind the chunks
  std::string result;            ///< of a kCommand, behind `->`
};

/// Lines that do something; comments and empty ones are left out. Throws Failure.
std::vector<Line> parse_script(const std::string& text);

/// `3:4` and `2-3,5-5` fall into their parts.
std::vector<std::string> split(const std::string& text, char separator);

/// Seconds with a fraction. Throws Failure.
Duration parse_seconds(const std::string& text);

}  // namespace millrace::trace
