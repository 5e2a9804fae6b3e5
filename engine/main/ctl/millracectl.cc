// millracectl: what an operator types.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>

#include "engine/main/ctl/client.h"
#include "engine/main/ctl/doctor.h"
#include "engine/main/ctl/views.h"
#include "engine/main/log_level.h"

namespace {

using millrace::ctl::Client;
using nlohmann::json;

constexpr int kBadUsage = 2;
constexpr double kPauseMax = 86400;  // seconds

struct Options {
  std::string socket = "/run/millrace/operator.sock";
  bool as_json = false;
  double watch_seconds = 0;
  bool all = false;
  unsigned limit = 1000;
  std::string association;
  std::string level;
};

/// One subcommand: what it asks the engine, and how a person reads the answer.
struct Command {
  std::function<json(const Options&)> question;
  std::function<std::string(const json&, const Options&)> render;
};

Command plain(const char* name, std::string (*render)(const json&)) {
  return {[name](const Options&) {
            return json{{"command", name}};
          },
          [render](const json& result, const Options&) { return render(result); }};
}

int run_once(const Command& command, const Options& options, Client& client) {
  json result;
  std::string error;
  if (!client.ask(command.question(options), result, error)) {
    std::fprintf(stderr, "millracectl: %s\n", error.c_str());
    return 1;
  }
  const std::string text =
      options.as_json ? result.dump(2) + "\n" : command.render(result, options);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  return 0;
}

int run(const Command& command, const Options& options) {
  Client client(options.socket);
  if (options.watch_seconds <= 0) return run_once(command, options, client);
  const bool is_terminal = isatty(STDOUT_FILENO) == 1 && !options.as_json;
  for (;;) {
    if (is_terminal) std::fputs("\033[H\033[2J", stdout);
    if (const int code = run_once(command, options, client); code != 0) return code;
    std::this_thread::sleep_for(std::chrono::duration<double>(options.watch_seconds));
  }
}

// What is wrong with the words behind --watch; empty if nothing is.
std::string is_pause(const std::string& text) {
  double seconds = 0;
  const bool is_number = CLI::detail::lexical_cast(text, seconds);
  return is_number && seconds > 0 && seconds <= kPauseMax
             ? ""
             : text + " is not a number of seconds above 0, 86400 at the most";
}

int doctor(const Options& options) {
  const auto findings = millrace::ctl::examine("");
  const std::string text = options.as_json ? millrace::ctl::findings_json(findings).dump(2) + "\n"
                                           : millrace::ctl::render_findings(findings);
  std::fputs(text.c_str(), stdout);
  return 0;
}

struct Entry {
  const char* name;
  const char* help;
  Command command;
};

std::vector<Entry> entries() {
  namespace ctl = millrace::ctl;
  return {
      {"status", "the engine as a whole", plain("status", ctl::render_status)},
      {"associations",
       "associations and their paths",
       {[](const Options& options) {
          return json{{"command", "associations"}, {"limit", options.limit}};
        },
        [](const json& result, const Options&) { return ctl::render_associations(result); }}},
      {"counters",
       "what was counted, drops with their names",
       {[](const Options&) {
          return json{{"command", "counters"}};
        },
        [](const json& result, const Options& options) {
          return ctl::render_counters(result, options.all);
        }}},
      {"ports", "network ports and their statistics", plain("ports", ctl::render_ports)},
      {"interfaces", "interfaces and addresses", plain("interfaces", ctl::render_interfaces)},
      {"routes", "networks and static routes", plain("routes", ctl::render_routes)},
      {"neighbours", "hosts on the networks, and their link-layer addresses",
       plain("neighbours", ctl::render_neighbours)},
      {"applications", "attached applications", plain("applications", ctl::render_applications)},
      {"listeners", "ports that applications listen on", plain("listeners", ctl::render_listeners)},
      {"lcores", "lcores and their load", plain("lcores", ctl::render_lcores)},
      {"limits", "what was set, what is used of it, and what was refused for it",
       plain("limits", ctl::render_limits)},
      {"metrics",
       "counters in the text format of Prometheus",
       {[](const Options&) {
          return json{{"command", "metrics"}};
        },
        [](const json& result, const Options&) { return result.value("text", ""); }}},
      {"abort",
       "abort an association",
       {[](const Options& options) {
          return json{{"command", "abort"}, {"association", options.association}};
        },
        [](const json& result, const Options&) {
          return "aborted " + result.value("aborted", "") + "\n";
        }}},
      {"set-log-level",
       "how much the engine logs",
       {[](const Options& options) {
          return json{{"command", "log-level"}, {"level", options.level}};
        },
        [](const json& result, const Options&) {
          return "log level " + result.value("level", "") + "\n";
        }}},
  };
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Asks a running Millrace engine, or examines this machine for one.");
  app.set_version_flag("--version", MILLRACE_VERSION);
  app.add_option("--socket", options.socket, "the engine's operator.sock")->capture_default_str();
  CLI::Option* as_json = app.add_flag("--json", options.as_json, "the answer as JSON");
  app.add_option("--watch", options.watch_seconds, "ask again every so many seconds")
      ->check(is_pause);
  app.require_subcommand(1);
  app.fallthrough();
  int code = 0;
  for (const Entry& entry : entries()) {
    CLI::App* sub = app.add_subcommand(entry.name, entry.help);
    const std::string name = entry.name;
    if (name == "counters") sub->add_flag("--all", options.all, "those that are zero too");
    if (name == "associations")
      sub->add_option("--limit", options.limit, "at most so many")
          ->capture_default_str()
          ->check(CLI::Range(1u, ~0u));
    if (name == "abort")
      sub->add_option("association", options.association, "its name: 0x...")->required();
    if (name == "set-log-level")
      sub->add_option("level", options.level, millrace::log_levels_text())
          ->required()
          ->check(CLI::IsMember(
              std::vector<std::string>(millrace::kLogLevels.begin(), millrace::kLogLevels.end())));
    if (name == "metrics") sub->excludes(as_json);
    sub->final_callback(
        [&code, &options, command = entry.command] { code = run(command, options); });
  }
  app.add_subcommand("doctor", "what to change on this machine, and how")->final_callback([&] {
    code = doctor(options);
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& fault) {
    const std::vector<std::string> words = app.remaining();
    if (words.empty()) {
      app.exit(fault);
    } else {
      std::fprintf(stderr, "millracectl: no such command: %s (see --help)\n", words[0].c_str());
    }
    return kBadUsage;
  } catch (const CLI::ParseError& fault) {
    return app.exit(fault) == 0 ? 0 : kBadUsage;
  }
  return code;
}
