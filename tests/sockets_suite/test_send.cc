#include "tests/sockets_suite/suite.h"

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

using namespace suite;

static constexpr char kGroup[] = "send";

namespace {

char block[8000];

/// Sends, waiting for room that a window probe may make, until a call fails.
ssize_t send_until_it_fails(int fd) {
  ssize_t sent;
  while ((sent = send(fd, block, sizeof block, MSG_NOSIGNAL)) > 0) {
  }
  return sent;
}

}  // namespace

CASE("send says how much it took") {
  const Pair two = pair();
  EQUAL(say(two.client, "twelve bytes"), 12);
  CHECK(receive(two.server).is("twelve bytes"));
}

CASE("an empty message is none") {
  const Pair two = pair();
  FAILS(send(two.client, "", 0, 0), EINVAL);
}

CASE("sendto on a connected socket") {
  const Pair two = pair();
  const Address to = name_of(two.listener);
  EQUAL(sendto(two.client, "abc", 3, 0, to.raw(), to.length), 3);
  CHECK(receive(two.server).is("abc"));
}

CASE("sendmsg gathers") {
  const Pair two = pair();
  char one[] = "one";
  char two_text[] = "two";
  iovec parts[] = {{one, 3}, {nullptr, 0}, {two_text, 3}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 3;
  EQUAL(sendmsg(two.client, &message, 0), 6);
  CHECK(receive(two.server).is("onetwo"));
}

CASE("sendmmsg sends them all") {
  const Pair two = pair();
  char text[3][2] = {"a", "b", "c"};
  iovec parts[3];
  mmsghdr messages[3] = {};
  for (int i = 0; i < 3; ++i) {
    parts[i] = {text[i], 1};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  EQUAL(sendmmsg(two.client, messages, 3, 0), 3);
  for (int i = 0; i < 3; ++i) {
    EQUAL(messages[i].msg_len, 1);
    CHECK(receive(two.server).is(text[i]));
  }
}

CASE("sendmmsg: EPIPE behind what was sent comes with SIGPIPE") {
  const Many two = many();
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(sctp_sndrcvinfo))] = {};
  char text[] = "a";
  iovec part{text, 1};
  mmsghdr messages[2] = {};
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_iov = &part;
    message.msg_hdr.msg_iovlen = 1;
  }
  Address to = two.server_at;
  messages[0].msg_hdr.msg_name = to.raw();
  messages[0].msg_hdr.msg_namelen = to.length;
  sctp_sndrcvinfo info{};
  info.sinfo_assoc_id = two.client_id + 1000;
  messages[1].msg_hdr.msg_control = control;
  messages[1].msg_hdr.msg_controllen = sizeof control;
  cmsghdr* head = CMSG_FIRSTHDR(&messages[1].msg_hdr);
  head->cmsg_level = IPPROTO_SCTP;
  head->cmsg_type = SCTP_SNDRCV;
  head->cmsg_len = CMSG_LEN(sizeof info);
  memcpy(CMSG_DATA(head), &info, sizeof info);
  count_signal(SIGPIPE);
  EQUAL(sendmmsg(two.client, messages, 2, MSG_NOSIGNAL), 1);
  EQUAL(signals_seen, 0);
  EQUAL(sendmmsg(two.client, messages, 2, 0), 1);
  EQUAL(signals_seen, 1);
}

CASE("sendmmsg stops at the first that fails") {
  const Pair two = pair();
  char text[] = "a";
  iovec parts[2] = {{text, 1}, {text, 0}};
  mmsghdr messages[2] = {};
  for (int i = 0; i < 2; ++i) {
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  EQUAL(sendmmsg(two.client, messages, 2, 0), 1);
}

CASE("a one-to-one socket without a peer") {
  FAILS(say(make(), "x"), EPIPE);
}

CASE("a one-to-many socket without an address") {
  FAILS(say(make(SOCK_SEQPACKET), "x"), EPIPE);
}

CASE("SIGPIPE comes with EPIPE, unless it is not wanted") {
  count_signal(SIGPIPE);
  FAILS(say(make(), "x", MSG_NOSIGNAL), EPIPE);
  EQUAL(signals_seen, 0);
  FAILS(say(make(), "x", 0), EPIPE);
  EQUAL(signals_seen, 1);
}

CASE("an unknown association") {
  const Many two = many();
  sctp_sndrcvinfo info{};
  info.sinfo_assoc_id = two.client_id + 1000;
  FAILS(say_to(two.client, Address{}, "x", &info), EPIPE);
}

CASE("a message goes to an association by its id") {
  const Many two = many();
  sctp_sndrcvinfo info{};
  info.sinfo_assoc_id = two.client_id;
  EQUAL(say_to(two.client, Address{}, "by id", &info), 5);
  CHECK(receive(two.server).is("by id"));
}

CASE("a message goes to an association by its peer's address") {
  const Many two = many();
  EQUAL(say_to(two.server, two.client_at, "back"), 4);
  CHECK(receive(two.client).is("back"));
}

CASE("an address that is not the peer's, on a one-to-one socket") {
  const Pair two = pair();
  FAILS(say_to(two.client, at(kFirst, 5555), "x"), EADDRNOTAVAIL);
}

CASE("a one-to-one socket connects by sendto") {
  const int listener = listening();
  const int fd = make();
  EQUAL(say_to(fd, name_of(listener), "third leg"), 9);
  const int server = OK(accept(listener, nullptr, nullptr));
  CHECK(receive(server).is("third leg"));
}

CASE("a stream beyond those agreed") {
  const Pair two = pair();
  sctp_sndrcvinfo info{};
  info.sinfo_stream = 60'000;
  FAILS(say_to(two.client, Address{}, "x", &info), EINVAL);
}

CASE("flags that are none") {
  const Pair two = pair();
  sctp_sndrcvinfo info{};
  info.sinfo_flags = 0x80;
  FAILS(say_to(two.client, Address{}, "x", &info), EINVAL);
}

CASE("MSG_OOB") {
  const Pair two = pair();
  OK(send(two.client, "x", 1, MSG_OOB | MSG_NOSIGNAL));
}

CASE("no room: a call that must not wait says so") {
  const Pair two = pair();
  CHECK(fill_up(two.client) > 0);
  FAILS(send(two.client, block, sizeof block, MSG_DONTWAIT), EAGAIN);
  EQUAL(ready(two.client) & POLLOUT, 0);
}

CASE("no room: sendfile leaves the file where it was") {
  const Pair two = pair();
  fill_up(two.client);
  const int file = OK(memfd_create("suite", 0));
  EQUAL(write(file, "abc", 3), 3);
  EQUAL(lseek(file, 1, SEEK_SET), 1);
  OK(fcntl(two.client, F_SETFL, O_NONBLOCK));
  FAILS(sendfile(two.client, file, nullptr, 2), EAGAIN);
  EQUAL(lseek(file, 0, SEEK_CUR), 1);
}

CASE("no room: SO_SNDTIMEO ends the wait") {
  const Pair two = pair();
  fill_up(two.client);
  OK(set(two.client, SOL_SOCKET, SO_SNDTIMEO, timeval{0, 50'000}));
  const Watch watch;
  FAILS(send_until_it_fails(two.client), EAGAIN);
  CHECK(watch.ms() >= 30);
}

CASE("no room: a signal ends the wait") {
  const Pair two = pair();
  fill_up(two.client);
  alarm_in(50, 100);
  FAILS(send_until_it_fails(two.client), EINTR);
}

CASE("room comes back when the peer reads") {
  const Pair two = pair();
  const int count = fill_up(two.client);
  static char sink[8192];
  for (int i = 0; i < count; ++i) CHECK(recv(two.server, sink, sizeof sink, 0) > 0);
  CHECK((wait_for(two.client, POLLOUT) & POLLOUT) != 0);
  OK(say(two.client, "again"));
}

CASE("SCTP_DISABLE_FRAGMENTS refuses what does not fit a packet") {
  const Pair two = pair(kFirst);
  OK(set(two.client, IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, 1));
  static char large[100'000];
  FAILS(send(two.client, large, sizeof large, 0), EMSGSIZE);
  OK(send(two.client, large, 1000, 0));
}

CASE("SCTP_DISABLE_FRAGMENTS refuses what does not fit the path as it is") {
  const Pair two = pair(kFirst);
  OK(set(two.client, IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, 1));
  sctp_paddrparams path{};
  const Address peer = peer_of(two.client);
  memcpy(&path.spp_address, &peer.storage, sizeof path.spp_address);
  path.spp_flags = SPP_PMTUD_DISABLE;
  path.spp_pathmtu = 800;
  OK(set(two.client, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, path));
  static char large[1000];
  FAILS(send(two.client, large, sizeof large, 0), EMSGSIZE);
  FAILS(send(two.client, large, 753, 0), EMSGSIZE);
  EQUAL(send(two.client, large, 752, 0), 752);
  EQUAL(receive(two.server).size, 752);
}

CASE("SCTP_DISABLE_FRAGMENTS of a message that begins an association") {
  const int server = listening(SOCK_SEQPACKET, at(kFirst));
  const int client = make(SOCK_SEQPACKET);
  OK(set(client, IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, 1));
  static char large[1000];
  const Address to = name_of(server);
  EQUAL(sendto(client, large, sizeof large, 0, to.raw(), to.length), sizeof large);
  EQUAL(receive(server).size, sizeof large);
}

CASE("SCTP_EOF ends an association") {
  const Many two = many();
  subscribe(two.server, SCTP_ASSOC_CHANGE);
  sctp_sndrcvinfo info{};
  info.sinfo_assoc_id = two.client_id;
  info.sinfo_flags = SCTP_EOF;
  EQUAL(say_to(two.client, Address{}, "", &info), 0);
  EQUAL(notification(two.server, SCTP_ASSOC_CHANGE).as<sctp_assoc_change>().sac_state,
        SCTP_SHUTDOWN_COMP);
}

CASE("SCTP_ABORT ends an association at once, with a reason") {
  const Many two = many();
  subscribe(two.server, SCTP_ASSOC_CHANGE);
  sctp_sndrcvinfo info{};
  info.sinfo_assoc_id = two.client_id;
  info.sinfo_flags = SCTP_ABORT;
  EQUAL(say_to(two.client, Address{}, "why", &info), 0);
  EQUAL(notification(two.server, SCTP_ASSOC_CHANGE).as<sctp_assoc_change>().sac_state,
        SCTP_COMM_LOST);
}

CASE("SCTP_EOF and SCTP_ABORT are not for one-to-one sockets") {
  const Pair two = pair();
  for (const int flag : {SCTP_EOF, SCTP_ABORT}) {
    sctp_sndrcvinfo info{};
    info.sinfo_flags = static_cast<uint16_t>(flag);
    FAILS(say_to(two.client, Address{}, "", &info), EINVAL);
  }
}

CASE("SCTP_SENDALL reaches every association") {
  const int fd = make(SOCK_SEQPACKET);
  int servers[3];
  for (int& server : servers) {
    const int listener = listening();
    OK(connect_to(fd, name_of(listener)));
    server = OK(accept(listener, nullptr, nullptr));
  }
  sctp_sndrcvinfo info{};
  info.sinfo_flags = SCTP_SENDALL;
  EQUAL(say_to(fd, Address{}, "all", &info), 3);
  for (const int server : servers) CHECK(receive(server).is("all"));
}

CASE("SCTP_SENDALL without room for it is refused") {
  const int fd = make(SOCK_SEQPACKET);
  const int listener = listening();
  OK(connect_to(fd, name_of(listener)));
  const int server = OK(accept(listener, nullptr, nullptr));
  OK(fcntl(fd, F_SETFL, O_NONBLOCK));
  static char bytes[1000];
  sctp_sndrcvinfo info{};
  info.sinfo_flags = SCTP_SENDALL;
  int sent = 0;
  while (sctp_send(fd, bytes, sizeof bytes, &info, 0) > 0) ++sent;
  EQUAL(errno, EAGAIN);
  OK(fcntl(server, F_SETFL, O_NONBLOCK));
  int received = 0;
  pollfd entry{server, POLLIN, 0};
  while (poll(&entry, 1, 300) == 1 && receive(server).size > 0) ++received;
  EQUAL(received, sent);
}

CASE("libsctp's own functions send what they are given") {
  const Pair two = pair();
  want_info(two.server);
  EQUAL(sctp_sendmsg(two.client, "lib", 3, nullptr, 0, htonl(77), 0, 2, 0, 99), 3);
  Message message = receive(two.server);
  CHECK(message.is("lib") && message.has_sndrcv);
  EQUAL(ntohl(message.sndrcv.sinfo_ppid), 77);
  EQUAL(message.sndrcv.sinfo_stream, 2);
  sctp_sndrcvinfo info{};
  info.sinfo_stream = 3;
  EQUAL(sctp_send(two.client, "lib2", 4, &info, 0), 4);
  message = receive(two.server);
  EQUAL(message.sndrcv.sinfo_stream, 3);
}

CASE("sctp_sendv takes a sctp_sndinfo") {
  const Pair two = pair();
  OK(set(two.server, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1));
  sctp_sndinfo info{};
  info.snd_sid = 4;
  info.snd_ppid = htonl(5);
  info.snd_flags = SCTP_UNORDERED;
  char text[] = "v";
  iovec part{text, 1};
  EQUAL(sctp_sendv(two.client, &part, 1, nullptr, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0), 1);
  const Message message = receive(two.server);
  CHECK(message.has_rcvinfo);
  EQUAL(message.rcvinfo.rcv_sid, 4);
  EQUAL(ntohl(message.rcvinfo.rcv_ppid), 5);
  EQUAL(message.rcvinfo.rcv_flags & SCTP_UNORDERED, SCTP_UNORDERED);
}
