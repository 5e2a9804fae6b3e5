// millrace-bench report: one HTML page of what other commands wrote.
#include <cstdio>
#include <fstream>

#include "bench/commands.h"
#include "bench/contestant.h"
#include "bench/page/page.h"
#include "bench/traffic/record.h"

namespace millrace::bench {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string output = "report.html";
  std::string title = "Millrace benchmark";
};

Json read(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail("cannot read " + path);
  try {
    return Json::parse(file);
  } catch (const Json::exception& fault) {
    fail(path + " is not JSON: " + fault.what());
  }
}

int run(const Options& options) {
  std::vector<Json> records;
  for (const std::string& path : options.files) {
    records.push_back(read(path));
    if (!records.back().is_object() || !records.back().contains("kind"))
      fail(path + " was not written by millrace-bench");
  }
  try {
    write_file(options.output, page_of(options.title, records));
  } catch (const Json::exception& fault) {
    fail(std::string("a record is not as it should be: ") + fault.what());
  }
  if (options.output != "-") std::printf("%s\n", options.output.c_str());
  return 0;
}

}  // namespace

Command add_report(CLI::App& app, const Conditions&) {
  auto options = std::make_shared<Options>();
  app.add_option("files", options->files, "What --json of the other commands wrote")->required();
  app.add_option("--output", options->output, "The page (-: standard output)");
  app.add_option("--title", options->title, "Its heading");
  return [options] { return run(*options); };
}

}  // namespace millrace::bench
