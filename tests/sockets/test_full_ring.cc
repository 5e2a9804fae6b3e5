// Requests for which there is no room: in the ring to the engine, and behind it.
#include <sys/syscall.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "api/sockets/options.h"
#include "tests/sockets/crowd.h"
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

/// Whether a thread of ours sleeps in poll(), as a call does that waits for room.
bool sleeps_in_poll(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/syscall");
  long number = -1;  // it says "running" of one that does not sleep
  file >> number;
#ifdef SYS_poll
  if (number == SYS_poll) return true;
#endif
  return number == SYS_ppoll;
}

/// Makes a call while no request finds room: there is some once the call has been seen to wait.
template <class Call>
int while_full(mr_association association, Call&& call) {
  std::atomic<pid_t> thread{0};
  std::atomic<bool> is_over{false};
  int status = -1;
  bool is_waiting = false;
  auto pause = pause_engine();
  {
    const Process::Guard guard(Process::get());
    fill(association);
  }
  std::thread caller([&] {
    thread = static_cast<pid_t>(syscall(SYS_gettid));
    status = call();
    is_over = true;
  });
  while (!is_waiting && !is_over) {
    std::this_thread::yield();
    is_waiting = thread != 0 && sleeps_in_poll(thread);
  }
  pause.unlock();
  caller.join();
  CHECK(is_waiting);
  return status;
}

/// The same of what does not wait.
template <class Call>
void though_full(mr_association association, Call&& call) {
  const auto pause = pause_engine();
  {
    const Process::Guard guard(Process::get());
    fill(association);
  }
  call();
}

/// Until what has been asked before is done.
void settle() {
  const Process::Guard guard(Process::get());
  REQUIRE(Process::get().make_room([] { return 1; }) == 0);
}

void expect_end(const Handle& socket, int error) {
  REQUIRE(socket.set(SOL_SOCKET, SO_RCVTIMEO, timeval{5, 0}) == 0);
  const Received last = receive(socket);
  CHECK(last.size == (error == 0 ? 0 : -1));
  CHECK(last.error == error);
}

TEST_CASE("what an option says reaches the engine, however many requests wait") {
  const Pair pair;
  CHECK(while_full(handle_of(pair.client), [&] { return set_mtu(pair.client, 600); }) == 0);
  CHECK(mtu_of(pair.client) == 600);
}

TEST_CASE("an option that asks the engine waits until it may") {
  const Pair pair;
  sctp_status info{};
  CHECK(while_full(handle_of(pair.client),
                   [&] { return pair.client.get(IPPROTO_SCTP, SCTP_STATUS, info); }) == 0);
  CHECK(info.sstat_state == SCTP_ESTABLISHED);
}

TEST_CASE("an option that tells the engine nothing waits for no room") {
  const Pair pair;
  though_full(handle_of(pair.client), [&] {
    CHECK(pair.client.set(SOL_SOCKET, SO_LINGER, linger{1, 5}) == 0);
    CHECK(pair.client.set(IPPROTO_SCTP, SCTP_NODELAY, 1) == 0);
  });
  settle();
}

TEST_CASE("an option that says more than there was room for is told later") {
  const Pair pair;
  though_full(handle_of(pair.client), [&] {
    const Process::Guard guard(Process::get());
    Socket& socket = *Process::get().find(pair.client.number);
    Scope scope;
    scope.association = socket.association(0);
    Options::change(socket, scope, MR_PATH_MTU, 600);
    Options::change(socket, scope, MR_PATH_MTU_FIXED, 1);
  });
  settle();
  CHECK(mtu_of(pair.client) == 600);
}

TEST_CASE("the end of an association is told, however many requests wait") {
  Pair closed, shut;
  though_full(handle_of(closed.client), [&] {
    CHECK(closed.client.close() == 0);
    CHECK(calls::shutdown(shut.client.number, SHUT_WR) == 0);
  });
  expect_end(closed.server, 0);
  expect_end(shut.server, 0);
}

TEST_CASE("SCTP_EOF and SCTP_ABORT are told, however many requests wait") {
  const Pair pair;
  const Crowd ended, aborted;
  though_full(handle_of(pair.client), [&] {
    CHECK(ended.send_all("", SCTP_EOF) == 0);
    CHECK(aborted.send_all("no more", SCTP_ABORT) == 7);
    CHECK(aborted.send_all("no more", SCTP_ABORT) == 7);
  });
  for (const auto& peer : ended.peers) expect_end(*peer, 0);
  for (const auto& peer : aborted.peers) expect_end(*peer, ECONNRESET);
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
  settle();
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
