// What libsctp's functions are made of, and these functions with arguments that make no sense.
#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "functions";

namespace {

int raw_set(int fd, int name, Packed& addresses) {
  return setsockopt(fd, IPPROTO_SCTP, name, addresses.raw(),
                    static_cast<socklen_t>(addresses.used));
}

/// The addresses that SCTP_GET_PEER_ADDRS or SCTP_GET_LOCAL_ADDRS tells of; -1 for an error.
int count_of(int fd, int name, sctp_assoc_t id, socklen_t room = 512) {
  alignas(sctp_getaddrs) char bytes[512] = {};
  auto* list = reinterpret_cast<sctp_getaddrs*>(bytes);
  list->assoc_id = id;
  if (getsockopt(fd, IPPROTO_SCTP, name, bytes, &room) != 0) return -1;
  CHECK(room >= list->addr_num * sizeof(sockaddr_in));
  return static_cast<int>(list->addr_num);
}

}  // namespace

CASE("SCTP_SOCKOPT_BINDX_ADD and SCTP_SOCKOPT_BINDX_REM are sctp_bindx") {
  const int fd = make();
  OK(raw_set(fd, SCTP_SOCKOPT_BINDX_ADD, Packed().add(at(kFirst)).add(at(kSecond))));
  EQUAL(count_of(fd, SCTP_GET_LOCAL_ADDRS, 0), 2);
  OK(raw_set(fd, SCTP_SOCKOPT_BINDX_REM, Packed().add(at(kFirst))));
  EQUAL(count_of(fd, SCTP_GET_LOCAL_ADDRS, 0), 1);
}

CASE("SCTP_SOCKOPT_CONNECTX returns the association's id, and the old one does not") {
  const Address to = name_of(listening());
  const int fd = make(SOCK_SEQPACKET);
  CHECK(raw_set(fd, SCTP_SOCKOPT_CONNECTX, Packed().add(to)) > 0);
  const int old = make(SOCK_SEQPACKET);
  EQUAL(raw_set(old, SCTP_SOCKOPT_CONNECTX_OLD, Packed().add(to)), 0);
}

CASE("SCTP_SOCKOPT_CONNECTX3 tells the association's id") {
  const int fd = make(SOCK_SEQPACKET);
  Packed addresses;
  addresses.add(name_of(listening()));
  sctp_getaddrs_old wanted{};
  wanted.addr_num = static_cast<int>(addresses.used);
  wanted.addrs = addresses.raw();
  socklen_t length = sizeof wanted;
  OK(getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX3, &wanted, &length));
  CHECK(wanted.assoc_id > 0);
  EQUAL(length, sizeof wanted.assoc_id);
  CHECK(count_of(fd, SCTP_GET_PEER_ADDRS, wanted.assoc_id) >= 1);
}

CASE("SCTP_SOCKOPT_PEELOFF gives the new descriptor twice") {
  const Many two = many();
  sctp_peeloff_arg_t wanted{two.server_id, -1};
  socklen_t length = sizeof wanted;
  const int fd = OK(getsockopt(two.server, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF, &wanted, &length));
  EQUAL(wanted.sd, fd);
  OK(say_to(two.client, two.server_at, "to the peeled one"));
  CHECK(receive(fd).is("to the peeled one"));
}

CASE("SCTP_GET_PEER_ADDRS and SCTP_GET_LOCAL_ADDRS want room for all") {
  const Pair two = pair();
  CHECK(count_of(two.client, SCTP_GET_PEER_ADDRS, 0) >= 1);
  CHECK(count_of(two.client, SCTP_GET_LOCAL_ADDRS, 0) >= 2);  // the socket is bound to all
  FAILS(count_of(two.client, SCTP_GET_PEER_ADDRS, 0, 12), ENOMEM);
  FAILS(count_of(two.client, SCTP_GET_LOCAL_ADDRS, 0, 12), ENOMEM);
  FAILS(count_of(two.client, SCTP_GET_PEER_ADDRS, 0, 4), EINVAL);
  FAILS(count_of(two.client, SCTP_GET_LOCAL_ADDRS, 0, 4), EINVAL);
}
