#include "bench/flood.h"

#include <array>
#include <cerrno>

#include "api/context.h"
#include "bench/contestant.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kBuffers = 16384;
constexpr std::size_t kWireFrames = 4096;
constexpr std::uint16_t kPort = 3868;
constexpr std::size_t kEvents = 64;

HostConfig config_of(const char* address, std::size_t end, const ShardLimits& limits) {
  HostConfig config;
  net::InterfaceConfig interface;
  interface.name = "wire";
  interface.traits = drivers::MemoryWire::traits(end);
  interface.addresses = {*Prefix::parse(std::string(address) + "/24")};
  config.interfaces.push_back(interface);
  config.limits = limits;
  config.seed = {end + 1, end + 2};
  return config;
}

// The engine that is flooded has a second port, and a route to everyone behind it.
HostConfig flooded_config(const ShardLimits& limits) {
  HostConfig config = config_of("10.0.0.2", 1, limits);
  net::InterfaceConfig interface;
  interface.name = "flood";
  interface.port = 1;
  interface.traits = FloodPort::traits();
  interface.addresses = {*Prefix::parse(std::string(FloodPort::kTarget) + "/24")};
  config.interfaces.push_back(interface);
  config.routes.push_back(
      {*Prefix::parse("0.0.0.0/0"), *IpAddress::parse(FloodPort::kGateway), "flood"});
  return config;
}

}  // namespace

FloodedPair::FloodedPair(const ShardLimits& limits)
    : pool_(kBuffers), memory_(pool_, kBuffers), wire_(pool_, kWireFrames), flood_(pool_) {
  client_ = std::make_unique<Host>(config_of("10.0.0.1", 0, {}), pool_,
                                   std::vector<PortQueue*>{&wire_.end(0)});
  server_ = std::make_unique<Host>(flooded_config(limits), pool_,
                                   std::vector<PortQueue*>{&wire_.end(1), &flood_});
  client_context_ = api::make_local_context(client_->attach());
  server_context_ = api::make_local_context(server_->attach());
  connect();
}

FloodedPair::~FloodedPair() {
  mr_detach(client_context_);
  mr_detach(server_context_);
}

void FloodedPair::connect() {
  mr_listen_options listen{};
  listen.port = kPort;
  if (mr_listen(server_context_, &listen) != 0) fail("mr_listen");
  mr_address peer;
  mr_address_parse("10.0.0.2", &peer);
  mr_connect_options options{};
  options.peer_port = kPort;
  options.peer_count = 1;
  options.peers = &peer;
  for (int i = 0; i < 100; ++i) turn();
  if (mr_connect(client_context_, &options) != 0) fail("mr_connect");
  const Time end = clock_.now() + seconds(10);
  while (association_ == 0) {
    turn();
    serve(nullptr);
    mr_event event;
    while (mr_receive(client_context_, &event, 1) > 0) {
      if (event.type == MR_EVENT_ASSOCIATION_UP) association_ = event.association;
    }
    if (clock_.now() > end) fail("the association did not come up");
  }
}

void FloodedPair::turn() {
  client_->poll(clock_.now());
  const std::int64_t before = read_ns(CLOCK_MONOTONIC);
  server_->poll(Time{before});
  server_ns_ += read_ns(CLOCK_MONOTONIC) - before;
}

// The server's application has its turn.
void FloodedPair::serve(Reader* reader) {
  std::array<mr_event, kEvents> events;
  const std::int64_t before = read_ns(CLOCK_MONOTONIC);
  int count = 0;
  while ((count = mr_receive(server_context_, events.data(), events.size())) > 0) {
    for (int i = 0; i < count; ++i) {
      const mr_event& event = events[static_cast<std::size_t>(i)];
      if (event.type == MR_EVENT_MESSAGE && reader != nullptr) {
        reader->take(event.data, event.length);
      }
      if (event.type == MR_EVENT_ASSOCIATION_DOWN) fail("the association did not survive");
    }
  }
  server_ns_ += read_ns(CLOCK_MONOTONIC) - before;
}

FloodedWork FloodedPair::run(Flood flood, double packets_per_message, std::size_t size,
                             std::uint64_t messages) {
  flood_.prepare(flood, kPort);
  Writer writer(size);
  Reader reader(writer);
  const std::uint64_t poured = flood_.poured();
  const std::uint64_t answers = flood_.answers();
  const Time end = clock_.now() + seconds(60);
  server_ns_ = 0;
  double owed = 0;
  for (std::uint64_t read = 0; read < messages;) {
    for (std::size_t i = 0; i < batch_of(size) && writer.written() < messages; ++i) {
      const int status = mr_send(client_context_, association_, writer.next(), size, 0, 46,
                                 MR_MORE | (writer.written() == messages ? MR_SACK_AT_ONCE : 0), 0);
      if (status == 0) continue;
      if (status != -EAGAIN) fail(std::string("mr_send: ") + mr_last_error());
      writer.take_back();
      break;
    }
    mr_flush(client_context_);
    turn();
    serve(&reader);
    mr_event event;
    while (mr_receive(client_context_, &event, 1) > 0) {
    }
    owed += static_cast<double>(reader.read() - read) * packets_per_message;
    read = reader.read();
    const auto due = static_cast<std::uint64_t>(owed);
    flood_.pour(due);
    owed -= static_cast<double>(due);
    if (clock_.now() > end) fail("messages did not arrive");
  }
  while (flood_.waiting() > 0) turn();
  return {messages, flood_.poured() - poured, flood_.answers() - answers,
          static_cast<double>(server_ns_) * 1e-9};
}

}  // namespace millrace::bench
