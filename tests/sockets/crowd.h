// One socket, many peers.
#pragma once

#include <memory>
#include <vector>

#include "tests/sockets/engine.h"

namespace millrace::sockets {

/// A socket with an association to each of several.
struct Crowd {
  static constexpr int kPeers = 3;
  Crowd() : socket(SOCK_SEQPACKET) {
    for (int i = 0; i < kPeers; ++i) {
      const Handle listener(SOCK_STREAM);
      REQUIRE(listener.bind("0.0.0.0", 0) == 0);
      REQUIRE(calls::listen(listener.number, 5) == 0);
      REQUIRE(socket.connect("10.0.0.1", listener.port()) == 0);
      const int accepted = calls::accept(listener.number, nullptr, nullptr, 0);
      REQUIRE(accepted >= 0);
      peers.push_back(std::make_unique<Handle>(Handle::Adopt{accepted}));
    }
    socket.set_non_blocking();
  }
  ssize_t send_all(std::string text, int sctp_flags = 0, int flags = 0) const {
    sctp_sndinfo info{};
    info.snd_flags = static_cast<std::uint16_t>(SCTP_SENDALL | sctp_flags);
    return send_with(socket, std::move(text), info, flags);
  }
  /// Whether each has got this, and nothing before it.
  bool have_got(const std::string& text) const {
    for (const auto& peer : peers) {
      if (receive(*peer).data != text) return false;
    }
    return true;
  }

  Handle socket;
  std::vector<std::unique_ptr<Handle>> peers;
};

}  // namespace millrace::sockets
