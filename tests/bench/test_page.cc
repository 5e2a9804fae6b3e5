// The report: it is one file, it is whole, and what records say stands in it as text and nothing
// else.
#include <catch2/catch.hpp>

#include <regex>

#include "bench/page/page.h"
#include "bench/page/svg.h"
#include "bench/report.h"
#include "bench/traffic/record.h"

namespace millrace::bench {
namespace {

/// What a client writes after two seconds of which nothing is real but the form.
Json client_record(const std::string& title) {
  class Nowhere : public Endpoint {
   public:
    explicit Nowhere(Time& now) : now_(now) {}
    void listen() override {}
    bool connect() override {
      arrivals_.push_back({.kind = Arrival::Kind::kUp, .streams = 1});
      return true;
    }
    bool send(std::uint32_t, std::span<const std::uint8_t> bytes, std::uint16_t, bool) override {
      echoes_.emplace_back(bytes.begin(), bytes.end());
      return true;
    }
    void flush() override {}
    std::span<const Arrival> poll() override {
      given_.clear();
      given_.swap(arrivals_);
      kept_.clear();
      kept_.swap(echoes_);
      for (const auto& echo : kept_)
        given_.push_back(
            {.kind = Arrival::Kind::kMessage, .data = echo.data(), .size = echo.size()});
      now_ = now_ + microseconds(100);
      return given_;
    }
    void pause(std::uint32_t, bool) override {}
    void shut_down(std::uint32_t) override {
      arrivals_.push_back({.kind = Arrival::Kind::kDown, .is_orderly = true});
    }
    void wait(Duration) override {}

   private:
    Time& now_;
    std::vector<Arrival> arrivals_, given_;
    std::vector<std::vector<std::uint8_t>> echoes_, kept_;
  };
  Time now{};
  Nowhere endpoint(now);
  Load load;
  std::string error;
  load.sizes = *SizeMix::parse("100", error);
  load.rate = 1000;
  load.warm_up = Duration{};
  load.duration = seconds(3);
  Generator generator(load, endpoint, [&now] { return now; });
  while (generator.turn()) {
  }
  return record_of(title, "millrace", Conditions{}, load, "100", generator);
}

Json compare_record() {
  std::vector<Row> rows = {{"message-64", 1e7, 1e6, "messages/s", 10, "a note"},
                           {"ring-spin", 300, 0, "ns", 0, "p50 & more", "nothing"}};
  return Json::parse(json_of(rows, Conditions{.processor = "a <fast> one"}));
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

TEST_CASE("a record has all that the manual says") {
  const Json record = client_record("one");
  for (const char* key : {"millrace_bench", "kind", "title", "conditions", "stack", "load",
                          "result", "latency_ns", "lateness_ns", "intervals"}) {
    INFO(key);
    CHECK(record.contains(key));
  }
  CHECK(record["result"]["sent"] == 3000);
  CHECK(record["result"]["received"] == 3000);
  CHECK(record["latency_ns"]["from"] == "intended");
  CHECK(record["latency_ns"]["count"] == 3000);
  std::uint64_t in_buckets = 0;
  for (const Json& bucket : record["latency_ns"]["buckets"]) {
    REQUIRE(bucket.size() == 3);
    CHECK(bucket[0] <= bucket[1]);
    in_buckets += bucket[2].get<std::uint64_t>();
  }
  CHECK(in_buckets == 3000);
  std::uint64_t in_intervals = 0;
  for (const Json& interval : record["intervals"])
    in_intervals += interval["received"].get<std::uint64_t>();
  CHECK(in_intervals == 3000);
}

TEST_CASE("the page asks nobody for anything") {
  const std::string page =
      page_of("All", {compare_record(), client_record("one"), client_record("two")});
  CHECK(page.starts_with("<!DOCTYPE html>"));
  CHECK(page.find("http") == std::string::npos);
  CHECK(page.find("src=") == std::string::npos);
  CHECK(page.find("href=") == std::string::npos);
  CHECK(page.find("@import") == std::string::npos);
  CHECK(page.find("url(") == std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
}

TEST_CASE("every plot is there, with a line for each run") {
  const std::string page =
      page_of("All", {compare_record(), client_record("one"), client_record("two")});
  for (const char* title : {"Millrace beside usrsctp", "Throughput over time",
                            "Latency by percentile", "Latency over time", "many associations"}) {
    INFO(title);
    CHECK(page.find(title) != std::string::npos);
  }
  CHECK(count(page, "<title>one</title>") == 3);
  CHECK(count(page, "<title>two</title>") == 3);
  CHECK(count(page, "<svg") == count(page, "</svg>"));
  CHECK(count(page, "<figure>") == count(page, "</figure>"));
  CHECK(page.find("nan") == std::string::npos);
  CHECK(page.find("inf'") == std::string::npos);
  // Whatever is drawn lies on the plot.
  const std::regex place("[ML](-?[0-9.]+) (-?[0-9.]+)");
  for (std::sregex_iterator it(page.begin(), page.end(), place), end; it != end; ++it) {
    const double x = std::stod((*it)[1]), y = std::stod((*it)[2]);
    CHECK((x >= 0 && x <= 760));
    CHECK((y >= 0 && y <= 300));
  }
}

TEST_CASE("what a record says is text") {
  const std::string page =
      page_of("<b>&'\"", {compare_record(), client_record("<script>x</script>")});
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("<h1>&lt;b&gt;&amp;&#39;&quot;</h1>") != std::string::npos);
  CHECK(page.find("a &lt;fast&gt; one") != std::string::npos);
  CHECK(page.find("p50 &amp; more") != std::string::npos);
  CHECK_THROWS(page_of("none", {Json::object()}));
}

TEST_CASE("ticks are round and enclose what there is") {
  CHECK(linear_ticks(0, 10, 5) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(linear_ticks(0, 11'800, 6).back() == Approx(12'000));
  CHECK(linear_ticks(0, 0, 5).size() >= 2);
  CHECK(logarithmic_ticks(120, 8'000) == std::vector<double>{100, 1000, 10'000});
  CHECK(logarithmic_ticks(1, 1).size() == 2);
}

}  // namespace
}  // namespace millrace::bench
