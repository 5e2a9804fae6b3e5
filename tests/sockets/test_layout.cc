// The binary interface is that of Linux, number by number and field by field.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "tests/sockets/layout.h"

namespace millrace::sockets {
namespace {

TEST_CASE("numbers and layouts are those of the system's own header") {
  int count = 0;
  for (; facts_here[count].what != nullptr; ++count) {
    INFO(facts_here[count].what);
    REQUIRE(std::string(facts_here[count].what) == facts_in_linux[count].what);
    CHECK(facts_here[count].value == facts_in_linux[count].value);
  }
  CHECK(facts_in_linux[count].what == nullptr);
  CHECK(count > 300);
}

/// A header without its comments.
std::string code_of(const char* path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return std::regex_replace(text, std::regex(R"(/\*(?:[^*]|\*(?!/))*\*/)"), "");
}

// Tags of enumerations, of which the numbers are macros here; types without a size of their own in
// the list; what the kernel keeps for itself; a macro that is a statement; parts of names; and
// numbers of which the headers of older kernels have others, or none.
bool is_not_listed(const std::string& name) {
  static const std::set<std::string> kNames{
      "sctp_msg_flags",    "sctp_sinfo_flags",  "sctp_cmsg_type", "sctp_sac_state",
      "sctp_spc_state",    "sctp_ssf_flags",    "sctp_sn_type",   "sctp_spp_flags",
      "sctp_sstat_state",  "sctp_spinfo_state", "sctp_sn_error",  "sctp_sched_type",
      "sctp_notification", "_SCTP_H",           "SCTP_SS_MAX",    "SCTP_PR_SET_POLICY",
      "SCTP_PR_SCTP_",     "__SCTP_PR_INDEX",   "SCTP_SS_FC",     "SCTP_SS_WFQ"};
  return kNames.count(name) != 0;
}

TEST_CASE("what Linux's header declares is in the list that ours is compared by") {
  std::set<std::string> listed;
  const std::regex word(R"(\w+)");
  for (const fact* at = facts_here; at->what != nullptr; ++at) {
    const std::string what = at->what;
    listed.insert(std::sregex_token_iterator(what.begin(), what.end(), word), {});
  }
  const std::string header = code_of("/usr/include/linux/sctp.h");
  REQUIRE(header.size() > 10'000);
  const std::regex name(R"(\b_*(?:SCTP|SPP)_\w+|(?:struct|union|enum)\s+sctp_\w+)");
  std::set<std::string> missing;
  for (std::sregex_iterator at(header.begin(), header.end(), name); at != std::sregex_iterator();
       ++at) {
    const std::string found = std::regex_replace(at->str(), std::regex(R"(^\w+\s+)"), "");
    if (listed.count(found) == 0 && !is_not_listed(found)) missing.insert(found);
  }
  std::string text;
  for (const std::string& one : missing) text += one + " ";
  CHECK(text == "");
}

}  // namespace
}  // namespace millrace::sockets
