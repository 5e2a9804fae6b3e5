#include "engine/main/operator_desk.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "engine/main/log.h"
#include "engine/main/log_level.h"
#include "engine/main/operator_json.h"

namespace millrace {
namespace {

using nlohmann::json;

constexpr std::uint32_t kAnswerAssociationsMax = 1000;  // of one answer, unless more are asked for
constexpr std::size_t kAssociationsCounted = 10'000;    // for listeners: more take too long

std::string text_in(const json& question, const char* key) {
  const auto found = question.find(key);
  if (found == question.end() || !found->is_string())
    throw BadQuestion(std::string("\"") + key + "\" must be a string");
  return found->get<std::string>();
}

std::uint32_t number_in(const json& question, const char* key, std::uint32_t otherwise) {
  const auto found = question.find(key);
  if (found == question.end()) return otherwise;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > UINT32_MAX)
    throw BadQuestion(std::string("\"") + key + "\" must be a number, 0 or more");
  return found->get<std::uint32_t>();
}

json counters_json(const Counters& counters) {
  json object = json::object();
  for (std::size_t i = 0; i < kCounters; ++i) {
    const auto counter = static_cast<Counter>(i);
    object[std::string(counter_name(counter))] = counters.get(counter);
  }
  return object;
}

std::string prefix_text(const Prefix& prefix) {
  return prefix.address.to_string() + "/" + std::to_string(prefix.length);
}

std::string dump(const json& value) {
  // Text that came from outside may be no UTF-8: replaced, not refused.
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string OperatorDesk::answer(std::string_view question) {
  const json parsed = json::parse(question, nullptr, false);
  try {
    if (!parsed.is_object()) throw BadQuestion("a question is one JSON object on one line");
    return dump({{"ok", true}, {"result", run(parsed)}});
  } catch (const BadQuestion& fault) {
    return dump({{"ok", false}, {"error", fault.what()}});
  }
}

json OperatorDesk::run(const json& question) {
  const std::string command = text_in(question, "command");
  if (command == "status") return status();
  if (command == "associations") return associations(question);
  if (command == "counters") return counters();
  if (command == "ports") return ports();
  if (command == "interfaces") return interfaces();
  if (command == "routes") return routes();
  if (command == "neighbours") return neighbours();
  if (command == "applications") return applications();
  if (command == "listeners") return listeners();
  if (command == "lcores") return lcores();
  if (command == "limits") return limits();
  if (command == "metrics") return {{"text", render_metrics(engine_, started_by_calendar_)}};
  if (command == "abort") return abort(question);
  if (command == "log-level") return log_level(question);
  throw BadQuestion("no such command: " + command);
}

json OperatorDesk::status() {
  std::int32_t associations = 0;
  for (std::size_t i = 0; i < engine_.lcores(); ++i) associations += engine_.associations(i);
  return {{"name", engine_.config().engine.name},
          {"version", MILLRACE_VERSION},
          {"pid", getpid()},
          {"state", engine_.is_stopping() ? "stopping" : "running"},
          {"uptime_s", static_cast<double>((now_ - started_).milliseconds()) / 1000.0},
          {"lcores", engine_.lcores()},
          {"polling", engine_.config().engine.busy_polling ? "busy" : "adaptive"},
          {"huge_pages", engine_.resources().has_huge_pages},
          {"associations", associations},
          {"applications", engine_.applications().count()},
          {"applications_refused", engine_.attach_server().refused()},
          {"run_directory", engine_.config().engine.run_directory}};
}

template <class Each>
void OperatorDesk::each_association(Each&& each) {
  for (std::size_t lcore = 0; lcore < engine_.lcores(); ++lcore) {
    std::uint32_t cursor = 0;
    for (;;) {
      const auto found = answer_of(lcore, engine_.dispatcher().snapshot(lcore, cursor));
      if (found.empty()) break;
      for (const AssociationStatus& status : found) {
        if (!each(lcore, status)) return;
      }
    }
  }
}

json OperatorDesk::local_addresses(std::uint64_t mask) const {
  json list = json::array();
  // The same on every lcore, and for as long as the engine runs.
  const std::span<const IpAddress> all = engine_.worker(0).shard().local_addresses();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (mask == 0 || (mask >> i & 1) != 0) list.push_back(all[i].to_string());
  }
  if ((mask >> kLoopbackV4Bit & 1) != 0) list.push_back("127.0.0.0/8");
  if ((mask >> kLoopbackV6Bit & 1) != 0) list.push_back("::1");
  return list;
}

json OperatorDesk::associations(const json& question) {
  const std::uint32_t most = number_in(question, "limit", kAnswerAssociationsMax);
  json list = json::array();
  bool has_more = false;
  each_association([&](std::size_t lcore, const AssociationStatus& status) {
    has_more = list.size() >= most;
    if (has_more) return false;
    json association = to_json(lcore, status, engine_.applications().name_of(status.owner));
    association["local_addresses"] = local_addresses(status.locals);
    list.push_back(std::move(association));
    return true;
  });
  return {{"associations", std::move(list)}, {"more", has_more}};
}

json OperatorDesk::listeners() {
  // Each lcore has each listener, and it is told once.
  using Name = std::tuple<std::uint16_t, Owner, std::uint64_t>;  // its port, and whose which it is
  std::map<Name, ListenerStatus> by_name;
  for (std::size_t lcore = 0; lcore < engine_.lcores(); ++lcore) {
    std::uint32_t cursor = 0;
    for (;;) {
      const auto found = answer_of(lcore, engine_.dispatcher().listeners(lcore, cursor));
      if (found.empty()) break;
      for (const ListenerStatus& listener : found)
        by_name.emplace(Name{listener.port, listener.owner, listener.context}, listener);
    }
  }
  std::map<Name, std::size_t> associations;
  std::size_t seen = 0;
  each_association([&](std::size_t, const AssociationStatus& status) {
    if (!status.is_begun_here) ++associations[{status.local_port, status.owner, status.context}];
    return ++seen <= kAssociationsCounted;
  });
  json list = json::array();
  for (const auto& [name, listener] : by_name) {
    json row{{"port", listener.port},
             {"application", engine_.applications().name_of(listener.owner)},
             {"context", listener.context},
             {"addresses", local_addresses(listener.locals)},
             {"all_addresses", listener.locals == 0}};
    if (seen <= kAssociationsCounted) row["associations"] = associations[name];
    list.push_back(std::move(row));
  }
  return {{"listeners", std::move(list)}};
}

json OperatorDesk::counters() const {
  json lcores = json::array();
  json sum = json::object();
  json help = json::object();
  for (std::size_t i = 0; i < engine_.lcores(); ++i)
    lcores.push_back(counters_json(engine_.counters(i)));
  for (std::size_t i = 0; i < kCounters; ++i) {
    const auto counter = static_cast<Counter>(i);
    std::uint64_t total = 0;
    for (std::size_t lcore = 0; lcore < engine_.lcores(); ++lcore)
      total += engine_.counters(lcore).get(counter);
    sum[std::string(counter_name(counter))] = total;
    help[std::string(counter_name(counter))] = counter_help(counter);
  }
  return {{"lcores", std::move(lcores)}, {"sum", std::move(sum)}, {"help", std::move(help)}};
}

json OperatorDesk::ports() const {
  json list = json::array();
  if (engine_.resources().port_statuses) {
    for (const PortStatus& port : engine_.resources().port_statuses())
      list.push_back(to_json(port));
  }
  return {{"ports", std::move(list)}};
}

json OperatorDesk::interfaces() const {
  json list = json::array();
  const auto& interfaces = engine_.config().interfaces;
  for (std::size_t i = 0; i < interfaces.size(); ++i) {
    json addresses = json::array();
    for (const Prefix& prefix : interfaces[i].addresses)
      addresses.push_back(prefix.address.to_string() + "/" + std::to_string(prefix.length));
    list.push_back({{"name", interfaces[i].name},
                    {"device", interfaces[i].device},
                    {"port", engine_.resources().interface_ports[i]},
                    {"vlan", interfaces[i].vlan},
                    {"mtu", interfaces[i].mtu},
                    {"impaired", !interfaces[i].impairment.is_none()},
                    {"addresses", std::move(addresses)}});
  }
  return {{"interfaces", std::move(list)}};
}

json OperatorDesk::routes() const {
  json list = json::array();
  const auto& interfaces = engine_.config().interfaces;
  for (const InterfaceSettings& interface : interfaces) {
    for (const Prefix& prefix : interface.addresses)
      list.push_back(
          {{"to", prefix_text(prefix.network())}, {"via", ""}, {"interface", interface.name}});
  }
  for (const RouteSettings& route : engine_.config().routes) {
    std::string name = route.interface;
    for (const InterfaceSettings& interface : interfaces) {
      for (const Prefix& prefix : interface.addresses) {
        if (name.empty() && prefix.contains(route.via)) name = interface.name;
      }
    }
    list.push_back({{"to", prefix_text(route.to.network())},
                    {"via", route.via.to_string()},
                    {"interface", name}});
  }
  return {{"routes", std::move(list)}};
}

json OperatorDesk::neighbours() {
  json list = json::array();
  for (std::size_t lcore = 0; lcore < engine_.lcores(); ++lcore) {
    std::uint32_t cursor = 0;
    for (;;) {
      const auto found = answer_of(lcore, engine_.dispatcher().neighbours(lcore, cursor));
      if (found.empty()) break;
      for (const net::NeighbourStatus& neighbour : found) {
        list.push_back({{"lcore", lcore},
                        {"address", neighbour.address.to_string()},
                        {"mac", neighbour.mac == MacAddress{} ? "" : mac_text(neighbour.mac)},
                        {"interface", engine_.config().interfaces[neighbour.interface_index].name},
                        {"state", neighbour.state}});
      }
    }
  }
  return {{"neighbours", std::move(list)}};
}

json OperatorDesk::applications() const {
  json list = json::array();
  for (const ipc::ApplicationInfo& application : engine_.attach_server().applications())
    list.push_back(to_json(application));
  return {{"applications", std::move(list)}};
}

json OperatorDesk::lcores() const {
  json list = json::array();
  for (std::size_t i = 0; i < engine_.lcores(); ++i) {
    const Counters& counters = engine_.counters(i);
    const std::uint64_t polls = counters.get(Counter::polls);
    const std::uint64_t idle = counters.get(Counter::polls_idle);
    list.push_back({{"lcore", i},
                    {"cpu", engine_.resources().lcores[i].cpu},
                    {"associations", engine_.associations(i)},
                    {"polls", polls},
                    {"polls_idle", idle},
                    {"buffers_free", engine_.worker(i).free_buffers()},
                    {"packets_received", counters.get(Counter::packets_received)},
                    {"packets_sent", counters.get(Counter::packets_sent)},
                    {"messages_delivered", counters.get(Counter::messages_delivered)},
                    {"messages_sent", counters.get(Counter::messages_sent)},
                    {"handoff_in", counters.get(Counter::handoff_in)},
                    {"handoff_out", counters.get(Counter::handoff_out)}});
  }
  json result{{"lcores", std::move(list)}};
  if (engine_.resources().buffer_use) {
    const BufferUse use = engine_.resources().buffer_use();
    std::size_t free = use.free;
    for (std::size_t i = 0; i < engine_.lcores(); ++i) free += engine_.worker(i).free_buffers();
    result["buffers"] = use.count;
    // Lcores work meanwhile: the two numbers are not of one moment.
    result["buffers_in_use"] = use.count - std::min(free, use.count);
  }
  return result;
}

json OperatorDesk::abort(const json& question) {
  AssociationName name = 0;
  const std::string text = text_in(question, "association");
  if (!parse_association(text, name) || lcore_of(name) >= engine_.lcores())
    throw BadQuestion("\"" + text + "\" is not an association's name, e.g. 0x0000000100000003");
  const auto status =
      answer_of(lcore_of(name), engine_.dispatcher().abort(lcore_of(name), handle_of(name)));
  if (status != Status::kOk) throw BadQuestion("no association " + text);
  spdlog::info("association {} aborted by the operator", text);
  return {{"aborted", text}};
}

json OperatorDesk::log_level(const json& question) {
  const std::string level = text_in(question, "level");
  if (!set_log_level(level))
    throw BadQuestion("\"" + level + "\" is not one of " + log_levels_text());
  return {{"level", level}};
}

}  // namespace millrace
