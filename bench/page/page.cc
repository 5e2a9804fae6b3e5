#include "bench/page/page.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "bench/page/style.h"
#include "bench/page/svg.h"
#include "bench/traffic/progress.h"

namespace millrace::bench {
namespace {

using Json = nlohmann::ordered_json;
using Records = std::vector<Json>;

std::string fixed(double value, int digits) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

std::string cell(const std::string& text, const char* style = "") {
  return std::string("<td") + (*style != 0 ? std::string(" class='") + style + "'" : "") + ">" +
         escaped(text) + "</td>";
}

std::string table(const std::vector<std::string>& heads, const std::string& rows,
                  bool ends_with_text) {
  std::string html = "<div class='scroll'><table><thead><tr>";
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const bool is_text = ends_with_text && i + 1 == heads.size();
    html += (is_text ? "<th class='text'>" : "<th>") + escaped(heads[i]) + "</th>";
  }
  return html + "</tr></thead><tbody>" + rows + "</tbody></table></div>";
}

/// Figures of tables: whole up to 9999.
std::string figure(double value) {
  return value >= 100 && value < 10'000 ? fixed(value, 0) : human(value);
}

std::string about(const Json& record) {
  const Json& it = record.at("conditions");
  return "<p class='about'>" + escaped(it.at("date").get<std::string>()) + " · " +
         escaped(it.at("processor").get<std::string>()) + ", " +
         std::to_string(it.at("cpus").get<long>()) + " CPUs · Linux " +
         escaped(it.at("kernel").get<std::string>()) + " · load average " +
         fixed(it.at("load_before"), 1) + " before, " + fixed(it.at("load_after"), 1) +
         " after<br><code>" + escaped(it.at("command").get<std::string>()) + "</code></p>";
}

// ---- compare ----

// Records of before there were marks have none.
std::string verdict(const Json& row) {
  return row.value("verdict", "");
}

// In what the middle half of the trials' ratios lies.
std::string quartiles(const Json& row, int digits) {
  if (!row.contains("quartiles")) return "";
  const Json& both = row.at("quartiles");
  return fixed(both.at(0), digits) + "–" + fixed(both.at(1), digits);
}

bool has_peer(const Json& row) {
  return !row.contains("beside");
}

std::string peer_rows(const Json& rows) {
  BarChart chart{
      "Millrace beside usrsctp at its best", "times as fast, or as little memory", {}, 1};
  std::string lines;
  for (const Json& row : rows) {
    if (!has_peer(row)) continue;
    const auto name = row.at("name").get<std::string>();
    const double ratio = row.at("ratio");
    chart.bars.push_back({name, ratio, fixed(ratio, 1) + "×", 0});
    lines += "<tr>" + cell(name) + cell(figure(row.at("ours"))) + cell(figure(row.at("peer"))) +
             cell(row.at("unit")) + cell(fixed(ratio, 1) + "×") + cell(quartiles(row, 1)) +
             cell(verdict(row), "text") + "</tr>";
  }
  if (chart.bars.empty()) return "";
  return svg_of(chart) +
         table({"", "Millrace", "usrsctp", "unit", "ratio", "quartiles", ""}, lines, true);
}

std::string own_rows(const Json& rows) {
  std::string lines;
  for (const Json& row : rows) {
    if (has_peer(row)) continue;
    const double peer = row.at("peer");
    const std::string unit = row.at("unit");
    const bool is_time = unit == "ns";
    const double ours = row.at("ours");
    lines += "<tr>" + cell(row.at("name")) + cell(is_time ? human_time(ours) : figure(ours)) +
             cell(is_time ? "" : unit) + cell(peer == 0 ? "" : fixed(row.at("ratio"), 2) + "×") +
             cell(quartiles(row, 2)) + cell(peer == 0 ? "" : figure(peer)) +
             cell((peer == 0 ? "" : row.at("beside").get<std::string>() + ". ") +
                      (verdict(row).empty() ? "" : verdict(row) + ". ") +
                      row.at("note").get<std::string>(),
                  "text") +
             "</tr>";
  }
  if (lines.empty()) return "";
  return "<h2>Limits, many associations, lcores, rings</h2>" +
         table({"", "figure", "unit", "ratio", "quartiles", "beside", ""}, lines, true);
}

std::string compare_section(const Json& record) {
  const Json& rows = record.at("rows");
  return "<h2>Both ends on one core</h2>" + about(record) + peer_rows(rows) + own_rows(rows);
}

// ---- ports ----

std::string ports_section(const Json& record) {
  std::string html =
      "<h2>" + escaped(record.at("title").get<std::string>()) + "</h2>" + about(record);
  for (const Json& device : record.at("devices")) {
    BarChart chart{device.at("name"), "packets a second between two namespaces", {}, 0};
    for (const Json& run : device.at("runs")) {
      const double value = run.at("packets_per_second");
      const bool is_limit = run.at("is_limit");
      chart.bars.push_back({run.at("name"), value, human(value) + run.value("text", std::string()),
                            is_limit ? std::size_t{5} : run.value("color", std::size_t{0})});
    }
    html += svg_of(chart);
    if (!device.contains("skipped")) continue;
    for (const auto& [name, why] : device.at("skipped").items())
      html += "<p>" + escaped("Skipped: " + name + ": " + why.get<std::string>()) + "</p>";
  }
  return html;
}

// ---- clients and servers ----

std::string name_of(const Json& record) {
  return record.at("title").get<std::string>();
}

Plot over_time(const char* title, const char* label) {
  return {title, {"seconds"}, {label}, {}};
}

std::string throughput(const Records& records) {
  Plot plot = over_time("Throughput over time", "messages a second");
  for (std::size_t i = 0; i < records.size(); ++i) {
    Line line{name_of(records[i]), i, false, {}};
    const bool is_client = records[i].at("kind") == "client";
    const bool is_one_way = is_client && records[i].at("load").at("mode") == "one-way";
    for (const Json& it : records[i].at("intervals")) {
      const double seconds = it.at("seconds");
      // The last one is cut short by the end.
      if (seconds <= 0 || (!line.points.empty() && seconds < 0.5 * line.points[0].first)) continue;
      const double count = it.at(is_one_way ? "sent" : "received");
      line.points.emplace_back(it.at("at_s").get<double>(), count / seconds);
    }
    plot.lines.push_back(std::move(line));
  }
  return svg_of(plot);
}

std::string latency_over_time(const Records& records) {
  Plot plot = over_time("Latency over time: median, and 99th percentile (dashed)", "latency");
  plot.y.unit = Unit::kTime;
  plot.y.is_logarithmic = true;
  for (std::size_t i = 0; i < records.size(); ++i) {
    Line middle{name_of(records[i]), i, false, {}};
    Line high{name_of(records[i]) + ", p99", i, true, {}};
    for (const Json& it : records[i].at("intervals")) {
      if (it.at("latencies") == 0) continue;
      middle.points.emplace_back(it.at("at_s").get<double>(), it.at("p50_ns").get<double>());
      high.points.emplace_back(it.at("at_s").get<double>(), it.at("p99_ns").get<double>());
    }
    if (middle.points.empty()) continue;
    plot.lines.push_back(std::move(middle));
    plot.lines.push_back(std::move(high));
  }
  return svg_of(plot);
}

/// The whole distribution, from its buckets.
std::string percentiles(const Records& records) {
  Plot plot{"Latency by percentile",
            {"percentile", Unit::kPercentile, true},
            {"latency", Unit::kTime, true},
            {}};
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Json& latency = records[i].at("latency_ns");
    const double count = latency.at("count");
    if (count == 0) continue;
    Line line{name_of(records[i]), i, false, {}};
    double above = count;
    const double most = latency.at("max");
    for (const Json& bucket : latency.at("buckets")) {
      const double x = count / above;
      const double y = std::min(bucket.at(1).get<double>(), most);
      line.points.emplace_back(x, std::max(1.0, y));
      above -= bucket.at(2).get<double>();
    }
    line.points.emplace_back(count, most);
    plot.lines.push_back(std::move(line));
  }
  return svg_of(plot);
}

std::string ratios(const Records& records) {
  BarChart chart{"Messages a second, each beside the first", "messages a second", {}, 0};
  double first = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Json& result = records[i].at("result");
    const bool is_server = records[i].at("kind") == "server";
    const bool is_one_way = !is_server && records[i].at("load").at("mode") == "one-way";
    const double value = result.at(is_one_way ? "sent_per_second" : "received_per_second");
    if (i == 0) first = value;
    const std::string ratio = first > 0 ? ", " + fixed(value / first, 2) + "×" : "";
    chart.bars.push_back({name_of(records[i]), value, human(value) + ratio, i});
  }
  return chart.bars.size() > 1 ? svg_of(chart) : "";
}

std::string counted(long count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string load_text(const Json& record) {
  if (record.at("kind") == "server") return "as the server saw it";
  const Json& load = record.at("load");
  const double rate = load.at("rate");
  return load.at("sizes").get<std::string>() + " bytes, " +
         counted(load.at("associations"), "association") + ", " +
         counted(load.at("streams"), "stream") + ", " + load.at("mode").get<std::string>() + ", " +
         (rate > 0 ? human(rate) + "/s" : std::string("as fast as possible"));
}

std::string summary(const Records& records) {
  std::string rows;
  for (const Json& record : records) {
    const Json& latency = record.at("latency_ns");
    const Json& result = record.at("result");
    const bool is_server = record.at("kind") == "server";
    const bool is_one_way = !is_server && record.at("load").at("mode") == "one-way";
    rows += "<tr>" + cell(name_of(record)) +
            cell(human(result.at(is_one_way ? "sent_per_second" : "received_per_second")));
    for (const char* name : {"p50", "p90", "p99", "p99_9", "max"}) {
      rows += cell(latency.at("count") == 0 ? "" : human_time(latency.at(name)));
    }
    const double astray =
        result.value("unsent", 0.0) + result.value("missing", 0.0) + result.value("misplaced", 0.0);
    rows += cell(astray == 0 ? "none" : human(astray)) + "</tr>";
  }
  return table({"", "messages/s", "p50", "p90", "p99", "p99.9", "max", "astray"}, rows, false);
}

std::string traffic_section(const Records& records) {
  std::string html = "<h2>Traffic</h2>";
  for (const Json& record : records) {
    html += "<p><strong>" + escaped(name_of(record)) + "</strong>: " + escaped(load_text(record)) +
            "</p>" + about(record);
  }
  html +=
      "<p>With a rate, latency counts from when a message was meant to be sent, and else from "
      "when it was. A percentile is at most 0.8 % above the exact one, and never below.</p>";
  return html + summary(records) + ratios(records) + throughput(records) + percentiles(records) +
         latency_over_time(records);
}

}  // namespace

std::string page_of(const std::string& title, const Records& records) {
  std::string html =
      "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
      "<meta name='viewport' content='width=device-width, initial-scale=1'>"
      "<title>" +
      escaped(title) + "</title><style>" + kStyle + "</style></head><body><main><h1>" +
      escaped(title) + "</h1>";
  Records traffic;
  for (const Json& record : records) {
    const std::string kind = record.at("kind");
    if (kind == "compare") html += compare_section(record);
    if (kind == "ports") html += ports_section(record);
    if (kind == "client" || kind == "server") traffic.push_back(record);
  }
  if (!traffic.empty()) html += traffic_section(traffic);
  return html + "</main></body></html>\n";
}

}  // namespace millrace::bench
