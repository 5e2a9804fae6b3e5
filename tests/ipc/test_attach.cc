#include <catch2/catch.hpp>

#include <dirent.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "engine/ipc/attach.h"
#include "engine/ipc/attach_client.h"
#include "engine/ipc/attach_protocol.h"
#include "tests/ipc/pair.h"

namespace millrace::ipc {
namespace {

std::size_t open_descriptors() {
  DIR* folder = opendir("/proc/self/fd");
  std::size_t count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

struct Server {
  Server() {
    options.path = "/tmp/millrace-test-attach." + std::to_string(getpid()) + ".sock";
    options.geometry = Pair::small();
    options.geometry.lcores = 2;
    options.huge_pages = HugePages::no;
    options.bells = {&bells[0], &bells[1]};
    options.contexts_max = 3;
    start();
  }
  void start() {
    std::string error;
    server = AttachServer::create(options, error);
    INFO(error);
    REQUIRE(server != nullptr);
  }
  /// Polls until `count` events have come.
  std::vector<AttachEvent> events(std::size_t count) {
    std::vector<AttachEvent> list;
    for (int i = 0; i < 5000 && list.size() < count; ++i) {
      server->poll(milliseconds(now_ms), list);
      if (list.size() < count) usleep(1000);
    }
    return list;
  }
  static Time milliseconds(std::int64_t ms) { return Time{ms * 1'000'000}; }
  /// Attaches while polling the server from another thread.
  AttachResult attached(std::vector<AttachEvent>& list) {
    AttachResult result;
    std::thread client(
        [&] { result = attach(options.path, "test program", millrace::milliseconds(5000)); });
    list = events(1);
    client.join();
    return result;
  }

  LcoreBell bells[2];
  AttachOptions options;
  std::unique_ptr<AttachServer> server;
  std::int64_t now_ms = 0;
};

TEST_CASE("a program attaches, its rings work, and it is gone when it closes") {
  Server s;
  std::vector<AttachEvent> events;
  AttachResult result = s.attached(events);
  INFO(result.error);
  REQUIRE(result.status == 0);
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == AttachEvent::Kind::attached);
  CHECK(events[0].application.name == "test?program");
  CHECK(events[0].application.pid == getpid());
  CHECK(events[0].application.uid == getuid());
  REQUIRE(events[0].channels.size() == 2);
  CHECK(result.memory.lcore_bells.size() == 2);
  CHECK(result.memory.header(1).magic == kLayoutMagic);
  CHECK(result.memory.header(1).lcore == 1);

  // What one side writes the other sees, in the channel of the second lcore.
  CompletionEntry entry{};
  entry.event = Event::sender_dry;
  entry.context = 42;
  CHECK(events[0].channels[1]->post(entry));
  events[0].channels[1]->publish();
  const auto* completion = reinterpret_cast<const CompletionEntry*>(
      reinterpret_cast<std::byte*>(&result.memory.header(1)) +
      result.memory.geometry.completion_offset());
  CHECK(result.memory.header(1).engine.completion_producer.load() == 1);
  CHECK(completion->context == 42);

  CHECK(s.server->applications().size() == 1);
  const ContextId id = events[0].application.context;
  result = AttachResult{};
  events = s.events(1);
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == AttachEvent::Kind::gone);
  CHECK(events[0].application.context == id);
  // An lcore may still use the channel.
  CHECK(events[0].channels[0]->post(entry));
  s.server->destroy(id);
  CHECK(s.server->applications().empty());
}

TEST_CASE("the bell wakes whoever said that it sleeps, once for each sleep") {
  Server s;
  std::vector<AttachEvent> events;
  AttachResult result = s.attached(events);
  REQUIRE(result.status == 0);
  Channel& channel = *events[0].channels[0];
  CompletionEntry entry{};
  entry.event = Event::sender_dry;
  char byte;
  const auto rung = [&] { return recv(result.memory.socket, &byte, 1, MSG_DONTWAIT) == 1; };
  channel.post(entry);
  channel.publish();
  CHECK_FALSE(rung());  // awake
  ApplicationWords& words = result.memory.header(0).application;
  words.asleep.store(1);
  channel.post(entry);
  channel.publish();
  CHECK(rung());
  channel.post(entry);
  channel.publish();
  CHECK_FALSE(rung());  // rung for this sleep already
  words.asleep.store(2);
  channel.return_slot(0);
  channel.publish();
  CHECK_FALSE(rung());  // space is not what it waits for
  words.asleep.store(3 | kAsleepWantsSpace);
  channel.return_slot(0);
  channel.publish();
  CHECK(rung());
  const std::uint64_t one = 1;
  CHECK(write(result.memory.lcore_bells[1], &one, sizeof one) == sizeof one);
  CHECK(s.bells[1].sleep({}, seconds(60)));
}

TEST_CASE("a process that is killed is noticed, and its memory comes back") {
  Server s;
  const std::size_t before = open_descriptors();
  for (int round = 0; round < 5; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      const AttachResult result = attach(s.options.path, "child", millrace::milliseconds(5000));
      if (result.status != 0) _exit(1);
      while (true) pause();
    }
    std::vector<AttachEvent> events = s.events(1);
    REQUIRE(events.size() == 1);
    CHECK(events[0].application.pid == child);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    events = s.events(1);
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == AttachEvent::Kind::gone);
    s.server->destroy(events[0].application.context);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("an evicted program learns of it, and the engine reports why") {
  Server s;
  std::vector<AttachEvent> events;
  AttachResult result = s.attached(events);
  REQUIRE(result.status == 0);
  s.server->evict(events[0].application.context, Offence::bad_range);
  char byte;
  CHECK(recv(result.memory.socket, &byte, 1, 0) == 0);
  events = s.events(1);
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == AttachEvent::Kind::gone);
  CHECK(std::string(events[0].why) == offence_name(Offence::bad_range));
}

TEST_CASE("no more contexts attach than the operator allows") {
  Server s;
  std::vector<AttachEvent> events;
  std::vector<AttachResult> results;
  for (int i = 0; i < 3; ++i) {
    results.push_back(s.attached(events));
    CHECK(results.back().status == 0);
  }
  AttachResult result;
  std::thread client(
      [&] { result = attach(s.options.path, "one too many", millrace::milliseconds(5000)); });
  while (s.server->refused() == 0) s.server->poll(Time{}, events);
  client.join();
  CHECK(result.status == -EMFILE);
}

TEST_CASE("no user attaches more contexts than his share") {
  Server s;
  s.server.reset();
  s.options.contexts_per_user_max = 2;
  s.start();
  std::vector<AttachEvent> events;
  std::vector<AttachResult> results;
  for (int i = 0; i < 2; ++i) {
    results.push_back(s.attached(events));
    CHECK(results.back().status == 0);
  }
  AttachResult result;
  std::thread client(
      [&] { result = attach(s.options.path, "one too many", millrace::milliseconds(5000)); });
  while (s.server->refused() == 0) s.server->poll(Time{}, events);
  client.join();
  CHECK(result.status == -EDQUOT);
  CHECK(result.error == "the engine refused: this user has his share of contexts");
  CHECK(s.server->refused_over_share() == 1);
  // One that is gone makes room.
  results.pop_back();
  events = s.events(1);
  REQUIRE(events.size() == 1);
  s.server->destroy(events[0].application.context);
  CHECK(s.attached(events).status == 0);
}

int raw_connection(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int socket = ::socket(AF_UNIX, SOCK_SEQPACKET, 0);
  REQUIRE(connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return socket;
}

TEST_CASE("shared memory cannot be resized by the application") {
  Server s;
  const int socket = raw_connection(s.options.path);
  AttachHello hello{};
  hello.magic = kAttachMagic;
  hello.version = kLayoutVersion;
  REQUIRE(send(socket, &hello, sizeof hello, 0) == sizeof hello);
  REQUIRE(s.events(1).size() == 1);
  AttachWelcome welcome{};
  std::vector<int> regions;
  REQUIRE(receive_with_descriptors(socket, &welcome, sizeof welcome, regions) == sizeof welcome);
  REQUIRE(regions.size() >= 2);
  for (const off_t size : {off_t{4096}, off_t{1} << 30}) {
    CHECK(ftruncate(regions[0], size) != 0);
    CHECK(ftruncate(regions[1], size) != 0);
    CHECK(errno == EPERM);
  }
  for (const int region : regions) close(region);
  close(socket);
}

TEST_CASE("a hello of another version is refused with the engine's own") {
  Server s;
  const int socket = raw_connection(s.options.path);
  AttachHello hello{};
  hello.magic = kAttachMagic;
  hello.version = kLayoutVersion + 1;
  REQUIRE(send(socket, &hello, sizeof hello, 0) == sizeof hello);
  std::vector<AttachEvent> events;
  s.server->poll(Time{}, events);
  s.server->poll(Time{}, events);
  AttachWelcome welcome{};
  REQUIRE(recv(socket, &welcome, sizeof welcome, 0) == sizeof welcome);
  CHECK(welcome.status == -EPROTO);
  CHECK(welcome.version == kLayoutVersion);
  CHECK(events.empty());
  close(socket);
}

TEST_CASE("junk on the socket, descriptors nobody asked for, and silence are all refused") {
  Server s;
  const std::size_t before = open_descriptors();
  std::vector<AttachEvent> events;
  const int junk = raw_connection(s.options.path);
  REQUIRE(send(junk, "GET / HTTP/1.0\r\n", 16, 0) == 16);
  const int tiny = raw_connection(s.options.path);
  REQUIRE(send(tiny, "x", 1, 0) == 1);
  const int gift = raw_connection(s.options.path);
  const int gifts[3] = {0, 1, 2};
  REQUIRE(send_with_descriptors(gift, "junkjunk", 8, gifts));
  const int silent = raw_connection(s.options.path);
  for (int i = 0; i < 3; ++i) s.server->poll(Time{}, events);
  CHECK(s.server->refused() == 3);
  s.server->poll(Server::milliseconds(4000), events);
  CHECK(s.server->refused() == 3);
  s.server->poll(Server::milliseconds(6000), events);
  CHECK(s.server->refused() == 4);
  CHECK(events.empty());
  for (const int socket : {junk, tiny, gift, silent}) close(socket);
  CHECK(open_descriptors() == before);
}

TEST_CASE("an application that speaks after its hello is detached") {
  Server s;
  std::vector<AttachEvent> events;
  AttachResult result = s.attached(events);
  REQUIRE(result.status == 0);
  REQUIRE(send(result.memory.socket, "x", 1, 0) == 1);
  events = s.events(1);
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == AttachEvent::Kind::gone);
}

TEST_CASE("attaching where nobody serves says so") {
  CHECK(attach("/tmp/millrace-no-such-socket", "x", milliseconds(10)).status == -ENOENT);
  CHECK(attach(std::string(200, 'x'), "x", milliseconds(10)).status == -ENAMETOOLONG);
  const std::string path = "/tmp/millrace-test-dead." + std::to_string(getpid());
  {
    Server s;
    REQUIRE(rename(s.options.path.c_str(), path.c_str()) == 0);
  }
  CHECK(attach(path, "x", milliseconds(10)).status == -ECONNREFUSED);
  unlink(path.c_str());
}

TEST_CASE("a geometry that makes no sense is refused with a reason") {
  Geometry geometry = Pair::small();
  geometry.submission_capacity = 100;
  CHECK(geometry.problem() != nullptr);
  geometry = Pair::small();
  geometry.receive_arena_bytes = 100;
  CHECK(geometry.problem() != nullptr);
  geometry = Pair::small();
  geometry.lcores = 65;
  CHECK(geometry.problem() != nullptr);
  CHECK(Pair::small().problem() == nullptr);
  CHECK(Geometry{}.problem() == nullptr);
}

}  // namespace
}  // namespace millrace::ipc
