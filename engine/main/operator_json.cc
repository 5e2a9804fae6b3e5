#include "engine/main/operator_json.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace millrace {
namespace {

double in_ms(Duration span) {
  return static_cast<double>(span.ns / 1000) / 1000.0;
}

const char* path_state_text(const PathStatus& path) {
  if (!path.confirmed) return "unconfirmed";
  if (!path.active) return "inactive";
  return path.potentially_failed ? "potentially-failed" : "active";
}

nlohmann::json path_json(const PathStatus& path) {
  return {{"address", path.address.to_string()},
          {"state", path_state_text(path)},
          {"primary", path.primary},
          {"cwnd", path.cwnd},
          {"ssthresh", path.ssthresh},
          {"outstanding", path.outstanding},
          {"mtu", path.mtu},
          {"srtt_ms", in_ms(path.srtt)},
          {"rto_ms", in_ms(path.rto)},
          {"errors", path.error_count}};
}

}  // namespace

std::string association_text(AssociationName name) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%016llx", static_cast<unsigned long long>(name));
  return text;
}

bool parse_association(const std::string& text, AssociationName& name) {
  if (!text.starts_with("0x")) return false;
  const char* end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data() + 2, end, name, 16);
  return error == std::errc{} && last == end;
}

std::string mac_text(const MacAddress& mac) {
  char text[32];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                mac[4], mac[5]);
  return text;
}

nlohmann::json to_json(std::size_t lcore, const AssociationStatus& status,
                       const std::string& application) {
  nlohmann::json paths = nlohmann::json::array();
  for (std::size_t i = 0; i < std::min(status.path_count, kPathsMax); ++i)
    paths.push_back(path_json(status.paths[i]));
  return {{"association", association_text(name_of(lcore, status.handle))},
          {"lcore", lcore},
          {"state", status.state},
          {"application", application},
          {"local_port", status.local_port},
          {"peer_port", status.peer_port},
          {"begun_here", status.is_begun_here},
          {"streams_out", status.streams_out},
          {"streams_in", status.streams_in},
          {"peer_rwnd", status.peer_rwnd},
          {"a_rwnd", status.a_rwnd},
          {"unacked_chunks", status.unacked_chunks},
          {"queued_messages", status.queued_messages},
          {"held_bytes", status.held_bytes},
          {"messages_sent", status.messages_sent},
          {"messages_received", status.messages_received},
          {"retransmissions", status.retransmissions},
          {"paths", std::move(paths)}};
}

nlohmann::json to_json(const PortStatus& port) {
  return {{"name", port.name},
          {"driver", port.driver},
          {"mac", mac_text(port.traits.mac)},
          {"mtu", port.traits.mtu},
          {"up", port.is_up},
          {"speed_mbps", port.speed_mbps == 0 ? nlohmann::json() : nlohmann::json(port.speed_mbps)},
          {"checksum_on_send", port.traits.sctp_checksum_on_send},
          {"checksum_on_receive", port.traits.sctp_checksum_on_receive},
          {"received_packets", port.received_packets},
          {"received_bytes", port.received_bytes},
          {"missed", port.missed},
          {"receive_errors", port.receive_errors},
          {"sent_packets", port.sent_packets},
          {"sent_bytes", port.sent_bytes},
          {"send_errors", port.send_errors},
          {"lost_on_purpose", port.lost_on_purpose}};
}

nlohmann::json to_json(const ipc::ApplicationInfo& application) {
  return {{"context", application.context},
          {"name", application.name},
          {"pid", application.pid},
          {"uid", application.uid},
          {"gid", application.gid},
          {"memory_bytes", application.memory_bytes},
          {"huge_pages", application.huge_pages},
          {"state", application.gone ? "gone" : "attached"}};
}

}  // namespace millrace
