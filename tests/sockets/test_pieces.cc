// Messages that come in pieces: from which size on, and what may come between them.
#include "api/sockets/process.h"
#include "api/sockets/socket.h"
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

/// A one-to-many socket in the middle of a long message of one association when a short one of
/// another has come.
struct Middle {
  explicit Middle(int level) : server(SOCK_SEQPACKET), large(SOCK_STREAM), small(SOCK_STREAM) {
    REQUIRE(server.set(SOL_SOCKET, SO_RCVBUF, kSmallBuffer) == 0);
    REQUIRE(server.set(IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, level) == 0);
    REQUIRE(server.bind("0.0.0.0", 0) == 0);
    REQUIRE(calls::listen(server.number, 5) == 0);
    REQUIRE(large.connect("10.0.0.1", server.port()) == 0);
    REQUIRE(small.connect("10.0.0.1", server.port()) == 0);
    REQUIRE(large.send(std::string(kLarge, 'L')) == ssize_t{kLarge});
    REQUIRE(server.becomes(POLLIN));  // its window holds the end of it back
    REQUIRE(small.send("small") == 5);
    wait_until_dry(small);
  }
  /// The first or the second association, as a socket of its own.
  int peel(int index) const {
    sctp_assoc_t ids[3] = {};
    REQUIRE(server.get(IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, ids) == 0);
    REQUIRE(ids[0] == 2);
    return sctp_peeloff(server.number, ids[1 + index]);
  }
  static void check_large(const Handle& at) {
    std::size_t received = 0;
    for (int flags = 0; (flags & MSG_EOR) == 0;) {
      const Received piece = receive(at, 0, 10'000);
      REQUIRE(piece.size > 0);
      REQUIRE(piece.data.find_first_not_of('L') == std::string::npos);
      received += piece.data.size();
      flags = piece.flags;
    }
    CHECK(received == kLarge);
  }

  static constexpr std::size_t kLarge = 200'000;
  Handle server, large, small;
};

//= rfc6458 8.1.20 type=test
TEST_CASE("with SCTP_FRAGMENT_INTERLEAVE 0 no other association's message comes between pieces") {
  const int level = GENERATE(0, 1);
  CAPTURE(level);
  const Middle middle(level);
  std::size_t received = 0;
  bool is_between = false, has_small = false;
  while (received < Middle::kLarge || !has_small) {
    const Received piece = receive(middle.server, 0, 10'000);
    REQUIRE(piece.size > 0);
    if (ntohs(piece.from.sin_port) == middle.large.port()) {
      CHECK(piece.data.find_first_not_of('L') == std::string::npos);
      received += piece.data.size();
      CHECK(((piece.flags & MSG_EOR) != 0) == (received == Middle::kLarge));
      continue;
    }
    CHECK(piece.data == "small");
    CHECK((piece.flags & MSG_EOR) != 0);
    has_small = true;
    is_between = received < Middle::kLarge;
  }
  CHECK(is_between == (level == 1));
}

TEST_CASE("who is peeled off takes along what waited for the end of another's message") {
  const Middle middle(0);
  const Handle peeled(Handle::Adopt{middle.peel(1)});
  REQUIRE(peeled.number >= 0);
  REQUIRE(peeled.becomes(POLLIN));
  CHECK(middle.small.send("later") == 5);
  CHECK(receive(peeled).data == "small");
  CHECK(receive(peeled).data == "later");
  Middle::check_large(middle.server);
}

TEST_CASE("when who is read in pieces is peeled off, nobody waits for him any more") {
  const Middle middle(0);
  const Handle peeled(Handle::Adopt{middle.peel(0)});
  REQUIRE(peeled.number >= 0);
  REQUIRE(middle.server.becomes(POLLIN));
  CHECK(receive(middle.server, MSG_DONTWAIT).data == "small");
  Middle::check_large(peeled);
  CHECK(middle.large.send("after") == 5);
  CHECK(receive(peeled).data == "after");
}

TEST_CASE("a message whose rest does not come any more is not read behind another's") {
  const Middle middle(0);
  Process& process = Process::get();
  std::shared_ptr<Socket> server;
  {
    const Process::Guard guard(process);
    server = process.find(middle.server.number);
  }
  Handle third(SOCK_STREAM);
  REQUIRE(third.connect("10.0.0.1", middle.server.port()) == 0);
  const sctp_event event{SCTP_ALL_ASSOC, SCTP_ASSOC_CHANGE, 1};
  REQUIRE(middle.server.set(IPPROTO_SCTP, SCTP_EVENT, event) == 0);
  REQUIRE(third.send(std::string(Middle::kLarge, 'T')) == ssize_t{Middle::kLarge});
  const auto has_held = [&](std::size_t count) {
    const Process::Guard guard(process);
    return process.await([&] { return server->held.size() >= count; });
  };
  REQUIRE(has_held(2) == 0);  // the small one, and the beginning of the third's
  REQUIRE(third.set(SOL_SOCKET, SO_LINGER, linger{1, 0}) == 0);
  REQUIRE(third.close() == 0);
  {
    const Process::Guard guard(process);
    REQUIRE(process.await([&] { return server->associations.size() == 2; }) == 0);
  }
  Middle::check_large(middle.server);
  REQUIRE(receive(middle.server).data == "small");
  REQUIRE(receive(middle.server).as<sctp_assoc_change>().sac_state == SCTP_COMM_LOST);
  REQUIRE(middle.small.send("after") == 5);
  CHECK(receive(middle.server).data == "after");
}

TEST_CASE(
    "what waits for the end of another's message does not when SCTP_FRAGMENT_INTERLEAVE is set") {
  const Middle middle(0);
  REQUIRE(middle.server.set(IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, 1) == 0);
  CHECK(middle.small.send("later") == 5);
  wait_until_dry(middle.small);
  std::string smalls;
  while (smalls.size() < 10) {
    const Received piece = receive(middle.server, MSG_DONTWAIT, kSmallBuffer);
    REQUIRE(piece.size > 0);
    if (ntohs(piece.from.sin_port) == middle.small.port()) smalls += piece.data;
  }
  CHECK(smalls == "smalllater");
}

}  // namespace
}  // namespace millrace::sockets
