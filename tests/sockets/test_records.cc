// Options about messages: their pieces, their destinations, and what is told beside them.
#include <chrono>
#include <thread>
#include <vector>

#include "tests/sockets/engine.h"

namespace millrace::sockets {
namespace {

void want(const Handle& socket, std::uint16_t type) {
  const sctp_event event{SCTP_FUTURE_ASSOC, type, 1};
  REQUIRE(socket.set(IPPROTO_SCTP, SCTP_EVENT, event) == 0);
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

TEST_CASE("with explicit EOR a message is what lies between two ends of records") {
  Pair pair;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_EXPLICIT_EOR, 1) == 0);
  int on = 0;
  CHECK(pair.client.get(IPPROTO_SCTP, SCTP_EXPLICIT_EOR, on) == 0);
  CHECK(on == 1);
  CHECK(pair.client.send("one ") == 4);
  CHECK(pair.client.send("two ") == 4);
  CHECK(pair.client.send("three", MSG_NOSIGNAL | MSG_EOR) == 5);
  const Received got = receive(pair.server);
  CHECK(got.data == "one two three");
  CHECK((got.flags & MSG_EOR) != 0);
}

TEST_CASE("the extended information tells of the next message") {
  Pair pair;
  sctp_event_subscribe events{};
  events.sctp_data_io_event = 1;
  REQUIRE(pair.server.set(IPPROTO_SCTP, SCTP_EVENTS, events) == 0);
  int is_extended = 1;
  REQUIRE(pair.server.get(IPPROTO_SCTP, SCTP_USE_EXT_RCVINFO, is_extended) == 0);
  CHECK(is_extended == 0);
  REQUIRE(pair.server.set(IPPROTO_SCTP, SCTP_USE_EXT_RCVINFO, 1) == 0);
  REQUIRE(pair.server.get(IPPROTO_SCTP, SCTP_USE_EXT_RCVINFO, is_extended) == 0);
  CHECK(is_extended == 1);
  REQUIRE(pair.client.send("first") == 5);
  REQUIRE(pair.client.send("second!") == 7);
  REQUIRE(receive(pair.server, MSG_PEEK).size == 5);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  char data[64];
  alignas(cmsghdr) char control[256];
  iovec part{data, sizeof data};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  REQUIRE(calls::recvmsg(pair.server.number, &message, 0) == 5);
  const cmsghdr* head = CMSG_FIRSTHDR(&message);
  REQUIRE(head != nullptr);
  REQUIRE(head->cmsg_type == SCTP_EXTRCV);
  sctp_extrcvinfo info{};
  std::memcpy(&info, CMSG_DATA(head), sizeof info);
  CHECK((info.serinfo_next_flags & SCTP_NEXT_MSG_AVAIL) != 0);
  CHECK((info.serinfo_next_flags & SCTP_NEXT_MSG_ISCOMPLETE) != 0);
  CHECK(info.serinfo_next_length == 7);
}

TEST_CASE("each side is told the other's adaptation indication") {
  Pair pair([](Handle& listener) {
    REQUIRE(listener.set(IPPROTO_SCTP, SCTP_ADAPTATION_LAYER, sctp_setadaptation{0x1234}) == 0);
    want(listener, SCTP_ADAPTATION_INDICATION);
  });
  const Handle client(SOCK_STREAM);
  REQUIRE(client.set(IPPROTO_SCTP, SCTP_ADAPTATION_LAYER, sctp_setadaptation{0x77}) == 0);
  want(client, SCTP_ADAPTATION_INDICATION);
  REQUIRE(client.connect("10.0.0.1", pair.listener.port()) == 0);
  const Handle server(Handle::Adopt{calls::accept(pair.listener.number, nullptr, nullptr, 0)});
  const Received at_client = receive(client);
  REQUIRE((at_client.flags & MSG_NOTIFICATION) != 0);
  CHECK(at_client.as<sctp_adaptation_event>().sai_type == SCTP_ADAPTATION_INDICATION);
  CHECK(at_client.as<sctp_adaptation_event>().sai_adaptation_ind == 0x1234);
  CHECK(receive(server).as<sctp_adaptation_event>().sai_adaptation_ind == 0x77);
  // The client of the pair has said nothing, so nothing is told of it.
  CHECK(receive(pair.server, MSG_DONTWAIT).error == EAGAIN);
}

TEST_CASE("a message that is larger than the receive buffer comes in pieces, and whole") {
  Pair pair([](Handle& listener) { REQUIRE(listener.set(SOL_SOCKET, SO_RCVBUF, 16'384) == 0); });
  const std::string sent = pattern(200'000);
  std::thread sender([&] {
    pair.client.send(sent);
    pair.client.send("after");
  });
  std::string got;
  int pieces = 0;
  for (int flags = 0; (flags & MSG_EOR) == 0; ++pieces) {
    const Received piece = receive(pair.server, 0, 10'000);
    REQUIRE(piece.size > 0);
    got += piece.data;
    flags = piece.flags;
  }
  sender.join();
  CHECK(pieces >= 20);
  CHECK(got == sent);
  CHECK(receive(pair.server).data == "after");
}

TEST_CASE("a message that ends with its association in the middle is told as aborted") {
  Pair pair([](Handle& listener) {
    REQUIRE(listener.set(SOL_SOCKET, SO_RCVBUF, 16'384) == 0);
    want(listener, SCTP_PARTIAL_DELIVERY_EVENT);
  });
  pair.client.set_non_blocking();
  REQUIRE(pair.client.send(pattern(200'000)) == 200'000);
  REQUIRE(pair.server.becomes(POLLIN));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const linger now{1, 0};
  REQUIRE(pair.client.set(SOL_SOCKET, SO_LINGER, now) == 0);
  REQUIRE(pair.client.close() == 0);
  Received last;
  do {
    last = receive(pair.server);
    REQUIRE(last.size > 0);
    CHECK((last.flags & MSG_EOR) == ((last.flags & MSG_NOTIFICATION) != 0 ? MSG_EOR : 0));
  } while ((last.flags & MSG_NOTIFICATION) == 0);
  CHECK(last.as<sctp_pdapi_event>().pdapi_type == SCTP_PARTIAL_DELIVERY_EVENT);
  CHECK(last.as<sctp_pdapi_event>().pdapi_indication == SCTP_PARTIAL_DELIVERY_ABORTED);
}

TEST_CASE("who asks for it is told that nothing is left to send, at once if that is so") {
  Pair pair;
  want(pair.client, SCTP_SENDER_DRY_EVENT);
  const Received told = receive(pair.client);
  REQUIRE((told.flags & MSG_NOTIFICATION) != 0);
  CHECK(told.as<sctp_sender_dry_event>().sender_dry_type == SCTP_SENDER_DRY_EVENT);
}

TEST_CASE("a socket with a small send buffer has no room before the engine has none") {
  Pair pair([](Handle& listener) { REQUIRE(listener.set(SOL_SOCKET, SO_RCVBUF, 8192) == 0); });
  REQUIRE(pair.client.set(SOL_SOCKET, SO_SNDBUF, 20'000) == 0);
  pair.client.set_non_blocking();
  const std::string message = pattern(1000);
  int sent = 0;
  while (sent < 1000 && pair.client.send(message) > 0) ++sent;
  CHECK(errno == EAGAIN);
  CHECK(sent >= 8);
  CHECK(sent < 100);
  CHECK((pair.client.ready() & POLLOUT) == 0);
  int got = 0;
  while (got < sent) {
    if (receive(pair.server).size > 0) ++got;
  }
  CHECK(pair.client.becomes(POLLOUT));
}

TEST_CASE("chunks are no larger than SCTP_MAXSEG, and the option comes back") {
  Pair pair;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_MAXSEG, sctp_assoc_value{0, 600}) == 0);
  sctp_assoc_value seen{};
  CHECK(pair.client.get(IPPROTO_SCTP, SCTP_MAXSEG, seen) == 0);
  CHECK(seen.assoc_value == 600);
  CHECK(pair.client.set(IPPROTO_SCTP, SCTP_MAXSEG, sctp_assoc_value{0, 100}) == -1);
  CHECK(errno == EINVAL);
  const std::string sent = pattern(3000);
  REQUIRE(pair.client.send(sent) == 3000);
  REQUIRE(pair.client.send("next") == 4);
  REQUIRE(pair.server.set(IPPROTO_SCTP, SCTP_RECVRCVINFO, 1) == 0);
  const Received first = receive(pair.server);
  const Received next = receive(pair.server);
  CHECK(first.data == sent);
  // Five chunks of 600 bytes lie between the two beginnings.
  REQUIRE(first.has_rcvinfo);
  REQUIRE(next.has_rcvinfo);
  CHECK(next.rcvinfo.rcv_tsn - first.rcvinfo.rcv_tsn == 5);
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, 1) == 0);
  CHECK(pair.client.send(pattern(601)) == -1);
  CHECK(errno == EMSGSIZE);
}

}  // namespace
}  // namespace millrace::sockets
