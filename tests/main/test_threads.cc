// An engine of two lcores with a thread each, an application that attached over the socket, and an
// operator: everything that threads share.
#include <atomic>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/millrace.h"
#include "engine/main/operator_desk.h"
#include "tests/support/threaded_engine.h"

using namespace millrace;
using test::clock_now;
using test::ThreadedEngine;

namespace {

constexpr std::size_t kLcores = 2;
constexpr std::size_t kBuffers = 4096;
constexpr int kMessages = 2000;

/// Listens, connects to itself, sends and counts what arrives. Runs on a thread of its own.
struct Talker {
  std::string socket;
  int received = 0;
  int out_of_order = 0;
  std::string error;
  std::atomic<bool> is_done{false};

  mr_context* context = nullptr;
  mr_association association = 0;
  int sent = 0;

  void run() {
    mr_attach_options options{};
    options.socket = socket.c_str();
    options.flags = MR_ATTACH_ONCE;
    if (mr_attach(&options, &context) != 0) error = mr_last_error();
    if (error.empty()) talk();
    mr_detach(context);
    is_done = true;
  }

  void talk() {
    mr_listen_options listen{};
    listen.port = 5000;
    mr_address four, six;
    mr_address_parse("0.0.0.0", &four);
    mr_address_parse("::", &six);
    listen.address_count = 1;
    listen.addresses = &six;
    listen.context = 1;
    if (mr_listen(context, &listen) != 0) error = "listen";
    listen.addresses = &four;
    listen.context = 2;
    if (mr_listen(context, &listen) != 0) error = "listen";
    const Time end = clock_now() + seconds(60);
    while (error.empty() && received < kMessages && clock_now() < end) {
      if (association != 0) send_some();
      mr_wait(context, 10'000);
      mr_event events[32];
      const int count = mr_receive(context, events, 32);
      for (int i = 0; i < count; ++i) take(events[i]);
    }
  }

  void send_some() {
    for (int i = 0; i < 16 && sent < kMessages; ++i, ++sent) {
      if (mr_send(context, association, &sent, sizeof sent, 0, 0, MR_MORE, 0) != 0) break;
    }
    mr_flush(context);
  }

  void take(const mr_event& event) {
    if (event.type == MR_EVENT_LISTENING && event.context == 2) connect();
    if (event.type == MR_EVENT_ASSOCIATION_UP && (event.flags & MR_PASSIVE) == 0)
      association = event.association;
    if (event.type == MR_EVENT_ASSOCIATION_FAILED) error = "connect failed";
    if (event.type != MR_EVENT_MESSAGE) return;
    int number;
    std::memcpy(&number, event.data, sizeof number);
    out_of_order += number == received++ ? 0 : 1;
  }

  void connect() {
    mr_address peer;
    mr_address_parse("10.0.0.1", &peer);
    mr_connect_options options{};
    options.peer_port = 5000;
    options.peer_count = 1;
    options.peers = &peer;
    if (mr_connect(context, &options) != 0) error = "connect";
  }
};

}  // namespace

TEST_CASE("Two lcores' threads, an application's and the main thread share what they may",
          "[threads]") {
  ThreadedEngine threaded(kLcores, kBuffers);
  Engine& engine = threaded.engine();
  OperatorDesk desk(engine, clock_now());
  Talker talker;
  talker.socket = threaded.applications_socket();
  std::thread application([&] { talker.run(); });
  std::size_t associations_seen = 0;
  nlohmann::json at_port;
  while (!talker.is_done) {
    engine.poll_main(clock_now());
    const auto answer = nlohmann::json::parse(desk.answer("{\"command\": \"associations\"}"));
    REQUIRE(answer["ok"] == true);
    associations_seen = std::max(associations_seen, answer["result"]["associations"].size());
    const auto listeners = nlohmann::json::parse(desk.answer("{\"command\": \"listeners\"}"));
    REQUIRE(listeners["ok"] == true);
    const auto& found = listeners["result"]["listeners"];
    if (found.size() == 2 && (at_port.is_null() || at_port[1]["associations"] == 0))
      at_port = found;
    desk.answer("{\"command\": \"metrics\"}");
    desk.answer("{\"command\": \"neighbours\"}");
  }
  application.join();
  CHECK(talker.error == "");
  CHECK(talker.received == kMessages);
  CHECK(talker.out_of_order == 0);
  CHECK(associations_seen == 2);
  REQUIRE(at_port.size() == 2);
  CHECK(at_port[0]["port"] == 5000);
  CHECK(at_port[0]["addresses"] == nlohmann::json::array({"::1"}));
  CHECK(at_port[0]["associations"] == 0);
  CHECK(at_port[1]["port"] == 5000);
  CHECK(at_port[1]["addresses"] == nlohmann::json::array({"10.0.0.1", "127.0.0.0/8"}));
  CHECK(at_port[1]["associations"] == 1);

  engine.stop(OnExit::kAbort);
  for (int i = 0; i < 1000 && !engine.is_stopped(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    engine.poll_main(clock_now());
  }
  CHECK(engine.is_stopped());
}
