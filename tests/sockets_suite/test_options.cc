// Options of IPPROTO_SCTP that are one number, or a number for an association.
#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "options";

namespace {

sctp_assoc_value value_of(int fd, int name, sctp_assoc_t id = 0) {
  sctp_assoc_value value{};
  value.assoc_id = id;
  socklen_t length = sizeof value;
  OK(getsockopt(fd, IPPROTO_SCTP, name, &value, &length));
  EQUAL(length, sizeof value);
  return value;
}

int set_value(int fd, int name, uint32_t number, sctp_assoc_t id = 0) {
  sctp_assoc_value value{};
  value.assoc_id = id;
  value.assoc_value = number;
  return set(fd, IPPROTO_SCTP, name, value);
}

}  // namespace

CASE("flags: defaults, set and read back") {
  const struct {
    int name, at_first;
  } flags[] = {{SCTP_NODELAY, 0},     {SCTP_DISABLE_FRAGMENTS, 0}, {SCTP_I_WANT_MAPPED_V4_ADDR, 1},
               {SCTP_RECVRCVINFO, 0}, {SCTP_RECVNXTINFO, 0},       {SCTP_FRAGMENT_INTERLEAVE, 0}};
  for (const auto& one : flags) {
    const int fd = make(SOCK_STREAM, AF_INET6);
    EQUAL(flag(fd, one.name), one.at_first);
    OK(set(fd, IPPROTO_SCTP, one.name, 1 - one.at_first));
    EQUAL(flag(fd, one.name), 1 - one.at_first);
    OK(set(fd, IPPROTO_SCTP, one.name, one.at_first));
    EQUAL(flag(fd, one.name), one.at_first);
  }
}

CASE("flags want a whole number") {
  const char byte = 1;
  for (const int name : {SCTP_NODELAY, SCTP_DISABLE_FRAGMENTS, SCTP_I_WANT_MAPPED_V4_ADDR,
                         SCTP_RECVRCVINFO, SCTP_RECVNXTINFO, SCTP_FRAGMENT_INTERLEAVE}) {
    FAILS(setsockopt(make(), IPPROTO_SCTP, name, &byte, sizeof byte), EINVAL);
    char room;
    socklen_t length = sizeof room;
    FAILS(getsockopt(make(), IPPROTO_SCTP, name, &room, &length), EINVAL);
  }
}

CASE("SCTP_FRAGMENT_INTERLEAVE is a flag") {
  const int fd = make(SOCK_SEQPACKET);
  OK(set(fd, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, 2));
  EQUAL(flag(fd, SCTP_FRAGMENT_INTERLEAVE), 1);
}

CASE("SCTP_CONTEXT: of the socket, and of an association") {
  const Many two = many();
  EQUAL(value_of(two.server, SCTP_CONTEXT).assoc_value, 0);
  OK(set_value(two.server, SCTP_CONTEXT, 5, two.server_id));
  EQUAL(value_of(two.server, SCTP_CONTEXT, two.server_id).assoc_value, 5);
  EQUAL(value_of(two.server, SCTP_CONTEXT, SCTP_FUTURE_ASSOC).assoc_value, 0);
  want_info(two.server);
  say_to(two.client, two.server_at, "x");
  EQUAL(receive(two.server).sndrcv.sinfo_context, 5);
}

CASE("SCTP_MAX_BURST") {
  const int fd = make(SOCK_SEQPACKET);
  EQUAL(value_of(fd, SCTP_MAX_BURST).assoc_value, 4);
  OK(set_value(fd, SCTP_MAX_BURST, 9));
  EQUAL(value_of(fd, SCTP_MAX_BURST).assoc_value, 9);
}

CASE("SCTP_MAX_BURST: more than 255 packets") {
  OK(put(make(), SCTP_MAX_BURST, sctp_assoc_value{0, 300}));
}

CASE("SCTP_MAX_BURST may be 0, and a message goes with it") {
  const int fd = make(SOCK_SEQPACKET);
  OK(set_value(fd, SCTP_MAX_BURST, 0));
  EQUAL(value_of(fd, SCTP_MAX_BURST).assoc_value, 0);
  OK(set_value(fd, SCTP_MAX_BURST, 7));
  EQUAL(value_of(fd, SCTP_MAX_BURST).assoc_value, 7);
  const Pair two = pair();
  OK(set_value(two.client, SCTP_MAX_BURST, 0));
  static char large[60'000];
  EQUAL(send(two.client, large, sizeof large, 0), sizeof large);
  size_t have = 0;
  while (have < sizeof large) {
    const ssize_t more = recv(two.server, large, sizeof large, 0);
    CHECK(more > 0);
    have += static_cast<size_t>(more);
  }
}

CASE("SCTP_MAX_BURST as a plain number") {
  const int fd = make(SOCK_SEQPACKET);
  OK(set(fd, IPPROTO_SCTP, SCTP_MAX_BURST, 6));
  EQUAL(flag(fd, SCTP_MAX_BURST), 6);
}

CASE("SCTP_MAXSEG: default, set and read back") {
  const int fd = make(SOCK_SEQPACKET);
  EQUAL(value_of(fd, SCTP_MAXSEG).assoc_value, 0);
  OK(set_value(fd, SCTP_MAXSEG, 600));
  EQUAL(value_of(fd, SCTP_MAXSEG).assoc_value, 600);
  OK(set_value(fd, SCTP_MAXSEG, 9000));
  OK(set_value(fd, SCTP_MAXSEG, 65'516));
  FAILS(set_value(fd, SCTP_MAXSEG, 65'517), EINVAL);
}

CASE("SCTP_MAXSEG out of range") {
  FAILS(set_value(make(), SCTP_MAXSEG, 100'000), EINVAL);
  FAILS(set_value(make(), SCTP_MAXSEG, 3), EINVAL);
}

CASE("SCTP_PARTIAL_DELIVERY_POINT") {
  const int fd = make();
  OK(set(fd, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, 5000));
  EQUAL(flag(fd, SCTP_PARTIAL_DELIVERY_POINT), 5000);
  FAILS(set(fd, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, 1 << 30), EINVAL);
}

CASE("SCTP_PARTIAL_DELIVERY_POINT is not set at first") {
  EQUAL(flag(make(), SCTP_PARTIAL_DELIVERY_POINT), 0);
}

CASE("SCTP_PARTIAL_DELIVERY_POINT: what is longer comes in pieces, what is not comes whole") {
  const int listener = make();
  OK(bind_to(listener, at(kLoopback)));
  OK(set(listener, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, 1000));
  OK(listen(listener, 1));
  const int client = make();
  OK(set_value(client, SCTP_MAXSEG, 600));
  OK(connect_to(client, name_of(listener)));
  const int server = OK(accept(listener, nullptr, nullptr));
  static char large[5000];
  EQUAL(send(client, large, sizeof large, 0), sizeof large);
  Message piece = receive(server);
  CHECK(piece.size >= 1000 && piece.size < static_cast<ssize_t>(sizeof large));
  EQUAL(piece.flags & MSG_EOR, 0);
  ssize_t have = piece.size;
  while ((piece.flags & MSG_EOR) == 0) {
    piece = receive(server);
    CHECK(piece.size > 0);
    have += piece.size;
  }
  EQUAL(have, sizeof large);
  EQUAL(send(client, large, 900, 0), 900);
  piece = receive(server);
  EQUAL(piece.size, 900);
  EQUAL(piece.flags, MSG_EOR);
}

CASE("SCTP_REUSE_PORT is for one-to-one sockets that are not bound") {
  const int fd = make();
  EQUAL(flag(fd, SCTP_REUSE_PORT), 0);
  OK(set(fd, IPPROTO_SCTP, SCTP_REUSE_PORT, 1));
  EQUAL(flag(fd, SCTP_REUSE_PORT), 1);
  OK(bind_to(fd, at(kLoopback)));
  FAILS(set(fd, IPPROTO_SCTP, SCTP_REUSE_PORT, 0), EFAULT);
  FAILS(set(make(SOCK_SEQPACKET), IPPROTO_SCTP, SCTP_REUSE_PORT, 1), EOPNOTSUPP);
}

CASE("SCTP_AUTO_ASCONF of a socket that is bound to all addresses") {
  const int fd = make(SOCK_SEQPACKET);
  OK(bind_to(fd, at("0.0.0.0")));
  EQUAL(flag(fd, SCTP_AUTO_ASCONF), 0);
  OK(set(fd, IPPROTO_SCTP, SCTP_AUTO_ASCONF, 1));
  EQUAL(flag(fd, SCTP_AUTO_ASCONF), 1);
}

CASE("SCTP_AUTO_ASCONF is for sockets that are bound to all addresses") {
  const int fd = make(SOCK_SEQPACKET);
  OK(bind_to(fd, at(kFirst)));
  FAILS(set(fd, IPPROTO_SCTP, SCTP_AUTO_ASCONF, 1), EINVAL);
}

CASE("SCTP_ADAPTATION_LAYER") {
  const int fd = make();
  sctp_setadaptation value = option<sctp_setadaptation>(fd, IPPROTO_SCTP, SCTP_ADAPTATION_LAYER);
  EQUAL(value.ssb_adaptation_ind, 0);
  OK(set(fd, IPPROTO_SCTP, SCTP_ADAPTATION_LAYER, sctp_setadaptation{77}));
  value = option<sctp_setadaptation>(fd, IPPROTO_SCTP, SCTP_ADAPTATION_LAYER);
  EQUAL(value.ssb_adaptation_ind, 77);
}

CASE("an option that is none") {
  FAILS(set(make(), IPPROTO_SCTP, 9999, 1), ENOPROTOOPT);
  int value;
  socklen_t length = sizeof value;
  FAILS(getsockopt(make(), IPPROTO_SCTP, 9999, &value, &length), ENOPROTOOPT);
}

CASE("SOL_SCTP is IPPROTO_SCTP") {
  EQUAL(SOL_SCTP, IPPROTO_SCTP);
}

CASE("an unknown association of a one-to-many socket") {
  const int fd = make(SOCK_SEQPACKET);
  FAILS(set_value(fd, SCTP_CONTEXT, 1, 5000), EINVAL);
  FAILS(set_value(fd, SCTP_MAX_BURST, 1, 5000), EINVAL);
}

CASE("a one-to-one socket ignores the association's id") {
  const Pair two = pair();
  OK(set_value(two.server, SCTP_CONTEXT, 8, 5000));
  EQUAL(value_of(two.server, SCTP_CONTEXT, 6000).assoc_value, 8);
}

CASE("an option for all associations, and those to come") {
  const Many two = many();
  OK(set_value(two.server, SCTP_CONTEXT, 3, SCTP_ALL_ASSOC));
  EQUAL(value_of(two.server, SCTP_CONTEXT, two.server_id).assoc_value, 3);
  EQUAL(value_of(two.server, SCTP_CONTEXT, SCTP_FUTURE_ASSOC).assoc_value, 3);
  OK(set_value(two.server, SCTP_CONTEXT, 4, SCTP_CURRENT_ASSOC));
  EQUAL(value_of(two.server, SCTP_CONTEXT, two.server_id).assoc_value, 4);
  EQUAL(value_of(two.server, SCTP_CONTEXT, SCTP_FUTURE_ASSOC).assoc_value, 3);
}

CASE("SCTP_EVENT of a type that is none") {
  sctp_event event{};
  event.se_type = 1;
  FAILS(set(make(), IPPROTO_SCTP, SCTP_EVENT, event), EINVAL);
}

CASE("SCTP_EVENT is read back") {
  const int fd = make(SOCK_SEQPACKET);
  subscribe(fd, SCTP_SENDER_DRY_EVENT);
  for (const int type : {SCTP_SENDER_DRY_EVENT, SCTP_SHUTDOWN_EVENT}) {
    sctp_event event{};
    event.se_type = static_cast<uint16_t>(type);
    socklen_t length = sizeof event;
    OK(getsockopt(fd, IPPROTO_SCTP, SCTP_EVENT, &event, &length));
    EQUAL(event.se_on, type == SCTP_SENDER_DRY_EVENT ? 1 : 0);
  }
}
