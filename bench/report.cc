#include "bench/report.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "bench/marks.h"
#include "bench/traffic/record.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kLineMax = 320;

// Whether it has reached its mark, and what else there is to say.
std::string remarks(const Row& row) {
  const std::string judged = verdict(row);
  return judged.empty() ? row.note : row.note.empty() ? judged : judged + "; " + row.note;
}

// The quartiles of a ratio; nothing if there are none.
std::string spread(const Row& row, int digits) {
  if (row.ratio_high == 0) return {};
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%.*f-%.*f", digits, row.ratio_low, digits,
                row.ratio_high);
  return text.data();
}

std::string quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char letter : text) quoted += letter == '"' ? "\"\"" : std::string(1, letter);
  return quoted + "\"";
}

}  // namespace

std::string table_head() {
  std::array<char, kLineMax> line;
  std::snprintf(line.data(), line.size(), "%-15s %12s %12s  %-15s %7s  %-11s", "", "Millrace",
                "usrsctp", "", "ratio", "quartiles");
  return line.data();
}

std::string table_line(const Row& row) {
  std::array<char, kLineMax> line;
  std::snprintf(line.data(), line.size(), "%-15s %12.0f %12.0f  %-15s %6.1fx  %-11s %s",
                row.name.c_str(), row.ours, row.peer, row.unit.c_str(), row.ratio,
                spread(row, 1).c_str(), remarks(row).c_str());
  return line.data();
}

std::string extra_line(const Row& row) {
  std::array<char, kLineMax> line;
  if (row.peer == 0) {
    std::snprintf(line.data(), line.size(), "%-15s %12.0f  %-12s %s", row.name.c_str(), row.ours,
                  row.unit.c_str(), remarks(row).c_str());
  } else {
    std::snprintf(line.data(), line.size(), "%-15s %12.0f  %-12s %6.2fx %s %.0f (%s)  %s",
                  row.name.c_str(), row.ours, row.unit.c_str(), row.ratio, spread(row, 2).c_str(),
                  row.peer, row.beside.c_str(), remarks(row).c_str());
  }
  return line.data();
}

std::string csv_of(const std::vector<Row>& rows) {
  std::string csv = "name,ours,peer,unit,ratio,ratio_low,ratio_high,beside,verdict,note\n";
  for (const Row& row : rows) {
    std::array<char, kLineMax> line;
    std::snprintf(line.data(), line.size(), "%s,%.6g,%.6g,%s,%.6g,%.6g,%.6g,", row.name.c_str(),
                  row.ours, row.peer, row.unit.c_str(), row.ratio, row.ratio_low, row.ratio_high);
    csv += line.data() + quoted(row.beside) + "," + quoted(verdict(row)) + "," + quoted(row.note) +
           "\n";
  }
  return csv;
}

std::string json_of(const std::vector<Row>& rows, const Conditions& conditions) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    list.push_back({{"name", row.name},
                    {"ours", row.ours},
                    {"peer", row.peer},
                    {"unit", row.unit},
                    {"ratio", row.ratio}});
    if (row.ratio_high != 0) list.back()["quartiles"] = {row.ratio_low, row.ratio_high};
    for (const auto& [name, figure] : row.parts) list.back()["parts"][name] = figure;
    for (const auto& [name, figure] : row.figures) list.back()["figures"][name] = figure;
    if (std::string judged = verdict(row); !judged.empty())
      list.back()["verdict"] = std::move(judged);
    if (row.beside == "usrsctp") continue;
    list.back()["beside"] = row.beside;
    list.back()["note"] = row.note;
  }
  nlohmann::ordered_json json = record_head("compare", "compare", conditions);
  json["rows"] = std::move(list);
  return json.dump(2) + "\n";
}

}  // namespace millrace::bench
