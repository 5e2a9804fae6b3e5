// Addresses of sockets as bind, connect and their forms for several addresses want them.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace millrace {

/// One after the other, each of its own length. Without a text: any address, IPv6 if `is_v6`.
class SocketAddresses {
 public:
  SocketAddresses(const std::vector<std::string>& texts, std::uint16_t port, bool is_v6 = false)
      : is_v6_(is_v6) {
    for (const std::string& text : texts) add(text, port);
    if (texts.empty()) add(is_v6 ? "::" : "0.0.0.0", port);
  }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(bytes_.data()); }
  socklen_t size() const { return static_cast<socklen_t>(bytes_.size()); }
  int count() const { return count_; }
  bool is_v6() const { return is_v6_; }
  int family() const { return is_v6_ ? AF_INET6 : AF_INET; }
  /// The text that is no address; empty if all are.
  const std::string& wrong() const { return wrong_; }

 private:
  void add(const std::string& text, std::uint16_t port) {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) return put(&v4, sizeof v4);
    if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) != 1) {
      wrong_ = text;
      return;
    }
    is_v6_ = true;
    put(&v6, sizeof v6);
  }
  void put(const void* address, std::size_t size) {
    const auto* from = static_cast<const std::uint8_t*>(address);
    bytes_.insert(bytes_.end(), from, from + size);
    ++count_;
  }

  std::vector<std::uint8_t> bytes_;
  std::string wrong_;
  int count_ = 0;
  bool is_v6_ = false;
};

}  // namespace millrace
