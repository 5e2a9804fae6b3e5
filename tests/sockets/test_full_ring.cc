// Requests for which there is no room: in the ring to the engine, and behind it.
#include <atomic>
#include <thread>

#include "tests/sockets/other_application.h"

namespace millrace::sockets {
namespace {

mr_association handle_of(const Handle& socket) {
  const Process::Guard guard(Process::get());
  return Process::get().find(socket.number)->association(0)->handle;
}

/// As many requests as the process may make. The engine does not look.
void fill(mr_association association) {
  mr_context* context = Process::get().context();
  while (mr_set_parameter(context, association, MR_MAX_BURST, 4) == 0) {
  }
  REQUIRE(mr_set_parameter(context, association, MR_MAX_BURST, 4) == -EAGAIN);
}

/// Fixes the MTU of paths: that of an association's, or of those to come.
int set_mtu(const Handle& socket, std::uint32_t mtu) {
  sctp_paddrparams info{};
  info.spp_flags = SPP_PMTUD_DISABLE;
  info.spp_pathmtu = mtu;
  return socket.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, info);
}

/// What the engine has.
std::uint32_t mtu_of(const Handle& socket) {
  sctp_paddrparams info{};
  CHECK(socket.get(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, info) == 0);
  return info.spp_pathmtu;
}

TEST_CASE("what an option says reaches the engine, however many requests wait") {
  const Pair pair;
  const mr_association association = handle_of(pair.client);
  std::atomic<bool> has_begun{false};
  int status = -1;
  std::thread setter;
  {
    const auto pause = pause_engine();
    const Process::Guard guard(Process::get());
    fill(association);
    setter = std::thread([&] {
      has_begun = true;
      status = set_mtu(pair.client, 600);
    });
    while (!has_begun) std::this_thread::yield();
  }
  setter.join();
  CHECK(status == 0);
  CHECK(mtu_of(pair.client) == 600);
}

TEST_CASE("an association that comes while many requests wait is told what its socket has") {
  const Pair pair;
  const mr_association association = handle_of(pair.client);
  const Handle listener(SOCK_STREAM);
  REQUIRE(listener.bind("0.0.0.0", 0) == 0);
  REQUIRE(calls::listen(listener.number, 5) == 0);
  REQUIRE(set_mtu(listener, 600) == 0);  // the engine's listener is older
  OtherApplication other;
  const std::uint16_t port = listener.port();
  Process& process = Process::get();
  {
    const Process::Guard guard(process);
    other.connect(port);
    const auto pause = pause_engine();
    fill(association);
    process.drain();
  }
  const Handle server(Handle::Adopt{calls::accept(listener.number, nullptr, nullptr, 0)});
  REQUIRE(server.number >= 0);
  {
    const Process::Guard guard(process);
    REQUIRE(process.make_room(1) == 0);
  }
  CHECK(mtu_of(server) == 600);
}

TEST_CASE("an association that came up while its listener changes is accepted") {
  const Handle listener(SOCK_STREAM);
  REQUIRE(listener.bind("0.0.0.0", 0) == 0);
  REQUIRE(calls::listen(listener.number, 5) == 0);
  OtherApplication other;
  const std::uint16_t port = listener.port();
  Process& process = Process::get();
  {
    const Process::Guard guard(process);
    other.connect(port);
    const sctp_setadaptation adaptation{7};
    REQUIRE(process.find(listener.number)
                ->set_option(IPPROTO_SCTP, SCTP_ADAPTATION_LAYER, &adaptation, sizeof adaptation) ==
            0);
  }
  const Handle server(Handle::Adopt{calls::accept(listener.number, nullptr, nullptr, 0)});
  REQUIRE(server.number >= 0);
  other.send("begun before");
  CHECK(receive(server).data == "begun before");
}

}  // namespace
}  // namespace millrace::sockets
