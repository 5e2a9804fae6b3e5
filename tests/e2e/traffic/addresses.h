// Socket addresses as bindx and connectx want them.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "tests/e2e/traffic/link.h"

namespace millrace::traffic {

/// One after the other, each of its own length. No text at all means any IPv4 address.
class Addresses {
 public:
  Addresses(const std::vector<std::string>& texts, std::uint16_t port) {
    for (const std::string& text : texts) add(text, port);
    if (texts.empty()) add("0.0.0.0", port);
  }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(bytes_); }
  int count() const { return count_; }
  int family() const { return has_v6_ ? AF_INET6 : AF_INET; }

 private:
  void add(const std::string& text, std::uint16_t port) {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    errno = EINVAL;
    if (used_ + sizeof(v6) > sizeof(bytes_)) die("too many addresses");
    if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) return put(&v4, sizeof(v4));
    if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) != 1) die("address " + text);
    has_v6_ = true;
    put(&v6, sizeof(v6));
  }
  void put(const void* address, std::size_t size) {
    std::memcpy(bytes_ + used_, address, size);
    used_ += size;
    ++count_;
  }

  alignas(8) char bytes_[16 * sizeof(sockaddr_in6)] = {};
  std::size_t used_ = 0;
  int count_ = 0;
  bool has_v6_ = false;
};

}  // namespace millrace::traffic
