// Who comes to the owner of sockets for one of them, and owners that are none.
#include <dirent.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
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

std::size_t entries(const char* path) {
  std::size_t count = 0;
  DIR* directory = opendir(path);
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

/// The other side's end of a link to the owner, who has been shown a descriptor.
int served_one(const Owned& what, int descriptor) {
  const int channel = reach(what.owner);
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::adopt;
  call.head.socket = what.number;
  call.descriptor = descriptor;
  REQUIRE((call.send(channel) && call.receive(channel) && call.head.status == 0));
  return channel;
}

/// Bytes that are on their way from here, and to here.
int bytes(int channel, unsigned long which) {
  int count = 0;
  REQUIRE(::ioctl(channel, which, &count) == 0);
  return count;
}

/// A descriptor that looks like a socket of another process, which is none of ours and lies.
class MadeUp {
 public:
  MadeUp() {
    const std::string owner = new_owner_name();
    rendezvous_ = open_rendezvous(owner);
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    REQUIRE(give_name(ends[1], {owner, 1}) == 0);
    descriptor = ends[0];
    ours_ = ends[1];
    liar_ = std::thread([this] { lie(); });
    Process::adopt(descriptor);
  }
  ~MadeUp() {
    calls::close(descriptor);
    ::shutdown(channel_, SHUT_RDWR);
    liar_.join();
    for (const int one : {ours_, rendezvous_, channel_.load()}) ::close(one);
  }
  MadeUp(const MadeUp&) = delete;
  MadeUp& operator=(const MadeUp&) = delete;

  int descriptor = -1;
  std::atomic<std::int64_t> status{0};  // of everything but that it is its socket
  std::atomic<int> gift{-1};            // a descriptor that comes with it

 private:
  void lie() {
    channel_ = ::accept4(rendezvous_, nullptr, nullptr, SOCK_CLOEXEC);
    RemoteCall call;
    while (call.receive(channel_)) {
      const bool is_adopting = call.head.kind == RemoteCall::Kind::adopt;
      if (call.descriptor >= 0) ::close(std::exchange(call.descriptor, -1));
      call.head.status = is_adopting ? 0 : status.load();
      const AdoptedSocket adopted{AF_INET, 1, {}, {}};
      call.name = is_adopting ? std::string(reinterpret_cast<const char*>(&adopted), sizeof adopted)
                              : std::string(5000, 'n');
      call.control.assign(5000, '\0');
      call.data = "seven b";
      call.descriptor = gift;
      if (!call.send(channel_)) return;
    }
  }

  int ours_ = -1, rendezvous_ = -1;
  std::atomic<int> channel_{-1};
  std::thread liar_;
};

/// Another process that has been shown a socket, and what it asks for.
class Served {
 public:
  explicit Served(const Handle& socket) : number_(owned(socket).number) {
    channel_ = reach(owned(socket).owner);
    RemoteCall call;
    call.descriptor = socket.number;
    REQUIRE(ask(RemoteCall::Kind::adopt, call) == 0);
  }
  ~Served() { ::close(channel_); }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  std::int64_t ask(RemoteCall::Kind kind, RemoteCall& call) const {
    call.head.kind = kind;
    call.head.socket = number_;
    REQUIRE((call.send(channel_) && call.receive(channel_)));
    return call.head.status;
  }
  std::int64_t send(const std::string& text, int flags) const {
    RemoteCall call;
    call.head.number[0] = flags;
    call.data = text;
    return ask(RemoteCall::Kind::send, call);
  }
  std::int64_t receive(int flags) const {
    RemoteCall call;
    call.head.number[0] = flags;
    call.head.number[1] = 100;
    return ask(RemoteCall::Kind::receive, call);
  }

 private:
  std::uint64_t number_;
  int channel_;
};

}  // namespace

TEST_CASE("what another process sends ends a record where it says so") {
  const Pair pair;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_EXPLICIT_EOR, 1) == 0);
  const Served child(pair.client);
  CHECK(child.send("one ", 0) == 4);
  CHECK(child.send("two", MSG_EOR) == 3);
  REQUIRE(pair.server.becomes(POLLIN));
  CHECK(receive(pair.server).data == "one two");
}

TEST_CASE("a batch of another process leaves an error to its next call") {
  Pair pair;
  const Served child(pair.server);
  REQUIRE(pair.client.set(SOL_SOCKET, SO_LINGER, linger{1, 0}) == 0);
  REQUIRE(pair.client.close() == 0);
  REQUIRE(pair.server.becomes(POLLIN));
  CHECK(child.receive(kLeavesError) == -ECONNRESET);
  CHECK(child.send("x", kLeavesError) == -ECONNRESET);
  CHECK(child.receive(0) == -ECONNRESET);
  CHECK(child.receive(0) == -ENOTCONN);
}

TEST_CASE("an owner that is made up says of no call more than the call may bring") {
  start_engine();
  MadeUp owner;
  owner.status = 70'000;
  char bytes[16], control[64];
  iovec part{bytes, sizeof bytes};
  sockaddr_storage name{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = &name;
  message.msg_namelen = sizeof name;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  CHECK(calls::recvmsg(owner.descriptor, &message, 0) == 7);
  CHECK(message.msg_namelen <= sizeof name);
  CHECK(message.msg_controllen <= sizeof control);
  part.iov_len = 3;
  CHECK(calls::recvmsg(owner.descriptor, &message, 0) == 3);
  message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  CHECK(calls::sendmsg(owner.descriptor, &message, 0) == 3);
  owner.status = 0;
  socklen_t length = sizeof name;
  auto* generic_name = reinterpret_cast<sockaddr*>(&name);
  CHECK(calls::getsockname(owner.descriptor, generic_name, &length) == 0);
  CHECK(length <= sizeof name);
  owner.status = INT64_MIN;
  CHECK(calls::recvmsg(owner.descriptor, &message, 0) == -1);
  CHECK(errno == ENOTCONN);
}

TEST_CASE("descriptors that nobody wants are closed") {
  start_engine();
  const Pair pair;
  const Owned server = owned(pair.server);
  MadeUp owner;
  owner.gift = pair.client.number;
  char bytes[16];
  iovec part{bytes, sizeof bytes};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const std::size_t before = entries("/proc/self/fd");
  for (int i = 0; i < 5; ++i) calls::recvmsg(owner.descriptor, &message, 0);
  owner.status = -EINVAL;
  CHECK(calls::accept(owner.descriptor, nullptr, nullptr, 0) == -1);
  CHECK(entries("/proc/self/fd") == before);
  // A call of which a part is too long, by one who is served.
  const int channel = served_one(server, pair.server.number);
  RemoteCall call;
  const std::size_t served = entries("/proc/self/fd");
  call.descriptor = pair.client.number;
  call.name.assign(2 * MR_MESSAGE_BYTES_MAX, 'x');
  call.send(channel);
  char byte;
  CHECK(::recv(channel, &byte, 1, 0) <= 0);
  ::close(channel);
  CHECK(entries("/proc/self/fd") == served - 2);  // without both ends of the channel
}

TEST_CASE("a crowd that shows nothing keeps nobody from his socket, and costs no threads") {
  const Pair pair;
  const Owned server = owned(pair.server);
  const std::size_t before = entries("/proc/self/task");
  std::vector<int> crowd;
  for (int i = 0; i < 200; ++i) crowd.push_back(reach(server.owner));
  CHECK(show(server, pair.server.number) == 0);
  CHECK(entries("/proc/self/task") <= before + 1);  // one for whom it has just served
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

TEST_CASE("one who stops in the middle of a call holds up neither the owner nor himself") {
  const Pair pair;
  const Owned server = owned(pair.server);
  const int channel = served_one(server, pair.server.number);
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::bytes_readable;
  call.head.socket = server.number;
  constexpr std::size_t kHalf = sizeof call.head / 2;
  const auto* head = reinterpret_cast<const char*>(&call.head);
  REQUIRE(::send(channel, head, kHalf, MSG_NOSIGNAL) == kHalf);
  while (bytes(channel, SIOCOUTQ) > 0) CHECK(pair.client.port() != 0);
  CHECK(pair.server.port() != 0);  // does not wait until the other's patience is at its end
  REQUIRE(::send(channel, head + kHalf, sizeof call.head - kHalf, MSG_NOSIGNAL) > 0);
  REQUIRE(call.receive(channel));
  CHECK(call.head.status == 0);
  ::close(channel);
}

TEST_CASE("one who reads no answer holds up neither the owner nor himself") {
  const Pair pair;
  const Owned server = owned(pair.server);
  const int channel = served_one(server, pair.server.number);
  constexpr int kCalls = 20, kSize = 60'000;
  REQUIRE(pair.client.send(std::string(kSize, 'm')) == kSize);
  REQUIRE(pair.server.becomes(POLLIN));
  RemoteCall call;
  call.head.kind = RemoteCall::Kind::receive;
  call.head.socket = server.number;
  call.head.number[0] = MSG_PEEK;
  call.head.number[1] = kSize;
  for (int i = 0; i < kCalls; ++i) REQUIRE(call.send(channel));
  while (bytes(channel, FIONREAD) < 2 * kSize) CHECK(pair.client.port() != 0);
  CHECK(pair.server.port() != 0);
  for (int i = 0; i < kCalls; ++i) {
    REQUIRE(call.receive(channel));
    CHECK(call.data.size() == kSize);
  }
  ::close(channel);
}

}  // namespace millrace::sockets
