// Options: what was set is what is got, on the socket and on its associations.
#include "tests/sockets/engine.h"

namespace millrace::sockets {
namespace {

TEST_CASE("the socket layer's options answer as a kernel's SCTP socket does") {
  const Handle socket(SOCK_SEQPACKET);
  int value = 0;
  CHECK(socket.get(SOL_SOCKET, SO_TYPE, value) == 0);
  CHECK(value == SOCK_SEQPACKET);
  CHECK(socket.get(SOL_SOCKET, SO_PROTOCOL, value) == 0);
  CHECK(value == IPPROTO_SCTP);
  CHECK(socket.get(SOL_SOCKET, SO_DOMAIN, value) == 0);
  CHECK(value == AF_INET);
  value = 20'000;
  CHECK(socket.set(SOL_SOCKET, SO_RCVBUF, value) == 0);
  CHECK(socket.get(SOL_SOCKET, SO_RCVBUF, value) == 0);
  CHECK(value == 40'000);
  CHECK(socket.get(SOL_SOCKET, SO_PEERCRED, value) == -1);
  CHECK(errno == ENOPROTOOPT);
}

TEST_CASE("a cookie lives for an hour at the most, and so long do its secrets") {
  const Handle socket(SOCK_SEQPACKET);
  sctp_assocparams info{};
  info.sasoc_cookie_life = 3'600'001;
  CHECK(socket.set(IPPROTO_SCTP, SCTP_ASSOCINFO, info) == -1);
  CHECK(errno == EINVAL);
  info.sasoc_cookie_life = 3'600'000;
  CHECK(socket.set(IPPROTO_SCTP, SCTP_ASSOCINFO, info) == 0);
  CHECK(socket.get(IPPROTO_SCTP, SCTP_ASSOCINFO, info) == 0);
  CHECK(info.sasoc_cookie_life == 3'600'000);
}

TEST_CASE("numbers of the protocol go to associations that come and to those that are there") {
  Pair pair([](Handle& listener) {
    sctp_rtoinfo rto{0, 400, 2000, 200};
    REQUIRE(listener.set(IPPROTO_SCTP, SCTP_RTOINFO, rto) == 0);
    sctp_initmsg init{7, 9, 3, 0};
    REQUIRE(listener.set(IPPROTO_SCTP, SCTP_INITMSG, init) == 0);
  });
  sctp_rtoinfo rto{};
  CHECK(pair.server.get(IPPROTO_SCTP, SCTP_RTOINFO, rto) == 0);
  CHECK(rto.srto_initial == 400);
  CHECK(rto.srto_max == 2000);
  CHECK(rto.srto_min == 200);
  sctp_status status{};
  CHECK(pair.client.get(IPPROTO_SCTP, SCTP_STATUS, status) == 0);
  CHECK(status.sstat_state == SCTP_ESTABLISHED);
  CHECK(status.sstat_instrms == 7);
  CHECK(status.sstat_outstrms == 9);
  CHECK(status.sstat_rwnd > 0);
  // The engine has them, not the library alone: the first RTO of the server's path is ours.
  sctp_paddrinfo path{};
  const sockaddr_in peer = at("10.0.0.1", pair.client.port());
  std::memcpy(&path.spinfo_address, &peer, sizeof peer);
  CHECK(pair.server.get(IPPROTO_SCTP, SCTP_GET_PEER_ADDR_INFO, path) == 0);
  CHECK(path.spinfo_rto >= 200);
  CHECK(path.spinfo_rto <= 2000);
}

TEST_CASE("impossible values are refused and change nothing") {
  const Handle socket(SOCK_STREAM);
  CHECK(socket.set(IPPROTO_SCTP, SCTP_RTOINFO, sctp_rtoinfo{0, 100, 50, 70}) == -1);
  CHECK(errno == EINVAL);
  CHECK(socket.set(IPPROTO_SCTP, SCTP_DELAYED_SACK, sctp_sack_info{0, 501, 2}) == -1);
  CHECK(errno == EINVAL);
  CHECK(socket.set(IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, 3) == -1);
  CHECK(errno == EINVAL);
  CHECK(socket.set(IPPROTO_SCTP, SCTP_AUTOCLOSE, 3) == -1);
  CHECK(errno == EOPNOTSUPP);
  CHECK(socket.set(IPPROTO_SCTP, 9999, 1) == -1);
  CHECK(errno == ENOPROTOOPT);
  const char byte = 0;
  CHECK(socket.set(IPPROTO_SCTP, SCTP_NODELAY, byte) == -1);
  CHECK(errno == EINVAL);
}

TEST_CASE("defaults of sending are used, and one view shows what the other has set") {
  Pair pair;
  sctp_sndrcvinfo defaults{};
  defaults.sinfo_stream = 5;
  defaults.sinfo_ppid = htonl(60);
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_DEFAULT_SEND_PARAM, defaults) == 0);
  sctp_sndinfo seen{};
  CHECK(pair.client.get(IPPROTO_SCTP, SCTP_DEFAULT_SNDINFO, seen) == 0);
  CHECK(seen.snd_sid == 5);
  sctp_event_subscribe events{};
  events.sctp_data_io_event = 1;
  REQUIRE(pair.server.set(IPPROTO_SCTP, SCTP_EVENTS, events) == 0);
  REQUIRE(pair.client.send("x") == 1);
  const Received got = receive(pair.server);
  REQUIRE(got.has_info);
  CHECK(got.info.sinfo_stream == 5);
  CHECK(got.info.sinfo_ppid == htonl(60));
}

TEST_CASE("options of extensions are refused, not forgotten") {
  const Handle socket(SOCK_STREAM);
  const int option =
      GENERATE(SCTP_HMAC_IDENT, SCTP_AUTH_CHUNK, SCTP_AUTH_KEY, SCTP_AUTH_ACTIVE_KEY,
               SCTP_AUTH_DEACTIVATE_KEY, SCTP_AUTH_DELETE_KEY, SCTP_PEER_AUTH_CHUNKS,
               SCTP_LOCAL_AUTH_CHUNKS, SCTP_AUTH_SUPPORTED, SCTP_SET_PEER_PRIMARY_ADDR,
               SCTP_ASCONF_SUPPORTED, SCTP_PR_SUPPORTED, SCTP_DEFAULT_PRINFO, SCTP_PR_ASSOC_STATUS,
               SCTP_PR_STREAM_STATUS, SCTP_RECONFIG_SUPPORTED, SCTP_ENABLE_STREAM_RESET,
               SCTP_RESET_STREAMS, SCTP_RESET_ASSOC, SCTP_ADD_STREAMS, SCTP_STREAM_SCHEDULER,
               SCTP_STREAM_SCHEDULER_VALUE, SCTP_INTERLEAVING_SUPPORTED, SCTP_GET_ASSOC_STATS,
               SCTP_ECN_SUPPORTED, SCTP_REMOTE_UDP_ENCAPS_PORT, SCTP_PLPMTUD_PROBE_INTERVAL,
               SCTP_SENDMSG_CONNECT, SCTP_PLUGGABLE_CC, SCTP_ACCEPT_ZERO_CHECKSUM,
               SCTP_NRSACK_SUPPORTED, SCTP_PKTDROP_SUPPORTED, SCTP_TIMEOUTS, SCTP_MAX_CWND);
  char value[64] = {};
  socklen_t length = sizeof value;
  CHECK(calls::setsockopt(socket.number, IPPROTO_SCTP, option, value, length) == -1);
  CHECK(errno == ENOPROTOOPT);
  CHECK(calls::getsockopt(socket.number, IPPROTO_SCTP, option, value, &length) == -1);
  CHECK(errno == ENOPROTOOPT);
}

TEST_CASE("older programs subscribe with a shorter structure") {
  const Handle socket(SOCK_STREAM);
  const std::uint8_t old[8] = {1, 1, 0, 0, 0, 1, 0, 0};
  CHECK(calls::setsockopt(socket.number, IPPROTO_SCTP, SCTP_EVENTS, old, sizeof old) == 0);
  sctp_event event{};
  event.se_type = SCTP_SHUTDOWN_EVENT;
  CHECK(socket.get(IPPROTO_SCTP, SCTP_EVENT, event) == 0);
  CHECK(event.se_on == 1);
  event.se_type = SCTP_SENDER_DRY_EVENT;
  CHECK(socket.get(IPPROTO_SCTP, SCTP_EVENT, event) == 0);
  CHECK(event.se_on == 0);
  const std::uint8_t longer[15] = {};
  CHECK(calls::setsockopt(socket.number, IPPROTO_SCTP, SCTP_EVENTS, longer, sizeof longer) == -1);
  CHECK(errno == EINVAL);
}

TEST_CASE("addresses of both ends are listed in libsctp's layout") {
  Pair pair;
  std::uint8_t bytes[256] = {};
  socklen_t length = sizeof bytes;
  REQUIRE(calls::getsockopt(pair.client.number, IPPROTO_SCTP, SCTP_GET_PEER_ADDRS, bytes,
                            &length) == 0);
  sctp_getaddrs head{};
  std::memcpy(&head, bytes, offsetof(sctp_getaddrs, addrs));
  REQUIRE(head.addr_num == 1);
  sockaddr_in peer{};
  std::memcpy(&peer, bytes + offsetof(sctp_getaddrs, addrs), sizeof peer);
  CHECK(ntohs(peer.sin_port) == pair.listener.port());
  CHECK(length == offsetof(sctp_getaddrs, addrs) + sizeof peer);
  length = 10;
  CHECK(calls::getsockopt(pair.client.number, IPPROTO_SCTP, SCTP_GET_PEER_ADDRS, bytes, &length) ==
        -1);
  CHECK(errno == ENOMEM);
}

TEST_CASE("SCTP_STATUS counts what is still to be read, and knows how large a chunk may be") {
  Pair pair;
  REQUIRE(pair.client.send("one") == 3);
  REQUIRE(pair.client.send("two") == 3);
  REQUIRE(receive(pair.server).data == "one");
  REQUIRE(pair.server.becomes(POLLIN));
  sctp_status status{};
  REQUIRE(pair.server.get(IPPROTO_SCTP, SCTP_STATUS, status) == 0);
  CHECK(status.sstat_penddata == 1);
  const sctp_assoc_value most{0, 600};
  REQUIRE(pair.server.set(IPPROTO_SCTP, SCTP_MAXSEG, most) == 0);
  REQUIRE(receive(pair.server).data == "two");
  REQUIRE(pair.server.get(IPPROTO_SCTP, SCTP_STATUS, status) == 0);
  CHECK(status.sstat_penddata == 0);
  CHECK(status.sstat_fragmentation_point == 600);
}

TEST_CASE("listeners at one port have each its own options, for the engine too") {
  Handle wide(SOCK_STREAM), narrow(SOCK_STREAM);
  REQUIRE(wide.bind("10.0.0.1", 0) == 0);
  REQUIRE(narrow.bind("127.0.0.1", wide.port()) == 0);
  REQUIRE(narrow.set(SOL_SOCKET, SO_RCVBUF, 20'000) == 0);
  for (const Handle* one : {&wide, &narrow}) REQUIRE(calls::listen(one->number, 5) == 0);
  for (const bool is_narrow : {true, false}) {
    const Handle client(SOCK_STREAM);
    REQUIRE(client.connect(is_narrow ? "127.0.0.1" : "10.0.0.1", wide.port()) == 0);
    const int listener = is_narrow ? narrow.number : wide.number;
    const Handle server(Handle::Adopt{calls::accept(listener, nullptr, nullptr, 0)});
    REQUIRE(server.number >= 0);
    sctp_assocparams seen{};
    for (int i = 0; i < 500; ++i) {  // told to the engine, a moment later
      REQUIRE(server.get(IPPROTO_SCTP, SCTP_ASSOCINFO, seen) == 0);
      if (is_narrow == (seen.sasoc_local_rwnd <= 20'000)) break;
      usleep(10'000);
    }
    CHECK((seen.sasoc_local_rwnd <= 20'000) == is_narrow);
  }
}

TEST_CASE(
    "a listener's timeouts above the old ones, set while it listens, are those of what it "
    "accepts") {
  const Handle listener(SOCK_STREAM);
  REQUIRE(listener.bind("10.0.0.1", 0) == 0);
  REQUIRE(calls::listen(listener.number, 5) == 0);
  sctp_rtoinfo wanted{};
  wanted.srto_min = 70'000;
  wanted.srto_max = 80'000;
  REQUIRE(listener.set(IPPROTO_SCTP, SCTP_RTOINFO, wanted) == 0);
  const Handle client(SOCK_STREAM);
  REQUIRE(client.connect("10.0.0.1", listener.port()) == 0);
  const Handle server(Handle::Adopt{calls::accept(listener.number, nullptr, nullptr, 0)});
  REQUIRE(server.number >= 0);
  sctp_status seen{};
  // The engine has it a moment later, and the next round trip that is measured shows it.
  for (int i = 0; i < 500 && seen.sstat_primary.spinfo_rto < 70'000; ++i) {
    REQUIRE(server.send("x") == 1);
    REQUIRE(receive(client).size == 1);
    usleep(10'000);
    REQUIRE(server.get(IPPROTO_SCTP, SCTP_STATUS, seen) == 0);
  }
  CHECK(seen.sstat_primary.spinfo_rto >= 70'000);
}

TEST_CASE("only a socket that is bound to all addresses follows their changes") {
  const Handle wildcard(SOCK_STREAM);
  const int on = 1;
  int seen = 0;
  CHECK(wildcard.set(IPPROTO_SCTP, SCTP_AUTO_ASCONF, on) == 0);
  CHECK(wildcard.get(IPPROTO_SCTP, SCTP_AUTO_ASCONF, seen) == 0);
  CHECK(seen == 1);
  const Handle bound(SOCK_STREAM);
  REQUIRE(bound.bind("10.0.0.1", 0) == 0);
  CHECK(bound.set(IPPROTO_SCTP, SCTP_AUTO_ASCONF, on) == -1);
  CHECK(errno == EINVAL);
}

TEST_CASE("bindx binds to what the engine has, and to nothing else") {
  const Handle socket(SOCK_STREAM);
  const sockaddr_in good = at("10.0.0.1", 4711);
  const sockaddr_in bad = at("192.0.2.1", 4711);
  CHECK(socket.set(IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, bad) == -1);
  CHECK(errno == EADDRNOTAVAIL);
  CHECK(socket.set(IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, good) == 0);
  CHECK(socket.port() == 4711);
  CHECK(socket.set(IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_REM, good) == -1);
  CHECK(errno == EBUSY);
}

}  // namespace
}  // namespace millrace::sockets
