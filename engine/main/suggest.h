// Which of the known names somebody meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace millrace {

/// The name closest to `typed`, or empty if none is close (more than a third of it differs).
std::string suggest(std::string_view typed, std::span<const std::string> names);

}  // namespace millrace
