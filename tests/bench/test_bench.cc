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
  const std::vector<std::string> names = {"message-64",     "message-300",   "message-1400",
                                          "message-8192",   "message-65536", "in-place-8192",
                                          "in-place-65536", "unordered-64",  "both-ways-64",
                                          "both-ways-1400", "setup",         "memory"};
  REQUIRE(json.at("rows").size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& row = json["rows"][i];
    INFO(names[i]);
    CHECK(row.contains("quartiles") == (names[i] != "memory"));
    const bool has_mark = row.value("verdict", "").rfind("mark ", 0) == 0;
    CHECK(has_mark == (i < 7 || i >= 10));
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
    CHECK(row.figures.size() == (name.starts_with("active") ? 8 : 0));
    for (const auto& [what, figure] : row.figures) CHECK(figure > 0);
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
    double sum = 0;
    for (const auto& [part, ns] : row.parts) sum += ns;
    CHECK(row.parts.size() == (name == "limit-setup" ? 5 : 4));
    CHECK(row.peer == Approx(sum));
    REQUIRE(row.figures.size() == 2);
    const double ratio = least_ratio(name.substr(std::string("limit-").size()));
    CHECK(ratio >= 20);
    CHECK(row.figures[1].second == Approx(row.figures[0].second / ratio));
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

TEST_CASE("messages that are written in place arrive as those do that are copied") {
  MillracePair ours;
  for (const std::size_t size : {std::size_t{64}, std::size_t{8192}, std::size_t{65536}}) {
    INFO(size);
    const Traffic traffic{.size = size, .is_in_place = true};
    CHECK(ours.transfer(traffic, kShort).done > 0);
    CHECK(ours.transfer({.size = size}, kShort).done > 0);
    CHECK(ours.transfer(traffic, kShort).done > 0);
  }
}

TEST_CASE("setting up and shutting down takes seven packets") {
  MillracePair ours;
  const std::vector<std::size_t> sizes = ours.packets_of_set_up();
  REQUIRE(sizes.size() == 7);
  CHECK(sizes[1] > sizes[0]);  // INIT ACK has the cookie
  CHECK(sizes[3] == 12 + 4);   // COOKIE ACK
  CHECK(sizes[6] == 12 + 4);   // SHUTDOWN COMPLETE
  CHECK(ours.set_up(kShort).done > 0);
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
