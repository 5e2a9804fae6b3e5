#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <spdlog/sinks/ostream_sink.h>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "drivers/memory_port.h"
#include "engine/main/ctl/client.h"
#include "engine/main/engine.h"
#include "engine/main/journal.h"
#include "engine/main/line_server.h"
#include "engine/main/log.h"
#include "engine/main/operator_desk.h"
#include "engine/main/operator_json.h"
#include "engine/main/run_directory.h"
#include "tests/net/frames.h"

using namespace millrace;
using nlohmann::json;

namespace {

/// A directory that goes with the test.
class Directory {
 public:
  Directory() {
    std::string pattern = std::filesystem::temp_directory_path() / "millrace-test-XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path;
};

/// A program that connects to a socket and writes what it likes.
class Visitor {
 public:
  explicit Visitor(const std::string& path)
      : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~Visitor() { close(socket_); }
  void write(const std::string& text) {
    REQUIRE(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  /// What is there; "<end>" at the end of file, or when what was written went unread.
  std::string read() {
    char bytes[4096];
    const ssize_t length = recv(socket_, bytes, sizeof bytes, 0);
    if (length == 0 || (length < 0 && errno == ECONNRESET)) return "<end>";
    return length < 0 ? "" : std::string(bytes, static_cast<std::size_t>(length));
  }

 private:
  int socket_;
};

std::unique_ptr<LineServer> serve(const std::string& path) {
  std::string error;
  auto server = LineServer::create(
      path, [](std::string_view line) { return "<" + std::string(line) + ">"; }, error);
  INFO(error);
  REQUIRE(server != nullptr);
  return server;
}

void poll_some(LineServer& server) {
  for (int i = 0; i < 4; ++i) server.poll();
}

/// An engine of one lcore on a wire whose other end nobody holds.
class SmallEngine {
 public:
  explicit SmallEngine(const ShardLimits& limits = {})
      : pool(512), slab(pool, 512), wire(pool, 64) {
    InterfaceSettings interface;
    interface.name = "wire";
    interface.device = "net_memory0";
    interface.addresses = {*Prefix::parse("10.0.0.1/24")};
    Config config;
    config.limits = limits;
    config.interfaces = {interface};
    config.routes = {{*Prefix::parse("10.5.0.0/16"), *IpAddress::parse("10.0.0.9"), ""}};
    config.applications.receive_arena = 1 << 20;
    EngineResources resources;
    resources.ports = {drivers::MemoryWire::traits(0)};
    resources.interface_ports = {0};
    resources.lcores = {{&pool, {&wire.end(0)}, 0}};
    resources.buffer_use = [] { return BufferUse{512, 0}; };  // all with the lcore
    resources.port_statuses = [this] {
      PortStatus status;
      status.name = "p";
      status.is_up = is_link_up;
      status.receive_errors = 3;
      status.send_errors = 4;
      return std::vector<PortStatus>{status};
    };
    resources.applications_socket = directory.path + "/applications.sock";
    std::string error;
    engine = Engine::create(config, std::move(resources), error);
    INFO(error);
    REQUIRE(engine != nullptr);
    desk = std::make_unique<OperatorDesk>(*engine, Time{});
  }
  json ask(const std::string& question) { return json::parse(desk->answer(question)); }
  /// Of one limit, once the lcore answers.
  json limit(const std::string& name) {
    const json answer = ask("{\"command\": \"limits\"}");
    for (const json& one : answer["result"]["limits"]) {
      if (one["limit"] == name) return one;
    }
    return {};
  }
  /// A frame from whoever is at the other end of the wire.
  void receive(const net::Octets& frame) {
    Buffer* buffer = pool.acquire();
    REQUIRE(buffer != nullptr);
    std::copy(frame.begin(), frame.end(), buffer->data);
    buffer->length = static_cast<std::uint32_t>(frame.size());
    REQUIRE(wire.end(1).send({&buffer, 1}) == 1);
  }

  bool is_link_up = false;
  Directory directory;
  BufferPool pool;
  BufferSlab slab;
  drivers::MemoryWire wire;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<OperatorDesk> desk;
};

/// An INIT to port 3868 of the small engine.
net::Octets init_from(const char* source) {
  net::Octets packet{0x1b, 0x58, 0x0f, 0x1c, 0, 0, 0, 0, 0, 0, 0, 0,  // ports, tag, checksum
                     1,    0,    0,    20,   0, 0, 0, 7, 0, 1, 0, 0,  // INIT: tag, a_rwnd
                     0,    1,    0,    1,    0, 0, 0, 1};             // streams, TSN
  store_sctp_checksum(packet);
  return net::ethernet(drivers::MemoryWire::traits(0).mac, net::kPeerMac, 0x0800,
                       net::ipv4(source, "10.0.0.1", 132, packet));
}

}  // namespace

TEST_CASE("Lines are answered one by one, however they arrive", "[operator]") {
  Directory directory;
  const std::string path = directory.path + "/s";
  auto server = serve(path);
  Visitor visitor(path);
  visitor.write("one\ntwo\nthr");
  poll_some(*server);
  CHECK(visitor.read() == "<one>\n<two>\n");
  visitor.write("ee\n");
  poll_some(*server);
  CHECK(visitor.read() == "<three>\n");
}

TEST_CASE("A line without end is not waited for", "[operator]") {
  Directory directory;
  const std::string path = directory.path + "/s";
  auto server = serve(path);
  Visitor rude(path), polite(path);
  rude.write(std::string(3 * LineServer::kLineMax, 'x'));
  poll_some(*server);
  CHECK(rude.read() == "<end>");
  polite.write("still there\n");
  poll_some(*server);
  CHECK(polite.read() == "<still there>\n");
  CHECK(server->clients() == 1);
}

TEST_CASE("There are no more clients than there may be", "[operator]") {
  Directory directory;
  const std::string path = directory.path + "/s";
  auto server = serve(path);
  std::vector<std::unique_ptr<Visitor>> visitors;
  for (std::size_t i = 0; i < LineServer::kClientsMax + 3; ++i) {
    visitors.push_back(std::make_unique<Visitor>(path));
    poll_some(*server);
  }
  CHECK(server->clients() == LineServer::kClientsMax);
  CHECK(visitors.back()->read() == "<end>");
  visitors.clear();
  poll_some(*server);
  CHECK(server->clients() == 0);
}

TEST_CASE("The socket goes with its server", "[operator]") {
  Directory directory;
  const std::string path = directory.path + "/s";
  auto server = serve(path);
  CHECK(std::filesystem::exists(path));
  server.reset();
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("A question that is none is answered with what is wrong", "[operator]") {
  SmallEngine small;
  struct Row {
    std::string question, error;
  };
  const auto row = GENERATE(values<Row>({
      {"", "a question is one JSON object on one line"},
      {"]", "a question is one JSON object on one line"},
      {"[1]", "a question is one JSON object on one line"},
      {"\xff\xfe{", "a question is one JSON object on one line"},
      {"{}", "\"command\" must be a string"},
      {"{\"command\": 7}", "\"command\" must be a string"},
      {"{\"command\": \"dance\"}", "no such command: dance"},
      {"{\"command\": \"associations\", \"limit\": -1}", "\"limit\" must be a number, 0 or more"},
      {"{\"command\": \"abort\"}", "\"association\" must be a string"},
      {"{\"command\": \"abort\", \"association\": \"7\"}",
       "\"7\" is not an association's name, e.g. 0x0000000100000003"},
      {"{\"command\": \"abort\", \"association\": \"0x01ff000000\"}",
       "\"0x01ff000000\" is not an association's name, e.g. 0x0000000100000003"},
      {"{\"command\": \"log-level\", \"level\": \"shout\"}",
       "\"shout\" is not one of trace, debug, info, warning, error, off"},
  }));
  INFO(row.question);
  const json answer = small.ask(row.question);
  CHECK(answer["ok"] == false);
  CHECK(answer["error"] == row.error);
}

TEST_CASE("Status, counters, interfaces and metrics come from the engine", "[operator]") {
  SmallEngine small;
  small.engine->poll(0, Time{1'000});
  const json status = small.ask("{\"command\": \"status\"}");
  CHECK(status["ok"] == true);
  CHECK(status["result"]["lcores"] == 1);
  CHECK(status["result"]["associations"] == 0);
  const json counters = small.ask("{\"command\": \"counters\"}")["result"];
  CHECK(counters["sum"]["polls"] == 1);
  CHECK(counters["lcores"].size() == 1);
  CHECK(counters["help"]["polls"] == "turns of the poll loop");
  const json interfaces = small.ask("{\"command\": \"interfaces\"}")["result"]["interfaces"];
  CHECK(interfaces[0]["addresses"][0] == "10.0.0.1/24");
  const std::string metrics = small.ask("{\"command\": \"metrics\"}")["result"]["text"];
  CHECK_THAT(metrics, Catch::Contains("# TYPE millrace_polls_total counter\n"
                                      "millrace_polls_total{lcore=\"0\"} 1\n"));
  CHECK_THAT(metrics, Catch::Contains("\nmillrace_applications_refused_total 0\n"));
  CHECK_THAT(metrics, Catch::Contains("\nmillrace_applications_over_share_total 0\n"));
  CHECK_THAT(metrics, Catch::Contains("# TYPE millrace_build_info gauge\nmillrace_build_info{"));
  CHECK_THAT(metrics, Catch::Contains("\nmillrace_start_time_seconds 1"));
  CHECK_THAT(metrics, Catch::Contains("\nmillrace_buffers 512\n"));
  // Its announcement is on the wire.
  CHECK_THAT(metrics, Catch::Contains("\nmillrace_buffers_in_use 1\n"));
  CHECK_THAT(metrics, Catch::Contains("\nmillrace_port_receive_errors_total{port=\"p\"} 3\n"));
  CHECK_THAT(metrics, Catch::Contains("\nmillrace_port_send_errors_total{port=\"p\"} 4\n"));
}

TEST_CASE("Addresses are announced anew when a link comes up", "[operator]") {
  SmallEngine small;
  const auto level = spdlog::get_level();
  spdlog::set_level(spdlog::level::off);
  const auto frames_at = [&](Time now) {
    small.engine->poll_main(now);
    small.engine->poll(0, now);
    std::array<Buffer*, 4> frames;
    const std::size_t count = small.wire.end(1).receive(frames);
    for (std::size_t i = 0; i < count; ++i) small.pool.release(frames[i]);
    return count;
  };
  CHECK(frames_at(Time{} + seconds(1)) == 1);  // that the engine is there
  CHECK(frames_at(Time{} + seconds(3)) == 0);
  small.is_link_up = true;
  CHECK(frames_at(Time{} + seconds(5)) == 1);
  CHECK(frames_at(Time{} + seconds(7)) == 0);
  small.is_link_up = false;
  CHECK(frames_at(Time{} + seconds(9)) == 0);
  spdlog::set_level(level);
}

TEST_CASE("Routes are networks, and name the interface that they leave by", "[operator]") {
  SmallEngine small;
  const json routes = small.ask("{\"command\": \"routes\"}")["result"]["routes"];
  REQUIRE(routes.size() == 2);
  CHECK(routes[0]["to"] == "10.0.0.0/24");
  CHECK(routes[0]["interface"] == "wire");
  CHECK(routes[1]["to"] == "10.5.0.0/16");
  CHECK(routes[1]["interface"] == "wire");
}

TEST_CASE("The log tells of associations and paths, and does not drown in them", "[journal]") {
  std::ostringstream lines;
  const auto before = spdlog::default_logger();
  auto logger = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_st>(lines));
  logger->set_pattern("%l: %v");
  spdlog::set_default_logger(logger);
  Journal journal([](Owner) { return std::string("gw[1]"); });
  Note note;
  note.handle = {2, 1};
  note.local_port = 3868;
  note.peer = {*IpAddress::parse("10.0.0.2"), 3869};
  journal.take(0, note);
  note.kind = Note::Kind::kPath;
  note.path_state = PathState::kInactive;
  journal.take(0, note);
  note.path_state = PathState::kConfirmed;  // debug: not told
  journal.take(0, note);
  note.kind = Note::Kind::kDown;
  note.reason = DownReason::kUnreachable;
  journal.take(0, note);
  const std::string name = association_text(name_of(0, note.handle));
  CHECK(lines.str() == "info: association " + name +
                           " of gw[1]: is up: port 3868 to 10.0.0.2:3869, begun by the peer\n"
                           "warning: association " +
                           name + " of gw[1]: path to 10.0.0.2 has FAILED\n" +
                           "warning: association " + name +
                           " of gw[1]: is down: the peer does not answer\n");
  for (int i = 0; i < 1000; ++i) journal.take(0, note);
  lines.str("");
  SmallEngine small;
  journal.look(Time{1}, *small.engine);
  CHECK(lines.str() == "warning: 903 lines about associations were left out\n");
  spdlog::set_default_logger(before);
}

TEST_CASE("Limits are told with what is used of them and what was refused", "[operator]") {
  SmallEngine small;
  CHECK(small.ask("{\"command\": \"limits\"}")["error"] == "lcore 0 does not answer");
  for (int turn = 0; turn < 4; ++turn) small.engine->poll(0, Time{1'000});  // an order each
  small.engine->dispatcher().poll();
  small.engine->dispatcher().while_waiting = [&] { small.engine->poll(0, Time{2'000}); };
  const json limits = small.ask("{\"command\": \"limits\"}")["result"]["limits"];
  const auto row = [&](const char* limit) {
    for (const json& one : limits) {
      if (one["limit"] == limit) return one;
    }
    return json();
  };
  const json associations = row("associations_max");
  CHECK(associations["most"] == small.engine->config().limits.associations);
  CHECK(associations["used"] == 0);
  CHECK(associations["bytes"] == 0);
  CHECK(associations["refused"] == 0);
  CHECK(associations["counted"] == "drop_association_limit");
  CHECK(row("half_open_rate_max")["most"] == 20'000);
  CHECK(row("half_open_rate_max")["counted"] == "drop_half_open");
  CHECK_FALSE(row("half_open_rate_max").contains("used"));
  CHECK_FALSE(row("associations_per_peer_max").contains("most"));  // any number
  CHECK(row("associations of one application")["counted"] == "drop_application_share");
  CHECK(row("chunks in flight of one application")["counted"] == "waits_for_share");
  // Each that a counter is named for.
  for (const json& one : limits) CHECK(one.contains("counted"));
}

TEST_CASE("What a limit has refused is told by its count", "[operator]") {
  ShardLimits limits;
  limits.inits.in_all = 1;
  SmallEngine small(limits);
  for (int turn = 0; turn < 4; ++turn) small.engine->poll(0, Time{1'000});  // an order each
  small.engine->dispatcher().poll();
  small.engine->dispatcher().while_waiting = [&] { small.engine->poll(0, Time{3'000}); };
  CHECK(small.limit("init_rate_max")["refused"] == 0);
  for (const char* source : {"10.0.0.7", "10.0.0.8", "10.0.0.9"}) small.receive(init_from(source));
  small.engine->poll(0, Time{3'000});
  const json inits = small.limit("init_rate_max");
  CHECK(inits["most"] == 1);
  CHECK(inits["refused"] == 2);
  CHECK(inits["counted"] == "drop_init_rate");
  CHECK(small.limit("init_rate_per_source_max")["refused"] == 0);
}

TEST_CASE("An lcore that does not answer is an error and holds nothing up for ever", "[operator]") {
  SmallEngine small;  // nobody polls it
  const json answer = small.ask("{\"command\": \"associations\"}");
  CHECK(answer["ok"] == false);
  CHECK(answer["error"] == "lcore 0 does not answer");
}

TEST_CASE("A run directory admits one engine at a time", "[operator]") {
  Directory directory;
  const std::string path = directory.path + "/deep/run";
  std::string error;
  auto first = RunDirectory::open(path, error);
  REQUIRE(first != nullptr);
  CHECK(RunDirectory::open(path, error) == nullptr);
  CHECK(error == path + ": another engine runs there, process " + std::to_string(getpid()));
  first.reset();
  CHECK_FALSE(std::filesystem::exists(path + "/lock"));
  CHECK(RunDirectory::open(path, error) != nullptr);
}

TEST_CASE("A client says why there is no answer", "[operator]") {
  Directory directory;
  ctl::Client client(directory.path + "/nothing");
  json result;
  std::string error;
  CHECK_FALSE(client.ask({{"command", "status"}}, result, error));
  CHECK_THAT(error, Catch::Contains("no engine runs there"));
}
