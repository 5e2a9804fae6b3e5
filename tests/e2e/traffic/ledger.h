// What one side of an association has received, held against what the format promises.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tests/e2e/traffic/message.h"

namespace millrace::traffic {

/// Decides whether messages came exactly once, in order within their stream when they are ordered,
/// and byte for byte. Knows nothing of sockets. Not thread safe: one receiver owns it.
class Ledger {
 public:
  void on_message(std::uint16_t stream, bool is_unordered, std::uint32_t ppid,
                  std::span<const std::uint8_t> message);

  /// To be called once, when nothing more can come: looks for holes.
  void finish();

  std::uint64_t messages() const { return messages_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t short_messages() const { return short_messages_; }
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  struct Class {
    std::uint32_t next = 0;           // ordered: the sequence that must come now
    std::vector<bool> seen;           // unordered: which sequences have come
    std::uint64_t count = 0;          // messages with a header
    std::int64_t last_sequence = -1;  // of the one flagged as last, -1 before it comes
  };
  using Key = std::uint32_t;  // stream * 2 + unordered

  void account(Class& entry, const Header& header, bool is_unordered);
  void complain(const std::string& text);

  std::map<Key, Class> classes_;
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t short_messages_ = 0;
  std::vector<std::string> errors_;
};

}  // namespace millrace::traffic
