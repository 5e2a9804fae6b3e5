#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "control messages";

namespace {

/// sendmsg with one control message of IPPROTO_SCTP.
template <class Value>
ssize_t say_with(int fd, const Address* to, const char* text, int type, const Value& value) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof value)] = {};
  iovec part{const_cast<char*>(text), strlen(text)};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (to != nullptr) {
    message.msg_name = const_cast<sockaddr*>(to->raw());
    message.msg_namelen = to->length;
  }
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = IPPROTO_SCTP;
  head->cmsg_type = type;
  head->cmsg_len = CMSG_LEN(sizeof value);
  memcpy(CMSG_DATA(head), &value, sizeof value);
  return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/// One-to-many, and soon tries the next address.
int impatient(int family) {
  const int fd = make(SOCK_SEQPACKET, family);
  OK(set(fd, IPPROTO_SCTP, SCTP_RTOINFO, sctp_rtoinfo{0, 100, 200, 100}));
  return fd;
}

}  // namespace

CASE("SCTP_DSTADDRV4 is another address of who is sent to") {
  const int server = listening(SOCK_SEQPACKET, at(kFirst));
  const Address silent = at(kSilent, name_of(server).port());
  in_addr other{};
  EQUAL(inet_pton(AF_INET, kFirst, &other), 1);
  EQUAL(say_with(impatient(AF_INET), &silent, "found", SCTP_DSTADDRV4, other), 5);
  CHECK(receive(server).is("found"));
}

CASE("SCTP_DSTADDRV6 is another address of who is sent to") {
  const int server = listening(SOCK_SEQPACKET, at(kSixth));
  const Address silent = at("::ffff:10.66.0.1", name_of(server).port());
  in6_addr other{};
  EQUAL(inet_pton(AF_INET6, kSixth, &other), 1);
  EQUAL(say_with(impatient(AF_INET6), &silent, "found", SCTP_DSTADDRV6, other), 5);
  CHECK(receive(server).is("found"));
}

CASE("SCTP_PRINFO of a message that is in time changes nothing") {
  const Pair two = pair();
  EQUAL(say_with(two.client, nullptr, "soon", SCTP_PRINFO, sctp_prinfo{SCTP_PR_SCTP_TTL, 5000}), 4);
  CHECK(receive(two.server).is("soon"));
}

CASE("SCTP_AUTHINFO is nothing to a socket without authentication") {
  const Pair two = pair();
  EQUAL(say_with(two.client, nullptr, "plain", SCTP_AUTHINFO, sctp_authinfo{1}), 5);
  CHECK(receive(two.server).is("plain"));
}

CASE("libsctp's sctp_sendv with SCTP_SENDV_PRINFO, and with all that it can take") {
  const Pair two = pair();
  OK(set(two.server, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1));
  char text[] = "word";
  const iovec part{text, 4};
  sctp_prinfo soon{SCTP_PR_SCTP_TTL, 5000};
  EQUAL(sctp_sendv(two.client, &part, 1, nullptr, 0, &soon, sizeof soon, SCTP_SENDV_PRINFO, 0), 4);
  CHECK(receive(two.server).is("word"));
  sctp_sendv_spa all{};
  all.sendv_flags = SCTP_SEND_SNDINFO_VALID | SCTP_SEND_PRINFO_VALID;
  all.sendv_sndinfo.snd_sid = 3;
  all.sendv_prinfo = soon;
  EQUAL(sctp_sendv(two.client, &part, 1, nullptr, 0, &all, sizeof all, SCTP_SENDV_SPA, 0), 4);
  EQUAL(receive(two.server).rcvinfo.rcv_sid, 3);
}
