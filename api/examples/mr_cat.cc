// mr-cat: standard input to the peer, what the peer sends to standard output; one association, as
// client (--connect) or as server. The end of the input shuts the association down in both
// directions: SCTP has no half-close, and what the peer has not sent by then does not come.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "arguments.h"
#include "complaint.h"
#include "millrace.h"

namespace {

struct Cat {
  mr_context* context;
  mr_association association = 0;
  char buffer[16384];
  ssize_t held = 0;         // bytes of the buffer that found no room
  bool is_blocked = false;  // until MR_EVENT_WRITABLE
  bool is_input_over = false;
  int exit_status = -1;

  void send() {
    if (association == 0 || is_blocked || held <= 0) return;
    const int status = mr_send(context, association, buffer, static_cast<size_t>(held), 0, 0, 0, 0);
    is_blocked = status == -EAGAIN;
    if (is_blocked) return;
    held = 0;
    if (status == 0) return;
    std::fprintf(stderr, "%s\n", mr_last_error());
    exit_status = 1;
  }
  void read_input() {
    held = read(STDIN_FILENO, buffer, sizeof buffer);
    if (held <= 0) {
      is_input_over = mr_shutdown(context, association) != -EAGAIN;  // or at the next turn
    }
    send();
  }
  void on_event(const mr_event& event) {
    switch (event.type) {
      case MR_EVENT_LISTENING:
        if (complain_of_listening(event)) exit_status = 1;
        break;
      case MR_EVENT_ASSOCIATION_UP:
        if (association != 0) mr_abort(context, event.association, "one at a time", 13);
        if (association == 0) association = event.association;
        break;
      case MR_EVENT_MESSAGE:
        if (event.association == association &&
            write(STDOUT_FILENO, event.data, event.length) != static_cast<ssize_t>(event.length))
          exit_status = 1;
        break;
      case MR_EVENT_WRITABLE:
        is_blocked = false;
        send();
        break;
      case MR_EVENT_ASSOCIATION_FAILED:
      case MR_EVENT_ASSOCIATION_DOWN:
        if (event.type == MR_EVENT_ASSOCIATION_FAILED || event.association == association)
          exit_status = complain_of_end(event) ? 1 : 0;
        break;
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(
      argc, argv, "mr-cat [--socket PATH] [--port N] [--connect ADDRESS,... | --bind ADDRESS,...]");
  Cat cat{arguments.attach()};
  const std::vector<mr_address> peers = arguments.addresses("--connect");
  const std::vector<mr_address> locals = arguments.addresses("--bind");
  const mr_connect_options connect{.peer_port = arguments.port(7),
                                   .peer_count = static_cast<uint16_t>(peers.size()),
                                   .local_count = static_cast<uint16_t>(locals.size()),
                                   .peers = peers.data(),
                                   .locals = locals.data()};
  const mr_listen_options listen{.port = arguments.port(7),
                                 .address_count = static_cast<uint16_t>(locals.size()),
                                 .addresses = locals.data()};
  if ((peers.empty() ? mr_listen(cat.context, &listen) : mr_connect(cat.context, &connect)) != 0) {
    std::fprintf(stderr, "%s\n", mr_last_error());
    return 1;
  }
  while (cat.exit_status < 0) {
    mr_event event;
    while (cat.exit_status < 0 && mr_receive(cat.context, &event, 1) == 1) cat.on_event(event);
    const bool wants_input = cat.association != 0 && cat.held <= 0 && !cat.is_input_over;
    pollfd entries[2] = {{mr_fd(cat.context), POLLIN, 0}, {wants_input ? 0 : -1, POLLIN, 0}};
    if (cat.exit_status < 0) poll(entries, 2, -1);
    if (wants_input && entries[1].revents != 0) cat.read_input();
  }
  mr_detach(cat.context);
  return cat.exit_status;
}
