// mr-diameter-server: answers capabilities exchanges, watchdogs and credit control requests.
#include <cerrno>
#include <cstdio>

#include "arguments.h"
#include "complaint.h"
#include "diameter.h"
#include "millrace.h"
#include "outbox.h"
#include "stop.h"

namespace {

struct Server {
  mr_context* context;
  Outbox outbox;
  diameter::Writer answer;
  unsigned long answered = 0;
  unsigned long malformed = 0;
  bool is_failed = false;

  /// The request's own AVPs, ours in place of its origin, and a result.
  bool write_answer(std::string_view request) {
    const auto header = diameter::Header::read(request);
    if (!header || !header->is_request()) return false;
    diameter::Header reply = *header;
    reply.flags &= static_cast<uint8_t>(~diameter::kRequest);
    answer.begin(reply);
    const bool is_good = diameter::each_avp(
        request, [this](uint32_t code, std::string_view whole, std::string_view) {
          if (code != diameter::kOriginHost && code != diameter::kOriginRealm &&
              code != diameter::kDestinationRealm)
            answer.raw(whole);
        });
    answer.number(diameter::kResultCode, diameter::kSuccess);
    answer.text(diameter::kOriginHost, "server.millrace.example");
    answer.text(diameter::kOriginRealm, "millrace.example");
    return is_good;
  }

  void on_event(const mr_event& event) {
    switch (event.type) {
      case MR_EVENT_LISTENING:
        is_failed = complain_of_listening(event);
        if (!is_failed) std::printf("ready\n");
        std::fflush(stdout);
        break;
      case MR_EVENT_MESSAGE:
        if (write_answer({static_cast<const char*>(event.data), event.length})) {
          const std::string& bytes = answer.finish();
          answered += outbox.send(context, event.association, bytes.data(), bytes.size(),
                                  event.stream, event.ppid, 0);
        } else {
          ++malformed;
          mr_abort(context, event.association, "not Diameter", 12);
        }
        break;
      case MR_EVENT_WRITABLE:
        if (!outbox.on_writable(context, event.association))
          mr_abort(context, event.association, "cannot send", 11);
        break;
      case MR_EVENT_ASSOCIATION_DOWN:
        complain_of_end(event);
        outbox.on_down(event.association);
        break;
      default:
        break;
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv,
                            "mr-diameter-server [--socket PATH] [--port N] [--bind ADDRESS,...]");
  stop_on_signals();
  Server server{arguments.attach(), {}, {}};
  const std::vector<mr_address> local = arguments.addresses("--bind");
  mr_listen_options options{};
  options.port = arguments.port(3868);
  options.addresses = local.data();
  options.address_count = static_cast<uint16_t>(local.size());
  if (mr_listen(server.context, &options) != 0) arguments.fail();
  while (is_stopped == 0 && !server.is_failed) {
    mr_event events[64];
    const int count = mr_receive(server.context, events, 64);
    for (int i = 0; i < count; ++i) server.on_event(events[i]);
    mr_flush(server.context);
    if (count == 0) mr_wait(server.context, 1'000'000);
  }
  mr_detach(server.context);
  std::printf("{\"answered\": %lu, \"malformed\": %lu}\n", server.answered, server.malformed);
  return server.is_failed ? 1 : 0;
}
