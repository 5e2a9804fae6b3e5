// An engine in this process for the sockets under test, which attach to it as any application does.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "api/millrace.h"
#include "api/sockets/abi.h"
#include "api/sockets/calls.h"

namespace millrace::sockets {

/// Starts the engine when it is first asked for; it lives as long as the program. Its one address
/// is 10.0.0.1, and what it sends there comes back by itself.
void start_engine();
/// Its lcore does nothing while this is held.
std::unique_lock<std::shared_mutex> pause_engine();

inline sockaddr_in at(const char* address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  inet_pton(AF_INET, address, &result.sin_addr);
  return result;
}
inline const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

/// A socket of ours that is closed with its scope.
struct Handle {
  explicit Handle(int type, int family = AF_INET) : number(open(family, type)) {}
  struct Adopt {
    int number;
  };
  explicit Handle(Adopt adopt) : number(adopt.number) {}
  ~Handle() {
    if (number >= 0) calls::close(number);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  static int open(int family, int type) {
    start_engine();
    return calls::socket(family, type);
  }
  int close() {
    const int old = number;
    number = -1;
    return calls::close(old);
  }
  int bind(const char* address, std::uint16_t port) const {
    const sockaddr_in to = at(address, port);
    return calls::bind(number, generic(to), sizeof to);
  }
  int connect(const char* address, std::uint16_t port) const {
    const sockaddr_in to = at(address, port);
    return calls::connect(number, generic(to), sizeof to);
  }
  std::uint16_t port() const {
    sockaddr_in name{};
    socklen_t length = sizeof name;
    calls::getsockname(number, reinterpret_cast<sockaddr*>(&name), &length);
    return ntohs(name.sin_port);
  }
  ssize_t send(const std::string& text, int flags = MSG_NOSIGNAL) const {
    return send_to(text, nullptr, flags);
  }
  ssize_t send_to(const std::string& text, const sockaddr_in* to, int flags = MSG_NOSIGNAL) const {
    iovec part{const_cast<char*>(text.data()), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_name = const_cast<sockaddr_in*>(to);
    message.msg_namelen = to != nullptr ? sizeof *to : 0;
    return calls::sendmsg(number, &message, flags);
  }
  template <class Value>
  int set(int level, int name, const Value& value) const {
    return calls::setsockopt(number, level, name, &value, sizeof value);
  }
  template <class Value>
  int get(int level, int name, Value& value) const {
    socklen_t length = sizeof value;
    return calls::getsockopt(number, level, name, &value, &length);
  }
  short ready(int milliseconds = 0) const {
    pollfd entry{number, POLLIN | POLLOUT | POLLRDHUP, 0};
    ::poll(&entry, 1, milliseconds);
    return entry.revents;
  }
  /// Waits until poll says one of these.
  bool becomes(short events, int milliseconds = 5000) const {
    pollfd entry{number, events, 0};
    return ::poll(&entry, 1, milliseconds) == 1 && (entry.revents & events) != 0;
  }
  void set_non_blocking() const { fcntl(number, F_SETFL, O_NONBLOCK); }

  int number;
};

/// What one recvmsg gave.
struct Received {
  ssize_t size = 0;
  std::string data;
  int flags = 0;
  int error = 0;
  sockaddr_in from{};
  bool has_info = false;
  sctp_sndrcvinfo info{};
  bool has_rcvinfo = false;
  sctp_rcvinfo rcvinfo{};

  template <class Layout>
  Layout as() const {
    Layout layout{};
    std::memcpy(&layout, data.data(), std::min(sizeof layout, data.size()));
    return layout;
  }
};

/// With SCTP_SNDINFO.
inline ssize_t send_with(const Handle& socket, std::string text, const sctp_sndinfo& info,
                         int flags = 0) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof info)] = {};
  iovec part{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = IPPROTO_SCTP;
  head->cmsg_type = SCTP_SNDINFO;
  head->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(head), &info, sizeof info);
  return calls::sendmsg(socket.number, &message, flags | MSG_NOSIGNAL);
}

inline Received receive(const Handle& socket, int flags = 0, std::size_t room = 65536) {
  Received result;
  result.data.resize(room);
  alignas(cmsghdr) char control[256];
  iovec part{result.data.data(), room};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = &result.from;
  message.msg_namelen = sizeof result.from;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  result.size = calls::recvmsg(socket.number, &message, flags);
  result.error = result.size < 0 ? errno : 0;
  result.data.resize(result.size > 0 ? static_cast<std::size_t>(result.size) : 0);
  result.flags = message.msg_flags;
  if (result.size < 0) return result;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_type == SCTP_SNDRCV) {
      result.has_info = true;
      std::memcpy(&result.info, CMSG_DATA(head), sizeof result.info);
    } else if (head->cmsg_type == SCTP_RCVINFO) {
      result.has_rcvinfo = true;
      std::memcpy(&result.rcvinfo, CMSG_DATA(head), sizeof result.rcvinfo);
    }
  }
  return result;
}

/// A connected pair of one-to-one sockets, through a listener that is gone afterwards.
struct Pair {
  Pair() : Pair([](Handle&) {}) {}
  template <class Prepare>
  explicit Pair(Prepare&& prepare) : listener(SOCK_STREAM), client(SOCK_STREAM) {
    prepare(listener);
    REQUIRE(listener.bind("0.0.0.0", 0) == 0);
    REQUIRE(calls::listen(listener.number, 5) == 0);
    REQUIRE(client.connect("10.0.0.1", listener.port()) == 0);
    const int accepted = calls::accept(listener.number, nullptr, nullptr, 0);
    REQUIRE(accepted >= 0);
    server.number = accepted;
  }

  Handle listener;
  Handle client;
  Handle server{Handle::Adopt{-1}};
};

}  // namespace millrace::sockets
