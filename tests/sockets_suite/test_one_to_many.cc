#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "one-to-many";

namespace {

int ids_of(int fd, sctp_assoc_t* to, size_t most) {
  char bytes[512];
  socklen_t length = sizeof bytes;
  OK(getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, bytes, &length));
  sctp_assoc_ids ids;
  memcpy(&ids, bytes, sizeof ids);
  CHECK(ids.gaids_number_of_ids <= most);
  memcpy(to, bytes + sizeof ids, ids.gaids_number_of_ids * sizeof *to);
  return static_cast<int>(ids.gaids_number_of_ids);
}

}  // namespace

CASE("SCTP_DEFAULT_SNDINFO of an association, of all that there are, and of those to come") {
  const Many two = many();
  want_info(two.client);
  const auto stream_of = [&two](sctp_assoc_t id, uint16_t stream) {
    sctp_sndinfo info{};
    info.snd_sid = stream;
    info.snd_ppid = htonl(40u + stream);
    info.snd_assoc_id = id;
    OK(put(two.server, SCTP_DEFAULT_SNDINFO, info));
    EQUAL(say_to(two.server, two.client_at, "x"), 1);
    const Message message = receive(two.client);
    EQUAL(ntohl(message.sndrcv.sinfo_ppid),
          message.sndrcv.sinfo_stream == 0 ? 0 : 40u + message.sndrcv.sinfo_stream);
    return message.sndrcv.sinfo_stream;
  };
  EQUAL(stream_of(SCTP_FUTURE_ASSOC, 3), 0);
  EQUAL(stream_of(two.server_id, 4), 4);
  EQUAL(stream_of(SCTP_CURRENT_ASSOC, 5), 5);
  EQUAL(stream_of(SCTP_FUTURE_ASSOC, 6), 5);
  EQUAL(stream_of(SCTP_ALL_ASSOC, 7), 7);
}

CASE("SCTP_DEFAULT_SEND_PARAM has flags for messages alone") {
  const Many two = many();
  want_info(two.client);
  sctp_sndrcvinfo info{};
  info.sinfo_assoc_id = two.server_id;
  info.sinfo_flags = SCTP_UNORDERED | SCTP_EOF | SCTP_ADDR_OVER;
  OK(put(two.server, SCTP_DEFAULT_SEND_PARAM, info));
  EQUAL(say_to(two.server, two.client_at, "x"), 1);
  const Message message = receive(two.client);
  CHECK(message.is("x"));
  EQUAL(message.sndrcv.sinfo_flags & SCTP_UNORDERED, SCTP_UNORDERED);
  EQUAL(say_to(two.server, two.client_at, "y"), 1);
  CHECK(receive(two.client).is("y"));
}

CASE("sendto sets up an association, and the data rides on it") {
  const int server = listening(SOCK_SEQPACKET);
  const int client = make(SOCK_SEQPACKET);
  EQUAL(say_to(client, name_of(server), "implicit"), 8);
  const Message message = receive(server);
  CHECK(message.is("implicit"));
  EQUAL(say_to(server, message.from, "answer"), 6);
  CHECK(receive(client).is("answer"));
}

CASE("two sockets of one process speak with each other") {
  const int fd = listening(SOCK_SEQPACKET);
  const int other = listening(SOCK_SEQPACKET);
  EQUAL(say_to(fd, name_of(other), "there"), 5);
  const Message message = receive(other);
  CHECK(message.is("there"));
  EQUAL(say_to(other, message.from, "and back"), 8);
  CHECK(receive(fd).is("and back"));
}

namespace {

/// A message of a byte that begins an association as SCTP_INIT says.
ssize_t begin_with(int fd, const Address& to, const sctp_initmsg& init) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof init)] = {};
  char text[] = "x";
  iovec part{text, 1};
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(to.raw());
  message.msg_namelen = to.length;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = IPPROTO_SCTP;
  head->cmsg_type = SCTP_INIT;
  head->cmsg_len = CMSG_LEN(sizeof init);
  memcpy(CMSG_DATA(head), &init, sizeof init);
  return sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

CASE("SCTP_INIT asks for streams of one association") {
  const int server = listening(SOCK_SEQPACKET);
  subscribe(server, SCTP_ASSOC_CHANGE);
  EQUAL(begin_with(make(SOCK_SEQPACKET), name_of(server), sctp_initmsg{5, 0, 0, 0}), 1);
  EQUAL(notification(server, SCTP_ASSOC_CHANGE).as<sctp_assoc_change>().sac_inbound_streams, 5);
}

CASE("SCTP_INIT may ask for more attempts than anybody makes") {
  const int server = listening(SOCK_SEQPACKET);
  EQUAL(begin_with(make(SOCK_SEQPACKET), name_of(server), sctp_initmsg{0, 0, 60'000, 0}), 1);
  CHECK(receive(server).is("x"));
}

CASE("SCTP_INIT bounds the time between attempts") {
  const int fd = make(SOCK_SEQPACKET);
  subscribe(fd, SCTP_ASSOC_CHANGE);
  OK(set(fd, IPPROTO_SCTP, SCTP_RTOINFO, sctp_rtoinfo{0, 100, 60'000, 100}));
  const Watch watch;
  EQUAL(begin_with(fd, at(kSilent, 5000), sctp_initmsg{0, 0, 5, 100}), 1);
  const auto change = notification(fd, SCTP_ASSOC_CHANGE).as<sctp_assoc_change>();
  EQUAL(change.sac_state, SCTP_CANT_STR_ASSOC);
  CHECK(watch.ms() < 3000);  // and not 100 + 200 + 400 + ... + 3200
}

CASE("SCTP_GET_ASSOC_NUMBER and SCTP_GET_ASSOC_ID_LIST") {
  const int server = listening(SOCK_SEQPACKET);
  EQUAL(option<int>(server, IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER), 0);
  for (int i = 0; i < 3; ++i) OK(connect_to(make(), name_of(server)));
  sleep_ms(20);
  EQUAL(option<int>(server, IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER), 3);
  sctp_assoc_t ids[8];
  EQUAL(ids_of(server, ids, 8), 3);
  CHECK(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

CASE("a peer's second address is its own as soon as the association is up") {
  const int server = make(SOCK_SEQPACKET);
  OK(bind_to(server, at(kFirst)));
  Packed second;
  OK(sctp_bindx(server, second.add(at(kSecond, name_of(server).port())).raw(), 1,
                SCTP_BINDX_ADD_ADDR));
  OK(listen(server, 50));
  for (int i = 0; i < 50; ++i) {
    const int client = make(SOCK_SEQPACKET);
    subscribe(client, SCTP_ASSOC_CHANGE);
    EQUAL(say_to(client, at(kFirst, name_of(server).port()), "one"), 3);
    notification(client, SCTP_ASSOC_CHANGE);
    EQUAL(say_to(client, at(kSecond, name_of(server).port()), "two"), 3);
    CHECK(receive(server).is("one"));
    CHECK(receive(server).is("two"));
  }
}

CASE("SCTP_GET_ASSOC_NUMBER of a one-to-one socket") {
  int count;
  socklen_t length = sizeof count;
  FAILS(getsockopt(make(), IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER, &count, &length), EOPNOTSUPP);
}

CASE("association ids are above those that mean several") {
  const Many two = many();
  CHECK(two.client_id > SCTP_ALL_ASSOC);
  CHECK(two.server_id > SCTP_ALL_ASSOC);
}

CASE("peeling off gives an association a socket of its own") {
  const Many two = many();
  const int fd = OK(sctp_peeloff(two.server, two.server_id));
  say_to(two.client, two.server_at, "to the peeled");
  CHECK(receive(fd).is("to the peeled"));
  EQUAL(say(fd, "back"), 4);
  CHECK(receive(two.client).is("back"));
  EQUAL(option<int>(two.server, IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER), 0);
}

CASE("a peeled socket says that it is SOCK_SEQPACKET") {
  const Many two = many();
  const int fd = OK(sctp_peeloff(two.server, two.server_id));
  EQUAL(option<int>(fd, SOL_SOCKET, SO_TYPE), SOCK_SEQPACKET);
}

CASE("what waits goes along when it is peeled off") {
  const Many two = many();
  say_to(two.client, two.server_at, "waits");
  wait_for(two.server, POLLIN);
  const int fd = OK(sctp_peeloff(two.server, two.server_id));
  CHECK(receive(fd).is("waits"));
  EQUAL(receive(two.server, MSG_DONTWAIT).error, EAGAIN);
}

CASE("with the peer of one that was peeled off no other is begun") {
  const Many two = many();
  OK(sctp_peeloff(two.server, two.server_id));
  FAILS(say_to(two.server, two.client_at, "another"), EADDRNOTAVAIL);
  FAILS(connect_to(two.server, two.client_at), EADDRNOTAVAIL);
}

CASE("an association that is none is not peeled off") {
  const Many two = many();
  FAILS(sctp_peeloff(two.server, two.server_id + 1000), EINVAL);
}

CASE("a one-to-one socket is not peeled off") {
  const Pair two = pair();
  FAILS(sctp_peeloff(two.server, 1), EINVAL);
}

CASE("SCTP_SOCKOPT_PEELOFF_FLAGS sets the new descriptor's flags") {
  const Many two = many();
  sctp_peeloff_flags_arg_t wanted{};
  wanted.p_arg.associd = two.server_id;
  wanted.flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  socklen_t length = sizeof wanted;
  const int fd =
      OK(getsockopt(two.server, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, &wanted, &length));
  EQUAL(wanted.p_arg.sd, fd);
  EQUAL(OK(fcntl(fd, F_GETFL)) & O_NONBLOCK, O_NONBLOCK);
  EQUAL(OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
}

CASE("SCTP_AUTOCLOSE ends what is silent") {
  const Many two = many();
  EQUAL(flag(two.server, SCTP_AUTOCLOSE), 0);
  const int server = listening(SOCK_SEQPACKET);
  OK(set(server, IPPROTO_SCTP, SCTP_AUTOCLOSE, 1));
  EQUAL(flag(server, SCTP_AUTOCLOSE), 1);
  const int client = make();
  OK(connect_to(client, name_of(server)));
  EQUAL(receive(client).size, 0);
}

CASE("SCTP_AUTOCLOSE is not for one-to-one sockets") {
  const int fd = make();
  FAILS(set(fd, IPPROTO_SCTP, SCTP_AUTOCLOSE, 1), EOPNOTSUPP);
}

CASE("one that does not listen is not reached") {
  const int fd = make(SOCK_SEQPACKET);
  OK(bind_to(fd, at(kLoopback)));
  FAILS(connect_to(make(), name_of(fd)), ECONNREFUSED);
}

CASE("a socket may speak with itself") {
  const int fd = listening(SOCK_SEQPACKET);
  EQUAL(say_to(fd, name_of(fd), "x"), 1);
  const timeval limit{1, 0};
  OK(set(fd, SOL_SOCKET, SO_RCVTIMEO, limit));
  CHECK(receive(fd).is("x"));
  EQUAL(option<int>(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER), 1);
}

CASE("an association that has ended is not there any more") {
  const Many two = many();
  OK(close(two.client));
  sleep_ms(50);
  EQUAL(option<int>(two.server, IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER), 0);
  sctp_status status{};
  status.sstat_assoc_id = two.server_id;
  socklen_t length = sizeof status;
  FAILS(getsockopt(two.server, IPPROTO_SCTP, SCTP_STATUS, &status, &length), EINVAL);
}

CASE("an association is begun anew after its end") {
  const Many two = many();
  sctp_sndrcvinfo info{};
  info.sinfo_assoc_id = two.client_id;
  info.sinfo_flags = SCTP_EOF;
  EQUAL(say_to(two.client, Address{}, "", &info), 0);
  sleep_ms(50);
  EQUAL(say_to(two.client, two.server_at, "again"), 5);
  CHECK(receive(two.server).is("again"));
}
