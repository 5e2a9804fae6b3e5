// The functions of millrace/sctp.h (RFC 6458 9), and batches.
#include <thread>
#include <vector>

#include "tests/sockets/engine.h"

namespace millrace::sockets {
namespace {

/// A one-to-many socket that listens, and one that may begin associations with it.
struct Crowd {
  Crowd() : server(SOCK_SEQPACKET), client(SOCK_SEQPACKET) {
    const int on = 1;
    REQUIRE(server.bind("10.0.0.1", 0) == 0);
    REQUIRE(calls::listen(server.number, 5) == 0);
    REQUIRE(server.set(IPPROTO_SCTP, SCTP_RECVRCVINFO, on) == 0);
    to = at("10.0.0.1", server.port());
  }
  sockaddr* peer() { return reinterpret_cast<sockaddr*>(&to); }

  Handle server, client;
  sockaddr_in to{};
};

struct Got {
  int size = 0;
  int flags = 0;
  unsigned type = SCTP_RECVV_NOINFO;
  sctp_recvv_rn info{};
  std::string data;
};

Got receive_v(const Handle& socket) {
  Got got;
  got.data.resize(1000);
  iovec part{got.data.data(), got.data.size()};
  socklen_t length = sizeof got.info;
  got.size = sctp_recvv(socket.number, &part, 1, nullptr, nullptr, &got.info, &length, &got.type,
                        &got.flags);
  got.data.resize(got.size > 0 ? static_cast<std::size_t>(got.size) : 0);
  return got;
}

TEST_CASE("sctp_sendv begins an association, and sctp_recvv tells of the message") {
  Crowd crowd;
  std::string hello = "hello";
  const iovec parts[] = {{hello.data(), 3}, {hello.data() + 3, 2}};
  sctp_sendv_spa info{};
  info.sendv_flags = SCTP_SEND_SNDINFO_VALID;
  info.sendv_sndinfo.snd_sid = 3;
  info.sendv_sndinfo.snd_ppid = htonl(46);
  REQUIRE(sctp_sendv(crowd.client.number, parts, 2, crowd.peer(), 1, &info, sizeof info,
                     SCTP_SENDV_SPA, 0) == 5);
  const Got got = receive_v(crowd.server);
  CHECK(got.data == "hello");
  CHECK((got.flags & MSG_EOR) != 0);
  REQUIRE(got.type == SCTP_RECVV_RCVINFO);
  CHECK(got.info.recvv_rcvinfo.rcv_sid == 3);
  CHECK(got.info.recvv_rcvinfo.rcv_ppid == htonl(46));

  sctp_sndinfo back{};
  back.snd_assoc_id = got.info.recvv_rcvinfo.rcv_assoc_id;
  REQUIRE(sctp_sendv(crowd.server.number, parts, 1, nullptr, 0, &back, sizeof back,
                     SCTP_SENDV_SNDINFO, 0) == 3);
  CHECK(receive_v(crowd.client).data == "hel");

  CHECK(sctp_sendv(crowd.server.number, parts, 1, nullptr, 0, &back, 3, SCTP_SENDV_SNDINFO, 0) ==
        -1);
  CHECK(errno == EINVAL);
  CHECK(sctp_sendv(crowd.server.number, parts, 1, nullptr, 0, &back, sizeof back, 77, 0) == -1);
  CHECK(errno == EINVAL);
}

//= rfc6458 9.12 type=test
TEST_CASE("sctp_sendv takes each kind of information, and refuses a key that nobody has") {
  Crowd crowd;
  char word[] = "word";
  const iovec part{word, 4};
  const auto send = [&](auto info, unsigned type) {
    return sctp_sendv(crowd.client.number, &part, 1, crowd.peer(), 1, &info, sizeof info, type, 0);
  };
  CHECK(send(sctp_prinfo{SCTP_PR_SCTP_TTL, 5000}, SCTP_SENDV_PRINFO) == 4);
  CHECK(receive_v(crowd.server).data == "word");
  sctp_sendv_spa all{};
  all.sendv_flags = SCTP_SEND_SNDINFO_VALID | SCTP_SEND_PRINFO_VALID;
  all.sendv_sndinfo.snd_sid = 5;
  all.sendv_prinfo.pr_policy = SCTP_PR_SCTP_RTX;
  CHECK(send(all, SCTP_SENDV_SPA) == 4);
  CHECK(receive_v(crowd.server).info.recvv_rcvinfo.rcv_sid == 5);
  CHECK(send(sctp_authinfo{1}, SCTP_SENDV_AUTHINFO) == -1);
  CHECK(errno == EINVAL);
  all.sendv_flags |= SCTP_SEND_AUTHINFO_VALID;
  CHECK(send(all, SCTP_SENDV_SPA) == -1);
  CHECK(errno == EINVAL);
}

//= rfc6458 9.13 type=test
//= rfc6458 5.3.6 type=test
TEST_CASE("sctp_recvv tells of this message, of the next one, or of both") {
  Crowd crowd;
  const int on = 1;
  const int off = 0;
  REQUIRE(crowd.server.set(IPPROTO_SCTP, SCTP_RECVNXTINFO, on) == 0);
  for (const char* text : {"one", "two", "third", "last"}) {
    REQUIRE(sctp_sendmsg(crowd.client.number, text, strlen(text), crowd.peer(), sizeof crowd.to,
                         htonl(7), 0, 1, 0, 0) == static_cast<int>(strlen(text)));
  }
  REQUIRE(crowd.server.becomes(POLLIN));
  std::uint8_t ids[64];
  socklen_t length = sizeof ids;
  REQUIRE(sctp_opt_info(crowd.server.number, 0, SCTP_GET_ASSOC_ID_LIST, ids, &length) == 0);
  sctp_status status{};
  while (status.sstat_penddata < 4) {
    std::memcpy(&status.sstat_assoc_id, ids + sizeof(std::uint32_t), sizeof(sctp_assoc_t));
    REQUIRE(crowd.server.get(IPPROTO_SCTP, SCTP_STATUS, status) == 0);
  }
  Got got = receive_v(crowd.server);
  REQUIRE(got.type == SCTP_RECVV_RN);
  CHECK(got.info.recvv_rcvinfo.rcv_ssn == 0);
  CHECK(got.info.recvv_nxtinfo.nxt_sid == 1);
  CHECK(got.info.recvv_nxtinfo.nxt_length == 3);
  CHECK(got.info.recvv_nxtinfo.nxt_flags == SCTP_COMPLETE);
  CHECK(got.info.recvv_nxtinfo.nxt_ppid == htonl(7));
  REQUIRE(crowd.server.set(IPPROTO_SCTP, SCTP_RECVRCVINFO, off) == 0);
  got = receive_v(crowd.server);
  REQUIRE(got.type == SCTP_RECVV_NXTINFO);
  sctp_nxtinfo next;
  std::memcpy(&next, &got.info, sizeof next);
  CHECK(next.nxt_length == 5);
  CHECK(receive_v(crowd.server).type == SCTP_RECVV_NXTINFO);
  CHECK(receive_v(crowd.server).type == SCTP_RECVV_NOINFO);
}

//= rfc6458 9.11 type=test
TEST_CASE("sctp_sendx is sctp_sendv in older words") {
  Crowd crowd;
  sctp_sndrcvinfo info{};
  info.sinfo_stream = 6;
  sockaddr_in two[2] = {crowd.to, at("127.0.0.1", 1)};
  auto* addresses = reinterpret_cast<sockaddr*>(two);
  REQUIRE(sctp_sendx(crowd.client.number, "x", 1, addresses, 2, &info, 0) == 1);
  CHECK(receive_v(crowd.server).info.recvv_rcvinfo.rcv_sid == 6);
  CHECK(sctp_sendx(crowd.client.number, "x", 1, addresses, -1, &info, 0) == -1);
  CHECK(errno == EINVAL);
}

TEST_CASE("sctp_sendv takes all addresses of the host that it begins an association with") {
  Crowd crowd;
  char byte = 'x';
  const iovec part{&byte, 1};
  sockaddr_in two[2] = {crowd.to, at("127.0.0.1", 1)};
  REQUIRE(sctp_sendv(crowd.client.number, &part, 1, reinterpret_cast<sockaddr*>(two), 2, nullptr, 0,
                     SCTP_SENDV_NOINFO, 0) == 1);
  REQUIRE(receive_v(crowd.server).size == 1);
  sctp_assoc_ids* ids;
  std::uint8_t bytes[64];
  socklen_t length = sizeof bytes;
  REQUIRE(sctp_opt_info(crowd.client.number, 0, SCTP_GET_ASSOC_ID_LIST, bytes, &length) == 0);
  ids = reinterpret_cast<sctp_assoc_ids*>(bytes);
  REQUIRE(ids->gaids_number_of_ids == 1);
  sockaddr* addresses = nullptr;
  CHECK(sctp_getpaddrs(crowd.client.number, ids->gaids_assoc_id[0], &addresses) == 2);
  CHECK(sctp_freepaddrs(addresses) == 0);
}

TEST_CASE("the older functions carry their parameters") {
  Crowd crowd;
  sctp_event_subscribe events{};
  events.sctp_data_io_event = 1;
  REQUIRE(crowd.server.set(IPPROTO_SCTP, SCTP_EVENTS, events) == 0);
  REQUIRE(sctp_sendmsg(crowd.client.number, "abc", 3, crowd.peer(), sizeof crowd.to, htonl(7),
                       SCTP_UNORDERED, 2, 0, 99) == 3);
  char data[100];
  sockaddr_in from{};
  socklen_t length = sizeof from;
  sctp_sndrcvinfo info{};
  int flags = 0;
  REQUIRE(sctp_recvmsg(crowd.server.number, data, sizeof data, reinterpret_cast<sockaddr*>(&from),
                       &length, &info, &flags) == 3);
  CHECK(info.sinfo_stream == 2);
  CHECK(info.sinfo_ppid == htonl(7));
  CHECK((info.sinfo_flags & SCTP_UNORDERED) != 0);
  CHECK(from.sin_addr.s_addr == crowd.to.sin_addr.s_addr);
  CHECK((flags & MSG_EOR) != 0);
  sctp_sndrcvinfo back{};
  back.sinfo_assoc_id = info.sinfo_assoc_id;
  CHECK(sctp_send(crowd.server.number, "d", 1, &back, 0) == 1);
  CHECK(receive(crowd.client).data == "d");
}

TEST_CASE("addresses are bound, listed, connected to and peeled off by the RFC's functions") {
  const Handle listener(SOCK_SEQPACKET);
  const Handle client(SOCK_SEQPACKET);
  sockaddr_in local = at("10.0.0.1", 0);
  auto* address = reinterpret_cast<sockaddr*>(&local);
  CHECK(sctp_bindx(listener.number, address, 1, 17) == -1);
  CHECK(errno == EINVAL);
  REQUIRE(sctp_bindx(listener.number, address, 1, SCTP_BINDX_ADD_ADDR) == 0);
  REQUIRE(calls::listen(listener.number, 5) == 0);
  sockaddr* list = nullptr;
  REQUIRE(sctp_getladdrs(listener.number, 0, &list) == 1);
  CHECK(list->sa_family == AF_INET);
  CHECK(sctp_freeladdrs(list) == 0);
  CHECK(sctp_getaddrlen(AF_INET6) == sizeof(sockaddr_in6));
  CHECK(sctp_getaddrlen(AF_UNIX) == -1);

  local.sin_port = htons(listener.port());
  sctp_assoc_t id = 0;
  REQUIRE(sctp_connectx(client.number, address, 1, &id) == 0);
  CHECK(id > SCTP_ALL_ASSOC);
  sctp_status status{};
  socklen_t length = sizeof status;
  REQUIRE(sctp_opt_info(client.number, id, SCTP_STATUS, &status, &length) == 0);
  CHECK(status.sstat_state == SCTP_ESTABLISHED);
  const Handle peeled(Handle::Adopt{sctp_peeloff(client.number, id)});
  REQUIRE(peeled.number >= 0);
  CHECK(peeled.send("x") == 1);
  CHECK(sctp_peeloff(client.number, id) == -1);
  CHECK(errno == EINVAL);
}

//= rfc6458 8.1.13 type=test
TEST_CASE("sctp_opt_info says of which association what goes with its messages is asked") {
  Crowd crowd;
  sctp_assoc_t id = 0;
  REQUIRE(sctp_connectx(crowd.client.number, crowd.peer(), 1, &id) == 0);
  sctp_sndinfo wanted{};
  wanted.snd_sid = 4;
  wanted.snd_context = 99;
  wanted.snd_assoc_id = id;
  REQUIRE(crowd.client.set(IPPROTO_SCTP, SCTP_DEFAULT_SNDINFO, wanted) == 0);
  sctp_sndinfo info{};
  socklen_t length = sizeof info;
  REQUIRE(sctp_opt_info(crowd.client.number, id, SCTP_DEFAULT_SNDINFO, &info, &length) == 0);
  CHECK(info.snd_sid == 4);
  CHECK(info.snd_context == 99);
  CHECK(info.snd_assoc_id == id);
  sctp_sndrcvinfo old{};
  length = sizeof old;
  REQUIRE(sctp_opt_info(crowd.client.number, id, SCTP_DEFAULT_SEND_PARAM, &old, &length) == 0);
  CHECK(old.sinfo_stream == 4);
  CHECK(old.sinfo_context == 99);
  CHECK(old.sinfo_assoc_id == id);
  length = sizeof old - 1;
  CHECK(sctp_opt_info(crowd.client.number, id, SCTP_DEFAULT_SEND_PARAM, &old, &length) == -1);
  CHECK(errno == EINVAL);
}

TEST_CASE("sctp_peeloff_flags gives a descriptor that has the flags") {
  Crowd crowd;
  sctp_assoc_t id = 0;
  REQUIRE(sctp_connectx(crowd.client.number, crowd.peer(), 1, &id) == 0);
  const Handle peeled(
      Handle::Adopt{sctp_peeloff_flags(crowd.client.number, id, SOCK_NONBLOCK | SOCK_CLOEXEC)});
  REQUIRE(peeled.number >= 0);
  CHECK((fcntl(peeled.number, F_GETFL) & O_NONBLOCK) != 0);
  CHECK(fcntl(peeled.number, F_GETFD) == FD_CLOEXEC);
  CHECK(sctp_peeloff_flags(crowd.client.number, id, 1) == -1);
}

TEST_CASE("the functions pass on what is not a socket of ours") {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
  char byte = 'y';
  iovec part{&byte, 1};
  mmsghdr one{};
  one.msg_hdr.msg_iov = &part;
  one.msg_hdr.msg_iovlen = 1;
  CHECK(sctp_sendmmsg(pair[0], &one, 1, 0) == 1);
  CHECK(sctp_recvmmsg(pair[1], &one, 1, 0, nullptr) == 1);
  CHECK(sctp_bindx(pair[0], nullptr, 0, SCTP_BINDX_ADD_ADDR) == -1);
  CHECK(errno == EINVAL);
  ::close(pair[0]);
  ::close(pair[1]);
}

struct Batch {
  static constexpr unsigned kCount = 40;
  Batch() {
    for (unsigned i = 0; i < kCount; ++i) {
      parts[i] = {bytes[i], sizeof bytes[i]};
      heads[i].msg_hdr.msg_iov = &parts[i];
      heads[i].msg_hdr.msg_iovlen = 1;
    }
  }
  char bytes[kCount][8]{};
  iovec parts[kCount]{};
  mmsghdr heads[kCount]{};
};

TEST_CASE("a batch of messages goes out in one call and comes in in few, in order") {
  Pair pair;
  Batch out, in;
  for (unsigned i = 0; i < Batch::kCount; ++i) out.bytes[i][0] = static_cast<char>(i);
  REQUIRE(sctp_sendmmsg(pair.client.number, out.heads, Batch::kCount, 0) == Batch::kCount);
  unsigned got = 0;
  while (got < Batch::kCount) {
    const int now = sctp_recvmmsg(pair.server.number, in.heads, Batch::kCount, 0, nullptr);
    REQUIRE(now > 0);
    for (int i = 0; i < now; ++i) {
      CHECK(in.heads[i].msg_len == 8);
      CHECK((in.heads[i].msg_hdr.msg_flags & MSG_EOR) != 0);
      CHECK(in.bytes[i][0] == static_cast<char>(got++));
    }
  }
  timespec soon{0, 1'000'000};
  CHECK(sctp_recvmmsg(pair.server.number, in.heads, 1, 0, &soon) == -1);
  CHECK(errno == EAGAIN);
  timespec now{0, 0};
  CHECK(sctp_recvmmsg(pair.server.number, in.heads, 1, 0, &now) == -1);
  CHECK(errno == EAGAIN);
}

/// Ends the association at once, for the peer as well.
void abort(Handle& socket) {
  REQUIRE(socket.set(SOL_SOCKET, SO_LINGER, linger{1, 0}) == 0);
  REQUIRE(socket.close() == 0);
}

TEST_CASE("a batch that an abort ends tells what has come, and the abort then") {
  Pair pair;
  Batch in;
  std::thread peer([&] {
    pair.client.send("one");
    pair.client.send("two");
    const sctp_event dry{SCTP_FUTURE_ASSOC, SCTP_SENDER_DRY_EVENT, 1};
    pair.client.set(IPPROTO_SCTP, SCTP_EVENT, dry);
    receive(pair.client);  // an abort overtakes what the peer does not have yet
    abort(pair.client);
  });
  // The C library's waits for all, without MSG_WAITFORONE.
  const int got = calls::recvmmsg(pair.server.number, in.heads, 3, 0, nullptr);
  peer.join();
  CHECK(got == 2);
  CHECK(calls::recvmmsg(pair.server.number, in.heads, 3, 0, nullptr) == -1);
  CHECK(errno == ECONNRESET);
  CHECK(calls::recvmmsg(pair.server.number, in.heads, 3, 0, nullptr) == -1);
  CHECK(errno == ENOTCONN);
}

TEST_CASE("a batch that has found the abort behind what came leaves it to the next call") {
  Pair pair;
  Batch in;
  REQUIRE(pair.client.send("one") == 3);
  REQUIRE(pair.server.becomes(POLLIN));
  abort(pair.client);
  while ((pair.server.ready() & POLLRDHUP) == 0) std::this_thread::yield();
  CHECK(sctp_recvmmsg(pair.server.number, in.heads, 3, 0, nullptr) == 1);
  CHECK(sctp_recvmmsg(pair.server.number, in.heads, 3, 0, nullptr) == -1);
  CHECK(errno == ECONNRESET);
}

TEST_CASE(
    "a batch that waits for room when an abort comes tells how many went out, and the abort then") {
  // Which is full for good.
  Pair pair([](Handle& listener) { REQUIRE(listener.set(SOL_SOCKET, SO_RCVBUF, 8192) == 0); });
  REQUIRE(pair.client.set(SOL_SOCKET, SO_SNDBUF, 20'000) == 0);
  const std::string text(1000, 's');
  iovec part{const_cast<char*>(text.data()), text.size()};
  std::vector<mmsghdr> heads(1000);
  for (mmsghdr& head : heads) {
    head.msg_hdr.msg_iov = &part;
    head.msg_hdr.msg_iovlen = 1;
  }
  std::thread peer([&] {
    while ((pair.client.ready() & POLLOUT) != 0) std::this_thread::yield();
    abort(pair.server);
  });
  const int sent = sctp_sendmmsg(pair.client.number, heads.data(), 1000, MSG_NOSIGNAL);
  peer.join();
  CHECK(sent > 0);
  CHECK(sent < 1000);
  CHECK(sctp_sendmmsg(pair.client.number, heads.data(), 1, MSG_NOSIGNAL) == -1);
  CHECK(errno == ECONNRESET);
}

TEST_CASE("a batch tells what it has done before an error, and the error then") {
  Pair pair;
  Batch out;
  out.parts[2].iov_len = 0;
  CHECK(sctp_sendmmsg(pair.client.number, out.heads, 5, 0) == 2);
  CHECK(sctp_sendmmsg(pair.client.number, out.heads + 2, 3, 0) == -1);
  CHECK(errno == EINVAL);
  CHECK(receive(pair.server).size == 8);
  CHECK(receive(pair.server).size == 8);
}

}  // namespace
}  // namespace millrace::sockets
