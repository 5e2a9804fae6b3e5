// A peer made by hand that the shard connects to.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "tests/support/raw_peer.h"

namespace millrace::test {

/// A peer that the shard connects to. Leaves it in COOKIE-WAIT.
struct Connecting : RawPeer {
  explicit Connecting(const Parameters& parameters = {},
                      const std::vector<IpAddress>& to = {address("10.0.0.9")})
      : RawPeer(parameters, to[0]) {
    const bool has_v6 = std::any_of(to.begin(), to.end(), [](auto& one) { return !one.is_v4(); });
    const IpAddress own[] = {end.addresses()[0], end.addresses()[1], address("2001:db8::1")};
    if (has_v6) end.shard().set_local_addresses(own);
    ConnectRequest request;
    request.owner = End::kOwner;
    request.local_port = kEndPort;
    request.peer_port = kPort;
    request.peers = to;
    REQUIRE(end.shard().connect(now, request, handle) == Status::kOk);
    collect();
    const InitView fields = InitView::parse(last_chunk()).value();
    end_tag = fields.initiate_tag;
    end_tsn = fields.initial_tsn.value;
    init = replies.back();
    take();
  }
  void answer_init(const Packet& parameters = tlv_of(7, Packet(40, 0xcc))) {
    send({init_of(ChunkType::kInitAck, kTag, parameters)});
  }
  AssociationHandle handle;
  Packet init;  ///< as the shard has sent it
};

}  // namespace millrace::test
