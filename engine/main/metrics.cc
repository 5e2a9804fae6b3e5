#include <algorithm>

#include "engine/main/operator_desk.h"

namespace millrace {
namespace {

void describe(std::string& text, const std::string& name, std::string_view help, const char* type) {
  text += "# HELP " + name + " " + std::string(help) + "\n# TYPE " + name + " " + type + "\n";
}

void add_port(std::string& text, const std::string& name, const PortStatus& port,
              std::uint64_t value) {
  text += name + "{port=\"" + port.name + "\"} " + std::to_string(value) + "\n";
}

void add_ports(std::string& text, const Engine& engine) {
  if (!engine.resources().port_statuses) return;
  const std::vector<PortStatus> ports = engine.resources().port_statuses();
  struct Column {
    const char* name;
    const char* help;
    std::uint64_t PortStatus::*value;
  };
  static constexpr Column kColumns[] = {
      {"millrace_port_received_packets_total", "frames that the port received",
       &PortStatus::received_packets},
      {"millrace_port_received_bytes_total", "bytes that the port received",
       &PortStatus::received_bytes},
      {"millrace_port_missed_total", "frames that the port lost for want of room",
       &PortStatus::missed},
      {"millrace_port_receive_errors_total", "frames that the port received and could not use",
       &PortStatus::receive_errors},
      {"millrace_port_send_errors_total", "frames that the port could not send",
       &PortStatus::send_errors},
      {"millrace_port_lost_on_purpose_total", "frames that the impairment of an interface lost",
       &PortStatus::lost_on_purpose},
      {"millrace_port_sent_packets_total", "frames that the port sent", &PortStatus::sent_packets},
      {"millrace_port_sent_bytes_total", "bytes that the port sent", &PortStatus::sent_bytes},
  };
  for (const Column& column : kColumns) {
    describe(text, column.name, column.help, "counter");
    for (const PortStatus& port : ports) add_port(text, column.name, port, port.*column.value);
  }
  describe(text, "millrace_port_up", "whether the port's link is up", "gauge");
  for (const PortStatus& port : ports) add_port(text, "millrace_port_up", port, port.is_up ? 1 : 0);
}

void add_buffers(std::string& text, const Engine& engine) {
  if (!engine.resources().buffer_use) return;
  const BufferUse use = engine.resources().buffer_use();
  std::size_t free = use.free;
  for (std::size_t i = 0; i < engine.lcores(); ++i) free += engine.worker(i).free_buffers();
  describe(text, "millrace_buffers", "packet buffers of all lcores", "gauge");
  text += "millrace_buffers " + std::to_string(use.count) + "\n";
  describe(text, "millrace_buffers_in_use", "packet buffers that hold something", "gauge");
  text += "millrace_buffers_in_use " + std::to_string(use.count - std::min(free, use.count)) + "\n";
}

}  // namespace

std::string render_metrics(const Engine& engine, std::time_t started) {
  std::string text;
  describe(text, "millrace_build_info", "the engine's version", "gauge");
  text += "millrace_build_info{version=\"" MILLRACE_VERSION "\"} 1\n";
  describe(text, "millrace_start_time_seconds", "when the engine started, since 1970", "gauge");
  text += "millrace_start_time_seconds " + std::to_string(started) + "\n";
  for (std::size_t i = 0; i < kCounters; ++i) {
    const auto counter = static_cast<Counter>(i);
    const std::string name = "millrace_" + std::string(counter_name(counter)) + "_total";
    describe(text, name, counter_help(counter), "counter");
    for (std::size_t lcore = 0; lcore < engine.lcores(); ++lcore) {
      text += name + "{lcore=\"" + std::to_string(lcore) + "\"} " +
              std::to_string(engine.counters(lcore).get(counter)) + "\n";
    }
  }
  describe(text, "millrace_associations", "associations that exist", "gauge");
  for (std::size_t lcore = 0; lcore < engine.lcores(); ++lcore) {
    text += "millrace_associations{lcore=\"" + std::to_string(lcore) + "\"} " +
            std::to_string(engine.associations(lcore)) + "\n";
  }
  describe(text, "millrace_applications", "application contexts attached", "gauge");
  text += "millrace_applications " + std::to_string(engine.applications().count()) + "\n";
  describe(text, "millrace_applications_refused_total", "attach requests that were refused",
           "counter");
  text += "millrace_applications_refused_total " +
          std::to_string(engine.attach_server().refused()) + "\n";
  describe(text, "millrace_applications_over_share_total",
           "attach requests that were refused because the user had his share", "counter");
  text += "millrace_applications_over_share_total " +
          std::to_string(engine.attach_server().refused_over_share()) + "\n";
  add_buffers(text, engine);
  add_ports(text, engine);
  return text;
}

}  // namespace millrace
