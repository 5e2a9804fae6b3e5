#include <catch2/catch.hpp>

#include "engine/main/config_file.h"

using namespace millrace;

namespace {

// A configuration that is right, and what a test puts after it or instead of a part of it.
const std::string kInterface =
    "[[interface]]\n"
    "name = \"left\"\n"
    "device = \"net_af_packet0,iface=eth1\"\n"
    "addresses = [\"10.1.0.1/24\"]\n";

std::vector<std::string> errors_of(const std::string& text) {
  std::vector<std::string> lines;
  for (const ConfigError& error : parse_config(text, "t").errors)
    lines.push_back(error.to_string());
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("A full configuration is read into plain values", "[config]") {
  const auto loaded = parse_config(R"(
[engine]
name = "gw"
lcores = [2, 3]
huge_pages = "no"
memory_mb = 512
polling = "busy"
idle_sleep_us = 50
run_directory = "/run/gw"
buffers = 8192
stop = "shutdown"
stop_grace_ms = 1500
[[interface]]
name = "left"
device = "net_af_packet0,iface=eth1"
vlan = 7
mtu = 1400
addresses = ["10.1.0.1/24", "2001:db8::1/64"]
[interface.impairment]
loss = 0.25
delay_us = 300
seed = 9
[[route]]
to = "0.0.0.0/0"
via = "10.1.0.254"
interface = "left"
[sctp]
rto_initial_ms = 300
rto_min_ms = 100
rto_max_ms = 1000
heartbeat_interval_ms = 500
path_max_retrans = 2
streams_out = 17
associations_max = 100
[applications]
on_exit = "shutdown"
contexts_max = 3
contexts_per_user_max = 2
ring_entries = 256
socket_mode = "0600"
[log]
level = "debug"
file = "/var/log/gw.log"
)",
                                   "t");
  REQUIRE(loaded.errors.empty());
  const Config& config = loaded.config;
  CHECK(config.engine.name == "gw");
  CHECK(config.engine.lcores == std::vector<unsigned>{2, 3});
  CHECK(config.engine.huge_pages == HugePages::kNo);
  CHECK(config.engine.busy_polling);
  CHECK(config.engine.idle_sleep == microseconds(50));
  CHECK(config.engine.stop == OnExit::kShutdown);
  CHECK(config.engine.stop_grace == milliseconds(1500));
  REQUIRE(config.interfaces.size() == 1);
  CHECK(config.interfaces[0].vlan == 7);
  CHECK(config.interfaces[0].mtu == 1400);
  REQUIRE(config.interfaces[0].addresses.size() == 2);
  CHECK(config.interfaces[0].addresses[1].address.to_string() == "2001:db8::1");
  CHECK(config.interfaces[0].impairment.loss == 0.25);
  CHECK(config.interfaces[0].impairment.delay == microseconds(300));
  REQUIRE(config.routes.size() == 1);
  CHECK(config.routes[0].via.to_string() == "10.1.0.254");
  CHECK(config.sctp.rto_min == milliseconds(100));
  CHECK(config.sctp.path_max_retrans == 2);
  CHECK(config.sctp.streams_out == 17);
  CHECK(config.limits.associations == 100);
  CHECK(config.applications.on_exit == OnExit::kShutdown);
  CHECK(config.applications.socket_mode == 0600);
  CHECK(config.log.level == "debug");
}

TEST_CASE("What the file does not say keeps its default", "[config]") {
  const auto loaded = parse_config(kInterface, "t");
  REQUIRE(loaded.errors.empty());
  CHECK(loaded.config.engine.run_directory == "/run/millrace");
  CHECK(loaded.config.engine.lcores == std::vector<unsigned>{0});
  CHECK(loaded.config.interfaces[0].mtu == 1500);
  CHECK(loaded.config.sctp.rto_initial == seconds(1));
}

TEST_CASE("The carrier's preset is where the other keys start from", "[config]") {
  const Parameters carrier = carrier_parameters();
  const auto loaded = parse_config(kInterface + "[sctp]\npreset = \"carrier\"\n", "t");
  REQUIRE(loaded.errors.empty());
  const Parameters& sctp = loaded.config.sctp;
  CHECK(sctp.rto_initial == carrier.rto_initial);
  CHECK(sctp.rto_min == carrier.rto_min);
  CHECK(sctp.rto_max == carrier.rto_max);
  CHECK(sctp.sack_delay == carrier.sack_delay);
  CHECK(sctp.heartbeat_interval == carrier.heartbeat_interval);
  CHECK(sctp.path_max_retrans == carrier.path_max_retrans);
  CHECK(sctp.association_max_retrans == carrier.association_max_retrans);
  CHECK(sctp.receive_buffer == Parameters{}.receive_buffer);
  const auto other =
      parse_config(kInterface + "[sctp]\nrto_max_ms = 2000\npreset = \"carrier\"\n", "t");
  REQUIRE(other.errors.empty());
  CHECK(other.config.sctp.rto_max == seconds(2));
  CHECK(other.config.sctp.rto_min == carrier.rto_min);
}

TEST_CASE("A wrong value is reported with its place and what is allowed", "[config]") {
  struct Row {
    std::string text;
    std::string error;
  };
  const auto row = GENERATE(values<Row>({
      {"[engine]\nidle_sleep_us = 0\n",
       "t:2:17: engine.idle_sleep_us: 0 is out of range, allowed is 1 to 1000000"},
      {"[engine]\npolling = \"lazy\"\n",
       "t:2:11: engine.polling: \"lazy\" is not one of \"adaptive\", \"busy\""},
      {"[engine]\nbuffers = \"many\"\n",
       "t:2:11: engine.buffers: is a string, must be an integer, 1024 to 4194304"},
      {"[engine]\nlcores = [0, -1]\n", "t:2:14: engine.lcores[1]: must be an integer, 0 to 127"},
      {"[engine]\nlcores = [1, 1]\n", "t:2:14: engine.lcores[1]: CPU 1 is named twice"},
      {"[engine]\nlcores = [900]\n", "t:2:11: engine.lcores[0]: must be an integer, 0 to 127"},
      {"[engine]\nmemory_mb = 1\nbuffers = 1024\n",
       "t:2:13: engine.memory_mb: 1 is too little for 1 times 1024 buffers: 3 or more, or 0 for "
       "what they need"},
      {"[engine]\nlcores = []\n", "t:2:10: engine.lcores: must name 1 to 64 CPUs"},
      {"[engine]\nrun_directory = \"run\"\n",
       "t:2:17: engine.run_directory: must be an absolute path"},
      {"[engine]\nhuge_page = \"no\"\n",
       "t:2:1: engine.huge_page: is not a known key, did you mean \"huge_pages\"?"},
      {"[engin]\n", "t:1:2: engin: is not a known key, did you mean \"engine\"?"},
      {"wholly_unknown_thing = 1\n", "t:1:1: wholly_unknown_thing: is not a known key"},
      {"engine = 3\n", "t:1:10: engine: is an integer, must be a table: [engine]"},
      {"[sctp]\nrto_min_ms = 5000\nrto_max_ms = 2000\n",
       "t:2:14: sctp.rto_min_ms: 5000 is above rto_max_ms, 2000"},
      {"[sctp]\nrto_initial_ms = 500\n",
       "t:2:18: sctp.rto_initial_ms: 500 is not between rto_min_ms and rto_max_ms, 1000 to 60000"},
      {"[sctp]\nsack_delay_ms = 501\n",
       "t:2:17: sctp.sack_delay_ms: 501 is out of range, allowed is 0 to 500"},
      {"[sctp]\ncookie_lifetime_ms = 3600001\n",
       "t:2:22: sctp.cookie_lifetime_ms: 3600001 is out of range, allowed is 1 to 3600000"},
      {"[sctp]\nreceive_buffer = 8000000\n",
       "t:2:18: sctp.receive_buffer: 8000000 is above applications.receive_arena, 4194304"},
      {"[applications]\nring_entries = 1000\n",
       "t:2:16: applications.ring_entries: 1000 is not a power of two"},
      {"[applications]\nsocket_mode = \"rw\"\n",
       "t:2:15: applications.socket_mode: \"rw\" is not a mode in octal digits, e.g. \"0660\""},
      {"[log]\nlevel = \"warn\"\n",
       "t:2:9: log.level: \"warn\" is not one of trace, debug, info, warning, error, off"},
      {"[log]\nfile = \"/nonexistent/x/log\"\n",
       "t:2:8: log.file: there is no directory \"/nonexistent/x\""},
      {"[sctp]\nassociations_per_peer_max = 9\nassociations_max = 8\n",
       "t:2:29: sctp.associations_per_peer_max: 9 is above associations_max, 8"},
      {"[sctp]\nchunks_held_max = 64\nchunks_held_per_association_max = 65\n",
       "t:3:35: sctp.chunks_held_per_association_max: 65 is above chunks_held_max, 64"},
      {"[sctp]\ninit_rate_max = 5\ninit_rate_per_listener_max = 6\n",
       "t:3:30: sctp.init_rate_per_listener_max: 6 is above init_rate_max, 5"},
      {"[sctp]\ninit_rate_max = 5\ninit_rate_per_source_max = 6\n",
       "t:3:28: sctp.init_rate_per_source_max: 6 is above init_rate_max, 5"},
      {"[sctp]\nabort_rate_max = -1\n",
       "t:2:18: sctp.abort_rate_max: -1 is out of range, allowed is 0 to 100000000"},
      {"[sctp]\ndscp = 64\n", "t:2:8: sctp.dscp: 64 is out of range, allowed is 0 to 63"},
      {"[sctp]\nhop_limit = 0\n", "t:2:13: sctp.hop_limit: 0 is out of range, allowed is 1 to 255"},
      {"[sctp]\npartial_delivery_point = 70000\nreceive_buffer = 65536\n",
       "t:2:26: sctp.partial_delivery_point: is above receive_buffer, 65536"},
      {"[log]\nlevel = 3\n", "t:2:9: log.level: is an integer, must be a string"},
      {"[engine\n", "t:1:8: encountered newline while parsing table header; expected ']'"},
  }));
  INFO(row.text);
  // A file that does not parse has one error; the others get the interface that they lack.
  const bool parses = row.text != "[engine\n";
  const auto errors = errors_of(parses ? row.text + kInterface : row.text);
  REQUIRE(errors.size() == 1);
  if (parses) CHECK(errors[0] == row.error);
  if (!parses) CHECK_THAT(errors[0], Catch::StartsWith("t:1:8: "));
}

TEST_CASE("Interfaces are checked one by one and against each other", "[config]") {
  struct Row {
    std::string text;
    std::string error;
  };
  const auto row = GENERATE(values<Row>({
      {"[[interface]]\nname = \"b\"\ndevice = \"eth2\"\naddresses = [\"10.2.0.1/24\"]\n",
       "t:7:10: interface[1].device: \"eth2\" is neither a virtual device of DPDK, e.g. "
       "\"net_af_packet0,iface=eth1\", nor a PCI address, e.g. \"0000:03:00.0\""},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_tap0\"\naddresses = [\"10.1.0.1/16\"]\n",
       "t:8:14: interface[1].addresses[0]: 10.1.0.1 is an address of interface[0] already"},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_tap0\"\naddresses = [\"10.2.0.0/24\"]\n",
       "t:8:14: interface[1].addresses[0]: \"10.2.0.0/24\" is not the address of a host"},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_tap0\"\naddresses = [\"10.2.0.1\"]\n",
       "t:8:14: interface[1].addresses[0]: \"10.2.0.1\" is not an address with the length of its "
       "prefix, e.g. \"192.0.2.1/24\" or \"2001:db8::1/64\""},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_tap0\"\nmtu = 1000\n"
       "addresses = [\"2001:db8::1/64\"]\n",
       "t:8:7: interface[1].mtu: is 1000, IPv6 needs 1280 or more (2001:db8::1)"},
      {"[[interface]]\nname = \"left\"\ndevice = \"net_tap0\"\naddresses = [\"10.2.0.1/24\"]\n",
       "t:6:8: interface[1].name: \"left\" is the name of interface[0] already"},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_af_packet0,iface=eth1\"\n"
       "addresses = [\"10.2.0.1/24\"]\n",
       "t:7:10: interface[1].device: is the device of interface[0] already: interfaces that share "
       "a device differ in their vlan"},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_af_packet1,iface=e,qpairs=4\"\n"
       "addresses = [\"10.2.0.1/24\"]\n",
       "t:7:10: interface[1].device: asks for 4 queue pairs, engine.lcores names 1 CPU(s): "
       "nobody would serve the rest"},
      {"[[interface]]\ndevice = \"0000:03:00.0\"\naddresses = [\"10.2.0.1/24\"]\n",
       "t:5:1: interface[1].name: is missing"},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_tap0\"\naddresses = [\"10.2.0.1/24\"]\n"
       "[interface.impairment]\nloss = 1.5\n",
       "t:10:8: interface[1].impairment.loss: is out of range, allowed is 0 to 1"},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_tap0\"\naddresses = []\n",
       "t:8:13: interface[1].addresses: is empty: there must be one"},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_af_packet0,iface=eth2\"\n"
       "addresses = [\"10.2.0.1/24\"]\n",
       "t:7:10: interface[1].device: \"net_af_packet0\" is the device of interface[0] already, "
       "with "
       "other arguments: number them, e.g. net_af_packet0 and net_af_packet1"},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_af_packet1,iface=eth1\"\n"
       "addresses = [\"10.2.0.1/24\"]\n",
       "t:7:10: interface[1].device: opens \"eth1\" like interface[0]: interfaces that share a "
       "port "
       "name the same device"},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_af_paket1,iface=eth2\"\n"
       "addresses = [\"10.2.0.1/24\"]\n",
       "t:7:10: interface[1].device: DPDK has no driver \"net_af_paket\", did you mean "
       "\"net_af_packet\"?"},
      {"[[interface]]\nname = \"b\"\ndevice = \"net_foo0\"\naddresses = [\"10.2.0.1/24\"]\n",
       "t:7:10: interface[1].device: DPDK has no driver \"net_foo\""},
      {"[[route]]\nto = \"0.0.0.0/0\"\nvia = \"10.1.0.1\"\n",
       "t:7:7: route[0].via: gateway 10.1.0.1 is an address of the engine"},
      {"[[route]]\nto = \"10.5.0.0/16\"\nvia = \"10.1.0.2\"\n"
       "[[route]]\nto = \"10.5.0.1/16\"\nvia = \"10.1.0.3\"\n",
       "t:9:6: route[1].to: 10.5.0.0/16 has a route already, route[0]"},
      {"[[route]]\nto = \"0.0.0.0/0\"\nvia = \"10.9.0.1\"\n",
       "t:7:7: route[0].via: gateway 10.9.0.1 is not in a network of any interface"},
      {"[[route]]\nto = \"10.5.0.0/16\"\nvia = \"10.1.0.2\"\ninterface = \"right\"\n",
       "t:8:13: route[0].interface: no interface has the name \"right\""},
      {"[[route]]\nto = \"::/0\"\nvia = \"10.1.0.2\"\n",
       "t:7:7: route[0].via: 10.1.0.2 is not of the IP version of ::/0"},
      {"[[route]]\nto = \"all\"\nvia = \"10.1.0.2\"\n",
       "t:6:6: route[0].to: \"all\" is not a network, e.g. \"0.0.0.0/0\" or \"2001:db8::/32\""},
  }));
  INFO(row.text);
  const auto errors = errors_of(kInterface + row.text);
  CHECK(errors == Lines{row.error});
}

TEST_CASE("An element that cannot be read does not shift those behind it", "[config]") {
  CHECK(errors_of("[engine]\nlcores = [\"x\", 3, 3]\n" + kInterface) ==
        Lines{"t:2:11: engine.lcores[0]: must be an integer, 0 to 127",
              "t:2:19: engine.lcores[2]: CPU 3 is named twice"});
  CHECK(errors_of("[[interface]]\nname = \"left\"\ndevice = \"net_tap0\"\n"
                  "addresses = [\"10.1.0\", 7, \"10.1.0.0/24\"]\n") ==
        Lines{"t:4:14: interface[0].addresses[0]: \"10.1.0\" is not an address with the length of "
              "its prefix, e.g. \"192.0.2.1/24\" or \"2001:db8::1/64\"",
              "t:4:24: interface[0].addresses[1]: is an integer, must be a string",
              "t:4:27: interface[0].addresses[2]: \"10.1.0.0/24\" is not the address of a host"});
}

TEST_CASE("A device of net_af_xdp needs buffers of its own", "[config]") {
  const std::string interface =
      "[[interface]]\nname = \"x\"\ndevice = \"net_af_xdp0,iface=eth1\"\n"
      "addresses = [\"10.1.0.1/24\"]\n";
  CHECK(
      errors_of("[engine]\nbuffers = 1024\n" + interface) ==
      Lines{"t:2:11: engine.buffers: 1024 is too little for 1 device(s) of net_af_xdp, which take "
            "4096 in all"});
  CHECK(errors_of("[engine]\nbuffers = 4096\n" + interface).empty());
}

TEST_CASE("A small receive buffer takes the partial delivery point down with it", "[config]") {
  const auto loaded = parse_config("[sctp]\nreceive_buffer = 65536\n" + kInterface, "t");
  REQUIRE(loaded.errors.empty());
  CHECK(loaded.config.sctp.partial_delivery_point == 65536);
}

TEST_CASE("A route's network loses the host's bits", "[config]") {
  const auto loaded = parse_config(kInterface +
                                       "[[route]]\nto = \"10.5.6.7/9\"\nvia = \"10.1.0.2\"\n"
                                       "[[route]]\nto = \"2001:db8::1/32\"\nvia = \"fe80::1\"\n"
                                       "interface = \"left\"\n",
                                   "t");
  REQUIRE(loaded.errors.empty());
  CHECK(loaded.config.routes[0].to.address.to_string() == "10.0.0.0");
  CHECK(loaded.config.routes[1].to.address.to_string() == "2001:db8::");
}

TEST_CASE("All errors of a file are reported, in its order", "[config]") {
  const auto errors = errors_of(kInterface + "mtu = 9999\nmtuu = 3\n[sctp]\nmax_burst = 0\n");
  CHECK(errors == Lines{"t:5:7: interface[0].mtu: 9999 is out of range, allowed is 576 to 2000",
                        "t:6:1: interface[0].mtuu: is not a known key, did you mean \"mtu\"?",
                        "t:8:13: sctp.max_burst: 0 is out of range, allowed is 1 to 255"});
}

TEST_CASE("What is empty, or cannot be printed, is no name and no device", "[config]") {
  CHECK(errors_of("[engine]\nname = \"\"\n" + kInterface) == Lines{"t:2:8: engine.name: is empty"});
  CHECK(errors_of("[engine]\nname = \"a\\nb\"\n" + kInterface) ==
        Lines{"t:2:8: engine.name: has a control character in it"});
  CHECK(errors_of("[[interface]]\nname = \"a\"\ndevice = \"\"\naddresses = [\"10.1.0.1/24\"]\n") ==
        Lines{"t:3:10: interface[0].device: is empty"});
}

TEST_CASE("A key without its unit is recognized", "[config]") {
  CHECK(errors_of(kInterface + "[sctp]\nrto_min = 3\n") ==
        Lines{"t:6:1: sctp.rto_min: is not a known key, did you mean \"rto_min_ms\"?"});
}

TEST_CASE("An arena that is too small is told where it stands", "[config]") {
  CHECK(errors_of(kInterface + "[applications]\nreceive_arena = 65536\n") ==
        Lines{"t:6:17: applications.receive_arena: 65536 is below sctp.receive_buffer, 1048576"});
}

TEST_CASE("A file without interfaces, or that is not there, is an error", "[config]") {
  CHECK(errors_of("") == Lines{"t: interface: is missing: there must be one [[interface]]"});
  const auto loaded = load_config("/nonexistent/millrace.toml");
  REQUIRE(loaded.errors.size() == 1);
  CHECK(loaded.errors[0].to_string() ==
        "/nonexistent/millrace.toml: cannot be read: "
        "No such file or directory");
  CHECK(load_config("/dev/null").errors[0].to_string() ==
        "/dev/null: interface: is missing: there must be one [[interface]]");
}

TEST_CASE("PCI addresses are told from virtual devices", "[config]") {
  CHECK(is_pci_address("0000:03:00.0"));
  CHECK(is_pci_address("03:00.1"));
  CHECK(is_pci_address("0000:03:00.0,arg=1"));
  CHECK_FALSE(is_pci_address("0000:03:00.8"));
  CHECK_FALSE(is_pci_address("net_tap0"));
  CHECK(queues_in_arguments("net_af_packet0,iface=a,qpairs=12,framesz=4096") == 12);
  CHECK(queues_in_arguments("net_af_xdp0,iface=a,queue_count=2") == 2);
  CHECK(queues_in_arguments("net_tap0,iface=a") == 0);
}

TEST_CASE("The summary names what matters", "[config]") {
  const std::string text = summarize(parse_config(kInterface, "t").config);
  CHECK_THAT(text, Catch::Contains("1 lcore(s) on CPU 0, adaptive polling"));
  CHECK_THAT(text, Catch::Contains("interface left: net_af_packet0,iface=eth1, MTU 1500, "
                                   "10.1.0.1/24"));
}
