// How much of its limits a shard uses, for the operator.
#include "engine/shard/shard.h"

namespace millrace {

LimitUses Shard::limit_uses() const {
  LimitUse in_flight = use_of("chunks_sent_max", memory_.tx_chunks, Counter::waits_for_share);
  in_flight.used = resources_.outbound.chunks_in_flight();
  return {use_of("associations_max", slots_, Counter::drop_association_limit),
          listeners_.use(),
          use_of("messages_queued_max", memory_.messages, Counter::requests_over_share),
          in_flight,
          use_of("chunks_held_max", memory_.rx_chunks, Counter::drop_receive_share),
          LimitUse{"buffers", config_.limits.buffers_held, buffers_.held_count(), 0,
                   Counter::drop_receive_share},
          use_of("paths", memory_.paths, Counter::drop_association_limit)};
}

}  // namespace millrace
