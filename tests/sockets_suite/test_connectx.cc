#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "connectx";

namespace {

int connect_all(int fd, const Address& first, const Address* second, sctp_assoc_t* id) {
  Packed addresses;
  addresses.add(first);
  if (second != nullptr) addresses.add(*second);
  return sctp_connectx(fd, addresses.raw(), addresses.count, id);
}

}  // namespace

CASE("a one-to-many socket learns the association's id") {
  const int fd = make(SOCK_SEQPACKET);
  sctp_assoc_t id = 0;
  OK(connect_all(fd, name_of(listening()), nullptr, &id));
  CHECK(id > 0);
  sctp_status status{};
  socklen_t length = sizeof status;
  OK(sctp_opt_info(fd, id, SCTP_STATUS, &status, &length));
  EQUAL(status.sstat_state, SCTP_ESTABLISHED);
  EQUAL(status.sstat_assoc_id, id);
}

CASE("a one-to-one socket connects") {
  const int fd = make();
  OK(connect_all(fd, name_of(listening()), nullptr, nullptr));
  CHECK(peer_of(fd).is(kLoopback));
}

CASE("the second address is tried when the first is silent") {
  const int listener = listening(SOCK_STREAM, at("0.0.0.0"));
  const uint16_t port = name_of(listener).port();
  const int fd = make();
  sctp_rtoinfo timers{};
  timers.srto_initial = timers.srto_min = timers.srto_max = 100;
  OK(set(fd, IPPROTO_SCTP, SCTP_RTOINFO, timers));
  const Address second = at(kFirst, port);
  OK(connect_all(fd, at(kSilent, port), &second, nullptr));
}

CASE("two ports") {
  const Address second = at(kFirst, 5001);
  FAILS(connect_all(make(), at(kLoopback, 5000), &second, nullptr), EINVAL);
}

CASE("nobody listens there") {
  sctp_assoc_t id = 0;
  FAILS(connect_all(make(), refusing(), nullptr, &id), ECONNREFUSED);
}

CASE("a non-blocking one is in progress, and has its id") {
  const int fd = make(SOCK_SEQPACKET | SOCK_NONBLOCK);
  sctp_assoc_t id = 0;
  const int listener = listening();
  FAILS(connect_all(fd, name_of(listener), nullptr, &id), EINPROGRESS);
  CHECK(id > 0);
}

CASE("no address") {
  sctp_assoc_t id = 0;
  const Address any = at(kLoopback, 5000);
  FAILS(sctp_connectx(make(), const_cast<sockaddr*>(any.raw()), 0, &id), EINVAL);
}

CASE("a connected socket") {
  const Pair two = pair();
  sctp_assoc_t id = 0;
  FAILS(connect_all(two.client, name_of(two.listener), nullptr, &id), EISCONN);
}
