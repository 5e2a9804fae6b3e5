// mr-diameter-client: an association, a capabilities exchange, then credit control requests at a
// steady rate over several streams. DiameterLoad prints the figures, each second and at the end.
#include <cerrno>
#include <cstdio>

#include "arguments.h"
#include "complaint.h"
#include "diameter_load.h"
#include "millrace.h"
#include "stop.h"

namespace {
struct Client {
  mr_context* context;
  double rate;
  DiameterLoad load{};
  double streams = 8;
  mr_association association = 0;
  bool is_open = false, is_blocked = false, is_over = false, is_good = true;
  std::int64_t started_us = 0, report_us = 0;
  double due_sent = 0;
  void send(std::uint32_t command) {
    const std::string& bytes = load.next(command);
    const auto stream = static_cast<std::uint16_t>(load.sent_count() % std::uint64_t(streams));
    const int status = mr_send(context, association, bytes.data(), bytes.size(), stream,
                               diameter::kPpid, MR_MORE, load.sent_count());
    is_blocked = status == -EAGAIN;  // until MR_EVENT_WRITABLE
    if (status == 0) load.sent();
  }
  void on_event(const mr_event& event) {
    if (event.type == MR_EVENT_ASSOCIATION_UP) {
      association = event.association;
      streams = std::clamp(streams, 1.0, double(event.streams_out));
      send(diameter::kCapabilitiesExchange);
    } else if (event.type == MR_EVENT_MESSAGE) {
      const char* fault = load.on_answer({static_cast<const char*>(event.data), event.length});
      if (fault != nullptr) {
        std::fprintf(stderr, "%s\n", fault);
        is_good = false;
        mr_abort(context, association, "not Diameter", 12);
      }
      if (!is_open) started_us = report_us = now_us();
      is_open = true;
    } else if (event.type == MR_EVENT_WRITABLE) {
      is_blocked = false;
    } else if (event.type == MR_EVENT_ASSOCIATION_FAILED ||
               event.type == MR_EVENT_ASSOCIATION_DOWN) {
      is_over = true;
      if (complain_of_end(event)) is_good = false;
    }
  }
  /// What the steady rate wants by now, and a watchdog request with each second's report.
  void send_due(std::int64_t now) {
    const double due = rate > 0 ? double(now - started_us) * rate / 1e6 : due_sent + 256;
    for (; due_sent < due && !is_blocked && (rate > 0 || load.outstanding() < 4096); ++due_sent)
      send(diameter::kCreditControl);
    if (now - report_us < 1'000'000) return;
    report_us += 1'000'000;
    load.report(false, 1);
    send(diameter::kDeviceWatchdog);
  }
};
}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv,
                            "mr-diameter-client --connect ADDRESS,... [--port N] [--rate N] "
                            "[--seconds N] [--streams N] [--socket PATH]");
  const std::vector<mr_address> peers = arguments.addresses("--connect");
  if (peers.empty()) arguments.fail();
  const double seconds = arguments.number("--seconds", 1e9);
  Client client{arguments.attach(), arguments.number("--rate", 1000)};
  const mr_connect_options options{.peer_port = arguments.port(3868),
                                   .peer_count = static_cast<std::uint16_t>(peers.size()),
                                   .peers = peers.data()};
  client.streams = arguments.number("--streams", 8);
  if (mr_connect(client.context, &options) != 0) arguments.fail();
  stop_on_signals();
  std::int64_t stopped_us = 0;  // no more requests; 0: not yet
  for (bool is_shut_down = false; !client.is_over;) {
    mr_event events[64];
    const int count = mr_receive(client.context, events, 64);
    for (int i = 0; i < count; ++i) client.on_event(events[i]);
    const std::int64_t now = now_us();
    if (client.is_open && double(now - client.started_us) > seconds * 1e6) is_stopped = 1;
    if (stopped_us == 0 && is_stopped != 0) stopped_us = now;
    if (client.is_open && stopped_us == 0) client.send_due(now);
    if (stopped_us != 0 && client.association == 0) break;
    const bool is_settled = client.load.outstanding() == 0 || now - stopped_us > 10'000'000;
    if (stopped_us != 0 && is_settled && !is_shut_down)
      is_shut_down = mr_shutdown(client.context, client.association) != -EAGAIN;
    mr_flush(client.context);
    if (count == 0) mr_wait(client.context, 500);
  }
  const std::int64_t ran_us = (stopped_us != 0 ? stopped_us : now_us()) - client.started_us;
  client.load.report(true, client.is_open ? double(ran_us) / 1e6 : 0);
  mr_detach(client.context);
  return client.is_good && client.load.sent_count() > 0 && client.load.outstanding() == 0 ? 0 : 1;
}
