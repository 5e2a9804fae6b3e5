// What the operator has set as limits, what is used of them, and what was refused for them.
#include <nlohmann/json.hpp>

#include "engine/main/operator_desk.h"

namespace millrace {
namespace {

using nlohmann::json;

/// Which counter tells that a limit was met; the same one may do for several.
struct Refusal {
  std::string_view limit;
  Counter counter;
};

constexpr Refusal kRefusals[] = {
    {"associations_max", Counter::drop_association_limit},
    {"listeners_max", Counter::requests_over_share},
    {"messages_queued_max", Counter::requests_over_share},
    {"chunks_sent_max", Counter::waits_for_memory},
    {"chunks_held_max", Counter::drop_receive_share},
    {"buffers", Counter::drop_receive_share},
    {"paths", Counter::drop_association_limit},
    {"associations_per_peer_max", Counter::drop_peer_limit},
    {"init_rate_max", Counter::drop_init_rate},
    {"init_rate_per_listener_max", Counter::drop_init_rate_listener},
    {"init_rate_per_source_max", Counter::drop_init_rate_source},
    {"half_open_rate_max", Counter::drop_half_open},
    {"abort_rate_max", Counter::drop_out_of_the_blue_rate},
    {"chunks_held_per_association_max", Counter::drop_chunks_held},
    {"receive_buffer", Counter::drop_window_full},
    {"associations of one application", Counter::drop_application_share},
    {"chunks in flight of one application", Counter::waits_for_share},
};

void add_refusals(json& row, std::string_view limit, const Counters& counters) {
  for (const Refusal& refusal : kRefusals) {
    if (refusal.limit != limit) continue;
    row["refused"] = counters.get(refusal.counter);
    row["counted"] = counter_name(refusal.counter);
  }
}

}  // namespace

json OperatorDesk::limits() {
  const ShardLimits& set = engine_.config().limits;
  // 0: any number, or a share of what is there (engine/shard/share.h).
  const std::pair<const char*, std::size_t> of_each[] = {
      {"associations_per_peer_max", set.associations_per_peer},
      {"init_rate_max", set.inits.in_all},
      {"init_rate_per_listener_max", set.inits.to_one_listener},
      {"init_rate_per_source_max", set.inits.from_one_source},
      {"half_open_rate_max", set.inits.half_open},
      {"abort_rate_max", set.out_of_the_blue_answers},
      {"chunks_held_per_association_max", set.chunks_held_per_association},
      {"receive_buffer", engine_.config().sctp.receive_buffer},
      {"associations of one application", 0},
      {"chunks in flight of one application", 0}};
  json list = json::array();
  for (std::size_t lcore = 0; lcore < engine_.lcores(); ++lcore) {
    const auto uses = engine_.dispatcher().limit_uses(lcore);
    const auto add = [&](json row, const char* limit, std::size_t most) {
      row["limit"] = limit;
      row["lcore"] = lcore;
      if (most != 0) row["most"] = most;
      add_refusals(row, limit, engine_.counters(lcore));
      list.push_back(std::move(row));
    };
    if (!uses) throw BadQuestion("lcore " + std::to_string(lcore) + " does not answer");
    for (const LimitUse& use : *uses)
      add({{"used", use.used}, {"bytes", use.bytes}}, use.limit, use.most);
    for (const auto& [limit, most] : of_each) add(json::object(), limit, most);
  }
  return {{"limits", std::move(list)}};
}

}  // namespace millrace
