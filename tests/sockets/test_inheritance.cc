// Who comes to the owner of sockets for one of them, and owners that are none.
#include <dirent.h>

#include <string>
#include <thread>
#include <vector>

#include "api/sockets/process.h"
#include "api/sockets/remote.h"
#include "api/sockets/rendezvous.h"
#include "tests/sockets/engine.h"

namespace millrace::sockets {
namespace {

struct Owned {
  std::string owner;
  std::uint64_t number;
};

Owned owned(const Handle& socket) {
  const Process::Guard guard(Process::get());
  return {Process::get().owner_name(), Process::get().find(socket.number)->number};
}

std::size_t threads() {
  std::size_t count = 0;
  DIR* directory = opendir("/proc/self/task");
  while (const dirent* entry = readdir(directory)) count += entry->d_name[0] != '.' ? 1 : 0;
  closedir(directory);
  return count;
}

/// Shows the owner a descriptor; what it says, or -ENOTCONN if it hangs up.
std::int64_t show(const Owned& what, int descriptor) {
  const int channel = reach(what.owner);
  REQUIRE(channel >= 0);
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::adopt;
  call.head.socket = what.number;
  call.descriptor = descriptor;
  const bool is_answered = call.send(channel) && call.receive(channel);
  ::close(channel);
  return is_answered ? call.head.status : -ENOTCONN;
}

}  // namespace

TEST_CASE("a crowd that shows nothing keeps nobody from his socket, and costs no threads") {
  const Pair pair;
  const Owned server = owned(pair.server);
  const std::size_t before = threads();
  std::vector<int> crowd;
  for (int i = 0; i < 200; ++i) crowd.push_back(reach(server.owner));
  CHECK(show(server, pair.server.number) == 0);
  CHECK(threads() <= before + 1);  // one for whom it has just served
  // Those who came first had to go.
  char byte;
  CHECK(::recv(crowd.front(), &byte, 1, 0) == 0);
  CHECK(::recv(crowd.back(), &byte, 1, MSG_DONTWAIT) == -1);
  for (const int one : crowd) ::close(one);
}

TEST_CASE("who shows another descriptor, or asks for something else first, is turned away") {
  const Pair pair;
  const Owned server = owned(pair.server);
  CHECK(show(server, pair.client.number) == -ENOTCONN);
  CHECK(show({server.owner, 1u << 30}, pair.server.number) == -ENOTCONN);
  const int channel = reach(server.owner);
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::shutdown;
  call.head.socket = server.number;
  CHECK(call.send(channel));
  CHECK_FALSE(call.receive(channel));
  ::close(channel);
  CHECK(pair.client.send("still there") == 11);
  CHECK(receive(pair.server).data == "still there");
}

}  // namespace millrace::sockets
