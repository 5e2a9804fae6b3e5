// Messages that sockets give in parts.
#pragma once

#include <arpa/inet.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "tests/e2e/traffic/link.h"

namespace millrace::traffic {

class Parts {
 public:
  struct Part {
    const std::uint8_t* bytes;
    std::size_t size;
    std::uint16_t stream;
    bool is_unordered;
    std::uint32_t ppid;  ///< in network order
    bool is_last;
  };

  /// Whether the message is whole now, and in `delivery`.
  bool add(const Part& part, Delivery& delivery) {
    auto& bytes = parts_[{part.stream, part.is_unordered}];
    bytes.insert(bytes.end(), part.bytes, part.bytes + part.size);
    if (!part.is_last) return false;
    delivery.event = Event::message;
    delivery.stream = part.stream;
    delivery.is_unordered = part.is_unordered;
    delivery.ppid = ntohl(part.ppid);
    delivery.bytes.swap(bytes);
    bytes.clear();
    return true;
  }

 private:
  std::map<std::pair<std::uint16_t, bool>, std::vector<std::uint8_t>> parts_;
};

}  // namespace millrace::traffic
