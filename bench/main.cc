// millrace-bench: rows beside usrsctp, and traffic for any stack.
#include <cstdio>
#include <cstdlib>

#include "bench/commands.h"
#include "bench/contestant.h"

namespace millrace::bench {

void fail(const std::string& what) {
  std::fprintf(stderr, "millrace-bench: %s\n", what.c_str());
  std::fflush(nullptr);
  std::_Exit(1);  // other threads may still be at work on what exit() would take from them
}

namespace {

int run(int argc, char** argv) {
  const Conditions conditions = conditions_now(argc, argv);
  CLI::App app{
      "Measures SCTP: Millrace beside usrsctp in one process (compare, which is what it does when\n"
      "nothing is named), or any stack over a network (client and server)",
      "millrace-bench"};
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(34);
  std::vector<std::pair<CLI::App*, Command>> commands;
  const auto add = [&](const char* name, const char* help, auto adder) {
    CLI::App* command = app.add_subcommand(name, help);
    commands.emplace_back(command, adder(*command, conditions));
  };
  add("compare", "Millrace and its peers in one process, on one core, in one run", add_compare);
  add("client", "Set associations up, send messages, measure", add_client);
  add("server", "Take messages, and send back those that ask for it", add_server);
  add("report", "One HTML page of what the others wrote", add_report);
  add("flood", "What a flood of INITs and the like takes from an association", add_flood);
  const Command compare = add_compare(app, conditions);
  CLI11_PARSE(app, argc, argv);
  for (const auto& [command, go] : commands) {
    if (command->parsed()) return go();
  }
  return compare();
}

}  // namespace
}  // namespace millrace::bench

int main(int argc, char** argv) {
  return millrace::bench::run(argc, argv);
}
