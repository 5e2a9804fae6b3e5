// That the benchmark measures what it says: both contestants carry real messages, every one is
// checked, and the report has the form that programs read. Nothing here looks at how fast it was.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "bench/crowd.h"
#include "bench/extra_rows.h"
#include "bench/marks.h"
#include "bench/millrace_pair.h"
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
  REQUIRE(json.at("rows").size() == 7);
  const std::vector<std::string> names = {"message-64",   "message-300",   "message-1400",
                                          "message-8192", "message-65536", "setup",
                                          "memory"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto& row = json["rows"][i];
    INFO(names[i]);
    CHECK(row.size() == 6);
    CHECK_THAT(row.at("verdict").get<std::string>(), Catch::StartsWith("mark "));
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

TEST_CASE("crossed wires hand every packet over, straight ones none, and no message is lost") {
  Crowd crowd({.associations = 8, .lcores = 2});
  const Turn turn{.size = 100, .burst = 4, .at_once = 8};
  const CrowdWork straight = crowd.transfer(turn, kShort);
  crowd.cross_wires();
  const CrowdWork crossed = crowd.transfer(turn, kShort);
  CHECK(straight.packets > 0);
  CHECK(crossed.packets > 0);
  CHECK(straight.handed_over + crossed.handed_over > 0);
  const auto share = [](const CrowdWork& work) {
    return static_cast<double>(work.handed_over) / static_cast<double>(work.packets);
  };
  CHECK(share(straight) + share(crossed) == Approx(1).margin(0.05));
}

TEST_CASE("messages of any size go through both contestants") {
  MillracePair ours;
  UsrsctpPair peer{UsrsctpOptions{}};
  for (const std::size_t size : {8, 9, 1452, 1453, 65536}) {
    INFO(size);
    CHECK(ours.transfer(size, kShort).done > 0);
    CHECK(peer.transfer(size, kShort).done > 0);
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
    CHECK(contestant->transfer(100, kShort).done > 0);
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
