// That the benchmark measures what it says: both contestants carry real messages, every one is
// checked, and the report has the form that programs read. Nothing here looks at how fast it was.
#include <catch2/catch.hpp>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "bench/crowd.h"
#include "bench/extra_rows.h"
#include "bench/limits.h"
#include "bench/marks.h"
#include "bench/millrace_pair.h"
#include "bench/parallel.h"
#include "bench/report.h"
#include "bench/usrsctp_pair.h"

namespace millrace::bench {

void fail(const std::string& what) {
  throw std::runtime_error(what);
}

namespace {

constexpr Duration kShort = milliseconds(10);

TEST_CASE("every row is measured, and the ratio is above 1 where ours is better") {
  Plan plan;
  plan.trials = 1;
  plan.span = kShort;
  plan.ours_held = 200;
  plan.peer_held = 60;
  Field field(plan);
  std::vector<Row> rows;
  for (const std::string& name : Field::names()) rows.push_back(field.measure(name));

  const auto json = nlohmann::json::parse(json_of(rows, Conditions{}));
  CHECK(json.at("kind") == "compare");
  CHECK(json.at("conditions").at("load_before").is_number());
  REQUIRE(json.at("rows").size() == 10);
  const std::vector<std::string> names = {
      "message-64",   "message-300",  "message-1400",   "message-8192", "message-65536",
      "unordered-64", "both-ways-64", "both-ways-1400", "setup",        "memory"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& row = json["rows"][i];
    INFO(names[i]);
    CHECK(row.contains("quartiles") == (names[i] != "memory"));
    const bool has_mark = row.value("verdict", "").rfind("mark ", 0) == 0;
    CHECK(has_mark == (i < 5 || i >= 8));
    CHECK(row.at("name") == names[i]);
    CHECK(row.at("unit").is_string());
    const double ours = row.at("ours");
    const double peer = row.at("peer");
    CHECK(ours > 0);
    CHECK(peer > 0);
    const double ratio = names[i] == "memory" ? peer / ours : ours / peer;
    CHECK(row.at("ratio").get<double>() == Approx(ratio));
  }
}

TEST_CASE("A row says whether it has reached its mark") {
  const auto of = [](const char* name, double ours, double ratio) {
    return verdict(Row{.name = name, .ours = ours, .peer = 1, .ratio = ratio});
  };
  CHECK(of("message-64", 1, 20) == "mark 20x: met");
  CHECK(of("message-64", 1, 19.9) == "mark 20x: not met");
  CHECK(of("memory", 1536, 3) == "mark at most 1536: met");
  CHECK(of("memory", 1537, 3) == "mark at most 1536: not met");
  CHECK(of("echo-1024", 1, 1).empty());
  CHECK(verdict(Row{.name = "memory", .ours = 1536}) == "mark at most 1536: met");
  CHECK(verdict(Row{.name = "message-64", .ours = 1}).empty());  // there is no peer beside it
}

TEST_CASE("rows of many associations, lcores and threads are measured too") {
  ExtraPlan plan;
  plan.trials = 1;
  plan.span = milliseconds(30);
  plan.active = 100;
  plan.idle = 500;
  ExtraRows extra(plan);
  for (const std::string& name : ExtraRows::names()) {
    const Row row = extra.measure(name);
    INFO(name << ": " << row.note);
    CHECK(row.name == name);
    CHECK(row.ours > 0);
    CHECK(row.beside != "usrsctp");
    CHECK_FALSE(row.note.empty());
    if (row.peer > 0) CHECK(row.ratio > 0);
  }
}

TEST_CASE("a ratio is the median of the trials' own, between its quartiles") {
  Row row;
  // The machine was twice as slow in the last of the turns: both were.
  fill(row, {100, 120, 110, 130, 50}, {10, 10, 10, 10, 5});
  CHECK(row.ours == 110);
  CHECK(row.peer == 10);
  CHECK(row.ratio == Approx(11));
  CHECK(row.ratio_low == Approx(10));
  CHECK(row.ratio_high == Approx(12));
  fill(row, {10, 20}, {20, 20}, true);
  CHECK(row.ratio == Approx(1.5));
  CHECK(row.ratio_low == Approx(1.25));
  const std::string csv = csv_of({row});
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 2);
}

TEST_CASE("a message is put beside what its bytes, rings and packets take alone") {
  Plan plan;
  plan.trials = 1;
  plan.span = kShort;
  Field field(plan);
  for (const std::string& name : Field::limit_names()) {
    const Row row = field.measure(name);
    INFO(name << ": " << row.note);
    CHECK(row.beside != "usrsctp");
    CHECK(row.ours > 0);
    REQUIRE(row.parts.size() == Limits::kNames.size() + 2);
    double sum = 0;
    for (std::size_t i = 0; i < Limits::kNames.size(); ++i) {
      CHECK(row.parts[i].second > 0);
      sum += row.parts[i].second;
    }
    CHECK(row.peer == Approx(sum));
    CHECK(row.parts.back().second ==
          Approx(row.parts[3].second / (name == "limit-64" || name == "limit-300" ? 20 : 25)));
  }
}

TEST_CASE("crossed owners get every packet handed over, straight ones none, and nothing is lost") {
  ParallelPair pair(2);
  const auto straight = pair.carry(ParallelPair::Owners::kStraight, kShort);
  const auto crossed = pair.carry(ParallelPair::Owners::kCrossed, kShort);
  CHECK(straight.rate > 0);
  CHECK(straight.handed_over == 0);
  CHECK(crossed.rate > 0);
  // What stands in the rings when the time begins and ends is counted at one of two places.
  CHECK(crossed.handed_over > 0.5);
  CHECK(pair.carry(ParallelPair::Owners::kStraight, kShort).rate > 0);
}

TEST_CASE("a crowd's heartbeats come evenly, and time in which nothing is due is left out") {
  Crowd crowd({.associations = 400});
  std::vector<double> counts;
  for (int i = 0; i < 24; ++i) {
    const CrowdWork work = crowd.idle(seconds(5));
    CHECK(work.clock_seconds == Approx(5).margin(0.1));
    if (i >= 12) counts.push_back(static_cast<double>(work.heartbeats));
  }
  for (const double count : counts) {
    CHECK(count > 2 * 400 / 6 * 0.5);
    CHECK(count < 2 * 400 / 6 * 1.5);
  }
}

TEST_CASE("messages of any size go through both contestants") {
  MillracePair ours;
  UsrsctpPair peer{UsrsctpOptions{}};
  for (const std::size_t size :
       {std::size_t{8}, std::size_t{9}, std::size_t{1452}, std::size_t{1453}, std::size_t{65536}}) {
    INFO(size);
    CHECK(ours.transfer({.size = size}, kShort).done > 0);
    CHECK(peer.transfer({.size = size}, kShort).done > 0);
  }
}

TEST_CASE("messages go both ways and without order, and still one by one") {
  MillracePair ours;
  UsrsctpPair peer{UsrsctpOptions{}};
  for (const bool is_unordered : {false, true}) {
    for (const bool is_both_ways : {false, true}) {
      const Traffic traffic{.size = 64, .is_unordered = is_unordered, .is_both_ways = is_both_ways};
      CHECK(ours.transfer(traffic, kShort).done > 0);
      CHECK(peer.transfer(traffic, kShort).done > 0);
    }
  }
}

TEST_CASE("messages go on after associations came and went") {
  MillracePair ours;
  UsrsctpPair peer{UsrsctpOptions{}};
  for (Contestant* contestant :
       {static_cast<Contestant*>(&ours), static_cast<Contestant*>(&peer)}) {
    CHECK(contestant->set_up(kShort).done > 0);
    contestant->hold(50);
    CHECK(contestant->set_up(kShort).done > 0);
    CHECK(contestant->transfer({.size = 100}, kShort).done > 0);
  }
}

TEST_CASE("a lost, doubled, shortened or changed message is noticed") {
  Writer writer(100);
  std::vector<std::vector<std::uint8_t>> sent;
  for (int i = 0; i < 4; ++i) {
    const std::uint8_t* bytes = writer.next();
    sent.emplace_back(bytes, bytes + writer.size());
  }
  Reader reader(writer);
  reader.take(sent[0].data(), 100);
  CHECK_THROWS(reader.take(sent[0].data(), 100));
  CHECK_THROWS(reader.take(sent[2].data(), 100));
  CHECK_THROWS(reader.take(sent[1].data(), 99));
  reader.take(sent[1].data(), 100);
  CHECK(reader.read() == 2);

  Reader fresh(writer);
  sent[0][50] ^= 1;
  CHECK_THROWS(fresh.take(sent[0].data(), 100));
}

}  // namespace
}  // namespace millrace::bench
