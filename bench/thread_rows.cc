// Rows of what passes between threads: an application, the engine, another application.
#include <atomic>
#include <thread>

#include "api/millrace.h"
#include "bench/clocks.h"
#include "bench/engine_thread.h"
#include "bench/extra_rows.h"
#include "bench/traffic/generator.h"
#include "bench/traffic/progress.h"
#include "bench/traffic/sink.h"

namespace millrace::bench {
namespace {

constexpr std::uint16_t kPort = 5001;
constexpr std::uint32_t kSpinUs = 1'000'000;
constexpr timespec kPause{0, 1'000'000};  // in which both sides fall asleep
constexpr double kEchoRate = 2000;

Time now() {
  return Time{read_ns(CLOCK_MONOTONIC)};
}

/// Waits for an event of this type, and gives its association.
mr_association await(mr_context* context, std::uint8_t type) {
  const Time end = now() + seconds(10);
  while (now() < end) {
    mr_event event;
    mr_wait(context, 1'000'000);
    while (mr_receive(context, &event, 1) > 0) {
      if (event.type == type) return event.association;
    }
  }
  fail("the engine does not answer");
}

mr_context* attach(const std::string& socket, std::uint32_t spin_us) {
  mr_attach_options options{};
  options.socket = socket.c_str();
  options.spin_us = spin_us;
  mr_context* context = nullptr;
  if (mr_attach(&options, &context) != 0) fail(std::string("attach: ") + mr_last_error());
  return context;
}

/// An association of the context with itself.
mr_association associate(mr_context* context) {
  mr_listen_options listen{};
  listen.port = kPort;
  if (mr_listen(context, &listen) != 0) fail("mr_listen");
  await(context, MR_EVENT_LISTENING);
  mr_address peer;
  mr_address_parse(EngineThread::kAddress, &peer);
  mr_connect_options connect{};
  connect.peer_port = kPort;
  connect.peer_count = 1;
  connect.peers = &peer;
  if (mr_connect(context, &connect) != 0) fail("mr_connect");
  return await(context, MR_EVENT_ASSOCIATION_UP);
}

std::string percentiles(const Histogram& histogram) {
  const auto at = [&histogram](double percent) {
    return human_time(static_cast<double>(histogram.percentile(percent)));
  };
  return "p50 " + at(50) + ", p99 " + at(99) + ", p99.9 " + at(99.9);
}

}  // namespace

Row ring_row(const ExtraPlan& plan, bool sleeps) {
  EngineThread engine(!sleeps);
  mr_context* context = attach(engine.applications_socket(), sleeps ? 0 : kSpinUs);
  const mr_association association = associate(context);
  Histogram histogram;
  const Time end = now() + plan.span * plan.trials;
  while (now() < end) {
    if (sleeps) nanosleep(&kPause, nullptr);
    const Time asked = now();
    if (mr_get_status(context, association) != 0) fail("mr_get_status");
    await(context, MR_EVENT_STATUS);
    histogram.add(static_cast<std::uint64_t>((now() - asked).ns));
  }
  mr_detach(context);
  return {sleeps ? "ring-sleep" : "ring-spin",
          static_cast<double>(histogram.percentile(50)),
          0,
          "ns",
          0,
          percentiles(histogram) + (sleeps ? "; both sides asleep" : "; both sides spin"),
          "nothing"};
}

Row echo_row(const ExtraPlan& plan) {
  EngineThread engine(false);
  EndpointOptions options;
  options.socket = engine.applications_socket();
  options.port = kPort;
  std::atomic<bool> is_listening{false}, is_over{false};
  std::thread server([&] {
    const auto endpoint = make_native_endpoint(options);
    Sink sink({}, *endpoint, now);
    endpoint->listen();
    endpoint->wait(seconds(5));  // until the engine says that it listens
    is_listening = true;
    while (!is_over) {
      sink.turn();
      endpoint->wait(milliseconds(20));
    }
  });
  EndpointOptions client_options = options;
  client_options.peers = {EngineThread::kAddress};
  Load load;
  std::string error;
  load.sizes = *SizeMix::parse("1024", error);
  load.rate = kEchoRate;
  load.warm_up = plan.span / 2;
  load.duration = plan.span * plan.trials;
  while (!is_listening) nanosleep(&kPause, nullptr);
  const auto endpoint = make_native_endpoint(client_options);
  Generator generator(load, *endpoint, now);
  while (generator.turn()) {
    const Duration idle = generator.idle_for();
    if (idle > Duration{}) endpoint->wait(idle);
  }
  is_over = true;
  server.join();
  const Measured& it = generator.measured();
  if (it.received == 0) fail("no echo came back");
  return {"echo-1024", static_cast<double>(it.latency.percentile(50)),
          0,           "ns",
          0,           percentiles(it.latency) + "; 2000 a second from their times, all may sleep",
          "nothing"};
}

}  // namespace millrace::bench
