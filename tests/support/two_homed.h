// A peer at two addresses, made by hand.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "tests/support/raw_peer.h"

namespace millrace::test {

inline const IpAddress kFirst = address("10.0.0.9");
inline const IpAddress kSecond = address("10.0.1.9");

/// Timers of a tenth of the usual ones.
inline Parameters quick() {
  Parameters parameters;
  parameters.rto_initial = parameters.rto_min = milliseconds(100);
  parameters.rto_max = milliseconds(400);
  parameters.heartbeat_interval = seconds(1);
  parameters.path_max_retrans = 2;
  parameters.association_max_retrans = 5;
  return parameters;
}

/// A peer at two addresses that answers heartbeats only where it is told to.
struct TwoHomed : RawPeer {
  explicit TwoHomed(const Parameters& parameters = quick()) : RawPeer(parameters) {
    listen();
    send({ask_for_cookie(kTag, tlv_of(5, {10, 0, 1, 9}))});
    handle = end.told.back().handle;
  }

  /// Answers the heartbeats among the replies that went to `to`; forgets the others.
  void answer_heartbeats(const std::set<IpAddress>& to) {
    std::vector<std::pair<IpAddress, Packet>> answers;
    for (std::size_t i = 0; i < replies.size(); ++i) {
      ChunkReader reader(replies[i]);
      while (const auto chunk = reader.next()) {
        if (chunk->type() != ChunkType::kHeartbeat || to.count(destinations[i]) == 0) continue;
        const Bytes info = chunk->value();
        answers.push_back({destinations[i], {info.begin(), info.end()}});
      }
    }
    take();
    for (const auto& [from, info] : answers) {
      send_from(from, end_tag, chunk_of(ChunkType::kHeartbeatAck, 0, info));
    }
  }
  /// Where DATA went since the last call, in order.
  std::vector<IpAddress> take_data_destinations() {
    std::vector<IpAddress> went;
    for (std::size_t i = 0; i < replies.size(); ++i) {
      ChunkReader reader(replies[i]);
      while (const auto chunk = reader.next()) {
        if (chunk->type() == ChunkType::kData) went.push_back(destinations[i]);
      }
    }
    take();
    return went;
  }
  PathStatus path(std::size_t index) {
    AssociationStatus status;
    REQUIRE(end.shard().status(End::kOwner, handle, status) == Status::kOk);
    REQUIRE(status.path_count == 2);
    return status.paths[index];
  }
  AssociationHandle handle;
};

}  // namespace millrace::test
