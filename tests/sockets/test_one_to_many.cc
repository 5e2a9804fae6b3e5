// One-to-many sockets: RFC 6458 section 3, and notifications (section 6).
#include <memory>

#include "api/sockets/process.h"
#include "tests/sockets/engine.h"

namespace millrace::sockets {
namespace {

/// A listening one-to-many socket that wants to know everything.
struct Server {
  Server() : socket(SOCK_SEQPACKET) {
    REQUIRE(socket.bind("0.0.0.0", 0) == 0);
    REQUIRE(calls::listen(socket.number, 5) == 0);
    sctp_event_subscribe events{};
    events.sctp_data_io_event = 1;
    events.sctp_association_event = 1;
    events.sctp_shutdown_event = 1;
    REQUIRE(socket.set(IPPROTO_SCTP, SCTP_EVENTS, events) == 0);
    address = at("10.0.0.1", socket.port());
  }
  Handle socket;
  sockaddr_in address{};
};

TEST_CASE("sending to an address sets up an association, and its data comes after COMM_UP") {
  Server server;
  const Handle client(SOCK_SEQPACKET);
  CHECK(client.send_to("first", &server.address) == 5);
  const Received up = receive(server.socket);
  REQUIRE((up.flags & MSG_NOTIFICATION) != 0);
  const auto change = up.as<sctp_assoc_change>();
  CHECK(change.sac_type == SCTP_ASSOC_CHANGE);
  CHECK(change.sac_state == SCTP_COMM_UP);
  CHECK(change.sac_length == sizeof change);
  CHECK(change.sac_outbound_streams > 0);
  const Received data = receive(server.socket);
  CHECK(data.data == "first");
  REQUIRE(data.has_info);
  CHECK(data.info.sinfo_assoc_id == change.sac_assoc_id);
  CHECK(ntohs(data.from.sin_port) == client.port());
}

TEST_CASE("an answer goes to where the message came from, by address or by id") {
  Server server;
  const Handle client(SOCK_SEQPACKET);
  REQUIRE(client.send_to("question", &server.address) > 0);
  receive(server.socket);
  const Received question = receive(server.socket);
  CHECK(server.socket.send_to("by address", &question.from) == 10);
  CHECK(receive(client).data == "by address");
  sctp_sndinfo info{};
  info.snd_sid = 3;
  info.snd_ppid = htonl(46);
  info.snd_assoc_id = question.info.sinfo_assoc_id;
  const int on = 1;
  REQUIRE(client.set(IPPROTO_SCTP, SCTP_RECVRCVINFO, on) == 0);
  CHECK(send_with(server.socket, "by id", info) == 5);
  const Received answer = receive(client);
  CHECK(answer.data == "by id");
  REQUIRE(answer.has_rcvinfo);
  CHECK(answer.rcvinfo.rcv_sid == 3);
  CHECK(answer.rcvinfo.rcv_ppid == htonl(46));
}

TEST_CASE("what goes with a message without information is as its association has it") {
  Server server;
  const Handle client(SOCK_SEQPACKET);
  REQUIRE(client.send_to("before", &server.address) > 0);
  const auto up = receive(server.socket).as<sctp_assoc_change>();
  const Received before = receive(server.socket);
  sctp_sndinfo info{};
  info.snd_sid = 4;
  info.snd_ppid = htonl(46);
  info.snd_assoc_id = up.sac_assoc_id;
  REQUIRE(server.socket.set(IPPROTO_SCTP, SCTP_DEFAULT_SNDINFO, info) == 0);
  info.snd_sid = 5;
  info.snd_assoc_id = SCTP_FUTURE_ASSOC;
  REQUIRE(server.socket.set(IPPROTO_SCTP, SCTP_DEFAULT_SNDINFO, info) == 0);
  REQUIRE(client.set(IPPROTO_SCTP, SCTP_RECVRCVINFO, 1) == 0);
  CHECK(server.socket.send_to("by address", &before.from) == 10);
  const Received got = receive(client);
  CHECK(got.data == "by address");
  REQUIRE(got.has_rcvinfo);
  CHECK(got.rcvinfo.rcv_sid == 4);
  CHECK(got.rcvinfo.rcv_ppid == htonl(46));
  // Of one to come it is as the socket has it.
  Server other;
  CHECK(server.socket.send_to("to another", &other.address) == 10);
  receive(other.socket);
  const Received first = receive(other.socket);
  CHECK(first.data == "to another");
  CHECK(first.info.sinfo_stream == 5);
}

TEST_CASE("closing tells the peer: SHUTDOWN_EVENT, then SHUTDOWN_COMP") {
  Server server;
  {
    const Handle client(SOCK_SEQPACKET);
    REQUIRE(client.send_to("x", &server.address) == 1);
    receive(server.socket);
    receive(server.socket);
  }
  const Received ending = receive(server.socket);
  CHECK(ending.as<sctp_shutdown_event>().sse_type == SCTP_SHUTDOWN_EVENT);
  const Received gone = receive(server.socket);
  CHECK(gone.as<sctp_assoc_change>().sac_state == SCTP_SHUTDOWN_COMP);
  std::uint32_t count = 9;
  CHECK(server.socket.get(IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER, count) == 0);
  CHECK(count == 0);
}

//= rfc9260 9.1#7 type=test
TEST_CASE("COMM_LOST brings the peer's ABORT, with the reason that it was given") {
  Server server;
  const Handle client(SOCK_SEQPACKET);
  sctp_event_subscribe events{};
  events.sctp_association_event = 1;
  REQUIRE(client.set(IPPROTO_SCTP, SCTP_EVENTS, events) == 0);
  REQUIRE(client.send_to("x", &server.address) == 1);
  CHECK(receive(client).as<sctp_assoc_change>().sac_state == SCTP_COMM_UP);
  receive(server.socket);
  const Received message = receive(server.socket);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(sctp_sndinfo))] = {};
  std::string reason = "enough";
  iovec part{reason.data(), reason.size()};
  msghdr last{};
  last.msg_iov = &part;
  last.msg_iovlen = 1;
  last.msg_control = control;
  last.msg_controllen = sizeof control;
  last.msg_name = const_cast<sockaddr_in*>(&message.from);
  last.msg_namelen = sizeof message.from;
  cmsghdr* head = CMSG_FIRSTHDR(&last);
  head->cmsg_level = IPPROTO_SCTP;
  head->cmsg_type = SCTP_SNDINFO;
  head->cmsg_len = CMSG_LEN(sizeof(sctp_sndinfo));
  sctp_sndinfo info{};
  info.snd_flags = SCTP_ABORT;
  std::memcpy(CMSG_DATA(head), &info, sizeof info);
  REQUIRE(calls::sendmsg(server.socket.number, &last, 0) >= 0);
  const Received gone = receive(client);
  const auto change = gone.as<sctp_assoc_change>();
  CHECK(change.sac_state == SCTP_COMM_LOST);
  CHECK(change.sac_length == gone.data.size());
  const std::string heads("\x06\0\0\x0e\0\x0c\0\x0a", 8);
  CHECK(gone.data.substr(sizeof change) == heads + reason);
}

TEST_CASE("peeling an association off takes what it has to say along") {
  Server server;
  const Handle client(SOCK_SEQPACKET);
  REQUIRE(client.send_to("one", &server.address) == 3);
  const auto change = receive(server.socket).as<sctp_assoc_change>();
  CHECK(server.socket.becomes(POLLIN));
  sctp_peeloff_arg_t argument{change.sac_assoc_id, -1};
  socklen_t length = sizeof argument;
  const int peeled = calls::getsockopt(server.socket.number, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF,
                                       &argument, &length);
  REQUIRE(peeled >= 0);
  const Handle own(Handle::Adopt{peeled});
  CHECK(argument.sd == peeled);
  CHECK(receive(own).data == "one");
  CHECK((server.socket.ready() & POLLIN) == 0);
  CHECK(own.send("two") == 3);
  CHECK(receive(client).data == "two");
}

TEST_CASE("sending to nobody, and to an id that is none, fails") {
  const Handle client(SOCK_SEQPACKET);
  CHECK(client.send("to whom?") == -1);
  CHECK(errno == EPIPE);
  CHECK(calls::accept(client.number, nullptr, nullptr, 0) == -1);
  CHECK(errno == EOPNOTSUPP);
}

TEST_CASE("an idle association ends by SCTP_AUTOCLOSE") {
  Server server;
  const Handle client(SOCK_SEQPACKET);
  const int seconds = 1;
  REQUIRE(client.set(IPPROTO_SCTP, SCTP_AUTOCLOSE, seconds) == 0);
  REQUIRE(client.send_to("x", &server.address) == 1);
  receive(server.socket);
  receive(server.socket);
  CHECK(receive(server.socket).as<sctp_shutdown_event>().sse_type == SCTP_SHUTDOWN_EVENT);
}

TEST_CASE("SCTP_AUTOCLOSE does not count the time of the handshake") {
  const Server server;
  const Handle client(SOCK_SEQPACKET);
  REQUIRE(client.set(IPPROTO_SCTP, SCTP_AUTOCLOSE, 1) == 0);
  const sctp_rtoinfo fast{0, 500, 500, 500};
  REQUIRE(client.set(IPPROTO_SCTP, SCTP_RTOINFO, fast) == 0);
  const sockaddr_in nobody = at("10.0.0.9", server.socket.port());
  Process& process = Process::get();
  const Process::Guard guard(process);
  Endpoint silent, peer;
  REQUIRE(read_endpoint(generic(server.address), sizeof server.address, AF_INET, peer) == 0);
  REQUIRE(read_endpoint(generic(nobody), sizeof nobody, AF_INET, silent) == 0);
  std::shared_ptr<Association> started;
  REQUIRE(process.find(client.number)->start({silent, peer}, nullptr, started) == 0);
  REQUIRE(started->state == Association::State::starting);  // the first INIT is lost
  started->last_used_us -= 2'000'000;
  REQUIRE(process.await([&] { return started->state == Association::State::up; }) == 0);
  CHECK(monotonic_us() - started->last_used_us < 1'000'000);
}

TEST_CASE("a peer's address finds the association that is with it now") {
  Server server;
  const Handle client(SOCK_SEQPACKET);
  for (int i = 0; i < 3; ++i) {
    CHECK(client.send_to("begun", &server.address) == 5);
    CHECK(client.send_to("again", &server.address) == 5);
    receive(server.socket);
    CHECK(receive(server.socket).data == "begun");
    CHECK(receive(server.socket).data == "again");
    sctp_assoc_t ids[2] = {};
    REQUIRE(client.get(IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, ids) == 0);
    if (i == 1) {
      // Peeled off, it is not the socket's any more.
      Handle peeled(Handle::Adopt{sctp_peeloff(client.number, ids[1])});
      REQUIRE(peeled.send("own") == 3);
      CHECK(receive(server.socket).data == "own");
      CHECK(client.send_to("another", &server.address) == -1);
      CHECK(errno == EADDRNOTAVAIL);  // by one of this port
      REQUIRE(peeled.set(SOL_SOCKET, SO_LINGER, linger{1, 0}) == 0);
      REQUIRE(peeled.close() == 0);
    } else {
      sctp_sndinfo info{};
      info.snd_assoc_id = ids[1];
      info.snd_flags = SCTP_ABORT;
      CHECK(send_with(client, "", info) == 0);
    }
    CHECK(receive(server.socket).as<sctp_assoc_change>().sac_state == SCTP_COMM_LOST);
    std::uint32_t count = 1;
    while (count > 0) REQUIRE(client.get(IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER, count) == 0);
  }
}

}  // namespace
}  // namespace millrace::sockets
