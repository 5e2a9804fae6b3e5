// The calls and functions that move messages, with buffers, lengths and names that make no sense.
#include "tests/sockets_suite/suite.h"

#include <sys/ioctl.h>
#include <sys/uio.h>

using namespace suite;

// Lengths that no buffer has are what is tried here.
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#pragma GCC diagnostic ignored "-Wnonnull"

static constexpr char kGroup[] = "bad messages";

namespace {

constexpr auto kNegative = static_cast<size_t>(-1);
constexpr auto kNegativeLength = static_cast<socklen_t>(-1);

/// Two connected sockets, of which the server has something to read.
Pair with_data() {
  const Pair two = pair();
  say(two.client, "x");
  wait_for(two.server, POLLIN);
  return two;
}

msghdr message_of(iovec* parts) {
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 1;
  return message;
}

}  // namespace

CASE("a length that is negative") {
  const Pair two = with_data();
  char byte = 0;
  FAILS(write(two.client, &byte, kNegative), EFAULT);
  FAILS(read(two.server, &byte, kNegative), EFAULT);
  CHECK(receive(two.server).is("x"));
}

CASE("a length that is negative, of send and recv") {
  const Pair two = with_data();
  // A place with as much address space behind it as Linux takes such a length for.
  auto* bytes = static_cast<char*>(
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  CHECK(bytes != MAP_FAILED);
  EQUAL(recv(two.server, bytes, kNegative, 0), 1);
  EQUAL(bytes[0], 'x');
  say(two.client, "y");
  EQUAL(recvfrom(two.server, bytes, kNegative, 0, nullptr, nullptr), 1);
  OK(put(two.client, SCTP_DISABLE_FRAGMENTS, 1));
  FAILS(send(two.client, bytes, kNegative, MSG_NOSIGNAL), EMSGSIZE);
}

CASE("a part whose length is negative") {
  const Pair two = with_data();
  char byte = 0;
  iovec part{&byte, kNegative};
  msghdr message = message_of(&part);
  FAILS(writev(two.client, &part, 1), EINVAL);
  FAILS(readv(two.server, &part, 1), EINVAL);
  FAILS(sendmsg(two.client, &message, MSG_NOSIGNAL), EINVAL);
  FAILS(recvmsg(two.server, &message, 0), EINVAL);
  CHECK(receive(two.server).is("x"));
}

CASE("parts at a foreign address") {
  const Pair two = with_data();
  FAILS(readv(two.server, foreign<iovec>(), 1), EFAULT);
  FAILS(writev(two.client, foreign<iovec>(), 1), EFAULT);
  iovec part{foreign(), 10};
  FAILS(readv(two.server, &part, 1), EFAULT);
  FAILS(writev(two.client, &part, 1), EFAULT);
}

CASE("no buffer to receive into") {
  for (int i = 0; i < 3; ++i) {
    const Pair two = with_data();
    socklen_t length = 0;
    if (i == 0) FAILS(recv(two.server, nullptr, 10, 0), EFAULT);
    if (i == 1) FAILS(read(two.server, nullptr, 10), EFAULT);
    if (i == 2) FAILS(recvfrom(two.server, nullptr, 10, 0, nullptr, &length), EFAULT);
  }
}

CASE("recvfrom: a name without a length, and with one that is negative") {
  char byte = 0;
  Address name;
  FAILS(recvfrom(with_data().server, &byte, 1, 0, name.raw(), nullptr), EFAULT);
  socklen_t length = kNegativeLength;
  FAILS(recvfrom(with_data().server, &byte, 1, 0, name.raw(), &length), EINVAL);
  EQUAL(recvfrom(with_data().server, &byte, 1, 0, nullptr, nullptr), 1);
}

CASE("sendmsg: a name that is foreign, short or negative") {
  const int fd = make(SOCK_SEQPACKET);
  Address name = at(kLoopback, 5);
  char byte = 0;
  iovec part{&byte, 1};
  msghdr message = message_of(&part);
  message.msg_name = foreign();
  message.msg_namelen = name.length;
  FAILS(sendmsg(fd, &message, MSG_NOSIGNAL), EFAULT);
  message.msg_name = name.raw();
  message.msg_namelen = name.length - 1;
  FAILS(sendmsg(fd, &message, MSG_NOSIGNAL), EINVAL);
  message.msg_namelen = kNegativeLength;
  FAILS(sendmsg(fd, &message, MSG_NOSIGNAL), EINVAL);
  mmsghdr several{message, 0};
  FAILS(sendmmsg(fd, &several, 1, MSG_NOSIGNAL), EINVAL);
}

CASE("recvmsg: a name that is foreign, short or negative") {
  char byte = 0;
  iovec part{&byte, 1};
  msghdr message = message_of(&part);
  message.msg_name = foreign();
  message.msg_namelen = sizeof(sockaddr_in);
  FAILS(recvmsg(with_data().server, &message, 0), EFAULT);
  Address name;
  message = message_of(&part);
  message.msg_name = name.raw();
  message.msg_namelen = kNegativeLength;
  const Pair two = with_data();
  FAILS(recvmsg(two.server, &message, 0), EINVAL);
  message.msg_namelen = 4;
  EQUAL(recvmsg(two.server, &message, 0), 1);
  EQUAL(message.msg_namelen, sizeof(sockaddr_in));
  EQUAL(name.storage.ss_family, AF_INET);
  EQUAL(name.port(), name_of(two.client).port());
}

CASE("accept4: flags that are none, a foreign address, a length that is null or negative") {
  const int listener = listening();
  for (int i = 0; i < 4; ++i) OK(connect_to(make(), name_of(listener)));
  sleep_ms(50);
  Address peer;
  socklen_t length = sizeof(sockaddr_in);
  FAILS(accept4(listener, nullptr, nullptr, 1), EINVAL);
  FAILS(accept4(listener, foreign<sockaddr>(), &length, SOCK_CLOEXEC), EFAULT);
  FAILS(accept4(listener, peer.raw(), nullptr, SOCK_CLOEXEC), EFAULT);
  FAILS(accept4(listener, peer.raw(), foreign<socklen_t>(), SOCK_CLOEXEC), EFAULT);
  length = kNegativeLength;
  FAILS(accept4(listener, peer.raw(), &length, SOCK_CLOEXEC), EINVAL);
}

CASE("FIONBIO: null and foreign") {
  const int fd = make();
  FAILS(ioctl(fd, FIONBIO, nullptr), EFAULT);
  FAILS(ioctl(fd, FIONBIO, foreign()), EFAULT);
}

CASE("sctp_sendmsg, sctp_send and sctp_sendv: null and foreign") {
  const Pair two = pair();
  sctp_sndrcvinfo info{};
  char byte = 0;
  FAILS(sctp_sendmsg(two.client, nullptr, 10, nullptr, 0, 0, 0, 0, 0, 0), EFAULT);
  FAILS(sctp_sendmsg(two.client, foreign(), 10, nullptr, 0, 0, 0, 0, 0, 0), EFAULT);
  FAILS(sctp_sendmsg(two.client, &byte, 1, foreign<sockaddr>(), sizeof(sockaddr_in), 0, 0, 0, 0, 0),
        EFAULT);
  FAILS(sctp_send(two.client, nullptr, 10, &info, 0), EFAULT);
  FAILS(sctp_send(two.client, foreign(), 10, nullptr, 0), EFAULT);
  FAILS(sctp_sendv(two.client, foreign<iovec>(), 1, nullptr, 0, nullptr, 0, SCTP_SENDV_NOINFO, 0),
        EFAULT);
  EQUAL(sctp_send(two.client, "good", 4, nullptr, 0), 4);
  CHECK(receive(two.server).is("good"));
}

CASE("sctp_recvmsg and sctp_recvv: null and foreign") {
  char byte = 0;
  iovec part{&byte, 1};
  int flags = 0;
  socklen_t length = sizeof(sockaddr_in), info_length = 0;
  unsigned type = 0;
  FAILS(sctp_recvmsg(with_data().server, foreign(), 10, nullptr, nullptr, nullptr, &flags), EFAULT);
  FAILS(sctp_recvmsg(with_data().server, nullptr, 10, nullptr, nullptr, nullptr, &flags), EFAULT);
  FAILS(sctp_recvmsg(with_data().server, &byte, 1, foreign<sockaddr>(), &length, nullptr, &flags),
        EFAULT);
  EQUAL(sctp_recvmsg(with_data().server, &byte, 1, nullptr, nullptr, nullptr, nullptr), 1);
  FAILS(sctp_recvv(with_data().server, foreign<iovec>(), 1, nullptr, nullptr, nullptr, &info_length,
                   &type, &flags),
        EFAULT);
  EQUAL(sctp_recvv(with_data().server, &part, 1, nullptr, nullptr, nullptr, nullptr, &type, &flags),
        1);
  EQUAL(type, SCTP_RECVV_NOINFO);
}

CASE("sctp_opt_info without a length") {
  int flag = 0;
  FAILS(sctp_opt_info(make(), 0, SCTP_NODELAY, &flag, nullptr), EFAULT);
}

CASE("sctp_bindx and sctp_connectx: counts and flags that are none, foreign addresses") {
  const Address name = at(kLoopback);
  Packed list;
  list.add(name);
  FAILS(sctp_bindx(make(), list.raw(), 1, 99), EINVAL);
  FAILS(sctp_bindx(make(), list.raw(), 0, SCTP_BINDX_ADD_ADDR), EINVAL);
  FAILS(sctp_bindx(make(), list.raw(), -1, SCTP_BINDX_ADD_ADDR), EINVAL);
  FAILS(sctp_connectx(make(), list.raw(), 0, nullptr), EINVAL);
  FAILS(sctp_connectx(make(), list.raw(), -1, nullptr), EINVAL);
  Packed odd;
  odd.add(name);
  odd.raw()->sa_family = AF_UNIX;
  FAILS(sctp_bindx(make(), odd.raw(), 1, SCTP_BINDX_ADD_ADDR), EINVAL);
  FAILS(sctp_connectx(make(), odd.raw(), 1, nullptr), EINVAL);
}

CASE("sctp_peeloff and sctp_getpaddrs: an association that is none") {
  const Many two = many();
  sockaddr* list = nullptr;
  FAILS(sctp_peeloff(two.client, 5000), EINVAL);
  FAILS(sctp_getpaddrs(two.client, 5000, &list), EINVAL);
  FAILS(sctp_getladdrs(two.client, 5000, &list), EINVAL);
}
