// What the operator has set as limits, what is used of them, and what was refused for them.
#include <nlohmann/json.hpp>

#include "engine/main/operator_desk.h"

namespace millrace {
namespace {

using nlohmann::json;

/// A limit that nothing is held for, so that there is no use to tell. 0: any number, or a share of
/// what is there (engine/shard/share.h).
struct BareLimit {
  const char* limit;
  std::size_t most;
  Counter refused;
};

json row_of(const char* limit, std::size_t lcore, std::size_t most, Counter refused,
            const Counters& counters) {
  json row{{"limit", limit},
           {"lcore", lcore},
           {"refused", counters.get(refused)},
           {"counted", counter_name(refused)}};
  if (most != 0) row["most"] = most;
  return row;
}

}  // namespace

json OperatorDesk::limits() {
  const ShardLimits& set = engine_.config().limits;
  const BareLimit bare[] = {
      {"associations_per_peer_max", set.associations_per_peer, Counter::drop_peer_limit},
      {"init_rate_max", set.inits.in_all, Counter::drop_init_rate},
      {"init_rate_per_listener_max", set.inits.to_one_listener, Counter::drop_init_rate_listener},
      {"init_rate_per_source_max", set.inits.from_one_source, Counter::drop_init_rate_source},
      {"half_open_rate_max", set.inits.half_open, Counter::drop_half_open},
      {"abort_rate_max", set.out_of_the_blue_answers, Counter::drop_out_of_the_blue_rate},
      {"chunks_held_per_association_max", set.chunks_held_per_association,
       Counter::drop_chunks_held},
      {"receive_buffer", engine_.config().sctp.receive_buffer, Counter::drop_window_full},
      {"associations of one application", 0, Counter::drop_application_share},
      {"chunks in flight of one application", 0, Counter::waits_for_share}};
  json list = json::array();
  for (std::size_t lcore = 0; lcore < engine_.lcores(); ++lcore) {
    const Counters& counters = engine_.counters(lcore);
    for (const LimitUse& use : answer_of(lcore, engine_.dispatcher().limit_uses(lcore))) {
      json row = row_of(use.limit, lcore, use.most, use.refused, counters);
      row["used"] = use.used;
      row["bytes"] = use.bytes;
      list.push_back(std::move(row));
    }
    for (const BareLimit& each : bare)
      list.push_back(row_of(each.limit, lcore, each.most, each.refused, counters));
  }
  return {{"limits", std::move(list)}};
}

}  // namespace millrace
