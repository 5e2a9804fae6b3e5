// The library over a real attach socket: sleeping, waking, and losing the engine.
#include <catch2/catch.hpp>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "engine/ipc/attach.h"
#include "tests/api/fake_engine.h"

namespace millrace::api {
namespace {

using Clock = std::chrono::steady_clock;

struct Engine {
  explicit Engine(std::uint32_t lcores = 1) {
    options.path = "/tmp/millrace-test-api." + std::to_string(getpid()) + ".sock";
    options.geometry = Bench::small(lcores);
    options.huge_pages = ipc::HugePages::no;
    for (std::uint32_t i = 0; i < lcores; ++i) options.bells.push_back(&bells[i]);
    std::string error;
    server = ipc::AttachServer::create(options, error);
    INFO(error);
    REQUIRE(server != nullptr);
  }
  /// Polls until a context is there.
  void accept() {
    std::vector<ipc::AttachEvent> events;
    for (int i = 0; i < 5000 && events.empty(); ++i) {
      server->poll(Time{}, events);
      if (events.empty()) usleep(1000);
    }
    REQUIRE(events.size() == 1);
    fake = std::make_unique<FakeEngine>(events[0].channels);
  }
  mr_context* attach(std::uint32_t flags = 0) {
    mr_context* context = nullptr;
    int status = -1;
    std::thread client([&] {
      mr_attach_options wanted{};
      wanted.socket = options.path.c_str();
      wanted.flags = flags;
      status = mr_attach(&wanted, &context);
    });
    accept();
    client.join();
    REQUIRE(status == 0);
    return context;
  }

  ipc::LcoreBell bells[2];
  ipc::AttachOptions options;
  std::unique_ptr<ipc::AttachServer> server;
  std::unique_ptr<FakeEngine> fake;
};

std::vector<mr_event> receive_all(mr_context* context) {
  std::vector<mr_event> list;
  mr_event event;
  while (mr_receive(context, &event, 1) == 1) list.push_back(event);
  return list;
}

TEST_CASE("attaching where no engine is says so, with a text for people") {
  mr_attach_options options{};
  options.socket = "/tmp/millrace-no-such-socket";
  mr_context* context = nullptr;
  CHECK(mr_attach(&options, &context) == -ENOENT);
  CHECK(context == nullptr);
  CHECK(std::string(mr_last_error()).find("/tmp/millrace-no-such-socket") != std::string::npos);
  mr_detach(nullptr);
}

TEST_CASE("waiting ends by its timeout, and at once when something is there") {
  Engine engine;
  mr_context* context = engine.attach();
  const auto start = Clock::now();
  CHECK(mr_wait(context, 20000) == 0);
  CHECK(Clock::now() - start >= std::chrono::milliseconds(19));
  engine.fake->up(handle(1, 0, 0));
  CHECK(mr_wait(context, 60'000'000) == 1);
  CHECK(receive_all(context).size() == 1);
  CHECK(mr_wait(context, 0) == 0);
  mr_detach(context);
}

TEST_CASE("an event from another lcore wakes a sleeper") {
  Engine engine(2);
  mr_context* context = engine.attach();
  std::thread lcore([&] {
    usleep(20000);
    engine.fake->up(handle(1, 1, 0));
  });
  CHECK(mr_wait(context, 60'000'000) == 1);
  lcore.join();
  CHECK(receive_all(context).size() == 1);
  mr_detach(context);
}

TEST_CASE("a sender that sleeps for space is woken by it, and by nothing less") {
  Engine engine;
  mr_context* context = engine.attach();
  const mr_association association = handle(1, 0, 0);
  engine.fake->up(association);
  receive_all(context);
  while (mr_send(context, association, "x", 1, 0, 0, 0, 0) == 0) {
  }
  std::thread lcore([&] {
    usleep(20000);
    engine.fake->take();
  });
  CHECK(mr_wait(context, 60'000'000) == 1);
  lcore.join();
  const auto events = receive_all(context);
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == MR_EVENT_WRITABLE);
  mr_detach(context);
}

TEST_CASE("a message wakes a sleeping lcore") {
  Engine engine;
  mr_context* context = engine.attach();
  const mr_association association = handle(1, 0, 0);
  engine.fake->up(association);
  receive_all(context);
  bool was_woken = false;
  std::thread lcore(
      [&] { was_woken = engine.bells[0].sleep(engine.fake->channels_, seconds(60)); });
  usleep(20000);
  CHECK(mr_send(context, association, "x", 1, 0, 0, 0, 0) == 0);
  lcore.join();
  CHECK(was_woken);
  CHECK(engine.fake->take().size() == 1);
  mr_detach(context);
}

bool is_readable(int descriptor, int timeout_ms) {
  pollfd entry{descriptor, POLLIN, 0};
  return poll(&entry, 1, timeout_ms) == 1;
}

TEST_CASE("the descriptor is readable when there is something, and quiet when there is nothing") {
  Engine engine;
  mr_context* context = engine.attach();
  const int descriptor = mr_fd(context);
  REQUIRE(descriptor >= 0);
  CHECK(mr_fd(context) == descriptor);
  CHECK(receive_all(context).empty());
  CHECK_FALSE(is_readable(descriptor, 10));
  const mr_association association = handle(1, 0, 0);
  for (int round = 0; round < 50; ++round) {
    round == 0 ? engine.fake->up(association)
               : static_cast<void>(engine.fake->deliver(association, "x"));
    REQUIRE(is_readable(descriptor, 10000));
    REQUIRE(receive_all(context).size() == 1);
    REQUIRE_FALSE(is_readable(descriptor, 1));
    engine.fake->take();
  }
  while (mr_send(context, association, "x", 1, 0, 0, 0, 0) == 0) {
  }
  CHECK_FALSE(is_readable(descriptor, 10));
  engine.fake->take();
  REQUIRE(is_readable(descriptor, 10000));
  const auto events = receive_all(context);
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == MR_EVENT_WRITABLE);
  mr_detach(context);
}

TEST_CASE("a descriptor asked for when events wait already is readable at once") {
  Engine engine;
  mr_context* context = engine.attach();
  engine.fake->up(handle(1, 0, 0));
  const int descriptor = mr_fd(context);
  CHECK(is_readable(descriptor, 1000));
  CHECK(receive_all(context).size() == 1);
  CHECK_FALSE(is_readable(descriptor, 5));
  mr_detach(context);
}

// Ping-pong between a sleeping application and a sleeping lcore over the real bells. A lost wake-up
// leaves both asleep until the long limits below, which the test notices.
TEST_CASE("no wake-up is lost over thousands of turns of sleeping and waking") {
  constexpr int kTurns = 5000;
  Engine engine;
  mr_context* context = engine.attach();
  const mr_association association = handle(1, 0, 0);
  engine.fake->up(association);
  REQUIRE(mr_wait(context, 10'000'000) == 1);
  receive_all(context);
  bool is_late = false;
  std::thread lcore([&] {
    for (int answered = 0; answered < kTurns;) {
      bool had_request = false;
      for (const auto& request : engine.fake->take()) {
        if (request.entry.operation != ipc::Operation::send) continue;
        engine.fake->return_slot(0, request.entry.slot);
        engine.fake->deliver(association, "pong");
        ++answered;
        had_request = true;
      }
      if (!had_request) is_late |= !engine.bells[0].sleep(engine.fake->channels_, seconds(20));
    }
  });
  bool is_lost = false;
  for (int turn = 0; turn < kTurns && !is_lost; ++turn) {
    REQUIRE(mr_send(context, association, "ping", 4, 0, 0, 0, 0) == 0);
    mr_event event;
    while (mr_receive(context, &event, 1) == 0) is_lost |= mr_wait(context, 20'000'000) != 1;
  }
  lcore.join();
  CHECK_FALSE(is_late);
  CHECK_FALSE(is_lost);
  mr_detach(context);
}

TEST_CASE("a lost engine is reported, and the library attaches and listens again") {
  auto engine = std::make_unique<Engine>();
  mr_context* context = engine->attach();
  mr_listen_options listen{};
  listen.port = 3868;
  REQUIRE(mr_listen(context, &listen) == 0);
  engine->fake->answer(engine->fake->take_one(), ipc::Event::listening, 0);
  mr_listen_options other = listen;
  other.port = 3869;
  REQUIRE(mr_listen(context, &other) == 0);
  engine->fake->answer(engine->fake->take_one(), ipc::Event::listening, 0);
  const mr_association association = handle(1, 0, 0);
  engine->fake->up(association, 55);
  engine->fake->deliver(association, "last words");
  char* buffer = static_cast<char*>(mr_buffer_alloc(context, 100));
  engine.reset();
  // What the dead engine said is still received, then its end.
  std::vector<int> types;
  mr_event event;
  for (int i = 0; i < 100 && (types.empty() || types.back() != MR_EVENT_ENGINE_LOST); ++i) {
    mr_wait(context, 50000);
    while (mr_receive(context, &event, 1) == 1) {
      types.push_back(event.type);
      if (event.type == MR_EVENT_MESSAGE) CHECK(text_of(event) == "last words");
      if (event.type == MR_EVENT_ASSOCIATION_DOWN) {
        CHECK(event.association == association);
        CHECK(event.context == 55);
        CHECK(event.reason == MR_REASON_ENGINE_LOST);
      }
    }
  }
  CHECK(types == std::vector<int>{MR_EVENT_LISTENING, MR_EVENT_LISTENING, MR_EVENT_ASSOCIATION_UP,
                                  MR_EVENT_MESSAGE, MR_EVENT_ASSOCIATION_DOWN,
                                  MR_EVENT_ENGINE_LOST});
  CHECK(mr_send(context, association, "x", 1, 0, 0, 0, 0) == -EIO);
  CHECK(mr_listen(context, &listen) == -EIO);
  CHECK(mr_unlisten(context, 3869, 0) == 0);  // the next engine does not hear of it
  REQUIRE(mr_receive(context, &event, 1) == 1);
  CHECK(event.type == MR_EVENT_REQUEST_DONE);
  CHECK(event.request == MR_REQUEST_UNLISTEN);
  std::memset(buffer, 1, 100);  // a buffer outlives the engine
  CHECK(mr_send_buffer(context, association, buffer, 100, 0, 0, 0, 0) == -EIO);
  mr_buffer_free(context, buffer);

  engine = std::make_unique<Engine>();
  std::thread application([&] {
    for (int i = 0; i < 1000 && event.type != MR_EVENT_ENGINE_BACK; ++i) {
      mr_wait(context, 50000);
      mr_receive(context, &event, 1);
    }
  });
  engine->accept();
  application.join();
  CHECK(event.type == MR_EVENT_ENGINE_BACK);
  const auto again = engine->fake->take_one();
  CHECK(again.entry.operation == ipc::Operation::listen);
  CHECK(again.entry.local_port == 3868);
  engine->fake->answer(again, ipc::Event::listening, 0);
  const auto events = receive_all(context);
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == MR_EVENT_LISTENING);
  mr_detach(context);
}

TEST_CASE("who polls the descriptor learns of a lost engine and of the next one by it") {
  auto engine = std::make_unique<Engine>();
  mr_context* context = engine->attach();
  const int descriptor = mr_fd(context);
  receive_all(context);
  engine.reset();
  REQUIRE(is_readable(descriptor, 10000));
  auto events = receive_all(context);
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == MR_EVENT_ENGINE_LOST);
  engine = std::make_unique<Engine>();
  bool is_back = false;
  std::thread application([&] {
    for (int i = 0; i < 100 && !is_back; ++i) {
      if (!is_readable(descriptor, 1000)) continue;
      for (const mr_event& event : receive_all(context))
        is_back |= event.type == MR_EVENT_ENGINE_BACK;
    }
  });
  engine->accept();
  application.join();
  CHECK(is_back);
  CHECK(mr_fd(context) == descriptor);
  engine->fake->up(handle(1, 0, 0));
  CHECK(is_readable(descriptor, 10000));
  mr_detach(context);
}

TEST_CASE("with MR_ATTACH_ONCE a lost engine is the end") {
  auto engine = std::make_unique<Engine>();
  mr_context* context = engine->attach(MR_ATTACH_ONCE);
  engine.reset();
  mr_event event{};
  CHECK(mr_wait(context, 10'000'000) == 1);
  CHECK(mr_receive(context, &event, 1) == 1);
  CHECK(event.type == MR_EVENT_ENGINE_LOST);
  CHECK(mr_receive(context, &event, 1) == -EIO);
  CHECK(mr_wait(context, -1) == -EIO);
  CHECK(mr_buffer_alloc(context, 10) == nullptr);
  mr_detach(context);
}

void on_signal(int) {}

TEST_CASE("a signal ends a wait") {
  Engine engine;
  mr_context* context = engine.attach();
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, nullptr);
  const pthread_t self = pthread_self();
  std::thread other([self] {
    usleep(20000);
    pthread_kill(self, SIGUSR1);
  });
  CHECK(mr_wait(context, 60'000'000) == -EINTR);
  other.join();
  mr_detach(context);
}

}  // namespace
}  // namespace millrace::api
