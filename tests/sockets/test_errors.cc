// Bad arguments and wrong states: the errno that Linux gives.
#include "api/sockets/process.h"
#include "tests/sockets/engine.h"

namespace millrace::sockets {
namespace {

#define FAILS(call, number) \
  CHECK((call) == -1);      \
  CHECK(errno == (number))

TEST_CASE("only SCTP sockets of the two models are taken over") {
  CHECK(calls::is_sctp(AF_INET, SOCK_STREAM, IPPROTO_SCTP));
  CHECK(calls::is_sctp(AF_INET6, SOCK_SEQPACKET | SOCK_CLOEXEC, IPPROTO_SCTP));
  CHECK(calls::is_sctp(AF_INET, SOCK_SEQPACKET, 0));
  CHECK_FALSE(calls::is_sctp(AF_INET, SOCK_STREAM, 0));
  CHECK_FALSE(calls::is_sctp(AF_UNIX, SOCK_SEQPACKET, 0));
  CHECK_FALSE(calls::is_sctp(AF_INET, SOCK_DGRAM, IPPROTO_SCTP));
  CHECK_FALSE(calls::is_sctp(AF_UNIX, SOCK_STREAM, IPPROTO_SCTP));
}

TEST_CASE("calls on an unconnected one-to-one socket") {
  const Handle socket(SOCK_STREAM);
  sockaddr_storage name;
  socklen_t length = sizeof name;
  auto* to = reinterpret_cast<sockaddr*>(&name);
  FAILS(calls::getpeername(socket.number, to, &length), ENOTCONN);
  FAILS(socket.send("x"), EPIPE);
  FAILS(calls::shutdown(socket.number, SHUT_WR), ENOTCONN);
  FAILS(calls::accept(socket.number, nullptr, nullptr, 0), EINVAL);
  CHECK(receive(socket).error == ENOTCONN);
  sctp_status status{};
  FAILS(socket.get(IPPROTO_SCTP, SCTP_STATUS, status), EINVAL);
}

TEST_CASE("pointers and lengths that are wrong") {
  Pair pair;
  socklen_t length = 4;
  FAILS(calls::bind(pair.client.number, nullptr, 16), EFAULT);
  FAILS(calls::getsockname(pair.client.number, nullptr, &length), EFAULT);
  FAILS(calls::setsockopt(pair.client.number, IPPROTO_SCTP, SCTP_NODELAY, nullptr, 4), EFAULT);
  FAILS(calls::getsockopt(pair.client.number, IPPROTO_SCTP, SCTP_RTOINFO, &length, nullptr),
        EFAULT);
  FAILS(calls::sendmsg(pair.client.number, nullptr, 0), EFAULT);
  FAILS(calls::recvmsg(pair.client.number, nullptr, 0), EFAULT);
  FAILS(sctp_getpaddrs(pair.client.number, 0, nullptr), EFAULT);
  FAILS(sctp_getladdrs(pair.client.number, 0, nullptr), EFAULT);
  FAILS(pair.client.send(""), EINVAL);
  FAILS(calls::shutdown(pair.client.number, 7), EINVAL);
  int short_value = 0;
  FAILS(pair.client.get(IPPROTO_SCTP, SCTP_RTOINFO, short_value), EINVAL);
}

TEST_CASE("addresses that cannot be bound or reached") {
  const Handle socket(SOCK_STREAM);
  FAILS(socket.bind("192.0.2.77", 5), EADDRNOTAVAIL);
  CHECK(socket.bind("10.0.0.1", 0) == 0);
  FAILS(socket.bind("10.0.0.1", 0), EINVAL);
  FAILS(socket.connect("10.0.0.1", 0), ECONNREFUSED);
  sockaddr_in unknown = at("10.0.0.1", 5);
  unknown.sin_family = AF_UNIX;
  FAILS(calls::connect(socket.number, generic(unknown), sizeof unknown), EINVAL);
}

//= rfc9260 6.9#3-4 type=test
TEST_CASE("messages that cannot be sent") {
  Pair pair;
  const std::string huge(MR_MESSAGE_BYTES_MAX + 1, 'h');
  FAILS(pair.client.send(huge), EMSGSIZE);
  const int on = 1;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, on) == 0);
  FAILS(pair.client.send(std::string(3000, 'f')), EMSGSIZE);
  CHECK(pair.client.send(std::string(1000, 'f')) == 1000);
  // Nothing of the others has been sent: this is the first that comes.
  REQUIRE(pair.server.set(IPPROTO_SCTP, SCTP_RECVRCVINFO, on) == 0);
  const Received first = receive(pair.server);
  CHECK(first.data == std::string(1000, 'f'));
  REQUIRE(first.has_rcvinfo);
  CHECK(first.rcvinfo.rcv_ssn == 0);
  sctp_sndrcvinfo stream{};
  stream.sinfo_stream = 60'000;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_DEFAULT_SEND_PARAM, stream) == 0);
  FAILS(pair.client.send("x"), EINVAL);
}

TEST_CASE("numbers that no socket has mean none") {
  Process& process = Process::get();
  const Process::Guard guard(process);
  for (const int number : {-1, kDescriptorsMax, 1 << 30}) {
    CHECK(process.find(number) == nullptr);
    CHECK(process.leave(number) == nullptr);
  }
}

}  // namespace
}  // namespace millrace::sockets
