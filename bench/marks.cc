#include "bench/marks.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <string_view>

namespace millrace::bench {
namespace {

struct Mark {
  std::string_view row;
  double least = 0;  // of the ratio; 0: there is a `most`
  double most = 0;   // of the figure itself
};

constexpr Mark kMarks[] = {
    {.row = "message-64", .least = 20},     {.row = "message-300", .least = 20},
    {.row = "message-1400", .least = 25},   {.row = "message-8192", .least = 25},
    {.row = "message-65536", .least = 25},  {.row = "in-place-8192", .least = 25},
    {.row = "in-place-65536", .least = 25}, {.row = "setup", .least = 40},
    {.row = "memory", .most = 1536},        {.row = "active-64", .least = 0.7},
    {.row = "active-1400", .least = 0.7},   {.row = "idle-memory", .most = kIdleMebibytesMax},
    {.row = "idle-cost", .least = 1 / 1.5}, {.row = "lcores", .least = 1.8},
};

const Mark* mark_of(std::string_view row) {
  const auto mark = std::find_if(std::begin(kMarks), std::end(kMarks),
                                 [&](const Mark& one) { return one.row == row; });
  return mark == std::end(kMarks) ? nullptr : mark;
}

}  // namespace

double least_ratio(std::string_view row) {
  const Mark* mark = mark_of(row);
  return mark == nullptr ? 0 : mark->least;
}

std::string verdict(const Row& row) {
  const Mark* mark = mark_of(row.name);
  if (mark == nullptr || row.ours == 0 || (mark->least > 0 && row.peer == 0)) return {};
  const bool is_met = mark->least > 0 ? row.ratio >= mark->least : row.ours <= mark->most;
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "mark %s%.4g%s: %s", mark->most > 0 ? "at most " : "",
                mark->least > 0 ? mark->least : mark->most, mark->least > 0 ? "x" : "",
                is_met ? "met" : "not met");
  return text.data();
}

}  // namespace millrace::bench
