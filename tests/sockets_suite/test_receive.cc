#include "tests/sockets_suite/suite.h"

#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>

#include <thread>

using namespace suite;

static constexpr char kGroup[] = "receive";

CASE("a complete message has MSG_EOR") {
  const Pair two = pair();
  say(two.client, "whole");
  const Message message = receive(two.server);
  CHECK(message.is("whole"));
  EQUAL(message.flags, MSG_EOR);
}

CASE("a message in parts has MSG_EOR at its end") {
  const Pair two = pair();
  say(two.client, "twelve bytes");
  Message message = receive(two.server, 0, 5);
  CHECK(message.is("twelv"));
  EQUAL(message.flags, 0);
  message = receive(two.server, 0, 5);
  CHECK(message.is("e byt"));
  EQUAL(message.flags, 0);
  message = receive(two.server, 0, 5);
  CHECK(message.is("es"));
  EQUAL(message.flags, MSG_EOR);
}

CASE("MSG_TRUNC changes nothing: the rest comes with the next call") {
  const Pair two = pair();
  say(two.client, "abcdef");
  const Message first = receive(two.server, MSG_TRUNC, 4);
  CHECK(first.is("abcd"));
  EQUAL(first.flags & (MSG_TRUNC | MSG_EOR), 0);
  CHECK(receive(two.server).is("ef"));
}

CASE("MSG_ERRQUEUE is another queue, and empty") {
  const Pair two = pair();
  say(two.client, "x");
  wait_for(two.server, POLLIN);
  const Message message = receive(two.server, MSG_ERRQUEUE);
  EQUAL(message.size, -1);
  EQUAL(message.error, EAGAIN);
  char byte = 0;
  iovec piece{&byte, 1};
  mmsghdr batch{};
  batch.msg_hdr.msg_iov = &piece;
  batch.msg_hdr.msg_iovlen = 1;
  FAILS(recvmmsg(two.server, &batch, 1, MSG_ERRQUEUE, nullptr), EAGAIN);
  CHECK(receive(two.server).is("x"));
}

CASE("SO_TIMESTAMP and SO_TIMESTAMPNS bring the time with each message") {
  const Pair two = pair();
  for (const int name : {SO_TIMESTAMP, SO_TIMESTAMPNS}) {
    OK(set(two.server, SOL_SOCKET, name, 1));
    EQUAL(option<int>(two.server, SOL_SOCKET, name), 1);
    say(two.client, "x");
    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) char control[256] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    EQUAL(recvmsg(two.server, &message, 0), 1);
    const cmsghdr* head = CMSG_FIRSTHDR(&message);
    CHECK(head != nullptr);
    EQUAL(head->cmsg_level, SOL_SOCKET);
    EQUAL(head->cmsg_type, name);
    EQUAL(head->cmsg_len, CMSG_LEN(sizeof(timespec)));
    time_t seconds = 0;
    memcpy(&seconds, CMSG_DATA(head), sizeof seconds);
    CHECK(labs(seconds - time(nullptr)) < 5);
  }
  EQUAL(option<int>(two.server, SOL_SOCKET, SO_TIMESTAMP), 0);
}

CASE("a message that fits exactly has MSG_EOR at once") {
  const Pair two = pair();
  say(two.client, "exact");
  const Message message = receive(two.server, 0, 5);
  CHECK(message.is("exact"));
  EQUAL(message.flags, MSG_EOR);
}

CASE("messages are not joined") {
  const Pair two = pair();
  say(two.client, "one");
  say(two.client, "two");
  CHECK(receive(two.server).is("one"));
  CHECK(receive(two.server).is("two"));
}

CASE("MSG_PEEK leaves the message there") {
  const Pair two = pair();
  say(two.client, "look");
  CHECK(receive(two.server, MSG_PEEK).is("look"));
  CHECK(receive(two.server, MSG_PEEK, 2).is("lo"));
  CHECK(receive(two.server).is("look"));
}

CASE("MSG_WAITALL gets no more than one message") {
  const Pair two = pair();
  say(two.client, "one");
  CHECK(receive(two.server, MSG_WAITALL).is("one"));
}

CASE("nothing there: MSG_DONTWAIT and O_NONBLOCK") {
  const Pair two = pair();
  EQUAL(receive(two.server, MSG_DONTWAIT).error, EAGAIN);
  OK(fcntl(two.server, F_SETFL, O_NONBLOCK));
  EQUAL(receive(two.server).error, EAGAIN);
}

CASE("nothing there: SO_RCVTIMEO ends the wait") {
  const Pair two = pair();
  OK(set(two.server, SOL_SOCKET, SO_RCVTIMEO, timeval{0, 50'000}));
  const Watch watch;
  EQUAL(receive(two.server).error, EAGAIN);
  CHECK(watch.ms() >= 30);
}

CASE("nothing there: SO_RCVTIMEO of less than no time is over at once") {
  const Pair two = pair();
  OK(set(two.server, SOL_SOCKET, SO_RCVTIMEO, timeval{-1, 0}));
  EQUAL(receive(two.server).error, EAGAIN);
  OK(set(two.listener, SOL_SOCKET, SO_RCVTIMEO, timeval{-1, 0}));
  FAILS(accept(two.listener, nullptr, nullptr), EAGAIN);
}

CASE("nothing there: SO_RCVTIMEO of more than any clock counts is for ever") {
  const Pair two = pair();
  OK(set(two.server, SOL_SOCKET, SO_RCVTIMEO, timeval{INT64_MAX / 1000, 0}));
  const pid_t child = OK(fork());
  if (child == 0) {
    sleep_ms(50);
    say(two.client, "late");
    _exit(0);
  }
  CHECK(receive(two.server).is("late"));
}

CASE("nothing there: a signal ends the wait") {
  const Pair two = pair();
  alarm_in(50);
  EQUAL(receive(two.server).error, EINTR);
}

CASE("nothing there: with SA_RESTART a signal does not end the wait") {
  const Pair two = pair();
  alarm_in(50);
  struct sigaction action {};
  action.sa_handler = [](int) { signals_seen = signals_seen + 1; };
  action.sa_flags = SA_RESTART;
  OK(sigaction(SIGVTALRM, &action, nullptr));
  const pid_t child = OK(fork());
  if (child == 0) {
    sleep_ms(150);
    say(two.client, "late");
    _exit(0);
  }
  CHECK(receive(two.server).is("late"));
  EQUAL(signals_seen, 1);
}

CASE("a one-to-one socket that is not connected") {
  EQUAL(receive(make()).error, ENOTCONN);
}

CASE("a one-to-many socket waits without an association") {
  EQUAL(receive(make(SOCK_SEQPACKET), MSG_DONTWAIT).error, EAGAIN);
}

CASE("a one-to-one socket that connects") {
  const int fd = make(SOCK_STREAM | SOCK_NONBLOCK);
  FAILS(connect_to(fd, at(kSilent, 5000)), EINPROGRESS);
  EQUAL(receive(fd).error, EAGAIN);
}

CASE("recvfrom gives the peer's address") {
  const Many two = many();
  EQUAL(say_to(two.client, two.server_at, "hello"), 5);
  const Message message = receive(two.server);
  CHECK(message.is("hello"));
  CHECK(message.from.is(kLoopback));
  EQUAL(message.from.port(), two.client_at.port());
  EQUAL(message.from.length, sizeof(sockaddr_in));
}

CASE("recvfrom cuts an address that has no room") {
  const Many two = many();
  EQUAL(say_to(two.client, two.server_at, "hello"), 5);
  char byte[8];
  char name[4] = {};
  socklen_t length = sizeof name;
  EQUAL(recvfrom(two.server, byte, sizeof byte, 0, reinterpret_cast<sockaddr*>(name), &length), 5);
  EQUAL(length, sizeof(sockaddr_in));
}

CASE("recvmmsg gets several") {
  const Pair two = pair();
  say(two.client, "a");
  say(two.client, "b");
  sleep_ms(20);
  char bytes[3][8];
  iovec parts[3];
  mmsghdr messages[3] = {};
  for (int i = 0; i < 3; ++i) {
    parts[i] = {bytes[i], sizeof bytes[i]};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  EQUAL(recvmmsg(two.server, messages, 3, MSG_WAITFORONE, nullptr), 2);
  EQUAL(messages[0].msg_len, 1);
  EQUAL(bytes[1][0], 'b');
  EQUAL(messages[1].msg_hdr.msg_flags, MSG_EOR);
}

namespace {

/// A batch of messages of a few bytes.
struct Batch {
  static constexpr unsigned kCount = 40;
  Batch() {
    for (unsigned i = 0; i < kCount; ++i) {
      parts[i] = {bytes[i], sizeof bytes[i]};
      heads[i].msg_hdr.msg_iov = &parts[i];
      heads[i].msg_hdr.msg_iovlen = 1;
    }
  }
  char bytes[kCount][8] = {};
  iovec parts[kCount] = {};
  mmsghdr heads[kCount] = {};
};

}  // namespace

CASE("recvmmsg: an abort behind what came is told by the next call") {
  const Pair two = pair();
  say(two.client, "a");
  say(two.client, "b");
  sleep_ms(50);
  std::thread peer([&two] {
    int unread = 1;
    while (unread > 0) {
      sleep_ms(1);
      OK(ioctl(two.server, FIONREAD, &unread));
    }
    OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 0}));
    OK(close(two.client));
  });
  Batch batch;
  EQUAL(recvmmsg(two.server, batch.heads, 3, 0, nullptr), 2);
  peer.join();
  FAILS(recvmmsg(two.server, batch.heads, 3, 0, nullptr), ECONNRESET);
  FAILS(recvmmsg(two.server, batch.heads, 3, 0, nullptr), ENOTCONN);
}

CASE("recvmmsg: the time limit is for all messages") {
  const Pair two = pair();
  EQUAL(say(two.client, "first"), 5);
  const pid_t child = OK(fork());
  if (child == 0) {
    for (unsigned i = 0; i < Batch::kCount; ++i) {
      sleep_ms(50);
      say(two.client, "x");
    }
    _exit(0);
  }
  Batch batch;
  timespec limit{1, 0};
  const int got = OK(recvmmsg(two.server, batch.heads, Batch::kCount, 0, &limit));
  CHECK(got > 0);
  CHECK(got < int{Batch::kCount});
  OK(kill(child, SIGKILL));
}

CASE("data of length 0 is a look that takes nothing") {
  const Pair two = pair();
  say(two.client, "data");
  const Message message = receive(two.server, 0, 0);
  EQUAL(message.size, 0);
  EQUAL(message.flags & MSG_EOR, 0);
  CHECK(receive(two.server).is("data"));
}

CASE("the sctp_sndrcvinfo tells stream, number and protocol") {
  const Pair two = pair();
  want_info(two.server);
  EQUAL(sctp_sendmsg(two.client, "a", 1, nullptr, 0, htonl(7), 0, 3, 0, 0), 1);
  EQUAL(sctp_sendmsg(two.client, "b", 1, nullptr, 0, htonl(8), SCTP_UNORDERED, 3, 0, 0), 1);
  EQUAL(sctp_sendmsg(two.client, "c", 1, nullptr, 0, htonl(9), 0, 3, 0, 0), 1);
  const Message a = receive(two.server);
  CHECK(a.has_sndrcv);
  EQUAL(a.sndrcv.sinfo_stream, 3);
  EQUAL(a.sndrcv.sinfo_ssn, 0);
  EQUAL(ntohl(a.sndrcv.sinfo_ppid), 7);
  EQUAL(a.sndrcv.sinfo_flags, 0);
  const Message b = receive(two.server);
  EQUAL(b.sndrcv.sinfo_flags & SCTP_UNORDERED, SCTP_UNORDERED);
  EQUAL(b.sndrcv.sinfo_tsn, a.sndrcv.sinfo_tsn + 1);
  EQUAL(receive(two.server).sndrcv.sinfo_ssn, 1);
}

CASE("control data without room is MSG_CTRUNC") {
  const Pair two = pair();
  want_info(two.server);
  say(two.client, "x");
  const Message message = receive(two.server, 0, 100, sizeof(cmsghdr) + 4);
  CHECK(message.is("x"));
  EQUAL(message.flags & (MSG_CTRUNC | MSG_EOR), MSG_CTRUNC | MSG_EOR);
}

CASE("control data without a place is not missed") {
  const Pair two = pair();
  want_info(two.server);
  say(two.client, "x");
  EQUAL(receive(two.server, 0, 100, 0).flags & MSG_EOR, MSG_EOR);
}

CASE("SCTP_RECVRCVINFO and SCTP_RECVNXTINFO") {
  const Pair two = pair();
  OK(set(two.server, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1));
  OK(set(two.server, IPPROTO_SCTP, SCTP_RECVNXTINFO, 1));
  EQUAL(sctp_sendmsg(two.client, "one", 3, nullptr, 0, htonl(1), 0, 1, 0, 0), 3);
  EQUAL(sctp_sendmsg(two.client, "second", 6, nullptr, 0, htonl(2), 0, 2, 0, 0), 6);
  sleep_ms(20);
  Message message = receive(two.server);
  CHECK(message.has_rcvinfo && message.has_nxtinfo);
  EQUAL(message.rcvinfo.rcv_sid, 1);
  EQUAL(message.nxtinfo.nxt_sid, 2);
  EQUAL(message.nxtinfo.nxt_length, 6);
  EQUAL(ntohl(message.nxtinfo.nxt_ppid), 2);
  message = receive(two.server);
  CHECK(message.has_rcvinfo && !message.has_nxtinfo);
}

CASE("the association's id comes along, in both models") {
  const Pair two = pair();
  want_info(two.server);
  say(two.client, "x");
  const Message one = receive(two.server);
  sctp_status status{};
  socklen_t length = sizeof status;
  OK(getsockopt(two.server, IPPROTO_SCTP, SCTP_STATUS, &status, &length));
  EQUAL(one.sndrcv.sinfo_assoc_id, status.sstat_assoc_id);

  const Many both = many();
  want_info(both.server);
  say_to(both.client, both.server_at, "x");
  EQUAL(receive(both.server).sndrcv.sinfo_assoc_id, both.server_id);
}

CASE("libsctp's sctp_recvmsg tells where a message is from, and what it is") {
  const Many two = many();
  want_info(two.server);
  say_to(two.client, two.server_at, "x");
  char bytes[8];
  Address from;
  from.length = sizeof from.storage;
  sctp_sndrcvinfo info{};
  int flags = 0;
  EQUAL(sctp_recvmsg(two.server, bytes, sizeof bytes, from.raw(), &from.length, &info, &flags), 1);
  EQUAL(flags, MSG_EOR);
  EQUAL(info.sinfo_assoc_id, two.server_id);
  EQUAL(from.port(), two.client_at.port());
}

CASE("libsctp's sctp_recvv gives a sctp_rcvinfo") {
  const Pair two = pair();
  OK(set(two.server, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1));
  sctp_sendmsg(two.client, "v", 1, nullptr, 0, htonl(3), 0, 0, 0, 0);
  char bytes[8];
  iovec part{bytes, sizeof bytes};
  sctp_rcvinfo info{};
  socklen_t length = sizeof info;
  unsigned type = 0;
  int flags = 0;
  EQUAL(sctp_recvv(two.server, &part, 1, nullptr, nullptr, &info, &length, &type, &flags), 1);
  EQUAL(type, SCTP_RECVV_RCVINFO);
  EQUAL(ntohl(info.rcv_ppid), 3);
}

CASE("libsctp's sctp_recvv gives what is known of the next message") {
  const Pair two = pair();
  OK(set(two.server, IPPROTO_SCTP, SCTP_RECVNXTINFO, 1));
  for (const uint16_t stream : {1, 2})
    EQUAL(sctp_sendmsg(two.client, "abc", 3, nullptr, 0, htonl(9), 0, stream, 0, 0), 3);
  sleep_ms(20);
  char bytes[8];
  iovec part{bytes, sizeof bytes};
  sctp_nxtinfo next{};
  socklen_t length = sizeof next;
  unsigned type = 0;
  int flags = 0;
  EQUAL(sctp_recvv(two.server, &part, 1, nullptr, nullptr, &next, &length, &type, &flags), 3);
  EQUAL(type, SCTP_RECVV_NXTINFO);
  EQUAL(next.nxt_sid, 2);
  EQUAL(next.nxt_length, 3);
}

CASE("sinfo_cumtsn: none of an ordered message") {
  const Pair two = pair();
  want_info(two.server);
  say(two.client, "x");
  EQUAL(receive(two.server).sndrcv.sinfo_cumtsn, 0);
}

CASE("a long message arrives whole") {
  const Pair two = pair();
  static char sent[60'000], got[60'000];
  for (size_t i = 0; i < sizeof sent; ++i) sent[i] = static_cast<char>(i * 7);
  EQUAL(send(two.client, sent, sizeof sent, 0), sizeof sent);
  size_t have = 0;
  while (have < sizeof got) {
    const ssize_t more = recv(two.server, got + have, sizeof got - have, 0);
    CHECK(more > 0);
    have += static_cast<size_t>(more);
  }
  CHECK(memcmp(sent, got, sizeof got) == 0);
}

CASE("FIONREAD tells the length of what is next") {
  const Pair two = pair();
  int count = -1;
  OK(ioctl(two.server, FIONREAD, &count));
  EQUAL(count, 0);
  say(two.client, "seven b");
  wait_for(two.server, POLLIN);
  OK(ioctl(two.server, FIONREAD, &count));
  EQUAL(count, 7);
}
