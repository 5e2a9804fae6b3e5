// How much of its limits a shard uses, for the operator.
#include "engine/shard/shard.h"

namespace millrace {
namespace {

template <class T>
LimitUse use_of(const char* limit, const Slab<T>& slab) {
  return {limit, slab.capacity(), slab.used(), slab.touched() * slab.cell_bytes()};
}

}  // namespace

LimitUses Shard::limit_uses() const {
  LimitUse in_flight = use_of("chunks_sent_max", memory_.tx_chunks);
  in_flight.used = resources_.outbound.chunks_in_flight();
  return {use_of("associations_max", slots_),
          listeners_.use(),
          use_of("messages_queued_max", memory_.messages),
          in_flight,
          use_of("chunks_held_max", memory_.rx_chunks),
          LimitUse{"buffers", config_.limits.buffers_held, buffers_.held_count(), 0},
          use_of("paths", memory_.paths)};
}

}  // namespace millrace
