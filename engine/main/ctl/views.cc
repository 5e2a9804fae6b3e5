#include "engine/main/ctl/views.h"

#include <cstdio>

#include "engine/main/ctl/table.h"

namespace millrace::ctl {
namespace {

using nlohmann::json;

std::string fraction(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

/// A field as it stands in a cell; "-" if the engine did not say.
std::string cell(const json& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end() || found->is_null()) return "-";
  if (found->is_string())
    return found->get<std::string>().empty() ? "-" : found->get<std::string>();
  if (found->is_boolean()) return found->get<bool>() ? "yes" : "no";
  if (found->is_number_float()) return fraction(found->get<double>());
  return found->dump();
}

const json& list(const json& result, const char* key) {
  static const json kNone = json::array();
  const auto found = result.find(key);
  return found != result.end() && found->is_array() ? *found : kNone;
}

std::string joined(const json& row, const char* key) {
  std::string text;
  for (const json& element : list(row, key))
    text += (text.empty() ? "" : " ") + element.get<std::string>();
  return text;
}

struct Column {
  const char* heading;
  const char* key;
};

template <std::size_t N>
Table table_of(const json& rows, const Column (&columns)[N]) {
  std::vector<std::string> headings;
  for (const Column& column : columns) headings.emplace_back(column.heading);
  Table table(headings);
  for (const json& row : rows) {
    std::vector<std::string> cells;
    for (const Column& column : columns) cells.push_back(cell(row, column.key));
    table.add(std::move(cells));
  }
  return table;
}

std::string none_or(const Table& table, const char* none) {
  return table.empty() ? std::string(none) + "\n" : table.to_string();
}

}  // namespace

std::string render_status(const json& result) {
  static constexpr Column kRows[] = {{"engine", "name"},
                                     {"version", "version"},
                                     {"process", "pid"},
                                     {"state", "state"},
                                     {"uptime, s", "uptime_s"},
                                     {"lcores", "lcores"},
                                     {"polling", "polling"},
                                     {"huge pages", "huge_pages"},
                                     {"associations", "associations"},
                                     {"applications", "applications"},
                                     {"run directory", "run_directory"}};
  std::string text;
  for (const Column& row : kRows) {
    std::string heading = row.heading;
    heading.resize(15, ' ');
    text += heading + cell(result, row.key) + "\n";
  }
  return text;
}

std::string render_associations(const json& result) {
  static constexpr Column kColumns[] = {{"association", "association"},
                                        {"lcore", "lcore"},
                                        {"state", "state"},
                                        {"application", "application"},
                                        {"port", "local_port"},
                                        {"peer port", "peer_port"},
                                        {"sent", "messages_sent"},
                                        {"received", "messages_received"},
                                        {"again", "retransmissions"},
                                        {"queued", "queued_messages"},
                                        {"unacked", "unacked_chunks"},
                                        {"peer rwnd", "peer_rwnd"},
                                        {"rwnd", "a_rwnd"},
                                        {"begun", "begun"},
                                        {"local addresses", "local"}};
  static constexpr Column kPathColumns[] = {{"association", "association"},
                                            {"path", "address"},
                                            {"state", "state"},
                                            {"primary", "primary"},
                                            {"cwnd", "cwnd"},
                                            {"in flight", "outstanding"},
                                            {"srtt, ms", "srtt_ms"},
                                            {"rto, ms", "rto_ms"},
                                            {"errors", "errors"},
                                            {"mtu", "mtu"}};
  json associations = list(result, "associations");
  json paths = json::array();
  for (json& association : associations) {
    association["local"] = joined(association, "local_addresses");
    if (association.contains("begun_here"))
      association["begun"] = association.value("begun_here", false) ? "here" : "by peer";
    for (json path : list(association, "paths")) {
      path["association"] = cell(association, "association");
      paths.push_back(std::move(path));
    }
  }
  const Table table = table_of(associations, kColumns);
  std::string text = none_or(table, "no associations");
  if (!paths.empty()) text += "\n" + table_of(paths, kPathColumns).to_string();
  if (result.value("more", false)) text += "there are more: ask with --limit\n";
  return text;
}

std::string render_counters(const json& result, bool all) {
  const json& lcores = list(result, "lcores");
  std::vector<std::string> headings{"counter", "sum"};
  for (std::size_t i = 0; i < lcores.size(); ++i) headings.push_back("lcore " + std::to_string(i));
  headings.emplace_back("what it counts");
  Table table(headings);
  const json sum = result.value("sum", json::object());
  const json help = result.value("help", json::object());
  for (const auto& [name, value] : sum.items()) {
    if (!all && value == 0) continue;
    std::vector<std::string> cells{name, value.dump()};
    for (const json& lcore : lcores) cells.push_back(cell(lcore, name.c_str()));
    cells.push_back(cell(help, name.c_str()));
    table.add(std::move(cells));
  }
  return none_or(table, "all counters are zero");
}

std::string render_ports(const json& result) {
  static constexpr Column kColumns[] = {{"port", "name"},
                                        {"driver", "driver"},
                                        {"mac", "mac"},
                                        {"mtu", "mtu"},
                                        {"up", "up"},
                                        {"Mbit/s", "speed_mbps"},
                                        {"rx packets", "received_packets"},
                                        {"rx bytes", "received_bytes"},
                                        {"missed", "missed"},
                                        {"rx errors", "receive_errors"},
                                        {"tx packets", "sent_packets"},
                                        {"tx bytes", "sent_bytes"},
                                        {"tx errors", "send_errors"},
                                        {"lost on purpose", "lost_on_purpose"}};
  return none_or(table_of(list(result, "ports"), kColumns), "no ports");
}

std::string render_interfaces(const json& result) {
  json rows = list(result, "interfaces");
  for (json& row : rows) {
    row["addresses"] = joined(row, "addresses");
  }
  static constexpr Column kColumns[] = {{"interface", "name"},    {"device", "device"},
                                        {"vlan", "vlan"},         {"mtu", "mtu"},
                                        {"impaired", "impaired"}, {"addresses", "addresses"}};
  return none_or(table_of(rows, kColumns), "no interfaces");
}

std::string render_routes(const json& result) {
  static constexpr Column kColumns[] = {{"to", "to"}, {"via", "via"}, {"interface", "interface"}};
  return none_or(table_of(list(result, "routes"), kColumns), "no routes");
}

std::string render_neighbours(const json& result) {
  static constexpr Column kColumns[] = {{"address", "address"},
                                        {"mac", "mac"},
                                        {"interface", "interface"},
                                        {"state", "state"},
                                        {"lcore", "lcore"}};
  return none_or(table_of(list(result, "neighbours"), kColumns), "no neighbours");
}

std::string render_applications(const json& result) {
  static constexpr Column kColumns[] = {{"context", "context"},
                                        {"application", "name"},
                                        {"process", "pid"},
                                        {"user", "uid"},
                                        {"group", "gid"},
                                        {"bytes", "memory_bytes"},
                                        {"huge pages", "huge_pages"},
                                        {"state", "state"}};
  return none_or(table_of(list(result, "applications"), kColumns), "no applications");
}

std::string render_listeners(const json& result) {
  json rows = list(result, "listeners");
  for (json& row : rows) row["addresses"] = joined(row, "addresses");
  static constexpr Column kColumns[] = {{"port", "port"},
                                        {"application", "application"},
                                        {"context", "context"},
                                        {"associations", "associations"},
                                        {"addresses", "addresses"}};
  return none_or(table_of(rows, kColumns), "no listeners");
}

std::string render_limits(const json& result) {
  static constexpr Column kColumns[] = {
      {"limit", "limit"}, {"lcore", "lcore"},     {"most", "most"},      {"used", "used"},
      {"bytes", "bytes"}, {"refused", "refused"}, {"counted", "counted"}};
  return none_or(table_of(list(result, "limits"), kColumns), "no limits");
}

std::string render_lcores(const json& result) {
  json rows = list(result, "lcores");
  for (json& row : rows) {
    const double polls = row.value("polls", 0.0);
    row["busy"] =
        polls == 0 ? "-" : fraction(100 - 100 * row.value("polls_idle", 0.0) / polls) + "%";
  }
  static constexpr Column kColumns[] = {{"lcore", "lcore"},
                                        {"cpu", "cpu"},
                                        {"associations", "associations"},
                                        {"polls", "polls"},
                                        {"with work", "busy"},
                                        {"packets in", "packets_received"},
                                        {"packets out", "packets_sent"},
                                        {"messages in", "messages_delivered"},
                                        {"messages out", "messages_sent"},
                                        {"handed over", "handoff_out"},
                                        {"taken over", "handoff_in"}};
  std::string text = none_or(table_of(rows, kColumns), "no lcores");
  if (result.contains("buffers"))
    text += "\npacket buffers: " + cell(result, "buffers") + ", " + cell(result, "buffers_in_use") +
            " in use\n";
  return text;
}

}  // namespace millrace::ctl
