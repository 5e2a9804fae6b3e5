// Values in trace scripts: numbers, bytes, and names for what was seen in packets.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/trace/script.h"

namespace millrace::trace {

using Octets = std::vector<std::uint8_t>;

/// What `$name` stands for: a number, bytes, or both.
struct Value {
  std::uint32_t number = 0;
  Octets bytes;
};

class Symbols {
 public:
  void set(const std::string& name, std::uint32_t number) { values_[name] = {number, {}}; }
  void set(const std::string& name, const Octets& bytes) { values_[name] = {0, bytes}; }
  const Value& get(const std::string& name) const;

  /// `12`, `-1`, `0x1f`, `$name`, `$name+1`, `$name-1`.
  std::uint32_t number(const std::string& text) const;
  /// `00ff`, `"text"`, `$name`, `$name^5` (one bit of byte 5 turned), `$name/10` (the first 10
  /// bytes), each with `*3` behind it three times; `.` joins them.
  Octets bytes(const std::string& text) const;

  /// Keeps the numbers that packets are made with under a name, and takes them back.
  void save(const std::string& name) { saved_[name] = values_; }
  void restore(const std::string& name);

 private:
  Octets piece(const std::string& text) const;

  std::map<std::string, Value> values_;
  std::map<std::string, std::map<std::string, Value>> saved_;
};

std::string to_hex(const Octets& bytes);

}  // namespace millrace::trace
