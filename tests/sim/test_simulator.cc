// The simulator itself: it repeats, and it sees what is wrong.
#include <catch2/catch.hpp>

#include "engine/base/crc32c.h"
#include "engine/wire/chunks.h"
#include "tests/sim/simulation.h"
#include "tests/sim/violation.h"

namespace millrace::sim {
namespace {

/// Nothing goes wrong but what a test plants.
Scenario quiet_scenario(std::uint64_t seed) {
  Scenario scenario(seed);
  scenario.faults = {};
  scenario.mishaps_per_second.fill(0);
  scenario.start = Time{} + seconds(100);
  scenario.break_length = seconds(1);
  scenario.habits.conversations = 3;
  scenario.habits.messages = 20;
  scenario.habits.bytes_max = 2000;
  scenario.habits.abort = scenario.habits.dies = scenario.habits.relistens = 0;
  scenario.habits.patient = true;
  scenario.parameters.send_buffer = scenario.parameters.receive_buffer = 128 << 10;
  scenario.parameters.streams_out = scenario.parameters.streams_in = 17;
  return scenario;
}

std::string failure_of(Simulation& simulation) {
  try {
    simulation.run();
  } catch (const Violation& violation) {
    return violation.what();
  }
  return "";
}

/// Calls `change` with the payload of each DATA chunk and makes the checksum right again.
template <class Change>
Network::Tamper on_each_payload(Change change) {
  return [change](MutableBytes frame) mutable {
    const SctpPlace place = find_sctp(frame);
    if (place.length < kCommonHeaderBytes) return;
    const MutableBytes packet = frame.subspan(place.offset, place.length);
    ChunkReader chunks(packet);
    while (const auto chunk = chunks.next()) {
      const auto data = chunk->type() == ChunkType::kData ? DataView::parse(*chunk) : std::nullopt;
      if (!data || data->payload.empty()) continue;
      change(packet.subspan(static_cast<std::size_t>(data->payload.data() - packet.data()),
                            data->payload.size()));
    }
    store_sctp_checksum(packet);
  };
}

TEST_CASE("a seed says everything: the same one gives the same packets") {
  for (const std::uint64_t seed : {4u, 17u, 23u}) {
    Summary first, second;
    REQUIRE(failure_of(seed, false, &first).empty());
    REQUIRE(failure_of(seed, false, &second).empty());
    CHECK(first.trace_hash == second.trace_hash);
    CHECK(first.frames == second.frames);
    CHECK(first.delivered == second.delivered);
  }
}

TEST_CASE("another seed gives other packets") {
  Summary first, second;
  REQUIRE(failure_of(5, false, &first).empty());
  REQUIRE(failure_of(6, false, &second).empty());
  CHECK(first.trace_hash != second.trace_hash);
}

TEST_CASE("a quiet network delivers everything that is sent") {
  Simulation simulation(quiet_scenario(9));
  const Summary summary = simulation.run();
  CHECK(summary.accepted > 50);
  CHECK(summary.lost == 0);
  CHECK(summary.failed == 0);
  CHECK(summary.delivered == summary.accepted);
  CHECK(summary.frames > 50);
}

/// Every host and path has this happen to it, and nothing else.
Scenario scenario_of(Mishap mishap, double per_second) {
  Scenario scenario = quiet_scenario(9);
  scenario.mishaps_per_second[static_cast<std::size_t>(mishap)] = per_second;
  scenario.break_length = seconds(5);
  scenario.habits.fixed_port = 1;
  scenario.habits.pause = milliseconds(100);
  scenario.habits.messages = 200;
  scenario.habits.conversations = 20;
  scenario.parameters.path_mtu = 1500;
  return scenario;
}

TEST_CASE("what can happen happens often among the seeds") {
  std::array<int, kMishaps> drawn{};
  int swarms = 0, small_windows = 0, late = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    const Scenario scenario(seed);
    for (std::size_t i = 0; i < kMishaps; ++i) drawn[i] += scenario.mishaps_per_second[i] > 0;
    swarms += scenario.hosts.size() > 3;
    small_windows += scenario.parameters.receive_buffer <= 4096 || scenario.faults.window_max > 0;
    late += scenario.start > Time{} + seconds(280ll * 365 * 24 * 3600);
    for (const HostPlan& host : scenario.hosts) REQUIRE(host.addresses.size() >= 1);
  }
  for (const int count : drawn) CHECK(count > 100);
  CHECK(swarms > 50);
  CHECK(small_windows > 50);
  CHECK(late > 30);
}

TEST_CASE("paths whose MTU changes in the middle carry everything, told of it or not") {
  const bool is_told = GENERATE(true, false);
  INFO((is_told ? "told" : "untold"));
  Scenario scenario = scenario_of(Mishap::kMtu, 10);
  scenario.mtu_is_told = is_told;
  Simulation simulation(scenario);
  const Summary summary = simulation.run();
  CHECK(simulation.trace().count(Fate::kTooBig) > 0);
  CHECK(summary.accepted > 1000);
  CHECK(summary.failed == 0);
  CHECK(summary.delivered == summary.accepted);
}

TEST_CASE("hosts that restart with their old addresses and ports are associated with again") {
  Scenario scenario = scenario_of(Mishap::kRestart, 1);
  scenario.habits.patient = false;
  scenario.habits.conversations = 1000;
  scenario.habits.pause = milliseconds(20);
  scenario.habits.messages = 3;
  scenario.break_length = seconds(20);
  std::uint64_t of_associations = 0;  // by a COOKIE ECHO with tie tags
  for (scenario.seed = 9; scenario.seed < 13; ++scenario.seed) {
    Simulation simulation(scenario);
    const Summary summary = simulation.run();
    CHECK(simulation.host(0).restarts() + simulation.host(1).restarts() > 5);
    CHECK(summary.flows > 40);
    CHECK(summary.delivered > 200);
    of_associations += summary.restarts;
  }
  CHECK(of_associations > 5);
}

// A shutdown on its way is over when the clock jumps (T5-shutdown-guard), and what it had is told
// of.
TEST_CASE("hosts that stop for a while, and clocks that jump, lose nothing that is not told") {
  for (const Mishap mishap : {Mishap::kStall, Mishap::kJump}) {
    Scenario scenario = scenario_of(mishap, 2);
    scenario.cut_max = milliseconds(300);
    Simulation simulation(scenario);
    const Summary summary = simulation.run();
    CHECK(summary.delivered + summary.failed == summary.accepted);
    CHECK(summary.delivered > 500);
  }
}

TEST_CASE("a peer that grants a byte of window at a time gets everything") {
  Scenario scenario = quiet_scenario(9);
  scenario.faults.window_max = 1;
  scenario.break_length = seconds(20);
  Simulation simulation(scenario);
  const Summary summary = simulation.run();
  CHECK(summary.failed == 0);
  CHECK(summary.delivered == summary.accepted);
  CHECK(summary.delivered > 50);
}

/// Hosts with an address on each LAN.
void spread(Scenario& scenario, std::size_t hosts, std::size_t lans) {
  scenario.lans = lans;
  scenario.hosts.assign(hosts, HostPlan{});
  for (std::size_t host = 0; host < hosts; ++host) {
    for (std::size_t lan = 0; lan < lans; ++lan) {
      const std::string address =
          "10.0." + std::to_string(lan + 1) + "." + std::to_string(host + 1) + "/24";
      scenario.hosts[host].addresses.push_back(*Prefix::parse(address));
      scenario.hosts[host].lans.push_back(lan);
    }
  }
}

TEST_CASE("a multihomed swarm whose links are cut now and then loses nothing") {
  Scenario scenario = scenario_of(Mishap::kCut, 5);
  spread(scenario, 5, 3);
  scenario.habits.fixed_port = 0;  // no two of one pair at a time, of which one would be refused
  scenario.cut_max = milliseconds(500);
  scenario.parameters.rto_min = milliseconds(100);
  scenario.parameters.rto_initial = milliseconds(300);
  scenario.parameters.association_max_retrans = 10;
  Simulation simulation(scenario);
  const Summary summary = simulation.run();
  CHECK(simulation.trace().count(Fate::kCut) > 0);
  CHECK(summary.flows > 100);
  CHECK(summary.accepted > 1000);
  CHECK(summary.lost == 0);
  CHECK(summary.failed == 0);
  CHECK(summary.delivered == summary.accepted);
}

TEST_CASE("a LAN whose one part hears the other and is not heard keeps nothing from who sends") {
  Scenario scenario = scenario_of(Mishap::kPartition, 1);
  scenario.partitions_one_way = 1;
  spread(scenario, 4, 2);
  Simulation simulation(scenario);
  const Summary summary = simulation.run();
  CHECK(simulation.trace().count(Fate::kCut) > 0);
  CHECK(summary.accepted > 1000);
  CHECK(summary.delivered + summary.failed == summary.accepted);
  CHECK(summary.delivered > 500);
}

TEST_CASE("the simulator sees a payload that was changed under a right checksum") {
  Simulation simulation(quiet_scenario(9));
  simulation.network().set_tamper(
      on_each_payload([](MutableBytes payload) { payload.back() ^= 0x10; }));
  CHECK(failure_of(simulation).find("arrived with other bytes") != std::string::npos);
}

TEST_CASE("the simulator sees an application that swallows a message") {
  Simulation simulation(quiet_scenario(9));
  for (auto& application : simulation.applications()) {
    application->set_fault(Application::Fault::kSwallowsOne);
  }
  const std::string failure = failure_of(simulation);
  INFO(failure);
  const bool is_seen = failure.find("was left out") != std::string::npos ||
                       failure.find("was never delivered") != std::string::npos ||
                       failure.find("a piece without its beginning") != std::string::npos;
  CHECK(is_seen);
}

TEST_CASE("the simulator sees a message that arrives twice") {
  Simulation simulation(quiet_scenario(9));
  for (auto& application : simulation.applications()) {
    application->set_fault(Application::Fault::kReadsTwice);
  }
  CHECK(failure_of(simulation).find("arrived twice") != std::string::npos);
}

TEST_CASE("the simulator sees a buffer that does not come back") {
  Simulation simulation(quiet_scenario(9));
  REQUIRE(simulation.host(0).pool().acquire() != nullptr);
  CHECK(failure_of(simulation).find("does not come to rest") != std::string::npos);
}

TEST_CASE("over wires that never carry DATA again, associations are given up and nothing hangs") {
  Simulation simulation(quiet_scenario(9));
  // The TSNs of all DATA chunks are changed, which puts them out of any window.
  simulation.network().set_tamper(
      on_each_payload([](MutableBytes payload) { *(payload.data() - 12) ^= 0x80; }));
  const Summary summary = simulation.run();
  CHECK(summary.lost > 0);
  CHECK(summary.failed > 0);
}

TEST_CASE("a failure tells its seed and the last packets") {
  Simulation simulation(quiet_scenario(9));
  simulation.network().set_tamper(
      on_each_payload([](MutableBytes payload) { payload.front() ^= 1; }));
  REQUIRE(failure_of(simulation) != "");
  const std::string report = simulation.report();
  CHECK(report.find("seed 9\n") != std::string::npos);
  CHECK(report.find("DATA(") != std::string::npos);
}

TEST_CASE("dice are the same for a seed and a use, and spread") {
  Dice one(3, 1), same(3, 1), other(3, 2);
  int equal = 0, low = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t drawn = one.next();
    CHECK(drawn == same.next());
    equal += drawn == other.next() ? 1 : 0;
    low += one.chance(0.25) ? 1 : 0;
    same.next();
  }
  CHECK(equal == 0);
  CHECK(low > 150);
  CHECK(low < 350);
}

}  // namespace
}  // namespace millrace::sim
