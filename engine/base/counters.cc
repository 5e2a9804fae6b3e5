#include "engine/base/counters.h"

namespace millrace {
namespace {

struct Description {
  std::string_view name;
  std::string_view help;
};

constexpr std::array<Description, kCounters> kDescriptions{{
#define MR_COUNTER_DESCRIPTION(name, help) {#name, help},
    MR_COUNTERS(MR_COUNTER_DESCRIPTION)
#undef MR_COUNTER_DESCRIPTION
}};

}  // namespace

std::string_view counter_name(Counter counter) {
  return kDescriptions[static_cast<std::size_t>(counter)].name;
}

std::string_view counter_help(Counter counter) {
  return kDescriptions[static_cast<std::size_t>(counter)].help;
}

}  // namespace millrace
