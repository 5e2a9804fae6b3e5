#include "tests/sockets_suite/suite.h"

#include <stdio.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

namespace suite {

volatile sig_atomic_t signals_seen = 0;

uint16_t Address::port() const {
  if (storage.ss_family == AF_INET)
    return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
}

bool Address::is(const char* text) const {
  const Address other = at(text, port());
  return other.storage.ss_family == storage.ss_family &&
         memcmp(&other.storage, &storage, other.length) == 0;
}

Address at(const char* text, uint16_t port) {
  Address result;
  if (strchr(text, ':') == nullptr) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    EQUAL(inet_pton(AF_INET, text, &v4->sin_addr), 1);
    result.length = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    EQUAL(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
    result.length = sizeof *v6;
  }
  return result;
}

int make(int type, int family) {
  return OK(socket(family, type, IPPROTO_SCTP));
}

int bind_to(int fd, const Address& address) {
  return bind(fd, address.raw(), address.length);
}

int connect_to(int fd, const Address& address) {
  return connect(fd, address.raw(), address.length);
}

Address name_of(int fd) {
  Address name;
  name.length = sizeof name.storage;
  OK(getsockname(fd, name.raw(), &name.length));
  return name;
}

Address peer_of(int fd) {
  Address name;
  name.length = sizeof name.storage;
  OK(getpeername(fd, name.raw(), &name.length));
  return name;
}

int listening(int type, const Address& address) {
  const int fd = make(type, address.storage.ss_family);
  OK(bind_to(fd, address));
  OK(listen(fd, 16));
  return fd;
}

Address refusing() {
  const int fd = make();
  OK(bind_to(fd, at(kLoopback)));
  return name_of(fd);  // bound, so that nobody else listens there
}

Pair pair(const char* address) {
  Pair result;
  result.listener = listening(SOCK_STREAM, at(address));
  result.client = make(SOCK_STREAM, at(address).storage.ss_family);
  OK(connect_to(result.client, name_of(result.listener)));
  result.server = OK(accept(result.listener, nullptr, nullptr));
  return result;
}

Many many() {
  Many result;
  result.server = listening(SOCK_SEQPACKET);
  result.client = listening(SOCK_SEQPACKET);
  result.server_at = name_of(result.server);
  result.client_at = name_of(result.client);
  subscribe(result.server, SCTP_ASSOC_CHANGE);
  subscribe(result.client, SCTP_ASSOC_CHANGE);
  OK(say_to(result.client, result.server_at, "first"));
  result.client_id =
      notification(result.client, SCTP_ASSOC_CHANGE).as<sctp_assoc_change>().sac_assoc_id;
  result.server_id =
      notification(result.server, SCTP_ASSOC_CHANGE).as<sctp_assoc_change>().sac_assoc_id;
  CHECK(receive(result.server).is("first"));
  subscribe(result.server, SCTP_ASSOC_CHANGE, false);
  subscribe(result.client, SCTP_ASSOC_CHANGE, false);
  return result;
}

namespace {

void read_control(msghdr& message, Message& result) {
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != IPPROTO_SCTP) continue;
    if (head->cmsg_type == SCTP_SNDRCV) {
      result.has_sndrcv = true;
      memcpy(&result.sndrcv, CMSG_DATA(head), sizeof result.sndrcv);
    } else if (head->cmsg_type == SCTP_RCVINFO) {
      result.has_rcvinfo = true;
      memcpy(&result.rcvinfo, CMSG_DATA(head), sizeof result.rcvinfo);
    } else if (head->cmsg_type == SCTP_NXTINFO) {
      result.has_nxtinfo = true;
      memcpy(&result.nxtinfo, CMSG_DATA(head), sizeof result.nxtinfo);
    }
  }
}

}  // namespace

Message receive(int fd, int flags, size_t room, size_t control_room) {
  Message result;
  alignas(cmsghdr) char control[512] = {};
  iovec part{result.data, room};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = result.from.raw();
  message.msg_namelen = sizeof result.from.storage;
  message.msg_control = control_room > 0 ? control : nullptr;
  message.msg_controllen = control_room;
  result.size = recvmsg(fd, &message, flags);
  if (result.size < 0) {
    result.error = errno;
    return result;
  }
  result.from.length = message.msg_namelen;
  result.flags = message.msg_flags;
  read_control(message, result);
  return result;
}

Message notification(int fd, int type) {
  const Message message = receive(fd);
  EQUAL(message.error, 0);
  CHECK((message.flags & MSG_NOTIFICATION) != 0);
  EQUAL(message.as<uint16_t>(), type);
  return message;
}

ssize_t say(int fd, const char* text, int flags) {
  return send(fd, text, strlen(text), flags);
}

ssize_t say_to(int fd, const Address& to, const char* text, const sctp_sndrcvinfo* info) {
  iovec part{const_cast<char*>(text), strlen(text)};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = to.length > 0 ? const_cast<sockaddr*>(to.raw()) : nullptr;
  message.msg_namelen = to.length;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof *info)] = {};
  if (info != nullptr) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = IPPROTO_SCTP;
    head->cmsg_type = SCTP_SNDRCV;
    head->cmsg_len = CMSG_LEN(sizeof *info);
    memcpy(CMSG_DATA(head), info, sizeof *info);
  }
  return sendmsg(fd, &message, MSG_NOSIGNAL);
}

void subscribe(int fd, int type, bool is_on) {
  sctp_event event{};
  event.se_assoc_id = SCTP_ALL_ASSOC;
  event.se_type = static_cast<uint16_t>(type);
  event.se_on = is_on ? 1 : 0;
  OK(set(fd, IPPROTO_SCTP, SCTP_EVENT, event));
}

void want_info(int fd) {
  sctp_event_subscribe events{};
  events.sctp_data_io_event = 1;
  OK(set(fd, IPPROTO_SCTP, SCTP_EVENTS, events));
}

int fill_in_batches(int fd) {
  constexpr unsigned kBatch = 1024;
  constexpr int kMost = 4096;
  static mmsghdr messages[kBatch];
  static char byte[] = "x";
  static iovec part{byte, 1};
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_iov = &part;
    message.msg_hdr.msg_iovlen = 1;
  }
  const int flags = OK(fcntl(fd, F_GETFL));
  OK(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
  int sent = 0;
  int count = 1;
  while (count > 0 && sent < kMost) {
    count = sendmmsg(fd, messages, kBatch, MSG_NOSIGNAL);
    if (count > 0) sent += count;
  }
  CHECK(count > 0 || errno == EAGAIN);
  OK(fcntl(fd, F_SETFL, flags));
  return sent;
}

int fill_up(int fd) {
  static char block[8000];
  int sent = 0;
  for (int idle = 0; idle < 2;) {
    if (send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
      idle = 0;
      CHECK(++sent < 100'000);
      continue;
    }
    EQUAL(errno, EAGAIN);
    pollfd entry{fd, POLLOUT, 0};
    if (poll(&entry, 1, 60) == 0) ++idle;  // not until the peer has taken some
  }
  return sent;
}

short wait_for(int fd, short events, int milliseconds) {
  pollfd entry{fd, events, 0};
  EQUAL(poll(&entry, 1, milliseconds), 1);
  return entry.revents;
}

short ready(int fd) {
  pollfd entry{fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
  OK(poll(&entry, 1, 0));
  return entry.revents;
}

void hurry(int fd) {
  sctp_initmsg init{};
  init.sinit_max_attempts = 1;
  init.sinit_max_init_timeo = 100;
  OK(set(fd, IPPROTO_SCTP, SCTP_INITMSG, init));
  sctp_rtoinfo timers{};
  timers.srto_initial = timers.srto_min = timers.srto_max = 100;
  OK(set(fd, IPPROTO_SCTP, SCTP_RTOINFO, timers));
}

void sleep_ms(int milliseconds) {
  poll(nullptr, 0, milliseconds);
}

void count_signal(int number) {
  struct sigaction action {};
  action.sa_handler = [](int) { signals_seen = signals_seen + 1; };
  OK(sigaction(number, &action, nullptr));
}

void alarm_in(int milliseconds, int again_ms) {
  count_signal(SIGVTALRM);
  timer_t timer;
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGVTALRM;
  OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
  itimerspec when{};
  when.it_value.tv_nsec = milliseconds * 1'000'000L;
  when.it_interval.tv_nsec = again_ms * 1'000'000L;
  OK(timer_settime(timer, 0, &when, nullptr));
}

}  // namespace suite
