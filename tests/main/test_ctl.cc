#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "engine/main/ctl/doctor.h"
#include "engine/main/ctl/table.h"
#include "engine/main/ctl/views.h"

using namespace millrace::ctl;
using nlohmann::json;

TEST_CASE("Columns are aligned, numbers to the right", "[ctl]") {
  Table table({"name", "count", "state"});
  table.add({"a", "5", "up"});
  table.add({"longer", "1234", "-"});
  CHECK(table.to_string() ==
        "name    count  state\n"
        "a           5  up\n"
        "longer   1234  -\n");
}

TEST_CASE("Counters that are zero are left out unless all are asked for", "[ctl]") {
  const json result = {
      {"sum", {{"drop_bad_tag", 3}, {"polls", 0}}},
      {"lcores", {{{"drop_bad_tag", 1}, {"polls", 0}}, {{"drop_bad_tag", 2}, {"polls", 0}}}},
      {"help", {{"drop_bad_tag", "wrong tag"}, {"polls", "turns"}}}};
  CHECK(render_counters(result, false) ==
        "counter       sum  lcore 0  lcore 1  what it counts\n"
        "drop_bad_tag    3        1        2  wrong tag\n");
  CHECK_THAT(render_counters(result, true), Catch::Contains("polls"));
}

TEST_CASE("Associations are shown with their paths", "[ctl]") {
  const json path = {{"address", "10.0.0.2"}, {"state", "active"}, {"primary", true},
                     {"cwnd", 4380},          {"srtt_ms", 0.25},   {"rto_ms", 100.0},
                     {"errors", 0},           {"mtu", 1500},       {"outstanding", 0}};
  const json result = {{"associations",
                        {{{"association", "0x0000000100000000"},
                          {"state", "ESTABLISHED"},
                          {"application", "gw[1]"},
                          {"lcore", 0},
                          {"local_port", 3868},
                          {"begun_here", false},
                          {"local_addresses", {"10.0.0.1", "10.1.0.1"}},
                          {"peer_port", 3868},
                          {"paths", {path}}}}},
                       {"more", false}};
  const std::string text = render_associations(result);
  CHECK_THAT(text, Catch::Contains("0x0000000100000000      0  ESTABLISHED  gw[1]"));
  CHECK_THAT(text, Catch::Contains("10.0.0.2  active  yes"));
  CHECK_THAT(text, Catch::Contains("4380"));
  CHECK_THAT(text, Catch::Contains("by peer  10.0.0.1 10.1.0.1\n"));
}

TEST_CASE("Listeners are shown with their addresses", "[ctl]") {
  const json result = {{"listeners",
                        {{{"port", 3868},
                          {"application", "gw[1]"},
                          {"context", 12},
                          {"associations", 7},
                          {"addresses", {"10.0.0.1", "10.1.0.1"}}}}}};
  CHECK(render_listeners(result) ==
        "port  application  context  associations  addresses\n"
        "3868  gw[1]             12             7  10.0.0.1 10.1.0.1\n");
  CHECK(render_listeners(json::object()) == "no listeners\n");
}

TEST_CASE("Limits are shown with their counters, and what has no use with a dash", "[ctl]") {
  const json result = {{"limits",
                        {{{"limit", "associations_max"},
                          {"lcore", 0},
                          {"most", 65536},
                          {"used", 7},
                          {"bytes", 9000},
                          {"refused", 0},
                          {"counted", "drop_association_limit"}},
                         {{"limit", "init_rate_max"},
                          {"lcore", 0},
                          {"most", 100},
                          {"refused", 12},
                          {"counted", "drop_init_rate"}}}}};
  CHECK(render_limits(result) ==
        "limit             lcore   most  used  bytes  refused  counted\n"
        "associations_max      0  65536     7   9000        0  drop_association_limit\n"
        "init_rate_max         0    100     -      -       12  drop_init_rate\n");
}

TEST_CASE("Buffers in use stand below the lcores", "[ctl]") {
  const json result = {{"lcores", json::array()}, {"buffers", 8192}, {"buffers_in_use", 17}};
  CHECK_THAT(render_lcores(result), Catch::EndsWith("\npacket buffers: 8192, 17 in use\n"));
}

TEST_CASE("What the engine does not say is a dash, and nothing is said in words", "[ctl]") {
  CHECK(render_applications({{"applications", json::array()}}) == "no applications\n");
  CHECK(render_associations(json::object()) == "no associations\n");
  json port;
  port["name"] = "p";
  CHECK_THAT(render_ports({{"ports", json::array({port})}}), Catch::Contains("p     -"));
}

TEST_CASE("The doctor reads the machine and says what to do", "[ctl]") {
  namespace fs = std::filesystem;
  std::string pattern = fs::temp_directory_path() / "millrace-doctor-XXXXXX";
  const fs::path root = mkdtemp(pattern.data());
  const auto put = [&](const std::string& file, const std::string& text) {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  };
  put("proc/meminfo", "HugePages_Total:       0\nHugePages_Free:        0\n");
  put("sys/bus/pci/devices/0000:03:00.0/class", "0x020000\n");
  put("sys/bus/pci/devices/0000:03:00.0/vendor", "0x8086\n");
  put("sys/bus/pci/devices/0000:03:00.0/device", "0x1572\n");
  fs::create_directories(root / "drivers/i40e");
  fs::create_directory_symlink(root / "drivers/i40e",
                               root / "sys/bus/pci/devices/0000:03:00.0/driver");
  std::string text = render_findings(examine(root));
  CHECK_THAT(text, Catch::Contains("sysctl -w vm.nr_hugepages=512"));
  CHECK_THAT(text, Catch::Contains("0000:03:00.0 (0x8086:0x1572) is bound to i40e"));
  CHECK_THAT(text, Catch::Contains("dpdk-devbind.py --bind=vfio-pci 0000:03:00.0"));
  // Without an IOMMU the unsafe step stands alone, with what it costs.
  CHECK_THAT(text, Catch::Contains("\n        echo 1 > /sys/module/vfio/parameters/"
                                   "enable_unsafe_noiommu_mode\n        WARNING: "));

  fs::create_directories(root / "sys/bus/pci/devices/0000:03:00.0/net/eth7");
  put("proc/net/route", "Iface\tDestination\tGateway\neth7\t00000000\t0100000A\t0003\n");
  text = render_findings(examine(root));
  CHECK_THAT(text, Catch::Contains("the default route goes there"));
  CHECK_THAT(text, !Catch::Contains("dpdk-devbind.py"));

  put("proc/meminfo",
      "HugePages_Total:     512\nHugePages_Free:      500\nHugepagesize: 2048 kB\n");
  put("proc/mounts", "nodev /dev/hugepages hugetlbfs rw 0 0\n");
  put("sys/devices/system/cpu/isolated", "2-3\n");
  text = render_findings(examine(root));
  CHECK_THAT(text, Catch::Contains("good    huge pages: 512 reserved, 500 free, of 2048 KiB"));
  CHECK_THAT(text, Catch::Contains("CPUs 2-3 are isolated"));
  fs::remove_all(root);
}
