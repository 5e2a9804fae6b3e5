#include "engine/main/config_sections.h"

#include <algorithm>

#include "engine/assoc/cookie.h"
#include "engine/base/limits.h"
#include "engine/main/log_level.h"

namespace millrace {
namespace {

constexpr std::int64_t kMillisecondsMax = 24 * 3600 * 1000;
constexpr Duration kMillisecond = milliseconds(1);
constexpr Duration kMicrosecond = microseconds(1);
constexpr std::int64_t kArenaMax = std::int64_t{1} << 30;

void read_impairment(ConfigReader reader, ImpairmentConfig& impairment) {
  reader.probability("loss", impairment.loss);
  reader.probability("duplicate", impairment.duplicate);
  reader.probability("reorder", impairment.reorder);
  reader.probability("corrupt", impairment.corrupt);
  reader.duration("delay_us", impairment.delay, kMicrosecond, 0, 10'000'000);
  reader.integer("seed", impairment.seed, 0, std::numeric_limits<std::int64_t>::max());
  reader.finish();
}

void read_permissions(ConfigReader& reader, std::string_view name, std::uint32_t& mode) {
  std::string digits;
  reader.text(name, digits);
  if (digits.empty()) return;
  std::uint32_t value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '7' || value > 0777) {
      reader.fail(name, "\"" + digits + "\" is not a mode in octal digits, e.g. \"0660\"");
      return;
    }
    value = value * 8 + static_cast<std::uint32_t>(digit - '0');
  }
  if (value > 0777) {
    reader.fail(name, "\"" + digits + "\" is out of range, allowed is \"0\" to \"0777\"");
    return;
  }
  mode = value;
}

// What stands in tables, in the log and in metrics.
void read_name(ConfigReader& reader, std::string& name) {
  if (!reader.text("name", name)) return;
  const auto is_bad = [](unsigned char byte) { return byte < ' ' || byte == 127; };
  if (name.empty()) reader.fail("name", "is empty");
  if (std::any_of(name.begin(), name.end(), is_bad))
    reader.fail("name", "has a control character in it");
}

Prefix read_address(ConfigReader& reader, const std::string& key,
                    const std::optional<std::string>& text) {
  Prefix unread;
  unread.length = kUnreadPrefixLength;
  if (!text) return unread;
  const auto prefix = Prefix::parse(*text);
  if (prefix && text->find('/') != std::string::npos) return *prefix;
  reader.errors().add(key, "\"" + *text +
                               "\" is not an address with the length of its prefix, "
                               "e.g. \"192.0.2.1/24\" or \"2001:db8::1/64\"");
  return unread;
}

}  // namespace

void read_engine(ConfigReader reader, EngineConfig& engine) {
  read_name(reader, engine.name);
  reader.integers("lcores", engine.lcores, 0, kCpusMax - 1);
  reader.choice<HugePages>(
      "huge_pages", engine.huge_pages,
      {{"auto", HugePages::kAuto}, {"yes", HugePages::kYes}, {"no", HugePages::kNo}});
  reader.integer("memory_mb", engine.memory_mb, 0, 1 << 20);
  reader.choice<bool>("polling", engine.busy_polling, {{"adaptive", false}, {"busy", true}});
  reader.duration("idle_sleep_us", engine.idle_sleep, kMicrosecond, 1, 1'000'000);
  reader.text("run_directory", engine.run_directory);
  reader.integer("buffers", engine.buffers, 1024, 4 << 20);
  reader.choice<OnExit>("stop", engine.stop,
                        {{"abort", OnExit::kAbort}, {"shutdown", OnExit::kShutdown}});
  reader.duration("stop_grace_ms", engine.stop_grace, kMillisecond, 0, 10 * 60 * 1000);
  reader.finish();
}

void read_interface(ConfigReader reader, InterfaceSettings& interface) {
  reader.require("name");
  reader.require("device");
  reader.require("addresses");
  read_name(reader, interface.name);
  interface.has_addresses = reader.has("addresses");
  if (reader.text("device", interface.device) && interface.device.empty())
    reader.fail("device", "is empty");
  reader.integer("vlan", interface.vlan, 0, 4094);
  reader.integer("mtu", interface.mtu, 576, kMtuMax);
  reader.texts("addresses", [&](const std::string& key, const std::optional<std::string>& text) {
    interface.addresses.push_back(read_address(reader, key, text));
  });
  if (const toml::table* impairment = reader.table("impairment"); impairment != nullptr) {
    read_impairment({*impairment, reader.key_of("impairment"), reader.errors()},
                    interface.impairment);
  }
  reader.finish();
}

void read_route(ConfigReader reader, RouteSettings& route) {
  reader.require("to");
  reader.require("via");
  std::string to, via;
  reader.text("to", to);
  reader.text("via", via);
  reader.text("interface", route.interface);
  const auto prefix = Prefix::parse(to);
  if (prefix) {
    route.to = prefix->network();
  } else if (!to.empty()) {
    reader.fail("to", "\"" + to + "\" is not a network, e.g. \"0.0.0.0/0\" or \"2001:db8::/32\"");
  }
  if (const auto address = IpAddress::parse(via); address) {
    if (prefix) route.via = *address;  // there is nothing to compare it with otherwise
  } else if (!via.empty()) {
    reader.fail("via", "\"" + via + "\" is not an IP address");
  }
  reader.finish();
}

void read_sctp(ConfigReader reader, Parameters& sctp, ShardLimits& limits) {
  // First: it is what the others change.
  reader.choice<Parameters>("preset", sctp,
                            {{"rfc9260", Parameters{}}, {"carrier", carrier_parameters()}});
  reader.duration("rto_initial_ms", sctp.rto_initial, kMillisecond, 1, kMillisecondsMax);
  reader.duration("rto_min_ms", sctp.rto_min, kMillisecond, 1, kMillisecondsMax);
  reader.duration("rto_max_ms", sctp.rto_max, kMillisecond, 1, kMillisecondsMax);
  //= rfc9260 16
  reader.duration("sack_delay_ms", sctp.sack_delay, kMillisecond, 0, 500);
  reader.integer("sack_frequency", sctp.sack_frequency, 1, 255);
  reader.duration("heartbeat_interval_ms", sctp.heartbeat_interval, kMillisecond, 0,
                  kMillisecondsMax);
  reader.duration("cookie_lifetime_ms", sctp.cookie_lifetime, kMillisecond, 1,
                  kCookieLifetimeMax.milliseconds());
  reader.integer("path_max_retrans", sctp.path_max_retrans, 0, 255);
  reader.integer("association_max_retrans", sctp.association_max_retrans, 1, 255);
  reader.boolean("path_mtu_probing", sctp.path_mtu_probing);
  reader.integer("potentially_failed_max_retrans", sctp.potentially_failed_max_retrans, 0, 255);
  reader.integer("primary_switchover_max_retrans", sctp.primary_switchover_max_retrans, 0, 255);
  reader.integer("init_max_retrans", sctp.init_max_retrans, 0, 255);
  reader.integer("max_burst", sctp.max_burst, 1, 255);
  reader.integer("dscp", sctp.marking.dscp, 0, 63);
  reader.integer("hop_limit", sctp.marking.hops, 1, 255);
  // RFC 9260 3.3.2: a receiver takes at least 1500 bytes.
  reader.integer("receive_buffer", sctp.receive_buffer, 1500, kArenaMax);
  // Whoever lowers the one does not have to lower the other.
  sctp.partial_delivery_point = std::min(sctp.partial_delivery_point, sctp.receive_buffer);
  reader.integer("send_buffer", sctp.send_buffer, 1500, kArenaMax);
  reader.integer("partial_delivery_point", sctp.partial_delivery_point, 1, kArenaMax);
  reader.integer("streams_in", sctp.streams_in, 1, kStreamsMax);
  reader.integer("streams_out", sctp.streams_out, 1, kStreamsMax);
  reader.integer("associations_max", limits.associations, 1, kAssociationsMax);
  reader.integer("associations_per_peer_max", limits.associations_per_peer, 0, kAssociationsMax);
  reader.integer("listeners_max", limits.listeners, 1, 65535);
  reader.integer("init_rate_max", limits.inits.in_all, 0, 100'000'000);
  reader.integer("init_rate_per_listener_max", limits.inits.to_one_listener, 0, 100'000'000);
  reader.integer("init_rate_per_source_max", limits.inits.from_one_source, 0, 100'000'000);
  reader.integer("half_open_rate_max", limits.inits.half_open, 0, 100'000'000);
  reader.integer("abort_rate_max", limits.out_of_the_blue_answers, 0, 100'000'000);
  reader.integer("messages_queued_max", limits.messages_queued, 64, 1 << 26);
  reader.integer("chunks_sent_max", limits.chunks_sent, 64, 1 << 26);
  reader.integer("chunks_held_max", limits.chunks_held, 64, 1 << 26);
  reader.integer("chunks_held_per_association_max", limits.chunks_held_per_association, 0, 1 << 26);
  reader.finish();
}

void read_applications(ConfigReader reader, ApplicationsConfig& applications) {
  reader.choice<OnExit>("on_exit", applications.on_exit,
                        {{"abort", OnExit::kAbort}, {"shutdown", OnExit::kShutdown}});
  reader.integer("contexts_max", applications.contexts_max, 1, 4096);
  reader.integer("contexts_per_user_max", applications.contexts_per_user_max, 0, 4096);
  reader.integer("ring_entries", applications.ring_entries, 16, 1 << 20);
  reader.integer("transmit_arena", applications.transmit_arena, 1 << 16, kArenaMax);
  reader.integer("receive_arena", applications.receive_arena, 1 << 16, kArenaMax);
  read_permissions(reader, "socket_mode", applications.socket_mode);
  reader.finish();
}

void read_log(ConfigReader reader, LogConfig& log) {
  std::string level = log.level;
  reader.text("level", level);
  if (is_log_level(level)) {
    log.level = level;
  } else {
    reader.fail("level", "\"" + level + "\" is not one of " + log_levels_text());
  }
  reader.text("file", log.file);
  reader.finish();
}

}  // namespace millrace
