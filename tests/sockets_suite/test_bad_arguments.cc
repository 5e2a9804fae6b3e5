// A table for every call: null, short, foreign pointer, wrong model, wrong state, closed
// descriptor, negative length, and the errno that Linux gives.
#include "tests/sockets_suite/suite.h"

#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

using namespace suite;

// Lengths that no buffer has are what is tried here.
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#pragma GCC diagnostic ignored "-Wnonnull"

static constexpr char kGroup[] = "bad arguments";

namespace {

int closed_descriptor() {
  const int fd = make();
  OK(close(fd));
  return fd;
}

msghdr message_of(iovec* parts, size_t count) {
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = count;
  return message;
}

const socklen_t kFour = sizeof(sockaddr_in);
constexpr auto kNegative = static_cast<socklen_t>(-1);

}  // namespace

CASE("a closed descriptor, in every call") {
  const int fd = closed_descriptor();
  Address name = at(kLoopback, 5);
  char byte = 0;
  int number = 0;
  iovec part{&byte, 1};
  msghdr message = message_of(&part, 1);
  mmsghdr several{message, 0};
  FAILS(bind(fd, name.raw(), kFour), EBADF);
  FAILS(listen(fd, 1), EBADF);
  FAILS(accept(fd, nullptr, nullptr), EBADF);
  FAILS(accept4(fd, nullptr, nullptr, 0), EBADF);
  FAILS(connect(fd, name.raw(), kFour), EBADF);
  FAILS(send(fd, &byte, 1, 0), EBADF);
  FAILS(sendto(fd, &byte, 1, 0, name.raw(), kFour), EBADF);
  FAILS(sendmsg(fd, &message, 0), EBADF);
  FAILS(sendmmsg(fd, &several, 1, 0), EBADF);
  FAILS(recv(fd, &byte, 1, 0), EBADF);
  FAILS(recvfrom(fd, &byte, 1, 0, nullptr, nullptr), EBADF);
  FAILS(recvmsg(fd, &message, 0), EBADF);
  FAILS(recvmmsg(fd, &several, 1, 0, nullptr), EBADF);
  FAILS(read(fd, &byte, 1), EBADF);
  FAILS(write(fd, &byte, 1), EBADF);
  FAILS(readv(fd, &part, 1), EBADF);
  FAILS(writev(fd, &part, 1), EBADF);
  FAILS(shutdown(fd, SHUT_WR), EBADF);
  FAILS(close(fd), EBADF);
  FAILS(dup(fd), EBADF);
  FAILS(dup2(fd, 100), EBADF);
  FAILS(fcntl(fd, F_GETFL), EBADF);
  FAILS(ioctl(fd, FIONREAD, &number), EBADF);
  FAILS(getsockname(fd, name.raw(), &name.length), EBADF);
  FAILS(getpeername(fd, name.raw(), &name.length), EBADF);
  FAILS(getsockopt(fd, SOL_SOCKET, SO_TYPE, &number, &name.length), EBADF);
  FAILS(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &number, sizeof number), EBADF);
  FAILS(sctp_bindx(fd, name.raw(), 1, SCTP_BINDX_ADD_ADDR), EBADF);
  FAILS(sctp_connectx(fd, name.raw(), 1, nullptr), EBADF);
  FAILS(sctp_peeloff(fd, 1), EBADF);
}

CASE("a closed descriptor, in the functions of libsctp and what is like read and write") {
  const int file = OK(open("/proc/self/exe", O_RDONLY));
  const int fd = closed_descriptor();
  Address name = at(kLoopback, 5);
  sockaddr* list = nullptr;
  char byte = 0;
  iovec part{&byte, 1};
  int flags = 0;
  unsigned type = 0;
  socklen_t length = sizeof(sctp_rcvinfo), name_length = name.length;
  sctp_sndrcvinfo sent{};
  sctp_rcvinfo received{};
  sctp_status status{};
  socklen_t status_length = sizeof status;
  FAILS(sctp_sendmsg(fd, &byte, 1, name.raw(), kFour, 0, 0, 0, 0, 0), EBADF);
  FAILS(sctp_send(fd, &byte, 1, &sent, 0), EBADF);
  FAILS(sctp_sendv(fd, &part, 1, nullptr, 0, nullptr, 0, SCTP_SENDV_NOINFO, 0), EBADF);
  FAILS(sctp_recvmsg(fd, &byte, 1, nullptr, nullptr, nullptr, &flags), EBADF);
  FAILS(sctp_recvv(fd, &part, 1, name.raw(), &name_length, &received, &length, &type, &flags),
        EBADF);
  FAILS(sctp_getpaddrs(fd, 0, &list), EBADF);
  FAILS(sctp_getladdrs(fd, 0, &list), EBADF);
  FAILS(sctp_opt_info(fd, 0, SCTP_STATUS, &status, &status_length), EBADF);
  FAILS(preadv2(fd, &part, 1, -1, 0), EBADF);
  FAILS(pwritev2(fd, &part, 1, -1, 0), EBADF);
  FAILS(sendfile(fd, file, nullptr, 1), EBADF);
  FAILS(dup3(fd, 100, 0), EBADF);
  FAILS(fcntl(fd, F_DUPFD, 3), EBADF);
  FAILS(ioctl(fd, FIONBIO, &flags), EBADF);
  pollfd entry{fd, POLLIN, 0};
  EQUAL(poll(&entry, 1, 0), 1);
  EQUAL(entry.revents, POLLNVAL);
}

CASE("the wrong state: neither bound nor connected") {
  Address name = at(kLoopback, 5);
  char byte = 0;
  const int fd = make();
  FAILS(accept(fd, nullptr, nullptr), EINVAL);
  FAILS(getpeername(fd, name.raw(), &name.length), ENOTCONN);
  FAILS(recv(fd, &byte, 1, 0), ENOTCONN);
  FAILS(read(fd, &byte, 1), ENOTCONN);
  FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
  FAILS(shutdown(fd, SHUT_RDWR), ENOTCONN);
  sockaddr* list = nullptr;
  FAILS(sctp_getpaddrs(fd, 0, &list), EINVAL);
  sctp_prim primary{};
  FAILS(set(fd, IPPROTO_SCTP, SCTP_PRIMARY_ADDR, primary), EINVAL);
}

CASE("the wrong state: listening") {
  const int fd = listening();
  const Address elsewhere = name_of(listening());
  char byte = 0;
  FAILS(bind_to(fd, at(kLoopback)), EINVAL);
  FAILS(connect_to(fd, elsewhere), EISCONN);
  FAILS(recv(fd, &byte, 1, 0), ENOTCONN);
  FAILS(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
  FAILS(sendto(fd, &byte, 1, MSG_NOSIGNAL, elsewhere.raw(), elsewhere.length), EPIPE);
  FAILS(sctp_connectx(fd, Packed().add(elsewhere).raw(), 1, nullptr), EISCONN);
  Address peer = elsewhere;
  FAILS(getpeername(fd, peer.raw(), &peer.length), ENOTCONN);
}

CASE("the wrong state: connected") {
  const Pair two = pair();
  const Address elsewhere = name_of(listening());
  FAILS(listen(two.client, 5), EINVAL);
  FAILS(accept(two.client, nullptr, nullptr), EINVAL);
  FAILS(bind_to(two.client, at(kLoopback)), EINVAL);
  FAILS(connect_to(two.client, elsewhere), EISCONN);
  FAILS(connect_to(two.client, name_of(two.listener)), EISCONN);
  FAILS(sctp_connectx(two.client, Packed().add(elsewhere).raw(), 1, nullptr), EISCONN);
}

CASE("a negative descriptor") {
  char byte = 0;
  FAILS(listen(-1, 1), EBADF);
  FAILS(read(-1, &byte, 1), EBADF);
  FAILS(accept(-5, nullptr, nullptr), EBADF);
  FAILS(close(-1), EBADF);
}

CASE("a descriptor that is no socket") {
  const int file = OK(open("/dev/null", O_RDWR));
  char byte = 0;
  FAILS(listen(file, 1), ENOTSOCK);
  FAILS(accept(file, nullptr, nullptr), ENOTSOCK);
  FAILS(send(file, &byte, 1, 0), ENOTSOCK);
  FAILS(sctp_peeloff(file, 1), ENOTSOCK);
}

CASE("bind: short, negative, null, foreign, a family that is none") {
  const Address name = at(kLoopback);
  FAILS(bind(make(), name.raw(), kFour - 1), EINVAL);
  FAILS(bind(make(), name.raw(), 0), EINVAL);
  FAILS(bind(make(), name.raw(), kNegative), EINVAL);
  FAILS(bind(make(), nullptr, kFour), EFAULT);
  FAILS(bind(make(), foreign<sockaddr>(), kFour), EFAULT);
  FAILS(bind(make(SOCK_STREAM, AF_INET6), at("::1").raw(), 20), EINVAL);
  Address odd = name;
  odd.storage.ss_family = AF_UNIX;
  FAILS(bind(make(), odd.raw(), kFour), EAFNOSUPPORT);
}

CASE("connect: short, negative, null, foreign, a family that is none") {
  const Address name = at(kLoopback, 5);
  FAILS(connect(make(), name.raw(), kFour - 1), EINVAL);
  FAILS(connect(make(), name.raw(), 0), EINVAL);
  FAILS(connect(make(), name.raw(), kNegative), EINVAL);
  FAILS(connect(make(), nullptr, kFour), EFAULT);
  FAILS(connect(make(), foreign<sockaddr>(), kFour), EFAULT);
  Address odd = name;
  odd.storage.ss_family = AF_UNIX;
  FAILS(connect(make(), odd.raw(), kFour), EINVAL);
}

CASE("accept: a foreign address, a length that is null or negative") {
  const int listener = listening();
  for (int i = 0; i < 3; ++i) OK(connect_to(make(), name_of(listener)));
  wait_for(listener, POLLIN);
  sleep_ms(20);
  socklen_t length = kFour;
  FAILS(accept(listener, foreign<sockaddr>(), &length), EFAULT);
  Address peer;
  FAILS(accept(listener, peer.raw(), nullptr), EFAULT);
  length = kNegative;
  FAILS(accept(listener, peer.raw(), &length), EINVAL);
}

CASE("getsockname and getpeername: null, foreign, negative") {
  const Pair two = pair();
  Address name;
  socklen_t length = kFour;
  for (const auto call : {getsockname, getpeername}) {
    FAILS(call(two.client, nullptr, &length), EFAULT);
    FAILS(call(two.client, foreign<sockaddr>(), &length), EFAULT);
    FAILS(call(two.client, name.raw(), nullptr), EFAULT);
    FAILS(call(two.client, name.raw(), foreign<socklen_t>()), EFAULT);
    socklen_t negative = kNegative;
    FAILS(call(two.client, name.raw(), &negative), EINVAL);
  }
}

CASE("getsockopt: null, foreign, negative") {
  const int fd = make();
  int value = 0;
  socklen_t length = sizeof value;
  FAILS(getsockopt(fd, SOL_SOCKET, SO_TYPE, nullptr, &length), EFAULT);
  FAILS(getsockopt(fd, SOL_SOCKET, SO_TYPE, foreign(), &length), EFAULT);
  FAILS(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, nullptr), EFAULT);
  FAILS(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, foreign<socklen_t>()), EFAULT);
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, nullptr, &length), EFAULT);
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, foreign(), &length), EFAULT);
  socklen_t negative = kNegative;
  FAILS(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &negative), EINVAL);
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, &value, &negative), EINVAL);
}

CASE("setsockopt: null, foreign, negative") {
  const int fd = make();
  FAILS(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, nullptr, sizeof(int)), EFAULT);
  FAILS(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, foreign(), sizeof(int)), EFAULT);
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, foreign(), sizeof(int)), EFAULT);
  const int one = 1;
  FAILS(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, kNegative), EINVAL);
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, &one, kNegative), EINVAL);
}

CASE("setsockopt: no value and no length") {
  const int fd = make();
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, nullptr, 0), EINVAL);
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_RTOINFO, nullptr, 0), EINVAL);
}

CASE("send: a foreign buffer") {
  const Pair two = pair();
  FAILS(send(two.client, foreign(), 100, MSG_NOSIGNAL), EFAULT);
  FAILS(write(two.client, foreign(), 100), EFAULT);
  FAILS(send(two.client, nullptr, 100, MSG_NOSIGNAL), EFAULT);
  OK(say(two.client, "and it goes on"));
  CHECK(receive(two.server).is("and it goes on"));
}

CASE("send: more than there is memory") {
  const Pair two = pair();
  char byte = 0;
  CHECK(send(two.client, &byte, static_cast<size_t>(-1), MSG_NOSIGNAL) == -1);
}

CASE("recv: a foreign buffer") {
  const Pair two = pair();
  say(two.client, "first");
  say(two.client, "second");
  FAILS(recv(two.server, foreign(), 100, 0), EFAULT);
  FAILS(read(two.server, foreign(), 100), EFAULT);
}

CASE("sendmsg and recvmsg: null and foreign structures") {
  const Pair two = pair();
  say(two.client, "x");
  wait_for(two.server, POLLIN);
  FAILS(sendmsg(two.client, nullptr, 0), EFAULT);
  FAILS(sendmsg(two.client, foreign<msghdr>(), 0), EFAULT);
  FAILS(recvmsg(two.server, nullptr, 0), EFAULT);
  FAILS(recvmsg(two.server, foreign<msghdr>(), 0), EFAULT);
  msghdr message = message_of(foreign<iovec>(), 1);
  FAILS(sendmsg(two.client, &message, 0), EFAULT);
  FAILS(recvmsg(two.server, &message, 0), EFAULT);
}

CASE("sendmmsg and recvmmsg: no messages, foreign ones") {
  const Pair two = pair();
  say(two.client, "x");
  wait_for(two.server, POLLIN);
  FAILS(sendmmsg(two.client, nullptr, 1, MSG_NOSIGNAL), EFAULT);
  FAILS(sendmmsg(two.client, foreign<mmsghdr>(), 1, MSG_NOSIGNAL), EFAULT);
  FAILS(recvmmsg(two.server, nullptr, 1, 0, nullptr), EFAULT);
  FAILS(recvmmsg(two.server, foreign<mmsghdr>(), 1, 0, nullptr), EFAULT);
  FAILS(recvmmsg(two.server, foreign<mmsghdr>(), 1, 0, foreign<timespec>()), EFAULT);
  EQUAL(sendmmsg(two.client, nullptr, 0, MSG_NOSIGNAL), 0);
  char byte = 0;
  iovec piece{&byte, 1};
  mmsghdr good{message_of(&piece, 1), 0};
  FAILS(recvmmsg(two.server, &good, 1, 0, foreign<timespec>()), EFAULT);
  mmsghdr several{message_of(foreign<iovec>(), 1), 0};
  FAILS(sendmmsg(two.client, &several, 1, MSG_NOSIGNAL), EFAULT);
  FAILS(recvmmsg(two.server, &several, 1, 0, nullptr), EFAULT);
}

CASE("recvmmsg: a time that is none") {
  const Pair two = pair();
  mmsghdr several{};
  timespec time{0, -1};
  FAILS(recvmmsg(two.server, &several, 1, 0, &time), EINVAL);
  time = {-1, 0};
  FAILS(recvmmsg(two.server, &several, 1, 0, &time), EINVAL);
}

CASE("recvfrom: a foreign name") {
  const Pair two = pair();
  say(two.client, "x");
  char byte = 0;
  socklen_t length = kFour;
  FAILS(recvfrom(two.server, &byte, 1, 0, foreign<sockaddr>(), &length), EFAULT);
  Address name;
  say(two.client, "x");
  FAILS(recvfrom(two.server, &byte, 1, 0, name.raw(), foreign<socklen_t>()), EFAULT);
}

CASE("recvmsg: foreign control data takes nothing away") {
  const Pair two = pair();
  want_info(two.server);
  say(two.client, "x");
  char byte = 0;
  iovec part{&byte, 1};
  msghdr message = message_of(&part, 1);
  message.msg_control = foreign();
  message.msg_controllen = 64;
  EQUAL(recvmsg(two.server, &message, 0), 1);
}

CASE("sendmsg and recvmsg: too many parts") {
  const Pair two = pair();
  char byte = 0;
  iovec part{&byte, 1};
  msghdr message = message_of(&part, 100'000);
  FAILS(sendmsg(two.client, &message, 0), EMSGSIZE);
  FAILS(recvmsg(two.server, &message, 0), EMSGSIZE);
}

CASE("readv and writev: counts that are none") {
  const Pair two = pair();
  char byte = 0;
  iovec part{&byte, 1};
  FAILS(writev(two.client, &part, -1), EINVAL);
  FAILS(readv(two.server, &part, -1), EINVAL);
  FAILS(writev(two.client, &part, 100'000), EINVAL);
  EQUAL(readv(two.server, &part, 0), 0);
  EQUAL(writev(two.client, &part, 0), 0);
  FAILS(writev(two.client, foreign<iovec>(), 1), EFAULT);
}

CASE("sendto: a name that is short, negative or foreign") {
  const int fd = make(SOCK_SEQPACKET);
  const Address name = at(kLoopback, 5);
  FAILS(sendto(fd, "x", 1, 0, name.raw(), kFour - 1), EINVAL);
  FAILS(sendto(fd, "x", 1, 0, name.raw(), kNegative), EINVAL);
  FAILS(sendto(fd, "x", 1, 0, foreign<sockaddr>(), kFour), EFAULT);
}

CASE("sendmsg: control data that makes no sense") {
  const Pair two = pair();
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(sctp_sndinfo))] = {};
  msghdr message = message_of(&part, 1);
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = IPPROTO_SCTP;
  head->cmsg_type = SCTP_SNDINFO;
  head->cmsg_len = CMSG_LEN(3);
  FAILS(sendmsg(two.client, &message, MSG_NOSIGNAL), EINVAL);
  head->cmsg_len = 1;
  FAILS(sendmsg(two.client, &message, MSG_NOSIGNAL), EINVAL);
  head->cmsg_len = CMSG_LEN(5000);
  FAILS(sendmsg(two.client, &message, MSG_NOSIGNAL), EINVAL);
  head->cmsg_len = CMSG_LEN(sizeof(sctp_sndinfo));
  head->cmsg_type = 99;
  FAILS(sendmsg(two.client, &message, MSG_NOSIGNAL), EINVAL);
}

CASE("sendmsg: foreign control data") {
  const Pair two = pair();
  char byte = 0;
  iovec part{&byte, 1};
  msghdr message = message_of(&part, 1);
  message.msg_control = foreign();
  message.msg_controllen = 64;
  FAILS(sendmsg(two.client, &message, MSG_NOSIGNAL), EFAULT);
}

CASE("FIONREAD: null and foreign") {
  const Pair two = pair();
  FAILS(ioctl(two.client, FIONREAD, nullptr), EFAULT);
  FAILS(ioctl(two.client, FIONREAD, foreign()), EFAULT);
}

CASE("FIONREAD of a listener") {
  int count = 0;
  FAILS(ioctl(listening(), FIONREAD, &count), ENOTCONN);
}

CASE("the wrong model") {
  const Pair two = pair();
  FAILS(sctp_peeloff(two.client, 1), EINVAL);
  FAILS(accept(listening(SOCK_SEQPACKET), nullptr, nullptr), EOPNOTSUPP);
  FAILS(set(two.client, IPPROTO_SCTP, SCTP_AUTOCLOSE, 1), EOPNOTSUPP);
}

CASE("bindx and connectx: null, foreign, short") {
  const int fd = make();
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, nullptr, 16), EFAULT);
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, foreign(), 16), EFAULT);
  const Address name = at(kLoopback, 5);
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, name.raw(), 8), EINVAL);
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, name.raw(), 0), EINVAL);
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, foreign(), 16), EFAULT);
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, name.raw(), 8), EINVAL);
  sctp_getaddrs_old peers{0, 16, foreign<sockaddr>()};
  socklen_t length = sizeof peers;
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX3, &peers, &length), EFAULT);
  peers.addrs = nullptr;
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX3, &peers, &length), EFAULT);
}

CASE("dup2 and fcntl: numbers that are none") {
  const int fd = make();
  FAILS(dup2(fd, -1), EBADF);
  FAILS(dup2(fd, 1 << 30), EBADF);
  FAILS(fcntl(fd, F_DUPFD, -1), EINVAL);
  FAILS(fcntl(fd, 9999, 0), EINVAL);
}

CASE("ioctl: a request that is none") {
  FAILS(ioctl(make(), 0x1234, nullptr), ENOTTY);
}
