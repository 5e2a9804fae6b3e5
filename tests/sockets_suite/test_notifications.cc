#include "tests/sockets_suite/suite.h"

#include <stddef.h>

using namespace suite;

static constexpr char kGroup[] = "notifications";
static constexpr int kBoth = static_cast<int>(MSG_EOR) | static_cast<int>(MSG_NOTIFICATION);

CASE("an association that comes up is SCTP_COMM_UP at both sides") {
  const int server = listening(SOCK_SEQPACKET);
  const int client = make(SOCK_SEQPACKET);
  subscribe(server, SCTP_ASSOC_CHANGE);
  subscribe(client, SCTP_ASSOC_CHANGE);
  sctp_initmsg init{};
  init.sinit_num_ostreams = 7;
  OK(set(client, IPPROTO_SCTP, SCTP_INITMSG, init));
  OK(connect_to(client, name_of(server)));
  for (const int fd : {client, server}) {
    const Message message = notification(fd, SCTP_ASSOC_CHANGE);
    const auto change = message.as<sctp_assoc_change>();
    EQUAL(change.sac_state, SCTP_COMM_UP);
    EQUAL(change.sac_error, 0);
    EQUAL(fd == client ? change.sac_outbound_streams : change.sac_inbound_streams, 7);
    CHECK(change.sac_assoc_id > 0);
    EQUAL(change.sac_length, message.size);
    EQUAL(message.flags & kBoth, kBoth);
  }
}

CASE("nothing is told that was not asked for") {
  const Pair two = pair();
  OK(close(two.client));
  EQUAL(receive(two.server).size, 0);
}

CASE("an orderly end is SCTP_SHUTDOWN_EVENT and SCTP_SHUTDOWN_COMP") {
  const Many two = many();
  subscribe(two.server, SCTP_ASSOC_CHANGE);
  subscribe(two.server, SCTP_SHUTDOWN_EVENT);
  OK(close(two.client));
  const auto event = notification(two.server, SCTP_SHUTDOWN_EVENT).as<sctp_shutdown_event>();
  EQUAL(event.sse_length, sizeof event);
  EQUAL(event.sse_assoc_id, two.server_id);
  const auto change = notification(two.server, SCTP_ASSOC_CHANGE).as<sctp_assoc_change>();
  EQUAL(change.sac_state, SCTP_SHUTDOWN_COMP);
  EQUAL(change.sac_assoc_id, two.server_id);
}

CASE("an abort is SCTP_COMM_LOST") {
  const Many two = many();
  subscribe(two.server, SCTP_ASSOC_CHANGE);
  OK(set(two.client, SOL_SOCKET, SO_LINGER, linger{1, 0}));
  OK(close(two.client));
  const auto change = notification(two.server, SCTP_ASSOC_CHANGE).as<sctp_assoc_change>();
  EQUAL(change.sac_state, SCTP_COMM_LOST);
  EQUAL(ntohs(change.sac_error), 12);  // aborted by its user
  EQUAL(change.sac_assoc_id, two.server_id);
}

CASE("data stands before the notification of the end") {
  const Many two = many();
  subscribe(two.server, SCTP_ASSOC_CHANGE);
  say_to(two.client, two.server_at, "last");
  OK(close(two.client));
  CHECK(receive(two.server).is("last"));
  notification(two.server, SCTP_ASSOC_CHANGE);
}

CASE("a refused association of a one-to-many socket is SCTP_CANT_STR_ASSOC") {
  const int fd = make(SOCK_SEQPACKET);
  subscribe(fd, SCTP_ASSOC_CHANGE);
  const Address there = refusing();
  EQUAL(say_to(fd, there, "x"), 1);
  const auto change = notification(fd, SCTP_ASSOC_CHANGE).as<sctp_assoc_change>();
  EQUAL(change.sac_state, SCTP_CANT_STR_ASSOC);
  EQUAL(change.sac_error, 0);  // no errno
}

CASE("what was not sent when an association failed is SCTP_SEND_FAILED") {
  const int fd = make(SOCK_SEQPACKET);
  subscribe(fd, SCTP_SEND_FAILED);
  hurry(fd);
  sctp_sndrcvinfo info{};
  info.sinfo_ppid = htonl(12);
  info.sinfo_context = 34;
  EQUAL(say_to(fd, at(kSilent, 5000), "lost", &info), 4);
  const Message message = notification(fd, SCTP_SEND_FAILED);
  const auto failed = message.as<sctp_send_failed>();
  EQUAL(failed.ssf_flags, SCTP_DATA_UNSENT);
  EQUAL(ntohl(failed.ssf_info.sinfo_ppid), 12);
  EQUAL(failed.ssf_info.sinfo_context, 34);
  EQUAL(failed.ssf_length, sizeof failed + 4);
  CHECK(memcmp(message.data + sizeof failed, "lost", 4) == 0);
}

CASE("SCTP_SEND_FAILED_EVENT has a sctp_sndinfo") {
  const int fd = make(SOCK_SEQPACKET);
  subscribe(fd, SCTP_SEND_FAILED_EVENT);
  hurry(fd);
  sctp_sndrcvinfo info{};
  info.sinfo_stream = 3;
  EQUAL(say_to(fd, at(kSilent, 5000), "lost", &info), 4);
  const Message message = notification(fd, SCTP_SEND_FAILED_EVENT);
  EQUAL(message.as<sctp_send_failed_event>().ssfe_info.snd_sid, 3);
}

CASE("SCTP_SENDER_DRY_EVENT comes when all is acknowledged") {
  const Many two = many();
  subscribe(two.client, SCTP_SENDER_DRY_EVENT);
  const auto dry = notification(two.client, SCTP_SENDER_DRY_EVENT).as<sctp_sender_dry_event>();
  EQUAL(dry.sender_dry_assoc_id, two.client_id);
  say_to(two.client, two.server_at, "x");
  notification(two.client, SCTP_SENDER_DRY_EVENT);
}

CASE("the adaptation indication of the peer") {
  const int server = listening(SOCK_SEQPACKET);
  subscribe(server, SCTP_ADAPTATION_INDICATION);
  const int client = make(SOCK_SEQPACKET);
  OK(set(client, IPPROTO_SCTP, SCTP_ADAPTATION_LAYER, sctp_setadaptation{1234}));
  OK(connect_to(client, name_of(server)));
  const Message message = notification(server, SCTP_ADAPTATION_INDICATION);
  EQUAL(message.as<sctp_adaptation_event>().sai_adaptation_ind, 1234);
}

CASE("notifications come in the path of data, with the peer's address") {
  const Many two = many();
  subscribe(two.server, SCTP_SHUTDOWN_EVENT);
  say_to(two.client, two.server_at, "x");
  OK(close(two.client));
  CHECK((receive(two.server).flags & MSG_NOTIFICATION) == 0);
  const Message message = notification(two.server, SCTP_SHUTDOWN_EVENT);
  EQUAL(message.from.port(), two.client_at.port());
}

namespace {

/// The next SCTP_PEER_ADDR_CHANGE with this state, whatever else comes before.
sctp_paddr_change address_change(int fd, int state) {
  while (true) {
    const auto change = notification(fd, SCTP_PEER_ADDR_CHANGE).as<sctp_paddr_change>();
    if (change.spc_state == state) return change;
  }
}

Address address_in(const sctp_paddr_change& change) {
  Address address;
  memcpy(&address.storage, &change.spc_aaddr, sizeof address.storage);
  return address;
}

}  // namespace

CASE("SCTP_ADDR_CONFIRMED of the peer's other addresses") {
  const int listener = listening(SOCK_STREAM, at("0.0.0.0"));
  const int fd = make();
  subscribe(fd, SCTP_PEER_ADDR_CHANGE);
  OK(connect_to(fd, at(kFirst, name_of(listener).port())));
  bool is_second = false;
  while (!is_second) {
    const sctp_paddr_change change = address_change(fd, SCTP_ADDR_CONFIRMED);
    EQUAL(change.spc_length, sizeof change);
    is_second = address_in(change).is(kSecond);
  }
}

CASE("SCTP_ADDR_MADE_PRIM of the address that SCTP_PRIMARY_ADDR chooses, also again") {
  const int listener = listening(SOCK_STREAM, at("0.0.0.0"));
  const int fd = make();
  OK(connect_to(fd, at(kFirst, name_of(listener).port())));
  subscribe(fd, SCTP_PEER_ADDR_CHANGE);
  const int server = OK(accept(listener, nullptr, nullptr));
  subscribe(server, SCTP_PEER_ADDR_CHANGE);
  for (const char* const text : {kSecond, kSecond, kFirst}) {
    const Address address = at(text, name_of(listener).port());
    sctp_prim primary{};
    memcpy(&primary.ssp_addr, &address.storage, sizeof address.storage);
    OK(put(fd, SCTP_PRIMARY_ADDR, primary));
    const sctp_paddr_change change = address_change(fd, SCTP_ADDR_MADE_PRIM);
    CHECK(address_in(change).is(text));
    EQUAL(change.spc_error, 0);
  }
  // It is this side's affair.
  sleep_ms(100);
  while ((ready(server) & POLLIN) != 0) {
    const auto change = notification(server, SCTP_PEER_ADDR_CHANGE).as<sctp_paddr_change>();
    CHECK(change.spc_state != SCTP_ADDR_MADE_PRIM);
  }
}

CASE("no SCTP_ADDR_MADE_PRIM before there is an association") {
  const int fd = make(SOCK_STREAM | SOCK_NONBLOCK);
  subscribe(fd, SCTP_PEER_ADDR_CHANGE);
  const Address address = at(kSilent, 5000);
  FAILS(connect_to(fd, address), EINPROGRESS);
  sctp_prim primary{};
  memcpy(&primary.ssp_addr, &address.storage, sizeof address.storage);
  OK(put(fd, SCTP_PRIMARY_ADDR, primary));
  EQUAL(receive(fd).error, EAGAIN);
}

CASE("SCTP_PARTIAL_DELIVERY_EVENT: the rest of a message will not come") {
  const int listener = listening();
  OK(set(listener, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, 2000));
  OK(set(listener, SOL_SOCKET, SO_RCVBUF, 16'384));
  const int client = make();
  OK(set(client, IPPROTO_SCTP, SCTP_MAXSEG, 1000));
  OK(connect_to(client, name_of(listener)));
  const int server = OK(accept(listener, nullptr, nullptr));
  subscribe(server, SCTP_PARTIAL_DELIVERY_EVENT);
  static char sent[60'000];
  EQUAL(send(client, sent, sizeof sent, 0), sizeof sent);
  const Message begin = receive(server, 0, 1000);
  EQUAL(begin.flags & kBoth, 0);
  OK(set(client, SOL_SOCKET, SO_LINGER, linger{1, 0}));
  OK(close(client));
  Message message = receive(server);
  while (message.size > 0 && (message.flags & MSG_NOTIFICATION) == 0) {
    EQUAL(message.flags & MSG_EOR, 0);
    message = receive(server);
  }
  CHECK((message.flags & MSG_NOTIFICATION) != 0);
  const auto event = message.as<sctp_pdapi_event>();
  EQUAL(event.pdapi_type, SCTP_PARTIAL_DELIVERY_EVENT);
  EQUAL(event.pdapi_length, sizeof event);
  EQUAL(event.pdapi_indication, SCTP_PARTIAL_DELIVERY_ABORTED);
}

CASE("a notification in parts has MSG_EOR at its end") {
  const Many two = many();
  subscribe(two.server, SCTP_SHUTDOWN_EVENT);
  OK(close(two.client));
  Message message = receive(two.server, 0, 4);
  EQUAL(message.size, 4);
  EQUAL(message.flags & kBoth, MSG_NOTIFICATION);
  message = receive(two.server);
  EQUAL(message.size, sizeof(sctp_shutdown_event) - 4);
  EQUAL(message.flags & kBoth, kBoth);
}

CASE("one-to-one sockets have notifications too") {
  const int listener = listening();
  subscribe(listener, SCTP_ASSOC_CHANGE);
  const int client = make();
  OK(connect_to(client, name_of(listener)));
  const int server = OK(accept(listener, nullptr, nullptr));
  EQUAL(notification(server, SCTP_ASSOC_CHANGE).as<sctp_assoc_change>().sac_state, SCTP_COMM_UP);
  OK(close(client));
  // The peer's SHUTDOWN is an end already, before the association's.
  Message last;
  do last = receive(server);
  while (last.size == 0);
  EQUAL(last.as<sctp_assoc_change>().sac_state, SCTP_SHUTDOWN_COMP);
  EQUAL(receive(server).size, 0);
}

CASE("struct sctp_event_subscribe of every length that Linux has had") {
  for (socklen_t length = 1; length <= sizeof(sctp_event_subscribe); ++length) {
    const int fd = make(SOCK_SEQPACKET);
    unsigned char wanted[sizeof(sctp_event_subscribe)];
    memset(wanted, 1, sizeof wanted);
    OK(setsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, wanted, length));
    sctp_event_subscribe got{};
    socklen_t size = sizeof got;
    OK(getsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, &got, &size));
    EQUAL(size, sizeof got);
    unsigned char bytes[sizeof got];
    memcpy(bytes, &got, sizeof got);
    for (socklen_t i = 0; i < sizeof got; ++i) EQUAL(bytes[i], i < length ? 1 : 0);
    OK(close(fd));
  }
}

CASE("a longer struct sctp_event_subscribe than Linux knows") {
  char wanted[40] = {};
  FAILS(setsockopt(make(), IPPROTO_SCTP, SCTP_EVENTS, wanted, sizeof wanted), EINVAL);
}

CASE("a shorter struct sctp_event_subscribe is filled as far as it goes") {
  const int fd = make();
  want_info(fd);
  char got[4] = {9, 9, 9, 9};
  socklen_t size = 2;
  OK(getsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, got, &size));
  EQUAL(size, 2);
  EQUAL(got[0], 1);
  EQUAL(got[2], 9);
}
