// Messages that come in pieces: from which size on, and what may come between them.
#include "tests/sockets/engine.h"

namespace millrace::sockets {
namespace {

constexpr int kSmallBuffer = 16'384;  // of which half is enough for a piece

TEST_CASE("a message above the partial delivery point comes in pieces, and one below it whole") {
  const int point = GENERATE(0, 1000);
  CAPTURE(point);
  Pair pair([point](Handle& listener) {
    if (point != 0) REQUIRE(listener.set(IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, point) == 0);
  });
  const std::string sent(10'000, 'p');
  REQUIRE(pair.client.send(sent) == 10'000);
  std::string got;
  int pieces = 0;
  for (int flags = 0; (flags & MSG_EOR) == 0; ++pieces) {
    const Received piece = receive(pair.server);
    REQUIRE(piece.size > 0);
    got += piece.data;
    flags = piece.flags;
  }
  CHECK(got == sent);
  CHECK((pieces > 1) == (point != 0));
  REQUIRE(pair.client.send(std::string(900, 'w')) == 900);
  const Received whole = receive(pair.server);
  CHECK(whole.size == 900);
  CHECK((whole.flags & MSG_EOR) != 0);
}

/// Waits until the peer's engine has all that was sent.
void wait_until_dry(const Handle& socket) {
  const sctp_event event{SCTP_FUTURE_ASSOC, SCTP_SENDER_DRY_EVENT, 1};
  REQUIRE(socket.set(IPPROTO_SCTP, SCTP_EVENT, event) == 0);
  REQUIRE(receive(socket).as<sctp_sender_dry_event>().sender_dry_type == SCTP_SENDER_DRY_EVENT);
}

//= rfc6458 8.1.20 type=test
TEST_CASE("with SCTP_FRAGMENT_INTERLEAVE 0 no other association's message comes between pieces") {
  const int level = GENERATE(0, 1);
  CAPTURE(level);
  const Handle server(SOCK_SEQPACKET);
  REQUIRE(server.set(SOL_SOCKET, SO_RCVBUF, kSmallBuffer) == 0);
  REQUIRE(server.set(IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, level) == 0);
  REQUIRE(server.bind("0.0.0.0", 0) == 0);
  REQUIRE(calls::listen(server.number, 5) == 0);
  const Handle large(SOCK_STREAM), small(SOCK_STREAM);
  REQUIRE(large.connect("10.0.0.1", server.port()) == 0);
  REQUIRE(small.connect("10.0.0.1", server.port()) == 0);
  REQUIRE(large.send(std::string(200'000, 'L')) == 200'000);
  REQUIRE(server.becomes(POLLIN));  // its window holds the end of it back
  REQUIRE(small.send("small") == 5);
  wait_until_dry(small);
  std::size_t received = 0;
  bool is_between = false, has_small = false;
  while (received < 200'000 || !has_small) {
    const Received piece = receive(server, 0, 10'000);
    REQUIRE(piece.size > 0);
    if (ntohs(piece.from.sin_port) == large.port()) {
      CHECK(piece.data.find_first_not_of('L') == std::string::npos);
      received += piece.data.size();
      CHECK(((piece.flags & MSG_EOR) != 0) == (received == 200'000));
      continue;
    }
    CHECK(piece.data == "small");
    CHECK((piece.flags & MSG_EOR) != 0);
    has_small = true;
    is_between = received < 200'000;
  }
  CHECK(is_between == (level == 1));
}

}  // namespace
}  // namespace millrace::sockets
