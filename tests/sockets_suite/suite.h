// A frame for cases about SCTP sockets that run on any SCTP: on the engine under millrace-run, and
// on a Linux kernel. Only <netinet/sctp.h> and POSIX are used, and what a case expects is what
// Linux does. Each case runs in a process of its own.
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/sctp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <initializer_list>

#include "tests/sockets_suite/checks.h"

namespace suite {

// The engine's configuration, and the guest's loopback interface, have these.
constexpr char kLoopback[] = "127.0.0.1";
constexpr char kFirst[] = "10.20.0.1";
constexpr char kSecond[] = "10.20.1.1";
constexpr char kSixth[] = "fd20::1";
constexpr char kSilent[] = "10.66.0.1";     // nobody answers there
constexpr char kNowhere[] = "203.0.113.9";  // no route leads there

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  uint16_t port() const;
  bool is(const char* text) const;  ///< whether the address, without its port, is this
};
Address at(const char* text, uint16_t port = 0);

/// Addresses one behind the other, as sctp_bindx takes them.
struct Packed {
  char bytes[256] = {};
  size_t used = 0;
  int count = 0;

  Packed& add(const Address& address) {
    memcpy(bytes + used, &address.storage, address.length);
    used += address.length;
    ++count;
    return *this;
  }
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(bytes); }
};

int make(int type = SOCK_STREAM, int family = AF_INET);
int bind_to(int fd, const Address& address);
int connect_to(int fd, const Address& address);
Address name_of(int fd);
Address peer_of(int fd);
/// A socket that listens at an address, or at one of its own choice.
int listening(int type = SOCK_STREAM, const Address& address = at(kLoopback));
/// An address where somebody is who refuses.
Address refusing();

/// Two one-to-one sockets that are connected.
struct Pair {
  int listener = -1;
  int client = -1;
  int server = -1;
};
Pair pair(const char* address = kLoopback);

/// Two one-to-many sockets with an association between them.
struct Many {
  int client = -1;
  int server = -1;
  sctp_assoc_t client_id = 0;
  sctp_assoc_t server_id = 0;
  Address client_at;
  Address server_at;
};
Many many();

/// What one recvmsg gave.
struct Message {
  ssize_t size = -1;
  int error = 0;
  int flags = 0;
  char data[8192] = {};
  Address from;
  bool has_sndrcv = false, has_rcvinfo = false, has_nxtinfo = false;
  sctp_sndrcvinfo sndrcv{};
  sctp_rcvinfo rcvinfo{};
  sctp_nxtinfo nxtinfo{};

  bool is(const char* text) const {
    return size == static_cast<ssize_t>(strlen(text)) && memcmp(data, text, strlen(text)) == 0;
  }
  template <class Layout>
  Layout as() const {
    Layout layout{};
    memcpy(&layout, data, sizeof layout);
    return layout;
  }
};
Message receive(int fd, int flags = 0, size_t room = 8192, size_t control_room = 512);
/// The same for a notification, of which it checks the type.
Message notification(int fd, int type);

ssize_t say(int fd, const char* text, int flags = MSG_NOSIGNAL);
ssize_t say_to(int fd, const Address& to, const char* text, const sctp_sndrcvinfo* info = nullptr);
/// The notifications that a socket wants from now on.
void subscribe(int fd, int type, bool is_on = true);

void want_info(int fd);  ///< a sctp_sndrcvinfo with each message

/// Sends messages of one byte in large batches until there is no more room, or a few thousand;
/// gives how many.
int fill_in_batches(int fd);

/// Sends messages of 8000 bytes until there is no room for good; gives how many.
int fill_up(int fd);

/// How long something has lasted.
class Watch {
 public:
  Watch() { clock_gettime(CLOCK_MONOTONIC, &begun_); }
  long ms() const {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - begun_.tv_sec) * 1000 + (now.tv_nsec - begun_.tv_nsec) / 1'000'000;
  }

 private:
  timespec begun_{};
};

/// Waits for one of these; gives all that poll said.
short wait_for(int fd, short events, int milliseconds = 3000);
short ready(int fd);

/// One try to set up an association, of 100 ms or so.
void hurry(int fd);
void sleep_ms(int milliseconds);
/// A signal whose handler does nothing, not even restart calls; and more of them, `again_ms` apart.
void alarm_in(int milliseconds, int again_ms = 0);
void count_signal(int number);  ///< from now on signals_seen counts it
extern volatile sig_atomic_t signals_seen;

/// A pointer to nothing that this process has.
template <class Type = void>
Type* foreign() {
  static void* page = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return static_cast<Type*>(page);
}

template <class Value>
Value option(int fd, int level, int name) {
  Value value{};
  socklen_t length = sizeof value;
  OK(getsockopt(fd, level, name, &value, &length));
  EQUAL(length, sizeof value);
  return value;
}
template <class Value>
int set(int fd, int level, int name, const Value& value) {
  return setsockopt(fd, level, name, &value, sizeof value);
}
/// Those of IPPROTO_SCTP: `value` says what is asked about, if anything has to.
template <class Value>
Value get(int fd, int name, Value value = {}) {
  socklen_t length = sizeof value;
  OK(getsockopt(fd, IPPROTO_SCTP, name, &value, &length));
  EQUAL(length, sizeof value);
  return value;
}
template <class Value>
int put(int fd, int name, const Value& value) {
  return set(fd, IPPROTO_SCTP, name, value);
}
inline int flag(int fd, int name) {
  return option<int>(fd, IPPROTO_SCTP, name);
}

}  // namespace suite
