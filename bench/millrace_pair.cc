#include "bench/millrace_pair.h"

#include <cerrno>
#include <vector>

#include "api/context.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kBuffers = 8192;
constexpr std::size_t kWireFrames = 4096;
constexpr std::uint16_t kPort = 3868;
constexpr std::size_t kEvents = 64;  // that an application asks for at once
constexpr std::uint64_t kSetUpsAtOnce = 32;
constexpr const char* kLeft = "10.0.0.1";
constexpr const char* kRight = "10.0.0.2";

}  // namespace

MillracePair::MillracePair(Clock clock)
    : clock_(clock),
      pool_(kBuffers),
      memory_(pool_, kBuffers),
      wire_(pool_, kWireFrames),
      left_(make_host(kLeft, 0)),
      right_(make_host(kRight, 1)) {
  client_.context = api::make_local_context(left_->attach());
  server_.context = api::make_local_context(right_->attach());
  mr_listen_options listen{};
  listen.port = kPort;
  if (mr_listen(server_.context, &listen) != 0) fail("mr_listen");
  mr_address_parse(kRight, &server_address_);
  connect();
  run_until(1, 0);
  clock_.stop();
}

MillracePair::~MillracePair() {
  mr_detach(client_.context);
  mr_detach(server_.context);
}

std::unique_ptr<Host> MillracePair::make_host(const char* address, std::size_t end) {
  HostConfig config;
  net::InterfaceConfig interface;
  interface.name = "wire";
  interface.port = 0;
  interface.traits = drivers::MemoryWire::traits(end);
  interface.addresses = {*Prefix::parse(std::string(address) + "/24")};
  config.interfaces.push_back(interface);
  config.seed = {end + 1, end + 2};
  return std::make_unique<Host>(config, pool_, std::vector<PortQueue*>{&wire_.end(end)});
}

void MillracePair::turn() {
  const Time now = clock_.now();
  left_->poll(now);
  right_->poll(now);
}

// ---- messages ----

Work MillracePair::transfer(const Traffic& traffic, Duration span) {
  const Running running(clock_);
  Flow flow(traffic);
  open(flow);
  const std::array<Way, 2> both = ways_of(flow);
  const Ways ways = Ways(both).first(traffic.is_both_ways ? 2 : 1);
  send_for(ways, span / 8);
  const std::uint64_t before = flow.read();
  const CpuStopwatch stopwatch;
  send_for(ways, span);
  return {flow.read() - before, stopwatch.seconds()};
}

std::array<MillracePair::Way, 2> MillracePair::ways_of(Flow& flow) {
  const Traffic& what = flow.traffic;
  const std::uint32_t flags = what.is_unordered ? MR_UNORDERED : 0;
  return {{{client_, server_, flow.there, flow.arrived_there, flags, what.is_in_place},
           {server_, client_, flow.back, flow.arrived_back, flags, what.is_in_place}}};
}

void MillracePair::send_for(Ways ways, Duration span) {
  const Time end = clock_.now() + span;
  while (clock_.now() < end) go_round(ways);
  drain(ways);
}

void MillracePair::open(Flow& flow) {
  if (!flow.traffic.is_in_place) return;
  for (const Way& way : ways_of(flow)) fill_slots(way);
}

/// Slots are used again as they are given back, so whichever is asked for has the bytes of a
/// message in it.
void MillracePair::fill_slots(const Way& way) {
  std::vector<void*> slots;
  while (void* slot = mr_buffer_alloc(way.from.context, way.writer.size())) {
    way.writer.fill(slot);
    slots.push_back(slot);
  }
  for (void* slot : slots) mr_buffer_free(way.from.context, slot);
}

void MillracePair::carry(Flow& flow, std::uint64_t messages) {
  const std::array<Way, 2> both = ways_of(flow);
  const Ways ways = Ways(both).first(flow.traffic.is_both_ways ? 2 : 1);
  const std::uint64_t goal = flow.there.written() + flow.back.written() + messages;
  while (flow.there.written() + flow.back.written() < goal) go_round(ways);
  drain(ways);
}

void MillracePair::go_round(Ways ways) {
  for (const Way& way : ways) send_some(way, 0);
  turn();
  receive(ways);
}

// The last one asks for its acknowledgement at once, so that nothing is left behind.
void MillracePair::drain(Ways ways) {
  const Time end = clock_.now() + seconds(30);
  for (const Way& way : ways) {
    bool is_sent = false;
    while (!is_sent || way.reader.read() < way.writer.written()) {
      if (!is_sent) is_sent = send_some(way, MR_SACK_AT_ONCE);
      turn();
      receive(ways);
      if (clock_.now() > end) fail("Millrace: messages did not arrive");
    }
  }
  for (int i = 0; i < 8; ++i) turn();
}

/// A batch, or with flags one message. False if there was no room for the last one.
bool MillracePair::send_some(const Way& way, std::uint32_t flags) {
  Writer& writer = way.writer;
  const std::size_t count = flags != 0 ? 1 : batch_of(writer.size());
  for (std::size_t i = 0; i < count; ++i) {
    const int status = send_one(way, MR_MORE | way.flags | flags);
    if (status == 0) continue;
    if (status != -EAGAIN) fail(std::string("mr_send: ") + mr_last_error());
    writer.take_back();
    return false;
  }
  mr_flush(way.from.context);
  return true;
}

int MillracePair::send_one(const Way& way, std::uint32_t flags) {
  Writer& writer = way.writer;
  mr_context* context = way.from.context;
  if (!way.is_in_place) {
    return mr_send(context, way.from.last, writer.next(), writer.size(), 0, 46, flags, 0);
  }
  void* slot = mr_buffer_alloc(context, writer.size());
  if (slot == nullptr) {
    writer.next();  // to be taken back
    return -EAGAIN;
  }
  writer.next_in(slot);
  const int status = mr_send_buffer(context, way.from.last, slot, writer.size(), 0, 46, flags, 0);
  if (status != 0) mr_buffer_free(context, slot);
  return status;
}

void MillracePair::receive(Ways ways) {
  if (ways.size() == 1) {
    // What is there for the sender: that it may write again.
    std::array<mr_event, kEvents> events;
    while (mr_receive(client_.context, events.data(), events.size()) > 0) {
    }
  }
  for (const Way& way : ways) receive(way);
}

void MillracePair::receive(const Way& way) {
  std::array<mr_event, kEvents> events;
  int count = 0;
  while ((count = mr_receive(way.to.context, events.data(), events.size())) > 0) {
    for (int i = 0; i < count; ++i) {
      const mr_event& event = events[static_cast<std::size_t>(i)];
      if (event.type == MR_EVENT_WRITABLE) continue;
      if (event.type != MR_EVENT_MESSAGE) fail("Millrace: an event where a message should be");
      way.reader.take(event.data, event.length);
    }
  }
}

// ---- associations ----

void MillracePair::connect() {
  mr_connect_options options{};
  options.peer_port = kPort;
  options.peer_count = 1;
  options.peers = &server_address_;
  if (mr_connect(client_.context, &options) != 0)
    fail(std::string("mr_connect: ") + mr_last_error());
}

void MillracePair::take_events(Application& application, bool shuts_down) {
  std::array<mr_event, kEvents> events;
  int count = 0;
  while ((count = mr_receive(application.context, events.data(), events.size())) > 0) {
    for (int i = 0; i < count; ++i) {
      const mr_event& event = events[static_cast<std::size_t>(i)];
      if (event.type == MR_EVENT_ASSOCIATION_UP) {
        ++application.up;
        application.last = event.association;
        if (shuts_down && mr_shutdown(application.context, event.association) != 0)
          fail("mr_shutdown");
      } else if (event.type == MR_EVENT_ASSOCIATION_DOWN) {
        if (event.reason != MR_REASON_SHUTDOWN) fail("Millrace: an association broke down");
        ++application.down;
      } else if (event.type == MR_EVENT_ASSOCIATION_FAILED) {
        fail("Millrace: an association was not set up, reason " + std::to_string(event.reason));
      }
    }
  }
}

void MillracePair::run_until(std::uint64_t up, std::uint64_t down) {
  const Time end = clock_.now() + seconds(30);
  while (client_.up < up || server_.up < up || client_.down < down || server_.down < down) {
    turn();
    take_events(client_, false);
    take_events(server_, false);
    if (clock_.now() > end) fail("Millrace: associations did not come or go");
  }
}

Work MillracePair::set_up(Duration span) {
  const Running running(clock_);
  const mr_association kept = client_.last, kept_by_server = server_.last;
  const std::uint64_t before = client_.down;
  const std::uint64_t held = client_.up - client_.down;
  std::uint64_t asked = client_.up;
  const CpuStopwatch stopwatch;
  const Time end = clock_.now() + span;
  while (clock_.now() < end) {
    for (; asked - client_.down - held < kSetUpsAtOnce; ++asked) connect();
    turn();
    take_events(client_, true);
    take_events(server_, false);
  }
  while (client_.down + held < asked || server_.down + held < asked) {
    turn();
    take_events(client_, true);
    take_events(server_, false);
    if (clock_.now() > end + seconds(30)) fail("Millrace: associations did not come or go");
  }
  client_.last = kept;
  server_.last = kept_by_server;
  if (client_.up != server_.up) fail("Millrace: the two ends have seen different associations");
  return {client_.down - before, stopwatch.seconds()};
}

void MillracePair::set_up_some(std::uint64_t associations) {
  const mr_association kept = client_.last, kept_by_server = server_.last;
  const std::uint64_t goal = client_.down + associations;
  const std::uint64_t held = client_.up - client_.down;
  std::uint64_t asked = client_.down;
  while (client_.down < goal || server_.down < goal) {
    for (; asked < goal && asked - client_.down < kSetUpsAtOnce; ++asked) connect();
    turn();
    take_events(client_, true);
    take_events(server_, false);
  }
  client_.last = kept;
  server_.last = kept_by_server;
  if (client_.up - client_.down != held) fail("Millrace: associations did not come or go");
}

std::vector<std::size_t> MillracePair::packets_of_set_up() {
  const Running running(clock_);
  const mr_association kept = client_.last, kept_by_server = server_.last;
  const std::uint64_t goal = client_.down + 1;
  std::vector<std::size_t> sizes;
  const Time end = clock_.now() + seconds(30);
  connect();
  while (client_.down < goal || server_.down < goal) {
    const Time now = clock_.now();
    left_->poll(now);
    note_packets(0, sizes);
    right_->poll(now);
    note_packets(1, sizes);
    take_events(client_, true);
    take_events(server_, false);
    if (now > end) fail("Millrace: an association did not come or go");
  }
  client_.last = kept;
  server_.last = kept_by_server;
  return sizes;
}

/// Takes what this end has sent off the wire, and puts it back.
void MillracePair::note_packets(std::size_t from, std::vector<std::size_t>& sizes) {
  constexpr std::size_t kBefore = 14 + 20;  // Ethernet, IPv4
  std::array<Buffer*, kBurstMax> frames;
  const std::size_t count = wire_.end(1 - from).receive(frames);
  for (std::size_t i = 0; i < count; ++i) {
    if (frames[i]->length > kBefore + 12) sizes.push_back(frames[i]->length - kBefore);
  }
  wire_.end(from).send({frames.data(), count});
}

void MillracePair::hold(std::size_t associations) {
  const Running running(clock_);
  const std::uint64_t goal = client_.up + associations;
  while (client_.up < goal) {
    const std::uint64_t step = std::min<std::uint64_t>(kSetUpsAtOnce, goal - client_.up);
    for (std::uint64_t i = 0; i < step; ++i) connect();
    run_until(client_.up + step, client_.down);
  }
}

}  // namespace millrace::bench
