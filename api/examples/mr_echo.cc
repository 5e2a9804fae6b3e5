// mr-echo: sends every message back where it came from, on the same stream.
#include <cerrno>
#include <cstdio>

#include "arguments.h"
#include "complaint.h"
#include "millrace.h"
#include "outbox.h"
#include "stop.h"

namespace {

struct Echo {
  mr_context* context;
  Outbox outbox{};
  bool is_failed = false;

  void on_event(const mr_event& event) {
    switch (event.type) {
      case MR_EVENT_LISTENING:
        is_failed = complain_of_listening(event);
        if (!is_failed) std::printf("ready\n");
        break;
      case MR_EVENT_MESSAGE:
        // A piece of a very large message goes back as a message of its own.
        if (!outbox.send(context, event.association, event.data, event.length, event.stream,
                         event.ppid, event.flags & MR_UNORDERED))
          mr_abort(context, event.association, "cannot send", 11);
        break;
      case MR_EVENT_WRITABLE:
        if (!outbox.on_writable(context, event.association))
          mr_abort(context, event.association, "cannot send", 11);
        break;
      case MR_EVENT_ASSOCIATION_UP:
      case MR_EVENT_ASSOCIATION_DOWN: {
        char peer[46];
        std::printf("%s %016lx %s\n", event.type == MR_EVENT_ASSOCIATION_UP ? "up" : "down",
                    static_cast<unsigned long>(event.association),
                    event.type == MR_EVENT_ASSOCIATION_UP
                        ? mr_address_format(&event.address, peer, sizeof peer)
                        : "");
        if (event.type == MR_EVENT_ASSOCIATION_UP) break;
        complain_of_end(event);
        outbox.on_down(event.association);
        break;
      }
      default:
        break;
    }
    std::fflush(stdout);
  }
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, "mr-echo [--socket PATH] [--port N] [--bind ADDRESS,...]");
  stop_on_signals();
  Echo echo{arguments.attach()};
  const std::vector<mr_address> local = arguments.addresses("--bind");
  mr_listen_options options{};
  options.port = arguments.port(7);
  options.addresses = local.data();
  options.address_count = static_cast<uint16_t>(local.size());
  if (mr_listen(echo.context, &options) != 0) {
    std::fprintf(stderr, "%s\n", mr_last_error());
    return 1;
  }
  while (is_stopped == 0 && !echo.is_failed) {
    mr_event events[64];
    const int count = mr_receive(echo.context, events, 64);
    for (int i = 0; i < count; ++i) echo.on_event(events[i]);
    mr_flush(echo.context);
    if (count == 0) mr_wait(echo.context, 1'000'000);
  }
  mr_detach(echo.context);
  return echo.is_failed ? 1 : 0;
}
