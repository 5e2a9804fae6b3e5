#include "engine/main/start_report.h"

#include "engine/main/log.h"
#include "engine/main/operator_json.h"

namespace millrace {
namespace {

void report_memory(const Engine& engine) {
  if (engine.resources().has_huge_pages) {
    spdlog::info("packet buffers lie in huge pages");
    return;
  }
  spdlog::warn(
      "NO HUGE PAGES: packet buffers lie in plain pages. This works everywhere and costs TLB "
      "misses on every packet; physical NICs need an IOMMU then");
  spdlog::warn(
      "  to change it: sysctl -w vm.nr_hugepages=512, engine.huge_pages = \"auto\" or \"yes\", and "
      "start again (millracectl doctor says more)");
}

void report_polling(const Engine& engine) {
  if (engine.config().engine.busy_polling) {
    spdlog::info("polling: busy, each lcore uses its CPU wholly");
  } else {
    spdlog::info(
        "polling: adaptive, an idle lcore sleeps up to {} us; what arrives on a port meanwhile "
        "waits as long (engine.polling = \"busy\" never sleeps)",
        engine.config().engine.idle_sleep.ns / 1000);
  }
}

void report_ports(const Engine& engine) {
  if (!engine.resources().port_statuses) return;
  for (const PortStatus& port : engine.resources().port_statuses()) {
    spdlog::info(
        "port {}: driver {}, {}, MTU {}, link {}, SCTP checksum {}", port.name, port.driver,
        mac_text(port.traits.mac), port.traits.mtu, port.is_up ? "up" : "down",
        port.traits.sctp_checksum_on_send && port.traits.sctp_checksum_on_receive ? "by the port"
                                                                                  : "in software");
  }
}

void report_interfaces(const Engine& engine) {
  for (const InterfaceSettings& interface : engine.config().interfaces) {
    std::string addresses;
    for (const Prefix& prefix : interface.addresses)
      addresses += " " + prefix.address.to_string() + "/" + std::to_string(prefix.length);
    spdlog::info("interface {}:{}{}", interface.name, addresses,
                 interface.vlan == 0 ? "" : " on VLAN " + std::to_string(interface.vlan));
    const ImpairmentConfig& impairment = interface.impairment;
    if (impairment.is_none()) continue;
    spdlog::warn(
        "interface {} is IMPAIRED ON PURPOSE: loss {}, duplicate {}, reorder {}, corrupt {}, delay "
        "{} us",
        interface.name, impairment.loss, impairment.duplicate, impairment.reorder,
        impairment.corrupt, impairment.delay.ns / 1000);
  }
}

}  // namespace

void log_start_report(const Engine& engine) {
  const Config& config = engine.config();
  spdlog::info("millraced {} \"{}\" runs in {}", MILLRACE_VERSION, config.engine.name,
               config.engine.run_directory);
  report_memory(engine);
  report_polling(engine);
  report_ports(engine);
  report_interfaces(engine);
  for (std::size_t i = 0; i < engine.lcores(); ++i)
    spdlog::info("lcore {} on CPU {}", i, engine.resources().lcores[i].cpu);
  spdlog::info(
      "limits: {} associations and {} queued messages on each lcore, {} contexts, {} packet "
      "buffers on each lcore",
      config.limits.associations, config.limits.messages_queued, config.applications.contexts_max,
      config.engine.buffers);
}

}  // namespace millrace
