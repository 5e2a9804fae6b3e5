// Another application of the engine, which connects to sockets while their process looks away.
#pragma once

#include "api/sockets/process.h"
#include "tests/sockets/engine.h"

namespace millrace::sockets {

class OtherApplication {
 public:
  OtherApplication() {
    start_engine();
    mr_attach_options options{};
    options.socket = getenv("MILLRACE_SOCKET");
    REQUIRE(mr_attach(&options, &context_) == 0);
  }
  ~OtherApplication() { mr_detach(context_); }
  OtherApplication(const OtherApplication&) = delete;
  OtherApplication& operator=(const OtherApplication&) = delete;

  /// Until the association is up at both ends. The process's lock may be held: then it is yet to
  /// hear of it.
  void connect(std::uint16_t port) {
    mr_address peer;
    REQUIRE(mr_address_parse("10.0.0.1", &peer) == 0);
    mr_connect_options options{};
    options.peer_port = port;
    options.peer_count = 1;
    options.peers = &peer;
    REQUIRE(mr_connect(context_, &options) == 0);
    mr_event event{};
    while (event.type != MR_EVENT_ASSOCIATION_UP) {
      REQUIRE(mr_wait(context_, 5'000'000) > 0);
      if (mr_receive(context_, &event, 1) != 1) event = {};
      REQUIRE(event.type != MR_EVENT_ASSOCIATION_FAILED);
    }
    association_ = event.association;
  }
  void send(const std::string& text) {
    REQUIRE(mr_send(context_, association_, text.data(), text.size(), 0, 0, 0, 0) == 0);
  }

 private:
  mr_context* context_ = nullptr;
  mr_association association_ = 0;
};

}  // namespace millrace::sockets
